"""The embedded engine: works with the base install alone, offline, on any machine.

Signal processing only for now. A trained network will later stand behind the same engine: its loading goes here, its
masks replace those of `dsp`, and `_VERSION` changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from stem_cli import stems
from stem_cli.engines import Engine, Identity, Mix, Request, Run, StemBlock

_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""


def _identify(request: Request) -> Identity:  # noqa: ARG001 - neither effort nor seed changes this engine's sound
    return Identity("builtin", "dsp", settings={"version": _VERSION})


def _separate(mix: Mix, request: Request, run: Run) -> Iterator[StemBlock]:  # noqa: ARG001 - it always makes all four
    from stem_cli.dsp import unmix

    run.device = "cpu"
    return unmix.separate_blocks(mix.blocks(), mix.rate, mix.channels, run.threads)


ENGINE = Engine(
    name="builtin",
    title="Embedded signal processing",
    models=("dsp",),
    stems=stems.FOUR,
    rate=None,
    quality={},
    source="docs/engines.md",
    speed=15.0,
    pays=False,
    licence="MIT, no weights",
    unavailable=lambda: None,
    identify=_identify,
    separate=_separate,
)
