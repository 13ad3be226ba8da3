"""`stem doctor`: does everything work on this machine and in this folder?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from stem_cli import settings as settings_of
from stem_cli.errors import FaultsFound, InputError


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False), metavar="[FOLDER]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(folder: Path | None, as_json: bool) -> None:
    """Check this machine and FOLDER (default: this one): decoders, engines, names, locks, space.

    Every check does the thing itself, in a hidden folder that is gone afterwards. Exit code 9 where one fails.
    """
    from stem_cli import doctor as examiner

    if folder is not None and not folder.is_dir():
        raise InputError("there is no such folder", folder, "Make it first, or name the one above it.")
    settings = settings_of.load().settings
    checks = []
    for check in examiner.examine(settings, folder or Path.cwd()):
        checks.append(check)
        if not as_json:
            click.echo(examiner.as_table([check]))
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=1))
    if any(check.state == "fault" for check in checks):
        raise FaultsFound("something does not work here", None, "Mend what says FAULT, or use another folder.")
