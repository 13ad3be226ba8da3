"""Live sets for tests: stems to make them of, and a reader of sets that shares no code with the writer."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from conftest import SHARED

from stem_cli.ableton import How, Song, carry_out, find_stems, plan
from stem_cli.dsp.beats import BeatGrid
from stem_cli.dsp.sections import Section

CHECKER = SHARED / "tools" / "als_check.py"
NAMES = {
    4: ("vocals", "drums", "bass", "other"),
    5: ("vocals", "drums", "bass", "guitar", "other"),
    6: ("vocals", "drums", "bass", "guitar", "piano", "other"),
    7: ("lead_vocals", "backing_vocals", "drums", "bass", "guitar", "piano", "other"),
}


def write_stems(home: Path, names: Sequence[str], seconds: float = 8.0, rate: int = 8000) -> Path:
    """A folder as another tool leaves it: quiet noise, a file a stem."""
    home.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        sound = np.random.default_rng(seed).standard_normal((round(seconds * rate), 2)) * 0.05
        soundfile.write(home / f"{name}.wav", sound, rate, subtype="PCM_16")
    return home


def steady(bpm: float, seconds: float, first: float = 0.0, bar: int = 4) -> BeatGrid:
    """A grid of one tempo."""
    beats = tuple(first + number * 60 / bpm for number in range(int((seconds - first) * bpm / 60) + 1))
    return BeatGrid(bpm, first, beats, beats_per_bar=bar, confidence=1.0)


def drifting(bpm: float, seconds: float, first: float = 0.0, sway: float = 0.02, pickup: int = 0) -> BeatGrid:
    """A band without a click: its tempo sways by this share over half a minute. pickup: beats before the downbeat."""
    beats, now = [], first
    while now < seconds:
        beats.append(now)
        now += 60 / (bpm * (1 + sway * np.sin(2 * np.pi * now / 30)))
    return BeatGrid(bpm, beats[pickup], tuple(map(float, beats)), constant=False, confidence=0.9)


def export(
    homes: Sequence[Path], grids: Sequence[BeatGrid], how: How | None = None, output: Path | None = None
) -> Path:
    """Write a project by the library's own door; every song has two sections. Returns the set."""
    songs = []
    for home, grid in zip(homes, grids, strict=True):
        later = grid.beats[len(grid.beats) // 8 * 4] if len(grid.beats) > 8 else grid.first_downbeat + 1
        sections = (Section(grid.first_downbeat, later, "intro"), Section(later, later + 1, "chorus"))
        songs.append(Song(find_stems(home)[0], grid, sections))
    asked = how or How()
    return carry_out(plan(songs, output or Path("live"), asked), asked).path


def checked(path: Path, *options: object, but: Sequence[str] = ()) -> None:
    """The independent checker finds no fault. but: beginnings of lines of faults that are meant."""
    if not CHECKER.exists():
        pytest.skip("the project's shared tools are not here (only on the developers' machines)")
    command = [sys.executable, str(CHECKER), "--profile", "stems", "--quiet", *map(str, options), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    faults = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    left = [line for line in faults if not line.startswith(tuple(f"FAIL {one}" for one in but))]
    assert not left, done.stdout
    assert len(faults) == len(but), done.stdout
    assert " passed, " in done.stdout


def seen_by_abletoolz(path: Path) -> dict[str, Any]:
    """What another program reads in a set; it runs in a process of its own, as its licence is the GPL."""
    script = """if True:
        import json, sys
        from pathlib import Path
        from abletoolz.ableton_set import AbletonSet
        AbletonSet.get_file_times = lambda self: None  # it asks Linux for a time that only macOS keeps
        one = AbletonSet(Path(sys.argv[1]))
        assert one.parse()
        one.load_version()
        one.load_tracks()
        one.get_bpm()
        one.find_project_root_folder()
        samples = [[ref.name, ref.size, str(ref.absolute), str(ref.relative)] for ref in one._iterate_samples()]
        tracks = [[track.type, track.name, track.id, track.group_id, track.color] for track in one.tracks]
        print(json.dumps({"bpm": one.bpm, "version": one.version_tuple, "tracks": tracks, "samples": samples}))
    """
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@dataclass(frozen=True)
class Clip:
    """A clip as it was read."""

    name: str
    colour: int
    mode: int
    start: float
    end: float
    first: float
    markers: tuple[tuple[float, float], ...]
    relative: str
    path: str
    signature: tuple[int, int]

    def place(self, second: float) -> float:
        """The beat of the arrangement at which a second of the file is heard."""
        points = self.markers
        at = min(max(bisect_right(points, second, key=lambda point: point[0]), 1), len(points) - 1)
        (s0, b0), (s1, b1) = points[at - 1], points[at]
        return self.start - self.first + b0 + (second - s0) * (b1 - b0) / (s1 - s0)


@dataclass(frozen=True)
class Track:
    """A track as it was read."""

    kind: str
    name: str
    number: int
    colour: int
    group: int
    heard: bool
    output: str
    arrangement: tuple[Clip, ...]
    session: tuple[Clip | None, ...]


@dataclass(frozen=True)
class Read:
    """A set as it was read. tempos: events of the envelope. launched: tempo and time signature that each scene sets."""

    tempo: float
    tempos: tuple[tuple[float, float], ...]
    metres: tuple[tuple[float, int], ...]
    tracks: tuple[Track, ...]
    locators: tuple[tuple[float, str], ...]
    scenes: tuple[str, ...]
    launched: tuple[tuple[float, int] | None, ...]
    scale: tuple[int, str, bool]


def read_set(path: Path) -> Read:
    """Read a set for what a producer sees of it."""
    root = ElementTree.fromstring(gzip.decompress(path.read_bytes()))
    live = _one(root, "LiveSet")
    master = _one(live, "MasterTrack")
    events = {kind: [(float(e.get("Time", "")), float(e.get("Value", ""))) for e in master.iter(kind)]
              for kind in ("FloatEvent", "EnumEvent")}  # fmt: skip
    return Read(
        float(_value(master, "DeviceChain/Mixer/Tempo/Manual")),
        tuple(events["FloatEvent"]),
        tuple((time, int(value)) for time, value in events["EnumEvent"]),
        tuple(_track(track) for track in _one(live, "Tracks")),
        tuple((float(_value(one, "Time")), _value(one, "Name")) for one in live.findall("Locators/Locators/Locator")),
        tuple(_value(scene, "Name") for scene in _one(live, "Scenes")),
        tuple(_launched(scene) for scene in _one(live, "Scenes")),
        (
            int(_value(live, "ScaleInformation/RootNote")),
            _value(live, "ScaleInformation/Name"),
            _value(live, "InKey") == "true",
        ),
    )  # fmt: skip


def _launched(scene: ElementTree.Element) -> tuple[float, int] | None:
    enabled = [_value(scene, f"Is{what}Enabled") for what in ("Tempo", "TimeSignature")]
    if enabled == ["false", "false"]:
        return None
    assert enabled == ["true", "true"]
    return float(_value(scene, "Tempo")), int(_value(scene, "TimeSignatureId"))


def _track(track: ElementTree.Element) -> Track:
    slots = track.findall("DeviceChain/MainSequencer/ClipSlotList/ClipSlot/ClipSlot/Value")
    clips = track.findall("DeviceChain/MainSequencer/Sample/ArrangerAutomation/Events/AudioClip")
    inside = [slot.find("AudioClip") for slot in slots]
    return Track(
        track.tag,
        _value(track, "Name/EffectiveName"),
        int(track.get("Id", "")),
        int(_value(track, "Color")),
        int(_value(track, "TrackGroupId")),
        _value(track, "DeviceChain/Mixer/Speaker/Manual") == "true",
        _value(track, "DeviceChain/AudioOutputRouting/Target"),
        tuple(_clip(clip) for clip in clips),
        tuple(None if clip is None else _clip(clip) for clip in inside),
    )


def _clip(clip: ElementTree.Element) -> Clip:
    markers = [(float(m.get("SecTime", "")), float(m.get("BeatTime", ""))) for m in _one(clip, "WarpMarkers")]
    metre = "TimeSignature/TimeSignatures/RemoteableTimeSignature"
    return Clip(
        _value(clip, "Name"),
        int(_value(clip, "Color")),
        int(_value(clip, "WarpMode")),
        float(_value(clip, "CurrentStart")),
        float(_value(clip, "CurrentEnd")),
        float(_value(clip, "Loop/LoopStart")),
        tuple(markers),
        _value(clip, "SampleRef/FileRef/RelativePath"),
        _value(clip, "SampleRef/FileRef/Path"),
        (int(_value(clip, f"{metre}/Numerator")), int(_value(clip, f"{metre}/Denominator"))),
    )


def _one(element: ElementTree.Element, path: str) -> ElementTree.Element:
    found = element.find(path)
    assert found is not None, path
    return found


def _value(element: ElementTree.Element, path: str) -> str:
    return _one(element, path).attrib["Value"]
