"""`stem cache`: the separated stems that are kept."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import counted
from stem_cli.options import Duration, Size

_EPILOG = """\b
Examples:
  stem cache info
  stem cache clear --older-than 30d
  stem cache clear --max-size 5G
"""


@click.group(epilog=_EPILOG)
def cache() -> None:
    """Look at the separated stems that are kept for the next time, and clear them."""


def _open() -> Any:
    from stem_cli.cache import GIGABYTE, Cache

    settings = settings_of.load().settings
    return Cache(settings_of.cache_dir(settings), round(settings.cache_limit_gb * GIGABYTE))


@cache.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """List what is kept, the longest unused first."""
    rows = [_row(entry) for entry in _open().entries()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(f"{row['key'][:12]}  {row['bytes'] / 1e6:8.1f} MB  {row['used']}  {row['engine']}  {row['source']}")


def _row(entry: Any) -> dict[str, Any]:
    record = entry.folder.record
    return {
        "key": entry.key,
        "bytes": entry.bytes,
        "used": time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used_at)),
        "engine": record.made.engine_id,
        "source": record.source.path,
        "depth": record.depth,
    }


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def info(as_json: bool) -> None:
    """Say where the cache lies, how large it is and how large it may become."""
    kept = _open()
    entries = kept.entries()
    facts = {
        "folder": str(kept.root),
        "songs": len(entries),
        "bytes": sum(entry.bytes for entry in entries),
        "limit_bytes": kept.limit_bytes,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    room = f"{facts['bytes'] / 1e9:.2f} of {kept.limit_bytes / 1e9:.1f} GB"
    click.echo(f"{facts['folder']}: {counted(facts['songs'], 'song')}, {room}")


@cache.command()
@click.option(
    "--older-than", type=Duration(), help="Only what was not used for so long, such as 30d.", show_default="all"
)
@click.option(
    "--max-size", type=Size(), help="Only as much as is needed to come down to this size.", show_default="all"
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
def clear(older_than: float | None, max_size: int | None, dry_run: bool, quiet: bool) -> None:
    """Remove kept stems: all of them, the old ones, or the longest unused. A running separation keeps its own."""
    removed = _open().clear(older_than, max_size, dry_run)
    if not quiet:
        verb = "would be removed" if dry_run else "removed"
        click.echo(f"{counted(len(removed), 'song')} {verb}, {sum(entry.bytes for entry in removed) / 1e9:.2f} GB")
