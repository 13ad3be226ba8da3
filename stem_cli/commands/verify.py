"""`stem verify`: stems against their record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from stem_cli.errors import FaultsFound, InputError
from stem_cli.options import Duration, Share

_EPILOG = """\b
Examples:
  stem verify ~/Stems
  stem verify ~/Stems --subset 5% --max-duration 10m
  stem verify "stems/Artist - Title_1a2b3c4d"
"""


@click.command(epilog=_EPILOG)
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...", type=click.Path(path_type=Path))
@click.option(
    "--subset", type=Share(), default=1.0, show_default="all", help="Only this share of them, drawn at random."
)
@click.option("--max-duration", type=Duration(), show_default="no limit", help="Begin no further folder after so long.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; the exit code tells.")
def verify(folders: tuple[Path, ...], subset: float, max_duration: float | None, as_json: bool, quiet: bool) -> None:
    """Read stems back and check them: samples as written, and a sum that is the song.

    FOLDER is a folder of stems, a .stems.json file, or any folder above such. Changed tags are a note, not a fault.
    Ends with exit code 9 where there are faults.
    """
    from stem_cli import verify as checker
    from stem_cli.folder import find_folders

    found = [folder for name in folders for folder in find_folders(name)]
    if not found:
        raise InputError("there are no stems of ours", folders[0], "Name a folder that stem-cli made.")
    say = (lambda *_: None) if quiet or as_json else _say
    report = checker.verify(found, subset, max_duration, say)
    if as_json:
        click.echo(json.dumps(_as_json(report)))
    elif not quiet:
        click.echo(f"folders read: {report.folders}, left out: {report.skipped}, faults: {report.faults}")
    if report.faults:
        raise FaultsFound(f"faults: {report.faults}", None, "Separate these songs again with --force.")


def _say(folder: Any, findings: list[Any]) -> None:
    if not findings:
        click.echo(f"{folder.place.metadata}: ok")
    for finding in findings:
        click.echo(f"{finding.path}: {'FAULT: ' if finding.fault else 'note: '}{finding.what}")


def _as_json(report: Any) -> dict[str, Any]:
    return {
        "folders": report.folders,
        "skipped": report.skipped,
        "faults": report.faults,
        "findings": [{"path": str(one.path), "what": one.what, "fault": one.fault} for one in report.findings],
    }
