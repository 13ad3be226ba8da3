"""`stem artifacts`: every stem made, and what it was made from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from stem_cli import settings as settings_of

_EPILOG = """\b
Examples:
  stem artifacts
  stem artifacts --kind audio_stem_vocal --json
  stem artifacts artifact:3f2a9c11d0e4
"""


@click.command(epilog=_EPILOG)
@click.argument("artifact", required=False, metavar="[ID]")
@click.option("--kind", default="", help="Only this kind, such as audio_stem_vocal.", show_default="all")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def artifacts(artifact: str | None, kind: str, as_json: bool) -> None:
    """List every stem made, the newest first; with an ID, the chain of what it was made from.

    artifact:ID may stand wherever a file may.
    """
    from stem_cli import artifacts as registry
    from stem_cli.separation import open_shop

    with open_shop(settings_of.load().settings) as shop:
        if artifact is None:
            found = registry.find(shop.database, kind)
        else:
            found = registry.chain(shop.database, registry.get(shop.database, artifact))
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=1))
        return
    for depth, one in enumerate(found):
        indent = "" if artifact is None else "  " * depth + ("from " if depth else "")
        click.echo(f"{indent}{registry.PREFIX}{one.id}  {one.kind}  {one.engine_id}  {one.path}")
    if artifact is not None:
        click.echo(f"{'  ' * len(found)}from {found[-1].meta['source']}  (digest {found[-1].source_digest[:16]})")


def _as_json(artifact: Any) -> dict[str, Any]:
    return {**asdict(artifact), "path": str(artifact.path)}
