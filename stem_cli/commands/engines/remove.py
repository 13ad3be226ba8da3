"""`stem engines remove`: delete the files of a model."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import click

from stem_cli import settings as settings_of
from stem_cli.commands.engines.agree import agree
from stem_cli.errors import EngineError
from stem_cli.options import MODEL

_EPILOG = """\b
Examples:
  stem engines remove htdemucs_ft --dry-run
  stem engines remove my_model --yes
"""


@click.command(epilog=_EPILOG)
@click.argument("model", type=MODEL)
@click.option("--models-dir", metavar="DIR", help="Where models lie.", show_default="as in the settings")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def remove(model: str, models_dir: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete the files of MODEL from the folder of models, with what it was converted to; prints them.

    Files that another model there needs too, and those in caches of other programs, are left alone. Stems that were
    made stay.
    """
    from stem_cli.disk import disk_errors

    folder = settings_of.models_dir(settings_of.load(models_dir=models_dir).settings)
    there = _files(model, folder)
    if not there:
        raise EngineError(
            f"no file of {model} lies there that no other model needs", folder, "There is nothing to delete."
        )
    if not dry_run:
        megabytes = sum(path.stat().st_size for path in there) / 1e6
        agree(f"Delete {', '.join(path.name for path in there)} ({megabytes:,.0f} MB)?", "deletion", yes)
        for path in there:
            with disk_errors(path, "Check who owns it"):
                path.unlink()
    if as_json:
        click.echo(json.dumps({"model": model, "files": [str(path) for path in there], "removed": not dry_run}))
    else:
        click.echo("\n".join(map(str, there)))


def _files(model: str, folder: Path) -> list[Path]:
    """What is a model's alone, also of one that is broken. Raises EngineError where nobody knows it."""
    from stem_cli.engines import all_engines, find_model

    of_table = [engine for engine in all_engines() if model in {one.name for one in engine.models}]
    for engine in of_table or all_engines():
        with suppress(EngineError):
            if found := engine.files_of(model, folder):
                return list(dict.fromkeys(found))
    find_model(model, folder)
    return []
