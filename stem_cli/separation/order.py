"""What a user orders and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from stem_cli import stems
from stem_cli.audio import FORMATS
from stem_cli.engines import Model, Request
from stem_cli.errors import UsageError
from stem_cli.folder import Place, StemFolder
from stem_cli.settings import Settings
from stem_cli.track import Track


@dataclass(frozen=True)
class Order:
    """Stems of one song, as a user wants them.

    request: what the engine is asked. names: files to write, () is all the engine's stems. also: more of them.
    two_stems: that stem and the song without it. force: make them anew, and replace what another engine or
    format left there. replace: only the latter. mute: stems that are to be silent. undivided: a stem whose parts lie
    there is wanted itself.
    batch: one of many that run unattended. minutes_paid: of a service, by this command so far.
    """

    request: Request
    settings: Settings
    names: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    two_stems: str = ""
    force: bool = False
    dry_run: bool = False
    tolerant: bool = False
    mute: tuple[str, ...] = ()
    undivided: bool = False
    replace: bool = False
    batch: bool = False
    minutes_paid: float = 0.0


class Listener(Protocol):
    """Who is told how a separation goes on."""

    def begin(self, track: Track, engine: str, why: str, frames: int) -> None:
        """Work on a song begins; `frames` is what will come, an estimate for some lossy files."""

    def advance(self, frames: int) -> None:
        """So many more frames are separated."""

    def note(self, text: str) -> None:
        """Something the user should know."""


class Silent:
    """A listener that does not care."""

    def begin(self, track: Track, engine: str, why: str, frames: int) -> None:
        """Ignore."""

    def advance(self, frames: int) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""


@dataclass(frozen=True)
class Result:
    """What came of one order.

    status: "made", "cached" (from the cache), "there" (nothing to do), "planned" (a dry run). folder: None for a plan.
    names: of the files asked for; the folder may hold
    more. empty: names that were asked for and that no engine here makes. seconds: of the song and of the work.
    """

    status: str
    track: Track
    place: Place
    engine: str
    why: str
    folder: StemFolder | None = None
    names: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    song_seconds: float = 0.0
    work_seconds: float = 0.0
    artifacts: tuple[str, ...] = field(default=())


def wanted_names(order: Order, model: Model) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files to write, in the table's order, and the names that this model cannot give."""
    names = [*(_two(order.two_stems) if order.two_stems else order.names or model.stems), *order.also]
    given = {name: source_of(name) in model.stems for name in names}
    known = tuple(dict.fromkeys(name for name, there in given.items() if there))
    return tuple(sorted(known, key=order_of)), tuple(name for name, there in given.items() if not there)


def stems_needed(names: tuple[str, ...], two_stems: str, also: tuple[str, ...]) -> tuple[str, ...]:
    """The stems that an engine has to make for these files; () is all it has. See `Order`."""
    wanted = ((two_stems,) if two_stems else names) or stems.FOUR
    needed = tuple(dict.fromkeys((*wanted, *map(source_of, also))))
    return () if needed == stems.FOUR and not names else needed


def order_of(name: str) -> tuple[int, str]:
    """The place of a file in every list: stems as in the table, then songs without a stem, then aliases."""
    return (stems.TABLE[name].order, "") if name in stems.TABLE else (len(stems.TABLE), name)


def _two(stem: str) -> tuple[str, str]:
    return stem, stems.TABLE[stem].without


def source_of(name: str) -> str:
    """The stem that a file's name is made from."""
    return stems.COMPLEMENTS.get(name) or stems.ALIASES.get(name) or name


def depth_for(track: Track, settings: Settings) -> str:
    """The depth to write. Raises UsageError where the format cannot hold what was asked for."""
    depth = settings.bit_depth or (track.shape.depth if track.shape.depth in ("16", "24") else "24")
    form = FORMATS[settings.format]
    if depth not in form.depths:
        raise UsageError(f"{form.name} cannot hold {depth} samples", None, "Choose --format wav or --bit-depth 24.")
    return depth


def parts_of_sum(names: tuple[str, ...], all_stems: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the files whose sum is the song, () where they are not all there."""
    if set(all_stems) <= set(names):
        return all_stems
    for name in names:
        if name in stems.COMPLEMENTS and stems.COMPLEMENTS[name] in names:
            return stems.COMPLEMENTS[name], name
    return ()
