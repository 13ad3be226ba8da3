"""The report of a batch: its figures, in a terminal and as a page."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.console import Console

from stem_cli.batch import report
from stem_cli.batch.report.summary import AGAIN, SLOWEST, length
from stem_cli.errors import OutputError

START = datetime(2024, 3, 10, 2, 30, tzinfo=UTC)
ROWS = (
    report.Row(Path("/m/a.mp3"), "done", "htdemucs", 240, 120, 8.25, folder=Path("/s/a")),
    report.Row(Path("/m/b.mp3"), "done", "htdemucs", 360, 180, 4.0, True, folder=Path("/s/b")),
    report.Row(Path("/m/c.mp3"), "done", "builtin", 60, 6, folder=Path("/s/c")),
    report.Row(Path("/m/d.mp3"), "cached", "htdemucs", 200, 0.4, 9.0, folder=Path("/s/d")),
    report.Row(Path("/m/e.mp3"), "there"),
    report.Row(Path("/m/f.mp3"), "failed", error="it ends too soon", hint="Copy it again."),
    report.Row(Path("/m/g.mp3"), "failed", error="it is empty"),
    report.Row(Path("/m/h.mp3"), "skipped", error="a sampler's one-shot"),
)
SUMMARY = report.Summary(START, START + timedelta(seconds=330), ROWS, left=3, why="the time budget is spent")
NASTY = "<script>alert(1)</script> & \"x\" 'y' \x1b[31m\x07 [bold red]z[/] \udcff \u202e.mp3"


class Page(HTMLParser):
    """Reads a page: the text of cells by table, all tags with their attributes, and whether all are closed."""

    VOID = ("meta", "!doctype", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.title = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "h2":
            self.title = ""
        if tag == "tr":
            self.tables.setdefault(self.title, []).append([])
        if tag in ("td", "th"):
            self.tables[self.title][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "h2" in self.open:
            self.title += data
        if "td" in self.open or "th" in self.open:
            self.tables[self.title][-1][-1] += data


def printed(summary: report.Summary, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    report.show(summary, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_figures() -> None:
    assert SUMMARY.counts == {"failed": 2, "done": 3, "cached": 1, "there": 1, "skipped": 1}
    assert SUMMARY.song_seconds == 660
    assert SUMMARY.times_real_time == 2.0
    assert [row.path.name for row in SUMMARY.slowest] == ["b.mp3", "a.mp3", "c.mp3"]
    demucs, builtin = SUMMARY.engines
    assert (demucs.name, demucs.tracks, demucs.times_real_time, demucs.vocals_db, demucs.poor) == (
        "htdemucs", 3, 2.0, 8.25, 1,
    )  # fmt: skip
    assert (builtin.tracks, builtin.times_real_time, builtin.vocals_db) == (1, 10.0, None)


def test_a_clock_that_was_set_back_gives_no_speed() -> None:
    odd = replace(SUMMARY, ended=START - timedelta(hours=1))
    assert (odd.seconds, odd.times_real_time) == (0, None)
    assert "time taken" not in Page(report.page(odd)).text


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, ""), (0.4, "0.4 s"), (5, "0:05"), (185, "3:05"), (3599.6, "1:00:00"), (43385, "12:03:05")],
)
def test_lengths_in_words(seconds: float, told: str) -> None:
    assert length(seconds) == told


def test_the_page_shows_failures_first_then_engines_the_slowest_and_all() -> None:
    page = Page(report.page(SUMMARY))
    assert list(page.tables) == ["Failed", "Engines", "The slowest", "All tracks"]
    assert page.tables["Failed"][1:] == [
        ["/m/f.mp3", "it ends too soon", "Copy it again."],
        ["/m/g.mp3", "it is empty", AGAIN],
    ]
    assert page.tables["Engines"][1] == ["htdemucs", "3", "10:00", "5:00", "2.0x", "8.2 dB", "1"]
    assert page.tables["The slowest"][1] == ["/m/b.mp3", "6:00", "3:00", "2.0x", "htdemucs"]
    rows = page.tables["All tracks"][1:]
    assert [row[0] for row in rows] == [str(row.path) for row in ROWS]
    assert rows[1] == ["/m/b.mp3", "separated", "6:00", "3:00", "4.0 dB poor", "htdemucs", "/s/b"]
    assert rows[-1][1] == "skipped: a sampler's one-shot"
    for words in ("2.0x", "still waiting", "the time budget is spent", "2024-03-10 02:30"):
        assert words in page.text


def test_the_page_needs_nothing_beside_itself() -> None:
    text = report.page(SUMMARY)
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "a", "object", "base"}
    names = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "href", "style"})
    assert "url(" not in text
    assert "http:" not in text
    assert "https:" not in text
    for words in ("prefers-color-scheme:dark", "@media print", "max-width:40rem"):
        assert words in text
    assert ("viewport", "width=device-width, initial-scale=1") in [
        (attributes.get("name"), attributes.get("content")) for tag, attributes in page.tags if tag == "meta"
    ]


def test_names_are_text_wherever_they_stand() -> None:
    nasty = report.Row(Path(NASTY), "failed", NASTY, 1, 1, folder=Path(NASTY), error=NASTY, hint=NASTY)
    odd = report.Summary(START, START, (nasty, replace(nasty, status="done"), replace(nasty, status="<b>")), why=NASTY)
    text = report.page(odd)
    page = Page(text)
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in Page(report.page(SUMMARY)).tags}
    assert page.text.count("<script>alert(1)</script> & \"x\" 'y' �[31m� [bold red]z[/] � \u202e.mp3") == 19
    assert "\x1b" not in text
    assert "\x07" not in text
    text.encode("utf-8")


@given(some.text(max_size=30), some.text(some.characters(exclude_categories=[]), max_size=30))
def test_any_name_leaves_a_page_that_reads_back(name: str, error: str) -> None:
    row = report.Row(Path("/m") / name.replace("\0", ""), "failed", error=error)
    page = Page(report.page(report.Summary(START, START, (row,))))
    assert len(page.tables["Failed"]) == 2
    assert len(page.tables["All tracks"][1]) == 7


def test_twenty_thousand_tracks() -> None:
    many = tuple(replace(ROWS[number % len(ROWS)], path=Path(f"/m/{number}.mp3")) for number in range(20_000))
    text = report.page(replace(SUMMARY, rows=many))
    assert text.count("<tr>") == 20_000 + 5_000 + 2 + SLOWEST + 4
    assert len(text) < 10_000_000


def test_the_terminal_tells_totals_failures_engines_and_the_slowest() -> None:
    told = printed(SUMMARY)
    for words in ("The batch", "times real time", "2.0x", "it ends too soon", "Copy it again.", "htdemucs", "slowest"):
        assert words in told
    assert told.index("Failed") < told.index("Engines") < told.index("The slowest")


def test_the_terminal_shows_names_as_text() -> None:
    nasty = report.Row(Path(NASTY), "failed", error=NASTY)
    told = printed(report.Summary(START, START, (nasty,)), 400)
    assert "[bold red]z[/]" in told
    assert "\x1b" not in told
    assert "\x07" not in told


def test_the_terminal_counts_what_it_leaves_out() -> None:
    failed = tuple(report.Row(Path(f"/m/{number}"), "failed", error="gone") for number in range(60))
    assert "and 10 more failures" in printed(report.Summary(START, START, failed))


def test_an_empty_batch_has_a_report() -> None:
    empty = report.Summary(START, START, ())
    assert Page(report.page(empty)).tables == {
        "All tracks": [["track", "result", "length", "work", "vocals", "engine", "stems"]]
    }
    assert re.search(r"tracks\s+0", printed(empty))


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    report.write(SUMMARY, path)
    report.write(replace(SUMMARY, left=0), path)
    assert path.read_text("utf-8") == report.page(replace(SUMMARY, left=0))
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match=r"folder\.html"):
        report.write(SUMMARY, tmp_path / "folder.html")
    assert not list(tmp_path.glob("*.partial"))
    assert not list(tmp_path.glob(".*.partial"))
