"""How much memory a model needs, estimated before it is opened: a process that takes too much is killed without a word.

Measured as the growth of the peak of resident memory, with random weights of the real sizes (htdemucs, hdemucs_mmi and
the first of mdx), one segment at once, segments of 5 to 44 s, torch 2.13 and OpenVINO 2026, 2 cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from stem_cli.engines.demucs.package import Package
from stem_cli.engines.runtime import available_bytes
from stem_cli.errors import EngineError

_GIGABYTE = 1e9
_PROGRAM_BYTES = 0.25 * _GIGABYTE
"""Of torch or OpenVINO themselves, and of everything around the network: decoding, writing."""
_WEIGHTS = {"HTDemucs": 168e6 / 48**2, "HDemucs": 335e6 / 48**2, "Demucs": 535e6 / 64**2}
"""Bytes in float32, by the square of the channels of the first layer."""
_TORCH = {"HTDemucs": 38.0, "HDemucs": 41.0, "Demucs": 27.0}
"""Bytes by frame of a segment and channel of the first layer. Networks run in turn: the largest counts."""
_OPENVINO_WEIGHTS, _OPENVINO = 2.9, 21.0
"""The weights that often, and bytes by frame and channel of the first layer. Each network keeps its own."""
_OVERLAP = 3 * 2 * 4.0
"""Bytes by frame and stem of one network, of two channels that wait for the next segment."""
ADVISED = 0.95
"""Of what is free, in an advice: until it is followed, a little of it may be taken. No measurement."""
LEAST_SECONDS = 6
"""Of a segment: a shorter one hears too little of the song around it."""
_CHANNELS, _SECONDS = 64, 40.0
"""Of networks whose files do not say so: the defaults of package demucs 4.1.0, or a little more."""


@dataclass(frozen=True)
class Size:
    """One network. klass: HTDemucs, HDemucs or Demucs. channels: of its first layer, 48 or 64 in the published ones.

    seconds: its own segment.
    """

    klass: str
    channels: int
    seconds: float = _SECONDS

    @property
    def weights_bytes(self) -> float:
        """About, in float32."""
        return _WEIGHTS[self.klass] * self.channels**2


@dataclass(frozen=True)
class Need:
    """Bytes: fixed ones and those for each frame of a segment. free: segments may be as short as one likes."""

    fixed: float
    per_frame: float
    free: bool

    def of(self, frames: int) -> float:
        """With segments of so many frames."""
        return self.fixed + self.per_frame * frames


def size_of(package: Package) -> Size:
    """What stands in the file of a network; where that makes no sense, what the published ones have."""
    channels, seconds = package.kwargs.get("channels"), package.kwargs.get("segment")
    return Size(
        klass=package.klass.rpartition(".")[2],
        channels=channels if isinstance(channels, int) else _CHANNELS,
        seconds=float(seconds) if isinstance(seconds, int | float | Fraction) else _SECONDS,
    )


def need(networks: Sequence[Size], stems: int, openvino: bool) -> Need:
    """What a model of these networks needs on the CPU."""
    weights = sum(network.weights_bytes for network in networks)
    shared = _OVERLAP * stems * len(networks)
    free = all(network.klass != "HTDemucs" for network in networks)
    if openvino:
        each = sum(_OPENVINO * network.channels for network in networks)
        return Need(_PROGRAM_BYTES + _OPENVINO_WEIGHTS * weights, shared + each, free)
    largest = max(_TORCH[network.klass] * network.channels for network in networks)
    return Need(_PROGRAM_BYTES + weights, shared + largest, free)


def require(wanted: Need, frames: int, rate: int) -> None:
    """Raises EngineError where this machine has not that much memory left for segments of so many frames."""
    fault = too_much(wanted, frames, rate, available_bytes())
    if fault is not None:
        raise fault


def too_much(wanted: Need, frames: int, rate: int, available: int) -> EngineError | None:
    """The error of a model that needs more than is available, None where it fits.

    >>> str(too_much(need([Size("HDemucs", 48)], 4, openvino=False), 44 * 44100, 44100, 2_000_000_000))
    'this model needs about 4.6 GB for segments of 44 s, 2.0 GB are free. Choose --segment 14, or --engine builtin.'
    """
    if wanted.of(frames) <= available:
        return None
    what = (
        f"this model needs about {wanted.of(frames) / _GIGABYTE:.1f} GB for segments of {frames / rate:.3g} s, "
        f"{available / _GIGABYTE:.1f} GB are free"
    )
    fitting = int((ADVISED * available - wanted.fixed) / wanted.per_frame / rate)
    if wanted.free and fitting >= LEAST_SECONDS:
        return EngineError(what, None, f"Choose --segment {fitting}, or --engine builtin.")
    return EngineError(what, None, "End other programs, or choose --engine builtin.")
