"""What `scripts/make_random_demucs.py` makes: models that Demucs and we load alike."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import make_random_demucs
import numpy as np
import pytest
import soundfile
from conftest import music
from demucs_files import KINDS, described, opened

from stem_cli.engines.demucs import models
from stem_cli.engines.demucs.bag import Located

pytestmark = [pytest.mark.usefixtures("own_caches"), pytest.mark.slow]


def test_the_demucs_command_loads_what_the_script_makes(tinies: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", music(2.0), 44100, subtype="PCM_16")
    command = [sys.executable, "-m", "demucs", "-n", "tiny", "--repo", str(tinies), "--shifts", "0", "-o", "out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path / "song.wav")], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in models.FOUR:
        sound, rate = soundfile.read(tmp_path / "out" / "tiny" / "song" / f"{name}.wav")
        assert (sound.shape, rate) == ((88200, 2), 44100)
        assert np.abs(sound).max() > 0.001


@pytest.mark.parametrize("kind", KINDS)
def test_ours_and_demucs_load_the_same_networks(
    kind: str, tinies: Path, torch: ModuleType, found: Callable[..., Located]
) -> None:
    from demucs.apply import BagOfModels
    from demucs.pretrained import get_model

    theirs = get_model(kind, tinies)
    networks = opened(found(kind, tinies))
    bag = described(found(kind, tinies))
    assert len(networks) == KINDS[kind]
    expected = list(theirs.models) if isinstance(theirs, BagOfModels) else [theirs]
    mix = torch.randn(1, 2, 30_000, generator=torch.Generator().manual_seed(1))
    for index, (one, other) in enumerate(zip(networks, expected, strict=True)):
        assert type(one) is type(other)
        assert not one.training
        assert one.segment == other.segment
        assert {value.dtype for value in one.state_dict().values()} == {torch.float32}
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
        with torch.no_grad():
            assert index > 1 or torch.equal(one(mix), other(mix))
    assert list(bag.stems) == theirs.sources
    assert (bag.rate, bag.channels) == (theirs.samplerate, theirs.audio_channels)
    if isinstance(theirs, BagOfModels):
        assert [list(row) for row in bag.weights] == theirs.weights


@pytest.mark.parametrize("kind", ["tiny", "tiny_hdemucs", "tiny_mdx"])
def test_random_models_are_about_as_loud_as_the_song(
    kind: str, tinies: Path, torch: ModuleType, found: Callable[..., Located]
) -> None:
    song = torch.from_numpy(music(3.0).T.astype("float32"))[None]
    song *= 10 ** (-15 / 20) / song.std()
    for network in opened(found(kind, tinies)):
        with torch.no_grad():
            out = network(song)[0]
        for stem in out:
            assert -25 < 20 * math.log10(stem.std()) < -5
            assert abs(stem.mean()) < 0.05


def test_every_branch_of_a_random_model_counts(tinies: Path, found: Callable[..., Located]) -> None:
    (network,) = opened(found("tiny", tinies))
    scales = [value for name, value in network.state_dict().items() if name.endswith(".scale")]
    assert scales
    assert all(0.04 < float(scale.min()) < float(scale.max()) < 0.51 for scale in scales)


def test_the_same_seed_makes_the_same_file(tinies: Path, tmp_path: Path) -> None:
    assert make_random_demucs.make("tiny", tmp_path)[0].name == next(iter(tinies.glob("tiny-*.th"))).name
    assert (
        make_random_demucs.make("tiny", tmp_path / "other", seed=1)[0].name != next(iter(tinies.glob("tiny-*.th"))).name
    )


def test_the_script_leaves_another_file_of_that_signature_alone(torch: Any, tmp_path: Path) -> None:
    real = tmp_path / "tiny-12345678.th"
    real.write_bytes(b"real weights")
    with pytest.raises(SystemExit, match="holds another tiny already"):
        make_random_demucs.make("tiny", tmp_path)
    assert list(tmp_path.glob("*.th")) == [real]
    assert real.read_bytes() == b"real weights"


@pytest.mark.parametrize("kind", ["tiny", "tiny_mdx"])
def test_safetensors_hold_the_same_networks(
    kind: str, tinies: Path, tmp_path: Path, torch: ModuleType, found: Callable[..., Located]
) -> None:
    from demucs.hf import load_safetensors_model

    make_random_demucs.make(kind, tmp_path / "models", safetensors=True)
    pairs = zip(opened(found(kind)), opened(found(kind, tinies)), found(kind).files, strict=True)
    for ours, pickled, path in pairs:
        theirs = load_safetensors_model(path)
        for name, value in ours.state_dict().items():
            assert torch.equal(value, pickled.state_dict()[name])
            assert torch.equal(value, theirs.state_dict()[name])
        assert ours.segment == pickled.segment
    assert described(found(kind)).stems == described(found(kind, tinies)).stems
    assert found(kind).digest != found(kind, tinies).digest


def test_safetensors_are_described_without_torch(
    torch: ModuleType, tmp_path: Path, found: Callable[..., Located]
) -> None:
    make_random_demucs.make("tiny_6s", tmp_path / "models", safetensors=True)
    program = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['demucs'] = None\n"
        "from pathlib import Path\n"
        "from stem_cli.engines.demucs import bag, checkpoint\n"
        "print(*checkpoint.describe(bag.locate('tiny_6s', Path('models'), Path('digests.json'))).stems)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == list(models.SIX), done.stderr
