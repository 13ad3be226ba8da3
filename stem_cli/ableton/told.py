"""What a project is, or would be, in words and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stem_cli.ableton.arrange import Timed
from stem_cli.ableton.live_set import Group
from stem_cli.ableton.master import Clock
from stem_cli.ableton.plan import How
from stem_cli.ableton.project import Done
from stem_cli.errors import counted

_OCTAVES = {2.0: ", read at double time", 0.5: ", read at half time"}
_STRETCHED = 1e-4  # what two decimals of a tempo show
_NEUTRAL = "neutral"


def as_dict(done: Done) -> dict[str, Any]:
    """For scripts: what was written, or what would be."""
    clock = done.live_set.clock
    songs = [
        {
            "name": group.name,
            "bpm": round(timed.tempo / timed.octave, 4),
            "read_at": timed.octave,
            "markers": len(timed.warp.markers),
            "tracks": [strip.name for strip in group.stems],
            "original": group.original is not None,
        }
        for timed, group in zip(done.songs, done.live_set.groups, strict=True)
    ]
    return {
        "set": str(done.path),
        "files": [str(path) for path in done.files],
        "bpm": clock.tempo,
        "signature": f"{clock.metre.numerator}/{clock.metre.denominator}",
        "songs": songs,
        "backup": None if done.backup is None else str(done.backup),
        "left_out": [str(path) for one in done.songs for left in one.song.stems.left_out for path in left.paths],
    }


def lines(done: Done, how: How, written: bool) -> Iterator[str]:
    """For people: a line a song, and what else they should know. written: False tells what would be."""
    for timed, group in zip(done.songs, done.live_set.groups, strict=True):
        yield _song(timed, group, done.live_set.clock, how)
        if how.warp == _NEUTRAL and not how.automation and _stretched(timed, done.live_set.clock):
            yield f"{group.name}: not at its own tempo throughout, so its stems will not null against the original"
    if done.backup is not None:
        yield f"the set that {'was there is now' if written else 'is there would become'} {done.backup}"


def _song(timed: Timed, group: Group, clock: Clock, how: How) -> str:
    own = timed.tempo / timed.octave
    stretched = abs(timed.tempo / clock.tempo - 1) > _STRETCHED and not how.automation
    more = f", played at {clock.tempo:.2f}" if stretched else ""
    beside = "" if group.original or not how.reference else ", without the song itself"
    octave = _OCTAVES.get(timed.octave, "")
    return f"{group.name}: {counted(len(group.stems), 'track')}, {own:.2f} BPM{octave}{more}{beside}"


def _stretched(timed: Timed, clock: Clock) -> bool:
    """Whether a set of one tempo stretches a song anywhere, however little."""
    return not timed.song.grid.constant or timed.tempo != clock.tempo
