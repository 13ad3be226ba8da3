"""The whole engine against Demucs' own package: same weights, same settings, same offsets, the same sound.

Every case runs by torch and by OpenVINO, in float32. What is compared are the engine's stems on the road of a song,
before the exact sum. The whole table, with the real network: `scripts/compare_demucs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

INSTALL = 'needs demucs, torch and openvino: pip install "stem-cli[demucs,fast]"'
FAR_BELOW_DB = -80.0
RATE = 44100


@pytest.fixture(scope="module")
def beside() -> Any:
    """`scripts/beside_demucs.py`."""
    for package in ("torch", "demucs.api", "openvino"):
        pytest.importorskip(package, reason=INSTALL)
    import beside_demucs

    return beside_demucs


@pytest.fixture(scope="module")
def folder(beside: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models in Demucs' format: a network, a bag with weights for each stem, two that OpenVINO cannot run."""
    from against_demucs import write_bag, write_model

    folder = tmp_path_factory.mktemp("models")
    write_model(folder, "one", seed=1, segment=2)
    write_model(folder, "two", seed=2, segment=2)
    write_model(folder, "hybrid", "hdemucs", seed=3, segment=3)
    write_model(folder, "waves", "demucs", seed=4, segment=3)
    write_bag(folder, "unit", ["one", "two"], [[1, 0, 0.3, 0], [0, 1, 0.9, 1]])
    write_bag(folder, "mixed", ["waves", "hybrid"], [[1, 0.3, 0, 0.9], [0.2, 0.7, 1, 0.1]], segment=2.5)
    return folder


@dataclass(frozen=True)
class Case:
    """A model, a song, and what is asked for. frames: at the song's own rate."""

    model: str = "one"
    frames: int = 3 * RATE
    channels: int = 2
    rate: int = RATE
    shifts: int = 0
    overlap: float = 0.25
    segment: float | None = None


ONE_NETWORK = (
    Case(frames=8 * RATE),
    Case(channels=1),
    Case(rate=48000),
    Case(channels=1, rate=48000),
    Case(frames=44),
    Case(frames=RATE // 10),
    Case(shifts=2),
    Case(overlap=0.1, segment=1),
    pytest.param(Case(frames=300 * RATE), marks=pytest.mark.slow),
)
BAG = (
    Case("unit"),
    Case("unit", channels=1, rate=48000, shifts=2),
    pytest.param(Case("unit", frames=300 * RATE), marks=pytest.mark.slow),
)
OTHER_NETWORKS = (
    Case("hybrid", frames=8 * RATE),
    Case("hybrid", frames=44),
    Case("mixed"),
    Case("mixed", channels=1, rate=48000, shifts=2),
    pytest.param(Case("mixed", frames=300 * RATE), marks=pytest.mark.slow),
)


def differs_db(beside: Any, folder: Path, case: Case, runtime: str = "") -> float:
    """How much the worst stem differs. runtime: the one to run it, "" is the engine's choice."""
    song = beside.Song(beside.music(case.frames, case.channels), case.rate)
    choice = beside.Choice(case.shifts, case.overlap, case.segment, seed=3)
    wanted = beside.by_demucs(folder, case.model, song, choice)
    assert min(stem.std() for stem in wanted.values()) > 1e-4
    with beside.runtime(runtime), beside.counted() as calls:
        found = beside.by_engine(folder, case.model, song, choice)
    assert bool(calls) == (runtime == "openvino")
    return float(beside.worst_db(found, wanted))


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
@pytest.mark.parametrize("case", [*ONE_NETWORK, *BAG], ids=str)
def test_htdemucs_gives_demucs_own_stems(beside: Any, folder: Path, case: Case, runtime: str) -> None:
    assert differs_db(beside, folder, case, runtime) < FAR_BELOW_DB


@pytest.mark.parametrize("case", OTHER_NETWORKS, ids=str)
def test_older_networks_are_run_by_torch_and_give_demucs_own_stems(beside: Any, folder: Path, case: Case) -> None:
    assert differs_db(beside, folder, case) < FAR_BELOW_DB


def test_other_offsets_of_the_shifts_are_heard(beside: Any, folder: Path) -> None:
    """Else equality with shifts would say nothing of the offsets."""
    song = beside.Song(beside.music(3 * RATE, 2))
    found, wanted = (beside.by_demucs(folder, "one", song, beside.Choice(shifts=1, seed=seed)) for seed in (3, 4))
    assert beside.worst_db(found, wanted) > FAR_BELOW_DB / 2
