"""Loudness after ITU-R BS.1770-4, peak, RMS and bandwidth, measured while a song streams by."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from threading import Thread

import numpy as np
from numpy.typing import NDArray

HOP_SECONDS = 0.1
_HOPS_PER_BLOCK = 4  # 400 ms blocks with 75 % overlap
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_DB = -0.691

# The two stages of K-weighting as analogue prototypes, so that they hold at any rate: libebur128's constants, which
# reproduce the 48 kHz table of BS.1770 to 1e-12.
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_PASS_HZ, _PASS_Q = 38.13547087602444, 0.5003270373238773
_SHELF_POWER = 0.4996667741545416

BANDWIDTH_FLOOR_DB = -80.0
"""A band counts as present while its mean power is not further than this below the strongest band's."""
_SPECTRUM_FRAMES = 8192

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """peak_db, rms_db: dBFS; lufs: integrated loudness; all -inf for silence. bandwidth_hz: 0 for silence."""

    peak_db: float
    rms_db: float
    lufs: float
    bandwidth_hz: float


def decibels(ratio: float) -> float:
    """20 log10 of an amplitude ratio; -inf for 0."""
    return 20 * math.log10(ratio) if ratio > 0 else -math.inf


def k_weighting(rate: int) -> NDArray[np.float64]:
    """The K-weighting filter for a sample rate as two second-order sections [2, 6]."""
    k = math.tan(math.pi * _SHELF_HZ / rate)
    high = 10 ** (_SHELF_DB / 20)
    band = high**_SHELF_POWER
    a0 = 1 + k / _SHELF_Q + k * k
    shelf = [
        (high + band * k / _SHELF_Q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / _SHELF_Q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / _SHELF_Q + k * k) / a0,
    ]
    k = math.tan(math.pi * _PASS_HZ / rate)
    d = 1 + k / _PASS_Q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / d, (1 - k / _PASS_Q + k * k) / d]
    return np.array([shelf, high_pass])


@cache
def _import_ahead() -> None:
    """In a thread of its own, which Python waits for when it ends: to go away during an import is to crash."""
    Thread(target=import_module, args=("scipy.signal",), name="import").start()


@dataclass
class Meter:
    """Held open over the blocks of one sound: `add` each block, then ask for `levels`.

    Memory: eight bytes per 100 ms. Mono counts as one channel (no +3 dB), as BS.1770 says.
    """

    rate: int
    channels: int
    _peak: float = 0.0
    _squares: float = 0.0
    _frames: int = 0
    _hops: array[float] = field(default_factory=lambda: array("d"))
    _left: Array | None = None
    _state: NDArray[np.float64] | None = None
    _spectrum: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """What `add` needs takes 0.7 s to import: begun now, it is there when the first block comes."""
        _import_ahead()

    def add(self, block: Array) -> None:
        """Take float32 [channels, frames] of full scale 1."""
        if not block.shape[1]:
            return
        low, high = float(block.min()), float(block.max())
        self._peak = max(self._peak, -low, high)
        self._frames += block.shape[1]
        self._squares += sum(float(np.dot(row, row)) for row in block)
        self._add_spectrum(block)
        self._add_hops(block)

    def levels(self) -> Levels:
        """What was measured so far."""
        rms = math.sqrt(self._squares / (self._frames * self.channels)) if self._frames else 0.0
        return Levels(decibels(self._peak), decibels(rms), _integrated(np.array(self._hops)), self._bandwidth())

    def _add_hops(self, block: Array) -> None:
        from scipy.signal import sosfilt

        sections = k_weighting(self.rate)
        if self._state is None:
            self._state = np.zeros((len(sections), self.channels, 2))
        weighted, self._state = sosfilt(sections, block, axis=1, zi=self._state)
        ready = weighted if self._left is None else np.concatenate([self._left, weighted], axis=1)
        hop = round(self.rate * HOP_SECONDS)
        whole = ready.shape[1] // hop
        cut = ready[:, : whole * hop].reshape(self.channels, whole, hop)
        self._hops.frombytes((np.einsum("cwh,cwh->w", cut, cut, dtype=np.float64) / hop).tobytes())
        self._left = ready[:, whole * hop :].copy()

    def _add_spectrum(self, block: Array) -> None:
        """One spectrum a block is enough to see where the sound ends."""
        size = min(_SPECTRUM_FRAMES, block.shape[1])
        if size < _SPECTRUM_FRAMES and self._spectrum is not None:
            return
        mono = np.zeros(_SPECTRUM_FRAMES)
        mono[:size] = block[0, :size] * np.hanning(size)
        power = np.abs(np.fft.rfft(mono)) ** 2
        self._spectrum = power if self._spectrum is None else self._spectrum + power

    def _bandwidth(self) -> float:
        if self._spectrum is None or not self._spectrum.max() > 0:
            return 0.0
        present = np.flatnonzero(self._spectrum > self._spectrum.max() * 10 ** (BANDWIDTH_FLOOR_DB / 10))
        return float(present[-1] * self.rate / _SPECTRUM_FRAMES)


def _integrated(hops: NDArray[np.float64]) -> float:
    """Integrated loudness in LUFS of mean squares per 100 ms; -inf where nothing passes the gate."""
    if len(hops) < _HOPS_PER_BLOCK:
        return -math.inf
    blocks = np.convolve(hops, np.full(_HOPS_PER_BLOCK, 1 / _HOPS_PER_BLOCK), "valid")
    loud = blocks[blocks > 10 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET_DB) / 10)]
    if not len(loud):
        return -math.inf
    gate = loud.mean() * 10 ** (_RELATIVE_GATE_LU / 10)
    return float(_OFFSET_DB + 10 * np.log10(loud[loud > gate].mean()))
