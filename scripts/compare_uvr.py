"""The differences between our MDX-Nets and audio-separator's `demix`: python scripts/compare_uvr.py [--small]

Prints a Markdown table: the power of the difference in dB against that of audio-separator's stem, and the seconds both
took. Same random weights, no compensation, noise for a song. Needs audio-separator 0.47.1 and its onnxruntime:
`pip install "audio-separator[cpu]"`.
"""

from __future__ import annotations

import argparse
import logging
import platform
import sys
import tempfile
import time
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import make_random_uvr
import numpy as np
from numpy.typing import NDArray

from stem_cli.engines import Request, Run
from stem_cli.engines import onnx as engine
from stem_cli.engines.runtime import openvino

Floats = NDArray[np.float32]
RATE = 44100
SECONDS = (0.1, 3.0, 7.0, 20.0)


class Song:
    """Noise in memory, given in blocks."""

    rate, channels = RATE, 2

    def __init__(self, sound: Floats) -> None:
        self.sound, self.frames = sound, sound.shape[1]

    def blocks(self) -> Iterator[Floats]:
        """From its start."""
        return (self.sound[:, at : at + 50000] for at in range(0, self.frames, 50000))

    skim = blocks


def demix(folder: Path, sound: Floats) -> Floats:
    """What audio-separator makes of a song with the model of this folder, without its lists and its network."""
    sys.modules.setdefault("onnx2torch", types.ModuleType("onnx2torch"))  # not needed for segments of the model's own
    from audio_separator.separator import Separator

    transform = tomllib.loads((folder / "random_mdx.toml").read_text("utf-8"))["transform"]
    facts = {
        "compensate": 1.0,
        "mdx_dim_f_set": transform["bins"],
        "mdx_dim_t_set": 8,
        "mdx_n_fft_scale_set": transform["size"],
        "primary_stem": "Vocals",
    }

    class Offline(Separator):  # type: ignore[misc]
        def download_model_files(self, file: str) -> tuple[Any, ...]:
            return file, "MDX", file, str(folder / file), None

        def load_model_data_using_hash(self, _path: str) -> dict[str, Any]:
            return facts

    settings = {"hop_length": 1024, "segment_size": 256, "overlap": 0.25, "batch_size": 1, "enable_denoise": False}
    separator = Offline(
        log_level=logging.ERROR, model_file_dir=folder, output_dir=folder, info_only=True, mdx_params=settings
    )
    separator.setup_torch_device(platform.uname())
    separator.load_model("random_mdx.onnx")
    separator.model_instance.initialize_model_settings()
    return np.asarray(separator.model_instance.demix(sound))


def ours(folder: Path, sound: Floats, precision: str) -> Floats:
    """What our engine makes of it."""
    request = Request(engine="onnx", model="random_mdx", models_dir=folder, precision=precision)
    blocks = engine.ENGINE.separate(Song(sound), request, Run(2))
    return np.concatenate([block["vocals"] for block in blocks], axis=1)


def difference_db(found: Floats, wanted: Floats) -> float:
    """Power of the difference against that of what is wanted."""
    lost = np.square(found - wanted, dtype=np.float64).sum()
    return 10 * float(np.log10(lost / np.square(wanted, dtype=np.float64).sum() + 1e-20))


def _timed(call: Any, *given: Any) -> tuple[Floats, float]:
    start = time.monotonic()
    return call(*given), time.monotonic() - start


def main() -> None:
    """Print the table. What runs ours is the best that is installed: OpenVINO, else onnxruntime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="A small network instead of one of the real size.")
    small = parser.parse_args().small
    runtime = "OpenVINO" if openvino.ready() else "onnxruntime"
    print(f"| song | {runtime} f32, dB | bf16, dB | seconds: audio-separator, f32, bf16 |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_random_uvr.mdx(folder, small)
        for seconds in SECONDS:
            sound = np.random.default_rng(1).standard_normal((2, round(seconds * RATE))).astype(np.float32) / 10
            theirs, took = _timed(demix, folder, sound)
            rows = [_timed(ours, folder, sound, precision) for precision in ("f32", "bf16")]
            figures = [f"{difference_db(found, theirs):.0f}" for found, _ in rows]
            times = ", ".join(f"{one:.1f}" for one in (took, *(one for _, one in rows)))
            print(f"| {seconds:g} s | {' | '.join(figures)} | {times} |", flush=True)


if __name__ == "__main__":
    main()
