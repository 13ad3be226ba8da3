"""`stem engines add`: take an ONNX model of the user's own into the folder of models."""

from __future__ import annotations

import json
from pathlib import Path

import click

from stem_cli import settings as settings_of
from stem_cli.options import EXTRA_NAMES

_EPILOG = """\b
Examples:
  stem engines add my_model.toml
  stem engines add UVR-MDX-NET-Voc_FT.onnx
  stem engines add mine.onnx --stems vocals --transform-size 6144
"""


@click.command(epilog=_EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--stems", type=EXTRA_NAMES, help="What an ONNX file without a manifest makes, in its own order.")
@click.option("--transform-size", type=click.IntRange(2, 65536), help="Length of the window of an MDX-Net, in frames.")
@click.option("--models-dir", metavar="DIR", help="Where models lie.", show_default="as in the settings")
@click.option("--force", is_flag=True, help="Replace a model of that name.")
@click.option("--dry-run", is_flag=True, help="Say what would be added, and add nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
def add(
    file: Path,
    stems: tuple[str, ...] | None,
    transform_size: int | None,
    models_dir: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Add a model: FILE is a manifest (TOML, see docs/engines.md) or an ONNX file; prints the files.

    An ONNX file beside the manifest, or FILE itself, is checked, opened and copied. A file that is one of our own table
    is recognised by its checksum.
    """
    from stem_cli.engines import all_engines
    from stem_cli.engines.onnx import adding

    folder = settings_of.models_dir(settings_of.load(models_dir=models_dir).settings)
    manifest = adding.manifest_for(file, stems or (), transform_size)
    taken = {model.name for engine in all_engines() for model in engine.models}
    files = () if dry_run else adding.add(file, manifest, folder, taken, force)
    if as_json:
        row = {"model": manifest.name, "stems": manifest.stems, "licence": manifest.licence}
        click.echo(json.dumps({**row, "files": [str(path) for path in files], "added": not dry_run}))
        return
    if not quiet:
        click.echo(f"{manifest.name}: {', '.join(manifest.stems)}", err=True)
        if not dry_run and folder / manifest.file.name not in files:
            click.echo(f"To fetch its file: stem engines download {manifest.name}", err=True)
    for path in files:
        click.echo(path)
