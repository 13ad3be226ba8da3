"""Write the golden sets of tests/golden/ableton anew: the XML of a song, and of two songs, member by member.

Run it after a change that is meant to change them, look at the difference, and open a set in Live.
"""

from __future__ import annotations

import math
from pathlib import Path

from stem_cli.ableton.clip import Sample
from stem_cli.ableton.content import content
from stem_cli.ableton.live_set import build
from stem_cli.ableton.plan import How, Item, Plan
from stem_cli.ableton.song import Song, Stems
from stem_cli.ableton.xml import document
from stem_cli.dsp.beats import BeatGrid
from stem_cli.dsp.key import Key
from stem_cli.dsp.sections import Section

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "ableton"
HOME = Path("/Music/Live/Golden Project")
SECONDS, RATE = 30.0, 44100


def _steady(bpm: float, first: float, bar: int = 4) -> BeatGrid:
    beats = tuple(first + number * 60 / bpm for number in range(int((SECONDS - first) * bpm / 60) + 1))
    return BeatGrid(bpm, first, beats, bar)


def _drifting() -> BeatGrid:
    """Sways by 6 ms a beat: worked out, not drawn, so that it is the same everywhere."""
    beats = tuple(round(0.4 + number * 0.5 + 0.03 * math.sin(number / 8), 6) for number in range(59))
    return BeatGrid(120.0, beats[2], beats, constant=False)


def _song(name: str, grid: BeatGrid, names: tuple[str, ...]) -> Song:
    sections = (Section(grid.first_downbeat, grid.beats[16], "intro"), Section(grid.beats[16], SECONDS, "chorus"))
    return Song(Stems(Path(name), {stem: Path(f"{stem}.wav") for stem in names}), grid, sections, Key(9, "minor"))


def _sample(place: Path) -> Sample:
    relative = place.relative_to(HOME).as_posix()
    return Sample(place, relative, 5292044, 12345, 1_700_000_000, round(SECONDS * RATE), RATE)


def _set(songs: list[Song], how: How, original: bool) -> bytes:
    items = tuple(
        tuple(
            Item(stem, Path(stem), f"{song.stems.title} ({stem or 'Original'}).wav")
            for stem in (*song.stems.files, *([""] if original else []))
        )
        for song in songs
    )
    plan = Plan(HOME, "Golden.als", tuple(songs), items)
    samples = [[_sample(HOME / "Samples" / "Imported" / item.name) for item in inner] for inner in items]
    return document(build(content(plan, samples, how)[0]))


def files() -> dict[str, bytes]:
    """The golden files by name."""
    one = _song("Söng & <one> 日本 🎧 #1", _steady(124.5, 0.37), ("vocals", "drums"))
    two = [_song("Band", _drifting(), ("drums", "bass")), _song("Waltz", _steady(95.0, 1.9, 3), ("vocals", "other"))]
    return {
        "one.xml": _set([one], How(), original=True),
        "two.xml": _set(two, How(automation=True, warp="neutral"), original=False),
    }


def pictured() -> bytes:
    """A set that shows what there is to show: a band that drifts, four stems, the song itself."""
    return _set([_song("Artist - Song", _drifting(), ("vocals", "drums", "bass", "other"))], How(), original=True)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, made in files().items():
        (FOLDER / name).write_bytes(made)
        print(FOLDER / name)
