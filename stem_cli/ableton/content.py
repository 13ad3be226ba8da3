"""What a set holds: a group for each song, each stem where its beats say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stem_cli import stems
from stem_cli.ableton import arrange, colours
from stem_cli.ableton.arrange import Timed
from stem_cli.ableton.clip import Clip, Sample, launch_of, mode_for
from stem_cli.ableton.live_set import Group, LiveSet
from stem_cli.ableton.master import Clock
from stem_cli.ableton.plan import ORIGINAL, How, Item, Plan
from stem_cli.ableton.song import labels
from stem_cli.ableton.track import Strip
from stem_cli.ableton.warp import ending_at
from stem_cli.dsp.key import Key

_NOTES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def content(made: Plan, files: Sequence[Sequence[Sample]], how: How) -> tuple[LiveSet, list[Timed]]:
    """The set of a plan, and how its songs are timed. files: of the samples, as the plan's items.

    Raises InputError where a song goes slower or faster than a set can.
    """
    lengths = [max(sample.seconds for sample in one) for one in files]
    steady = not how.automation
    songs = arrange.timed(list(zip(made.songs, lengths, strict=True)), how.bpm, steady)
    places = arrange.origins(songs, how.arrange)
    clock = arrange.clock(songs, places, how.arrange, how.bpm, steady)
    groups = []
    for scene, (one, origin, label) in enumerate(zip(songs, places, labels(made.songs), strict=True)):
        pairs = list(zip(made.items[scene], files[scene], strict=True))
        ends = [one.warp.beat(file.seconds) for _, file in pairs]
        launch = launch_of(one.warp.beat(0.0), ends, one.metre.bar)
        strips = {item.stem: _strip(one, item, file, (origin, launch), scene, how) for item, file in pairs}
        original = strips.pop("", None)
        own = None if steady or len(songs) == 1 else Clock(one.tempo, one.metre)
        if original is not None and len(songs) > 1:
            original = replace(original, name=f"{ORIGINAL} - {label.title}")
        groups.append(Group(label.full, tuple(strips.values()), original, _note(one), own))
    return LiveSet(clock, tuple(groups), arrange.locators(songs, places), songs[0].song.key), songs


def _strip(one: Timed, item: Item, file: Sample, place: tuple[float, float], scene: int, how: How) -> Strip:
    """place: of its beat 0 in the arrangement, and the beat that it is launched from in the session."""
    colour = colours.colour_of(item.stem) if item.stem else colours.ORIGINAL
    warp = ending_at(one.warp, file.seconds)
    clip = Clip(Path(item.name).stem, colour, mode_for(how.warp, item.stem), file, warp, place[0], one.metre, place[1])
    name = stems.title(item.stem) if item.stem else ORIGINAL
    return Strip(name, colour, clip, scene, heard=bool(item.stem))


def _note(one: Timed) -> str:
    """What is known of a song, for its group."""
    return ", ".join(filter(None, (f"{one.tempo / one.octave:.2f} BPM", key_name(one.song.key))))


def key_name(key: Key | None) -> str:
    """A key in words: "A minor"; "" where it is not known."""
    return "" if key is None else f"{_NOTES[key.tonic]} {key.mode}"
