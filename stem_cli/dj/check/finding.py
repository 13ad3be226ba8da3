"""What a check finds, and the decks and programs that it checks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

FAULT, WARNING = "fault", "warning"


@dataclass(frozen=True)
class Finding:
    """Something that a deck or a DJ program would stumble over.

    severity: "fault" does not play, or shows something else; "warning" plays in most. rule: a short name that stays the
    same ("wav.extensible"). hint: what to do. fixable: whether `repair` can mend it in a copy.
    """

    severity: str
    rule: str
    what: str
    hint: str = ""
    fixable: bool = False


@dataclass(frozen=True)
class Target:
    """A DJ program or deck, as `--for` names it.

    rates: Hz that it plays. floats: whether WAVs in floating point, or of 32 bits, play. extensible: whether WAVs with
    the long header do. flac: whether FLAC plays on every model. stick: whether files get there on a FAT32
    stick. stems: codecs of `.stem.mp4` that it opens, none where it knows no such files.
    """

    name: str
    rates: tuple[int, ...] = (44100, 48000, 88200, 96000, 176400, 192000)
    floats: bool = True
    extensible: bool = True
    flac: bool = True
    stick: bool = False
    stems: tuple[str, ...] = ()


TARGETS = {
    target.name: target
    for target in (
        Target("serato"),
        Target("rekordbox", floats=False, extensible=False, rates=(44100, 48000, 88200, 96000)),
        Target("traktor", stems=("mp4a", "alac")),
        Target("traktor-win", stems=("mp4a",)),
        Target("mixxx", stems=("mp4a", "alac")),
        Target("engine", floats=False, stick=True),
        Target("cdj", rates=(44100, 48000), floats=False, extensible=False, flac=False, stick=True),
    )
}
"""Pioneer's decks answer E-8305 to the long header; Traktor on Windows does not open ALAC; older decks play no FLAC."""


def targets_of(names: Collection[str]) -> tuple[Target, ...]:
    """The targets of these names, all of them for none."""
    return tuple(TARGETS[name] for name in names or TARGETS)


def names_of(targets: Iterable[Target]) -> str:
    """Their names in a sentence: "serato, engine and cdj"."""
    *names, last = [target.name for target in targets] or [""]
    return f"{', '.join(names)} and {last}" if names else last


def shortened(findings: Iterable[Finding], most: int = 5) -> Iterator[Finding]:
    """Findings, of each rule the first ones and then how many more there are."""
    seen: dict[str, list[Finding]] = {}
    more: dict[str, int] = {}
    for finding in findings:
        held = seen.setdefault(finding.rule, [])
        if len(held) < most:
            held.append(finding)
            yield finding
        else:
            more[finding.rule] = more.get(finding.rule, 0) + 1
    for rule, count in more.items():
        first = seen[rule][0]
        yield Finding(first.severity, rule, f"and the same {count} more times", first.hint, first.fixable)
