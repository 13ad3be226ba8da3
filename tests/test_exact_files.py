"""The promise of the exact sum through real files: the stems of a song add up to it, and are no trivial split."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from workshop import DEPTHS, files, integers, opened, rounded, run, total, write_alac

from stem_cli import stems as table
from stem_cli.separation import Shop

KINDS = ("music", "noise", "clipped", "dc", "square", "silence", "impulses", "quiet", "polarity")
RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
INPUTS = ("wav", "flac", "aiff", "alac")
OUTPUTS = ("wav", "flac", "aiff", "alac")


@dataclass(frozen=True)
class Case:
    """A song to be made and separated."""

    number: int
    kind: str
    rate: int
    channels: int
    seconds: float
    format: str
    depth: str
    output: str
    output_depth: str

    @property
    def frames(self) -> int:
        return max(1, round(self.seconds * self.rate))


def cases(count: int) -> list[Case]:
    """Songs of every kind: drawn with a fixed seed, each list in turn so that every value comes up early."""
    random = np.random.default_rng(2024)
    kinds, rates = itertools.cycle(KINDS), itertools.cycle(RATES)
    pairs = itertools.cycle(itertools.product(OUTPUTS, INPUTS))
    made = []
    for number in range(count):
        output, source = next(pairs)
        made.append(
            Case(
                number,
                next(kinds),
                next(rates),
                int(random.integers(1, 3)),
                float(random.choice([0.0, 0.001, 0.01, 0.1, 0.5, 1.0, 2.0])) + float(random.uniform(0, 0.01)),
                source,
                str(random.choice(DEPTHS)),
                output,
                str(random.choice(DEPTHS)),
            )
        )
    return made


def sound_of(case: Case) -> np.ndarray:
    """float64 [frames, channels] in -1..1."""
    random = np.random.default_rng(case.number)
    shape = (case.frames, case.channels)
    time = np.arange(case.frames)[:, None]
    tone = music(case.frames / case.rate + 0.01, case.rate, case.channels, case.number)[: case.frames]
    return {
        "music": lambda: tone,
        "noise": lambda: random.uniform(-1, 1, shape),
        "clipped": lambda: np.clip(tone * 6, -1, 1),
        "dc": lambda: np.ones(shape) * random.choice([-1.0, 1.0]),
        "square": lambda: np.where(time // random.integers(1, 60) % 2, 1.0, -1.0) * np.ones(shape),
        "silence": lambda: np.zeros(shape),
        "impulses": lambda: (random.uniform(0, 1, shape) > 0.999) * random.choice([-1.0, 1.0], shape),
        "quiet": lambda: tone * 2.0**-15,
        "polarity": lambda: tone[:, :1] * np.array([1.0, -1.0])[: case.channels],
    }[case.kind]()


def write(case: Case, folder: Path) -> Path:
    """The song as a file."""
    suffix = {"alac": "m4a"}.get(case.format, case.format)
    path = folder / f"song{case.number}.{suffix}"
    wide = rounded(sound_of(case), case.depth) << (32 - int(case.depth))
    if case.format == "alac":
        write_alac(path, wide.astype(np.int32), case.rate, case.depth)
    else:
        soundfile.write(path, wide.astype(np.int32), case.rate, subtype=f"PCM_{case.depth}")
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("exact"), cache_limit_gb=0.0) as made:
        yield made


def check_sum(shop: Shop, case: Case, folder: Path) -> None:
    """Separate, read the stems and the song by other readers, subtract."""
    path = write(case, folder)
    song = rounded(integers(path, case.depth) / 2.0 ** (int(case.depth) - 1), case.output_depth)
    made = files(run(shop, path, folder / "stems", format=case.output, bit_depth=case.output_depth))
    parts = {name: integers(stem, case.output_depth) for name, stem in made.items()}
    assert list(parts) == list(table.FOUR)
    assert all(part.shape == song.shape for part in parts.values())
    assert np.array_equal(sum(parts.values()), song)
    if case.kind == "silence":
        assert not any(part.any() for part in parts.values())


@pytest.mark.parametrize("case", cases(40), ids=lambda case: f"{case.number}-{case.kind}-{case.format}-{case.output}")
def test_written_stems_add_up_to_the_song(shop: Shop, case: Case, tmp_path: Path) -> None:
    check_sum(shop, case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_written_stems_of_500_more_songs_add_up_to_them(shop: Shop, part: int, tmp_path: Path) -> None:
    for case in cases(540)[40 + part * 25 : 65 + part * 25]:
        check_sum(shop, case, tmp_path)


@pytest.mark.parametrize(("output", "depth"), [("wav", "16"), ("flac", "24"), ("aiff", "16"), ("alac", "24")])
@pytest.mark.parametrize("stem", ["vocals", "drums", "other"])
def test_two_stems_add_up_to_the_song(shop: Shop, output: str, depth: str, stem: str, tmp_path: Path) -> None:
    case = Case(7, "clipped", 44100, 2, 0.7, "wav", "16", output, depth)
    path = write(case, tmp_path)
    made = files(run(shop, path, tmp_path / "stems", two_stems=stem, format=output, bit_depth=depth))
    assert list(made) == [stem, table.TABLE[stem].without]
    assert np.array_equal(total(made, depth), integers(path, "16") << (int(depth) - 16))


@pytest.mark.parametrize("kind", ["noise", "clipped", "square"])
def test_instrumental_and_acapella_are_exact_beside_the_stems(shop: Shop, kind: str, tmp_path: Path) -> None:
    path = write(Case(5, kind, 44100, 2, 0.7, "flac", "24", "wav", "24"), tmp_path)
    extra = ("instrumental", "acapella", "no_drums")
    made = files(run(shop, path, tmp_path / "stems", also=extra))
    found = {name: integers(stem, "24") for name, stem in made.items()}
    song = integers(path, "24")
    assert set(found) == {*table.FOUR, *extra}
    assert np.array_equal(found["acapella"], found["vocals"])
    assert np.array_equal(found["instrumental"] + found["vocals"], song)
    assert np.array_equal(found["no_drums"] + found["drums"], song)
    assert np.array_equal(sum(found[name] for name in table.FOUR), song)


def test_one_stem_alone_is_the_same_as_beside_the_others(shop: Shop, tmp_path: Path) -> None:
    path = write(Case(3, "clipped", 44100, 2, 0.7, "wav", "16", "wav", "16"), tmp_path)
    alone = files(run(shop, path, tmp_path / "alone", names=("drums",)))
    beside = files(run(shop, path, tmp_path / "all"))
    assert list(alone) == ["drums"]
    assert np.array_equal(integers(alone["drums"], "16"), integers(beside["drums"], "16"))


@pytest.mark.parametrize("kind", ["music", "noise", "clipped"])
def test_float_stems_on_disk_add_up_to_float_rounding(shop: Shop, kind: str, tmp_path: Path) -> None:
    path = write(Case(11, kind, 44100, 2, 1.0, "wav", "24", "wav", "float"), tmp_path)
    made = files(run(shop, path, tmp_path / "stems", bit_depth="float"))
    gap = sum(soundfile.read(stem)[0] for stem in made.values()) - soundfile.read(path)[0]
    assert {soundfile.info(stem).subtype for stem in made.values()} == {"FLOAT"}
    assert np.abs(gap).max() < 1e-6


def test_a_float_song_past_full_scale_keeps_its_peaks_in_float_stems(shop: Shop, tmp_path: Path) -> None:
    path, sound = tmp_path / "hot.wav", (music(1.0) * 3).astype(np.float32)
    soundfile.write(path, sound, 44100, subtype="FLOAT")
    made = files(run(shop, path, tmp_path / "stems", bit_depth="float"))
    assert np.abs(sum(soundfile.read(stem)[0] for stem in made.values()) - sound).max() < 1e-6


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_float_song_written_as_integers_says_how_much_was_clipped(shop: Shop, depth: str, tmp_path: Path) -> None:
    path, sound = tmp_path / "hot.wav", (music(1.0) * 1.6).astype(np.float32)
    soundfile.write(path, sound, 44100, subtype="FLOAT")
    result = run(shop, path, tmp_path / "stems", bit_depth=depth)
    top = 2 ** (int(depth) - 1)
    near = np.rint(sound * np.float64(top))
    assert result.folder is not None
    record = json.loads(result.folder.place.metadata.read_text())
    assert record["song"]["clipped"] == np.count_nonzero((near < -top) | (near > top - 1)) > 100
    assert any("clipped" in warning for warning in record["warnings"])
    assert np.array_equal(total(files(result), depth), rounded(sound, depth))


def test_an_mp3_past_full_scale_says_how_much_was_clipped(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "hot.mp3"
    loud = np.clip(music(2.0) * 8, -1, 1)
    soundfile.write(path, loud, 44100, subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.5)
    sound = soundfile.read(path, dtype="float32")[0]
    result = run(shop, path, tmp_path / "stems")
    assert result.folder is not None
    clipped = np.count_nonzero(np.rint(sound * 2.0**23) != rounded(sound, "24"))
    assert result.folder.record.song.clipped == clipped > 0
    assert result.folder.record.depth == "24"
    assert np.array_equal(total(files(result), "24"), rounded(sound, "24"))


def test_through_the_command_line_the_sum_is_exact(stem: Stem, song: Path) -> None:
    printed = stem("separate", song, "--quiet").stdout.split("\n")[:-1]
    assert np.array_equal(total({name: Path(name) for name in printed}, "16"), integers(song, "16"))


# ------------------------------------------------------------------------------------------------- not a trivial split


def parts_of_a_song(rate: int = 44100, seconds: float = 12.0) -> dict[str, np.ndarray]:
    """A song whose parts are known: a sung line, a kick and a hat, a bass line, chords at the sides."""
    random = np.random.default_rng(5)
    time = np.arange(round(seconds * rate)) / rate
    kick = np.exp(-18 * (time % 0.5)) * np.sin(2 * np.pi * 3 * (1 - np.exp(-25 * (time % 0.5))))
    hat = 0.3 * random.standard_normal(len(time)) * np.exp(-80 * ((time + 0.25) % 0.5))
    bass = 0.4 * np.sin(2 * np.pi * 41.2 * np.where(time % 4 < 2, 1.0, 1.335) * time) * (time % 1 < 0.9)
    pitch = 2 * np.pi * np.cumsum(330 * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * time)) * 2 ** ((time // 1 % 5) / 6)) / rate
    voice = sum(np.sin(count * pitch) / count for count in range(1, 12)) * 0.25 * (time % 1 < 0.7) * (time % 6 > 1)
    chords = [
        sum(np.sin(2 * np.pi * note * (1 + shift) * time) for note in (220.0, 277.2, 329.6, 554.4)) * 0.06
        for shift in (0.001, -0.001)
    ]
    return {
        "vocals": np.stack([voice, voice], 1),
        "drums": np.stack([kick + hat] * 2, 1),
        "bass": np.stack([bass, bass], 1),
        "other": np.stack([chords[0], -chords[1]], 1),
    }


@pytest.fixture(scope="module")
def divided(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """The true parts and the stems of one song, float64."""
    folder = tmp_path_factory.mktemp("divided")
    truth = parts_of_a_song()
    song = sum(truth.values())
    gain = 0.8 / np.abs(song).max()
    soundfile.write(folder / "song.wav", song * gain, 44100, subtype="PCM_24")
    made = files(run(shop, folder / "song.wav", folder / "stems"))
    return {
        "truth": {name: part * gain for name, part in truth.items()},
        "stems": {name: soundfile.read(path)[0] for name, path in made.items()},
    }


def test_no_stem_is_a_copy_of_the_song(divided: dict[str, dict[str, np.ndarray]]) -> None:
    """Neither the song, nor a share of it, nor silence."""
    song = sum(divided["truth"].values())
    for name, part in divided["stems"].items():
        if np.square(part).mean() < 1e-6 * np.square(song).mean():
            continue  # too quiet to judge; that not all are is the next test
        likeness = np.corrcoef(part.ravel(), song.ravel())[0, 1]
        assert likeness < 0.98, f"{name} is the song"


def test_not_all_the_sound_is_in_one_stem(divided: dict[str, dict[str, np.ndarray]]) -> None:
    powers = {name: np.square(part).mean() for name, part in divided["stems"].items()}
    assert max(powers.values()) < 0.9 * sum(powers.values()), powers
    assert sum(power > 0.01 * sum(powers.values()) for power in powers.values()) >= 3, powers


@pytest.mark.parametrize("name", table.FOUR)
def test_each_stem_is_most_like_the_part_it_is_named_after(
    name: str, divided: dict[str, dict[str, np.ndarray]]
) -> None:
    truth, stem = divided["truth"], divided["stems"][name]
    assert np.square(truth[name]).mean() > 1e-4, "gate: this part is too quiet to test with"
    likeness = {part: abs(np.corrcoef(stem.ravel(), sound.ravel())[0, 1]) for part, sound in truth.items()}
    assert max(likeness, key=likeness.__getitem__) == name, likeness
