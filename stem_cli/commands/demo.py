"""`stem demo`: the song that ships with stem-cli, separated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import OutputError

_SONG = "stem-cli - Morning Platform.flac"


@click.command()
@click.option(
    "--output", metavar="DIR", default="stems-demo", show_default=True, help="Where the song and its stems go."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
def demo(output: str, as_json: bool, quiet: bool) -> None:
    """Write out the song that ships with stem-cli, separate it with the embedded engine, and show the stems."""
    from stem_cli.engines import Request
    from stem_cli.progress import progress
    from stem_cli.separation import Order, open_shop, separate
    from stem_cli.track import open_track

    settings = settings_of.load(output=output, engine="builtin", layout="folder", cache_limit_gb=0.0).settings
    song = _write_song(Path(output).expanduser())
    listener = progress("auto", quiet or as_json)
    with open_shop(settings) as shop:
        order = Order(Request(engine="builtin"), settings, force=True)
        try:
            result = separate(shop, open_track(song, shop.database.fingerprint), order, listener)
        finally:
            listener.end()
    click.echo(json.dumps(_as_json(song, result), indent=1) if as_json else _table(song, result))


def _write_song(folder: Path) -> Path:
    """Copy the song out of the package. A file of the same name that is not ours stays."""
    from stem_cli.demo import song_path

    target = folder / _SONG
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with song_path() as source:
            if target.exists() and target.read_bytes() != source.read_bytes():
                raise OutputError("this file is not ours", target, "Choose another --output.")
            if not target.exists():
                partial = target.with_name(f".{target.name}.partial")
                shutil.copyfile(source, partial)
                partial.replace(target)
    except OSError as error:
        raise OutputError(f"it cannot be written ({error.strerror})", target, "Choose another --output.") from error
    return target


def _table(song: Path, result: Any) -> str:
    files = result.folder.record.files
    rows = [(file.name, file.file, f"{file.peak_db:.1f} dB", f"{file.lufs:.1f} LUFS") for file in files]
    widths = [max(len(row[column]) for row in [*rows, _HEAD]) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [_HEAD, *rows]]
    speed = result.song_seconds / result.work_seconds
    return "\n".join(
        (
            f"{song}",
            "",
            *lines,
            "",
            f"{result.song_seconds:.0f} s of music in {result.work_seconds:.1f} s ({speed:.0f}x real time).",
            "The four files line up with the song to the sample and add up to it exactly.",
            f"Listen: {result.place.home}",
        )
    )


_HEAD = ("stem", "file", "peak", "loudness")


def _as_json(song: Path, result: Any) -> dict[str, Any]:
    return {
        "song": str(song),
        "folder": str(result.place.home),
        "work_seconds": result.work_seconds,
        "stems": [
            {"stem": file.name, "file": file.file, "peak_db": file.peak_db, "lufs": file.lufs}
            for file in result.folder.record.files
        ],
    }
