"""How exactly a converted network runs in each precision, measured once, on the song that ships with stem-cli.

What a rounding does to the sound depends on the weights: for one network bfloat16 errs by -43 dB, for another by -22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.audio import Mix
from stem_cli.demo import song_path
from stem_cli.engines.runtime.machine import hardware, precision_for

Floats = NDArray[np.float32]

LARGEST_ERRORS_DB = {"f32": -80.0, "bf16": -40.0}
"""Power of the error against that of the stems, by precision: float32 has to be what torch gives; -40 dB of error are
far below the -9 dB of the best separators and move their SDR by less than 0.02 dB."""
_FIRST_SECOND = 14.0
"""Of the excerpt: all instruments and the voice play."""


def excerpt(frames: int) -> Floats:
    """Float32 [2, frames] of the demo song. A network of another rate hears it higher or lower: no matter."""
    with song_path() as path:
        mix = Mix.open(path, (_FIRST_SECOND, None))
        sound = np.concatenate(list(mix.blocks()), axis=1)
    return np.resize(sound, (2, frames)) if sound.shape[1] < frames else sound[:, :frames]


def reference(network: Any, sound: Floats) -> Floats:
    """What a torch network makes of a segment float32 [2, frames]: float32 [stems, 2, frames]."""
    import torch

    with torch.inference_mode():
        found: Floats = network(torch.from_numpy(np.ascontiguousarray(sound)[None]))[0].numpy()
    return found


def measure(opened: Callable[[str], Callable[[Floats], Floats]], sound: Floats, wanted: Floats) -> dict[str, float]:
    """The error in dB of a converted network in each precision that this CPU knows.

    opened: by precision, the network as a function of a batch of segments. wanted: the `reference` of `sound`.
    """
    errors = {}
    for precision in ("f32", "bf16") if hardware().bf16 else ("f32",):
        forward = opened(precision)
        errors[precision] = round(error_db(forward(sound[None])[0], wanted), 1)
        del forward  # one at a time: each takes the memory of a separation
    return errors


def exact_enough(errors_db: Mapping[str, float], precision: str) -> bool:
    """Whether what was measured allows this precision; what was not measured does not."""
    return errors_db.get(precision, 0.0) <= LARGEST_ERRORS_DB[precision]


def best_way(wanted: str, device: str, errors_db: Mapping[str, float] | None, by_torch_too: bool) -> tuple[str, bool]:
    """The precision to run a network in, and whether OpenVINO runs it.

    wanted: "auto", or what the user demands, however rough. errors_db: of the converted network, None where there is
    none. by_torch_too: torch could run it instead, as it does where OpenVINO is not even exact in float32.
    """
    converted = errors_db is not None
    precision = precision_for(wanted, device, converted)
    if errors_db is not None and wanted == "auto" and not exact_enough(errors_db, precision):
        precision = "f32"
    if errors_db is not None and precision == "f32" and not exact_enough(errors_db, "f32") and by_torch_too:
        converted = False
    return precision, converted


def error_db(found: Floats, wanted: Floats) -> float:
    """Power of the difference against that of what is wanted; never below -200."""
    lost = np.square(found - wanted, dtype=np.float64).sum()
    return 10 * float(np.log10(lost / np.square(wanted, dtype=np.float64).sum() + 1e-20))
