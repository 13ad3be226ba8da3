"""`stem engines convert`: make a model ready for machines without torch."""

from __future__ import annotations

import json

import click

from stem_cli import settings as settings_of
from stem_cli.errors import EngineError
from stem_cli.options import MODEL

_EPILOG = """\b
Examples:
  stem engines convert htdemucs
  stem engines convert htdemucs --models-dir /mnt/usb/models
  stem engines convert my_roformer --force
"""


@click.command(epilog=_EPILOG)
@click.argument("model", type=MODEL)
@click.option("--models-dir", metavar="DIR", help="Where models lie.", show_default="as in the settings")
@click.option("--force", is_flag=True, help="Convert again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
def convert(model: str, models_dir: str | None, force: bool, as_json: bool, quiet: bool) -> None:
    """Convert MODEL for OpenVINO, which runs it faster; prints the files.

    The first separation with a model does the same by itself. From then on neither torch nor the engine's package is
    needed: copy the folder `converted` into the models' folder of another machine, and it serves there.
    """
    from stem_cli.engines import demucs, uvr
    from stem_cli.engines.runtime.converted import folder, sizes

    home = settings_of.models_dir(settings_of.load(models_dir=models_dir).settings)
    said: list[str] = []
    engine = uvr if uvr.knows(model, home) else demucs
    facts = engine.convert_model(model, home, force, said.append)
    if facts is None:
        raise EngineError(said[-1].rstrip("."), None, "It still runs on torch.")
    files = {str(folder(home) / name): size for name, size in sizes(facts.record, facts.sums, home).items()}
    if as_json:
        click.echo(json.dumps({"model": model, "weights": facts.networks, "stems": facts.stems, "files": files}))
        return
    if not quiet:
        click.echo(f"{model}: {sum(files.values()) / 1e6:,.0f} MB in {folder(home)}", err=True)
    click.echo("\n".join(files))
