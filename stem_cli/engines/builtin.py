"""The embedded engine: works with the base install alone, offline, on any machine.

Signal processing only for now. A trained network will later stand behind the same engine: its loading goes here, its
masks replace those of `dsp`, and `_VERSION` changes.
"""

from __future__ import annotations

from collections.abc import Generator

from stem_cli import stems
from stem_cli.engines import Engine, Identity, Missing, Mix, Model, Request, Run, StemBlock
from stem_cli.errors import EngineError

_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""


def _identify(request: Request) -> Identity:  # noqa: ARG001 - neither effort nor seed changes this engine's sound
    return Identity("builtin", "dsp", settings={"version": _VERSION})


def _separate(
    mix: Mix,
    request: Request,  # noqa: ARG001 - it always makes all four
    run: Run,
) -> Generator[StemBlock, None, None]:
    from stem_cli.dsp import unmix

    run.device = "cpu"
    return unmix.separate_blocks(mix.blocks(), mix.rate, mix.channels, run.threads)


_MODEL = Model(
    name="dsp",
    title="Embedded signal processing",
    stems=stems.FOUR,
    licence="MIT, no weights",
    quality={"vocals": 3.8, "drums": 6.9, "bass": 2.3, "other": 2.0},
    source="docs/engines.md, four real multitracks",
)


def _find(request: Request) -> Model:
    if request.model not in ("", _MODEL.name):
        raise EngineError(f"builtin has no model {request.model!r}", None, f"Its only one is {_MODEL.name}.")
    return _MODEL


def _unavailable(request: Request) -> Missing | None:
    """Ready wherever nothing else than the CPU is asked for."""
    if request.device in ("auto", "cpu"):
        return None
    return Missing(f"it runs on the CPU, not on a {request.device} device", "Leave out --device.")


ENGINE = Engine(
    name="builtin",
    title=_MODEL.title,
    models=(_MODEL,),
    speed=15.0,
    pays=False,
    unavailable=_unavailable,
    find=_find,
    identify=_identify,
    separate=_separate,
)
