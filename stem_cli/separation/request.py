"""The same for programs: a typed request in, a typed result out, and no error that loses the stems that were made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from stem_cli import artifacts, stems
from stem_cli import settings as settings_of
from stem_cli.artifacts import Artifact
from stem_cli.engines import request_of
from stem_cli.errors import EngineError, StemError
from stem_cli.separation.order import Order, Result
from stem_cli.separation.road import separate
from stem_cli.separation.shop import Shop, open_shop
from stem_cli.settings import Settings
from stem_cli.track import open_track


@dataclass(frozen=True)
class StemRequest:
    """Stems of one song. source: a path or "artifact:ID". stems: () is all. span: seconds, end None is the song's."""

    source: str | Path
    stems: tuple[str, ...] = ()
    engine: str = "auto"
    model: str = ""
    effort: str = "normal"
    seed: int = 0
    span: tuple[float, float | None] | None = None
    settings: Settings | None = None


@dataclass(frozen=True)
class Made:
    """One stem of a result. artifact: None where there is none, and `why` says why not."""

    stem: str
    kind: str
    artifact: Artifact | None
    why: str


@dataclass(frozen=True)
class StemResult:
    """What came of a request. state: "done", "skipped" (nothing could be tried) or "failed". why: in words.

    stems: one row for each stem asked for, in the order of the table, whatever happened.
    """

    state: str
    why: str
    stems: tuple[Made, ...]
    warnings: tuple[str, ...]
    folder: Path | None


def make(request: StemRequest, shop: Shop | None = None) -> StemResult:
    """Make the stems a program asks for.

    Stems that the engine does not have come back without an artifact and with a warning; without any engine the state
    is "skipped". Errors of the song, of the settings or of the disk are "failed" with the reason; none is raised.
    """
    try:
        settings = request.settings or settings_of.load().settings
        if shop is not None:
            return _made(request, _separated(request, settings, shop), shop)
        with open_shop(settings) as own:
            return _made(request, _separated(request, settings, own), own)
    except EngineError as error:
        return _nothing(request, "skipped", str(error))
    except StemError as error:
        return _nothing(request, "failed", str(error))


def _separated(request: StemRequest, settings: Settings, shop: Shop) -> Result:
    track = open_track(artifacts.resolve(shop.database, str(request.source)), shop.database.fingerprint)
    asked = replace(
        request_of(settings, request.stems, request.span),
        engine=request.engine,
        model=request.model,
        ensemble="" if request.model or request.engine != "auto" else settings.ensemble,
        effort=request.effort,
        seed=request.seed,
    )
    return separate(shop, track, Order(asked, settings, request.stems))


def _made(request: StemRequest, result: Result, shop: Shop) -> StemResult:
    found = {one.id: one for one in artifacts.find(shop.database, source_digest=result.track.digest)}
    by_name = {found[key].name: found[key] for key in result.artifacts if key in found}
    names = stems.ordered(request.stems or tuple(by_name))
    rows = tuple(_row(name, by_name.get(name), "the engine does not make it") for name in names)
    warnings = tuple(dict.fromkeys((*result.warnings, *(f"{row.stem}: {row.why}" for row in rows if row.why))))
    return StemResult("done", result.why, rows, warnings, result.place.home)


def _nothing(request: StemRequest, state: str, why: str) -> StemResult:
    rows = tuple(_row(name, None, why) for name in stems.ordered(request.stems or stems.FOUR))
    return StemResult(state, why, rows, (why,), None)


def _row(name: str, artifact: Artifact | None, why: str) -> Made:
    return Made(name, stems.kind(name), artifact, "" if artifact is not None else why)
