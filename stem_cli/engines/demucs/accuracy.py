"""How exactly a converted network runs in each precision, measured once, on the song that ships with stem-cli.

What a rounding does to the sound depends on the weights: for one network bfloat16 errs by -43 dB, for another by -22.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.audio import Mix
from stem_cli.demo import song_path
from stem_cli.engines.demucs import core
from stem_cli.engines.runtime import hardware, openvino

Floats = NDArray[np.float32]

LARGEST_ERRORS_DB = {"f32": -80.0, "bf16": -40.0}
"""Power of the error against that of the stems, by precision: float32 has to be what torch gives; -40 dB of error are
far below the -9 dB of the best separators and move their SDR by less than 0.02 dB."""
_FIRST_SECOND = 14.0
"""Of the excerpt: all instruments and the voice play."""


def reference(network: Any, frames: int) -> Floats:
    """What a torch network makes of an excerpt of so many frames: float32 [stems, 2, frames]."""
    import torch

    with torch.inference_mode():
        found: Floats = network(torch.from_numpy(_excerpt(frames)[None]))[0].numpy()
    return found


def measure(path: Path, wanted: Floats, cache: Path) -> dict[str, float]:
    """The error in dB of a converted network in each precision that this CPU knows.

    wanted: the `reference` of the network that the file `path` was made from. cache: as for `openvino.load`.
    """
    frames, threads = wanted.shape[-1], os.cpu_count() or 1
    errors = {}
    for precision in ("f32", "bf16") if hardware().bf16 else ("f32",):
        run = openvino.load(path, precision, threads, cache)
        network = core.CoreNetwork(run, len(wanted), frames, frames, threads)
        errors[precision] = round(error_db(network.forward(_excerpt(frames)[None])[0], wanted), 1)
        del run, network  # one at a time: each takes the memory of a separation
    return errors


def exact_enough(errors_db: Mapping[str, float], precision: str) -> bool:
    """Whether what was measured allows this precision; what was not measured does not."""
    return errors_db.get(precision, 0.0) <= LARGEST_ERRORS_DB[precision]


def error_db(found: Floats, wanted: Floats) -> float:
    """Power of the difference against that of what is wanted; never below -200."""
    lost = np.square(found - wanted, dtype=np.float64).sum()
    return 10 * float(np.log10(lost / np.square(wanted, dtype=np.float64).sum() + 1e-20))


def _excerpt(frames: int) -> Floats:
    """Float32 [2, frames], mean 0, deviation 1. A network of another rate hears it higher or lower: no matter."""
    with song_path() as path:
        mix = Mix.open(path, (_FIRST_SECOND, None))
        sound = np.concatenate(list(mix.blocks()), axis=1)
    sound = np.resize(sound, (2, frames)) if sound.shape[1] < frames else sound[:, :frames]
    normalised: Floats = ((sound - sound.mean()) / sound.std()).astype(np.float32)
    return normalised
