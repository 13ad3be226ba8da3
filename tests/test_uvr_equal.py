"""RoFormers and MDX23C beside audio-separator's own `demix`, with the same random weights and the same songs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from uvr_models import INSTALL, KINDS

from stem_cli.engines import Request, Run, uvr
from stem_cli.engines.runtime import spectra
from stem_cli.engines.uvr import config, names

pytestmark = pytest.mark.slow

pytest.importorskip("audio_separator", reason=INSTALL)
BESIDE = Path(__file__).resolve().parent.parent / "scripts" / "beside_uvr.py"
FRAMES = (38400, 38401, 100003)
"""From one segment of the RoFormers on: a shorter song is given to them as it is there, here it is filled up."""
EXACT_DB, CONVERTED_DB = -100.0, -80.0


class Noise:
    """A song in memory."""

    rate, channels = 44100, 2

    def __init__(self, sound: np.ndarray) -> None:
        self.sound, self.frames = sound, sound.shape[1]

    def blocks(self) -> Iterator[np.ndarray]:
        return (self.sound[:, at : at + 50000] for at in range(0, self.frames, 50000))

    skim = blocks


@pytest.fixture(scope="module")
def songs() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {str(frames): random.standard_normal((2, frames)).astype(np.float32) / 10 for frames in FRAMES}


@pytest.fixture(scope="module")
def theirs(uvr_models: Path, songs: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Stems by "MODEL FRAMES INSTRUMENT"."""
    folder = tmp_path_factory.mktemp("theirs")
    np.savez(folder / "songs.npz", **songs)
    files = [folder / "songs.npz", folder / "stems.npz", *(f"small_{kind}" for kind in KINDS)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-W", "ignore", BESIDE, uvr_models, *files], check=True, capture_output=True, env=env
    )
    return np.load(folder / "stems.npz")


def ours(folder: Path, kind: str, sound: np.ndarray, **request: Any) -> dict[str, np.ndarray]:
    asked = Request(engine="uvr", model=f"small_{kind}", models_dir=folder, **request)
    blocks = list(uvr.ENGINE.separate(Noise(sound), asked, Run(1)))
    return {name: np.concatenate([block[name] for block in blocks], axis=1) for name in blocks[0]}


def difference_db(found: np.ndarray, wanted: np.ndarray) -> float:
    lost = np.square(found - wanted, dtype=np.float64).sum() / np.square(wanted, dtype=np.float64).sum()
    return float(10 * np.log10(lost + 1e-20))


def assert_equal(theirs: Any, folder: Path, kind: str, sound: np.ndarray, most_db: float, **request: Any) -> None:
    song = f"small_{kind} {sound.shape[1]} "
    instruments = {key.removeprefix(song): theirs[key] for key in theirs.files if key.startswith(song)}
    found = ours(folder, kind, sound, **request)
    named = dict(zip(names.stems_of(list(instruments), None), instruments.values(), strict=True))
    assert set(named) == set(found)
    for name, wanted in named.items():
        assert difference_db(found[name], wanted) < most_db, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", FRAMES)
def test_by_torch_the_stems_are_audio_separators(
    theirs: Any, songs: dict[str, np.ndarray], uvr_models: Path, kind: str, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert_equal(theirs, uvr_models, kind, songs[str(frames)], EXACT_DB)


@pytest.mark.parametrize("kind", ["bs", pytest.param("mel2", marks=pytest.mark.slow), "mdx23c"])
def test_by_openvino_the_stems_are_audio_separators(
    theirs: Any, songs: dict[str, np.ndarray], uvr_models: Path, kind: str, tmp_path: Path
) -> None:
    pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')
    from uvr_models import copied_uvr

    folder = copied_uvr(uvr_models, tmp_path / "models", f"small_{kind}")
    assert uvr.ENGINE.prepare(Request(model=f"small_{kind}", models_dir=folder), lambda text: None)
    for frames in (FRAMES[1], FRAMES[-1]):
        assert_equal(theirs, folder, kind, songs[str(frames)], CONVERTED_DB, precision="f32")


@pytest.mark.parametrize("kind", ["bs", "mdx23c"])
def test_a_short_song_is_filled_up_with_silence(
    uvr_models: Path, songs: dict[str, np.ndarray], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    short = songs[str(FRAMES[0])][:, :9000]
    found = ours(uvr_models, kind, short)
    segment = config.read(uvr_models / f"small_{kind}.yaml").layout.segment
    longer = ours(uvr_models, kind, np.pad(short, ((0, 0), (0, segment - 9000))))
    for name, sound in found.items():
        assert sound.shape == (2, 9000)
        if kind == "bs":
            assert difference_db(sound, longer[name][:, :9000]) < EXACT_DB


@pytest.mark.parametrize(("size", "hop"), [(2048, 441), (2048, 512), (1024, 256), (8192, 1024)])
def test_the_spectrogram_and_its_inverse_are_torchs(size: int, hop: int) -> None:
    import torch

    transform = spectra.Transform(size, hop, 41)
    sound = np.random.default_rng(0).standard_normal((2, transform.frames)).astype(np.float32)
    window, given = torch.hann_window(size), torch.from_numpy(sound)
    theirs = torch.stft(given, size, hop, window=window, return_complex=True)
    found = spectra.analyse(sound, transform, 1)
    assert found.dtype == np.complex64
    assert np.abs(found - theirs.numpy().transpose(0, 2, 1)).max() < 1e-4 * np.abs(found).max()
    back = torch.istft(theirs * 0.5, size, hop, window=window).numpy()
    assert np.abs(spectra.synthesise(found * np.float32(0.5), transform, 1) - back).max() < 1e-5
