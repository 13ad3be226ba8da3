"""`stem split-vocals`: lead and backing vocals."""

from __future__ import annotations

from typing import Any

import click

from stem_cli.split import command

_EPILOG = """\b
Examples:
  stem split-vocals song.mp3
  stem split-vocals stems/Artist-Song_1a2b3c4d --keep
  stem split-vocals vocals.wav --is-stem --split-model UVR_MDXNET_KARA_2
"""


@click.command("split-vocals", epilog=_EPILOG)
@command.options
def split_vocals(**options: Any) -> None:
    """Divide vocals into lead and backing vocals, which add up to them exactly.

    A song first loses its accompaniment, then the voices are divided by a karaoke model, or, where none is ready, by
    where they stand in the stereo image. In a STEMFOLDER the two take the place of the vocals.
    """
    command.run("vocals", **options)
