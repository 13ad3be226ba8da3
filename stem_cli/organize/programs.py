"""What each DJ program and deck takes: a table, and what several of them take alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stem_cli.errors import UsageError

_ANY = ("wav", "aiff", "flac", "alac", "aac", "mp3")
_DECK_RATES = (44100, 48000)
_HIGH_RATES = (*_DECK_RATES, 88200, 96000)
_INTEGERS = ("16", "24")


@dataclass(frozen=True)
class Program:
    """formats: it plays, the best first. depths, rates (Hz): of those that are not lossy; rates None is any.

    stem_file: whether it plays `.stem.mp4`. crates: whether Serato's are wanted. xml: whether rekordbox.xml is.
    """

    title: str
    formats: tuple[str, ...]
    depths: tuple[str, ...] = _INTEGERS
    rates: tuple[int, ...] | None = _HIGH_RATES
    stem_file: bool = False
    crates: bool = False
    xml: bool = False
    alac_stems: bool = True


PROGRAMS: Mapping[str, Program] = {
    "serato": Program("Serato DJ", _ANY, rates=None, crates=True),
    "rekordbox": Program("rekordbox", _ANY, xml=True),
    "traktor": Program("Traktor", ("wav", "aiff", "flac", "aac", "mp3"), rates=None, stem_file=True),
    "traktor-win": Program(
        "Traktor on Windows", ("wav", "aiff", "flac", "mp3"), rates=None, stem_file=True, alac_stems=False
    ),
    "mixxx": Program("Mixxx", _ANY, rates=None, stem_file=True),
    "engine": Program("Engine DJ", _ANY, xml=True),
    "cdj": Program("CDJs and XDJs, from a stick", ("wav", "aiff", "mp3", "aac"), rates=_DECK_RATES, xml=True),
}
"""By the words of `--for`; from the manuals and what users met (docs/organize.md)."""


@dataclass(frozen=True)
class Demand:
    """What all programs that were named take. formats, depths, rates: as in Program, never empty."""

    formats: tuple[str, ...]
    depths: tuple[str, ...]
    rates: tuple[int, ...] | None
    stem_file: bool
    crates: bool
    xml: bool

    def form(self, name: str) -> str:
        """The format to write in place of this one: itself where it is taken."""
        return name if name in self.formats else self.formats[0]

    def depth(self, depth: str) -> str:
        """The depth to write in place of this one."""
        return depth if depth in self.depths else self.depths[-1]

    def rate(self, rate: int) -> int:
        """The rate to write in place of this one: itself, or the nearest above of its family, else the highest."""
        if self.rates is None or rate in self.rates:
            return rate
        family = [one for one in self.rates if one % 11025 == 0] if rate % 11025 == 0 else []
        family = family or [one for one in self.rates if one % 11025]
        return min((one for one in family if one > rate), default=max(family))


def demand(names: Sequence[str]) -> Demand:
    """What all of these programs take. Raises UsageError for a name that is not known."""
    unknown = [name for name in names if name not in PROGRAMS]
    if unknown or not names:
        what = f"there is no program {unknown[0]!r}" if unknown else "no program is named"
        raise UsageError(what, None, f"--for takes {', '.join(PROGRAMS)}.")
    programs = [PROGRAMS[name] for name in names]
    limited = [set(one.rates) for one in programs if one.rates is not None]
    rates = tuple(sorted(set.intersection(*limited))) if limited else None
    return Demand(
        formats=tuple(form for form in programs[0].formats if all(form in one.formats for one in programs)),
        depths=tuple(depth for depth in programs[0].depths if all(depth in one.depths for one in programs)),
        rates=rates,
        stem_file=any(one.stem_file for one in programs),
        crates=any(one.crates for one in programs),
        xml=any(one.xml for one in programs),
    )
