"""`stem split-drums`: the parts of a drum kit."""

from __future__ import annotations

from typing import Any

import click

from stem_cli.split import command

_EPILOG = """\b
Examples:
  stem split-drums song.mp3
  stem split-drums stems/Artist-Song_1a2b3c4d --keep
  stem split-drums drums.wav --is-stem
"""


@click.command("split-drums", epilog=_EPILOG)
@command.options
def split_drums(**options: Any) -> None:
    """Divide drums into kick, snare, toms, hats and cymbals, which add up to them exactly.

    It needs a DrumSep model (docs/engines.md). In a STEMFOLDER the parts take the place of the drums.
    """
    command.run("drums", **options)
