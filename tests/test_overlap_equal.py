"""Segments, windows, overlap-add against Demucs' own package: the same networks, the same bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ours_and_theirs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`tests/against_demucs.py`, `scripts/beside_demucs.py` and a folder of models."""
    for package in ("torch", "demucs.api"):
        pytest.importorskip(package, reason='install Demucs: pip install "stem-cli[demucs]"')
    import against_demucs as both
    import beside_demucs as beside

    folder = tmp_path_factory.mktemp("models")
    both.write_model(folder, "ht0", "htdemucs", seed=0)
    both.write_model(folder, "ht1", "htdemucs", seed=1, segment=2)
    both.write_model(folder, "ht2", "htdemucs", seed=2, segment=2)
    both.write_model(folder, "hd0", "hdemucs", seed=3, segment=3)
    both.write_model(folder, "de0", "demucs", seed=4, segment=3)
    both.write_bag(folder, "one", ["ht1"])
    both.write_bag(folder, "unit", ["ht1", "ht2", "ht1", "ht2"], np.eye(4).tolist())
    both.write_bag(folder, "mixed", ["de0", "hd0"], [[1, 0.3, 0, 0.9], [0.2, 0.7, 1, 1 / 3]], segment=2.5)
    both.write_bag(folder, "mmi", ["hd0"], segment=44)
    return both, beside, folder


@dataclass(frozen=True)
class Case:
    """A model, a song, and what is asked for."""

    model: str
    seconds: float = 8
    channels: int = 2
    rate: int = 44100
    shifts: int = 0
    overlap: float = 0.25
    segment: float | None = None


EQUAL = (
    Case("ht0"),
    Case("ht0", seconds=30, overlap=0.1),
    Case("ht1", overlap=0),
    Case("ht1", seconds=5, overlap=0.7),
    Case("ht1", shifts=2),
    Case("ht1", segment=1),
    Case("ht1", segment=1, shifts=1),
    Case("ht1", seconds=0.1),
    Case("ht1", seconds=44 / 44100),
    Case("ht1", seconds=44 / 44100, shifts=2),
    Case("ht1", channels=1),
    Case("hd0"),
    Case("hd0", seconds=0.1),
    Case("hd0", seconds=44 / 44100),
    Case("hd0", segment=1.5),
    Case("de0"),
    Case("de0", seconds=0.1),
    Case("de0", segment=1.5, shifts=1),
    Case("one", shifts=1),
    Case("unit", seconds=3),
    Case("unit", seconds=3, shifts=1),
    Case("mixed"),
    Case("mixed", seconds=5, shifts=2, overlap=0.1),
    Case("mmi"),
    Case("mmi", shifts=1),
    pytest.param(Case("mmi", seconds=50), marks=pytest.mark.slow),
    pytest.param(Case("ht0", seconds=300), marks=pytest.mark.slow),
    pytest.param(Case("mixed", seconds=300, shifts=1), marks=pytest.mark.slow),
)


def sung(case: Case) -> np.ndarray:
    """A rumble, some hiss and a little DC."""
    steps = np.random.default_rng(5).standard_normal((case.channels, round(case.seconds * case.rate)))
    rumble = np.cumsum(steps - steps.mean(axis=1, keepdims=True), axis=1)
    return (0.3 * rumble / np.abs(rumble).max() + 0.05 * steps + 0.01).astype(np.float32)


def both_ways(tools: Any, case: Case, batch: int = 1) -> tuple[np.ndarray, np.ndarray]:
    both, beside, folder = tools
    choice = beside.Choice(case.shifts, case.overlap, case.segment, seed=3)
    song = sung(case)
    theirs = beside.by_demucs(folder, case.model, beside.Song(song, case.rate), choice)
    return both.by_stem(folder, case.model, song, case.rate, choice, batch), np.stack(list(theirs.values()))


@pytest.mark.parametrize("case", EQUAL, ids=str)
def test_the_stems_are_demucs_own(ours_and_theirs: Any, case: Case) -> None:
    """To the bit in a fresh process; where memory lies otherwise, torch rounds otherwise, most of all tiny songs."""
    ours, theirs = both_ways(ours_and_theirs, case)
    assert theirs.std() > 1e-5
    assert ours_and_theirs[1].difference_db(ours, theirs) < -100


@pytest.mark.parametrize(
    "case", [Case("ht1", shifts=1), Case("unit", seconds=3), Case("hd0", seconds=5, shifts=2)], ids=str
)
def test_batches_differ_by_rounding_only(ours_and_theirs: Any, case: Case) -> None:
    ours, theirs = both_ways(ours_and_theirs, case, batch=3)
    assert ours_and_theirs[1].difference_db(ours, theirs) < -120


@pytest.mark.parametrize("rate", [48000, 32000, 22050])
@pytest.mark.parametrize("channels", [1, 2])
def test_songs_of_other_rates_differ_by_rounding_only(ours_and_theirs: Any, rate: int, channels: int) -> None:
    ours, theirs = both_ways(ours_and_theirs, Case("ht1", seconds=5, rate=rate, channels=channels))
    assert ours_and_theirs[1].difference_db(ours, theirs) < -110
