"""The report of a batch as one page of HTML: no script, nothing from elsewhere; for screens, phones and paper."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from stem_cli.batch.report.summary import STATUSES, Row, Summary, advice, length, readable, speed, totals, vocals

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1d22;--paper:#fff;--soft:#5d6470;--line:#d9dce2;--bad:#b3261e;--warn:#8a5a00}
@media(prefers-color-scheme:dark){
:root{--ink:#e6e8ec;--paper:#15171b;--soft:#a0a7b4;--line:#33373f;--bad:#ff8a80;--warn:#f2b84b}}
body{margin:0 auto;max-width:75rem;padding:1rem;font:1rem/1.45 system-ui,sans-serif;color:var(--ink);
background:var(--paper)}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.75rem;margin:0}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.2rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;border-top:1px solid var(--line)}
bdi,.failed{overflow-wrap:anywhere}
thead th{color:var(--soft);font-weight:600;border-top:0;white-space:nowrap}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.failed{color:var(--bad)}.poor{color:var(--warn)}
@media(max-width:40rem){
thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}
tr{display:block;border-top:1px solid var(--line);padding:.4rem 0}
td{display:block;border:0;padding:.05rem 0}td:empty{display:none}.n{text-align:left}
td[data-of]::before{content:attr(data-of) ": ";color:var(--soft)}}
@media print{:root{--ink:#000;--paper:#fff;--soft:#444;--line:#bbb;--bad:#000;--warn:#000}
body{max-width:none;padding:0;font-size:9pt}thead{display:table-header-group}tr{break-inside:avoid}}
"""
MARK = '<meta name="generator" content="stem-cli batch report">'
"""Stands in the head of every page; what does not have it is a file of somebody else."""
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{mark}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
"""
_FAILED = ("track", "what happened", "what to do")
_ENGINES = ("engine", "tracks ", "music ", "work ", "x real time ", "vocals, median ", "poor ")
_SLOWEST = ("track", "length ", "work ", "x real time ", "engine")
_ALL = ("track", "result", "length ", "work ", "vocals ", "engine", "stems")


def page(summary: Summary) -> str:
    """The whole page. Every name in it is escaped."""
    title = f"Stems of {summary.started:%Y-%m-%d %H:%M}"
    facts = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>\n" for name, value in totals(summary))
    failed, slowest = summary.of["failed"], summary.slowest
    parts = [
        _HEAD.format(title=title, style=_STYLE, mark=MARK),
        f"<dl>\n{facts}</dl>\n",
        _table("Failed", _FAILED, (_failed(row) for row in failed)) if failed else "",
        _table("Engines", _ENGINES, _engines(summary)) if summary.engines else "",
        _table("The slowest", _SLOWEST, (_slow(row) for row in slowest)) if slowest else "",
        _table("All tracks", _ALL, (_any(row) for row in summary.rows)),
        "</body>\n</html>\n",
    ]
    return "".join(parts)


def _text(text: Path | str) -> str:
    return html.escape(readable(text))


def _name(text: Path | str) -> str:
    """Kept apart from what stands around it, should it be written from right to left."""
    return f"<bdi>{_text(text)}</bdi>" if str(text) else ""


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Columns that end with a blank are numbers. rows: cells that are HTML already."""
    head = "".join(f"<th{_kind(column)}>{column.strip()}</th>" for column in columns)
    body = "".join(f"<tr>{_cells(columns, row)}</tr>\n" for row in rows)
    return f"<h2>{title}</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _cells(columns: tuple[str, ...], row: tuple[str, ...]) -> str:
    """On a phone each cell but the first is told by its column's name."""
    first = f"<td>{row[0]}</td>"
    pairs = zip(columns[1:], row[1:], strict=True)
    return first + "".join(f'<td{_kind(column)} data-of="{column.strip()}">{cell}</td>' for column, cell in pairs)


def _kind(column: str) -> str:
    return ' class="n"' if column.endswith(" ") else ""


def _failed(row: Row) -> tuple[str, ...]:
    return _name(row.path), f'<span class="failed">{_text(row.error)}</span>', _text(advice(row))


def _engines(summary: Summary) -> Iterable[tuple[str, ...]]:
    for one in summary.engines:
        times = length(one.song_seconds), length(one.work_seconds), speed(one.times_real_time)
        yield _text(one.name), str(one.tracks), *times, vocals(one), str(one.poor or "")


def _slow(row: Row) -> tuple[str, ...]:
    times = speed(row.song_seconds / row.work_seconds) if row.work_seconds else ""
    return _name(row.path), length(row.song_seconds), length(row.work_seconds), times, _text(row.engine)


def _any(row: Row) -> tuple[str, ...]:
    told = STATUSES.get(row.status, row.status)
    result, heard = _text(f"{told}: {row.error}" if row.error else told), _text(vocals(row))
    return (
        _name(row.path),
        f'<span class="failed">{result}</span>' if row.status == "failed" else result,
        length(row.song_seconds),
        length(row.work_seconds),
        f'<span class="poor">{heard}</span>' if row.poor else heard,
        _text(row.engine),
        _name(row.folder or ""),
    )
