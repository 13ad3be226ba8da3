"""The embedded engine: works with the base install alone, offline, on any machine.

Signal processing only for now. A trained network will later stand behind the same engine: its loading goes here, its
masks replace those of `dsp`, and `_VERSION` changes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from stem_cli import stems
from stem_cli.audio import Tee
from stem_cli.engines import Engine, Identity, Missing, Mix, Model, NoSuchModel, Request, Run, StemBlock
from stem_cli.errors import EngineError

_IS = "is-"
_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""


def _identify(request: Request) -> Identity:
    """Neither effort nor seed changes this engine's sound."""
    return Identity("builtin", _find(request).name, settings={"version": _VERSION})


def _separate(mix: Mix, request: Request, run: Run) -> Generator[StemBlock, None, None]:
    run.device = "cpu"
    return _WAYS[_find(request).name](mix, run)


def _by_masks(mix: Mix, run: Run) -> Generator[StemBlock, None, None]:
    from stem_cli.dsp import unmix

    return unmix.separate_blocks(mix.blocks(), mix.rate, mix.channels, run.threads)


def _by_place(mix: Mix, run: Run) -> Generator[StemBlock, None, None]:  # noqa: ARG001 - it takes one
    """Of a vocals stem, what is in the middle and what is beside it. Raises EngineError for mono."""
    from stem_cli.dsp.lead import lead_blocks

    if mix.channels == 1:
        what = "lead and backing vocals are told apart by where they stand, and this is mono"
        raise EngineError(what, None, "A karaoke model can do it: `stem engines list --stem lead_vocals`.")
    tee = Tee(mix.blocks())
    for lead in lead_blocks(tee, mix.rate):
        yield {"lead_vocals": lead, "backing_vocals": tee.take(lead.shape[1]) - lead}


def _as_it_is(stem: str) -> Callable[[Mix, Run], Generator[StemBlock, None, None]]:
    """What a user gives us is that stem already."""

    def blocks(mix: Mix, run: Run) -> Generator[StemBlock, None, None]:  # noqa: ARG001 - there is nothing to do
        for block in mix.blocks():
            yield {stem: block}

    return blocks


_MODEL = Model(
    name="dsp",
    title="Embedded signal processing",
    stems=stems.FOUR,
    licence="MIT, no weights",
    quality={"vocals": 3.8, "drums": 6.9, "bass": 2.3, "other": 2.0},
    source="docs/engines.md, four real multitracks",
)
_PLACE = Model(
    name="centre",
    title="Lead and backing out of a vocals stem, by where they stand",
    stems=stems.PARTS["vocals"],
    licence=_MODEL.licence,
)
_WAYS = {_MODEL.name: _by_masks, _PLACE.name: _by_place, **{f"{_IS}{stem}": _as_it_is(stem) for stem in stems.PARTS}}
"""By the name of the model. Those that begin with "is" take what they get for the stem that it is."""


def _find(request: Request) -> Model:
    """Models other than the first take a stem instead of a song: they are taken only by their names."""
    for model in (_MODEL, _PLACE):
        if request.model in ("", model.name):
            return model
    if request.model in _WAYS:
        stem = request.model.removeprefix(_IS)
        return Model(request.model, f"What is {stem} already", (stem,), _MODEL.licence)
    raise NoSuchModel(f"builtin has no model {request.model!r}", None, f"There are {_MODEL.name} and {_PLACE.name}.")


def _unavailable(request: Request) -> Missing | None:
    """Ready wherever nothing else than the CPU is asked for."""
    if request.device in ("auto", "cpu") or request.model.startswith(_IS):
        return None
    return Missing(f"it runs on the CPU, not on a {request.device} device", "Leave out --device.")


ENGINE = Engine(
    name="builtin",
    title=_MODEL.title,
    models=(_MODEL, _PLACE),
    speed=15.0,
    pays=False,
    unavailable=_unavailable,
    find=_find,
    identify=_identify,
    separate=_separate,
)
