"""The last step of a record: each stem at its level, and one gain for all of them that keeps the peaks down.

The gain moves with time but is common to the stems, so they still add up to the mix exactly.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stem_cli.synth.filters import Audio

CEILING = 10 ** (-1.0 / 20)  # -1 dBFS
BLOCK_SECONDS = 0.4  # loudness is measured in blocks this long, as in ITU-R BS.1770
LOUD_PART = 90  # percentile of the blocks that counts as "where it plays loud"
LOOK_SECONDS = 0.008  # the limiter sees this far ahead and behind: longer than half a wave of the kick


def loudness(signal: Audio, rate: int) -> float:
    """RMS of [2, frames] where it plays loud; 0 for silence."""
    size = max(1, min(signal.shape[1], round(BLOCK_SECONDS * rate)))
    count = signal.shape[1] // size
    power = np.mean(signal[:, : count * size].reshape(2, count, size) ** 2, axis=(0, 2))
    playing = power[power > 1e-9]
    return float(np.sqrt(np.percentile(playing, LOUD_PART))) if playing.size else 0.0


def balance(stems: Mapping[str, Audio], levels: Mapping[str, float], rate: int) -> dict[str, Audio]:
    """The stems at their levels in dB, measured where each plays loud."""
    now = {name: loudness(stem, rate) for name, stem in stems.items()}
    return {name: stem * (10 ** (levels[name] / 20) / now[name] if now[name] else 0.0) for name, stem in stems.items()}


def limit(mix: Audio, rate: int) -> Audio:
    """A gain [frames] that brings every peak of the mix [2, frames] under the ceiling.

    The gain each sample needs, held at its lowest over the look ahead and behind, then smoothed over half of that:
    an average of values that are all low enough is low enough.
    """
    need = np.minimum(1.0, CEILING / np.maximum(np.max(np.abs(mix), axis=0), 1e-9))
    reach = max(1, round(LOOK_SECONDS * rate))
    held = _lowest(need, reach)
    total = np.cumsum(np.pad(held, (reach + 1, reach), mode="edge"))
    return np.asarray(np.minimum((total[2 * reach + 1 :] - total[: -2 * reach - 1]) / (2 * reach + 1), 1.0))


def _lowest(track: Audio, reach: int) -> Audio:
    """The lowest value within ``reach`` samples on either side, by doubling the width of what is known."""
    width, known = 1, np.pad(track, reach, mode="edge")
    while 2 * width <= 2 * reach + 1:
        known = np.minimum(known[:-width], known[width:])
        width *= 2
    rest = 2 * reach + 1 - width
    return np.minimum(known[: known.size - rest], known[rest:]) if rest else known


def master(stems: Mapping[str, Audio], loud_db: float, rate: int) -> dict[str, Audio]:
    """The stems with their common gain: the mix is ``loud_db`` (dB RMS) where it plays loud, and peaks at -1 dBFS."""
    mix = np.sum(list(stems.values()), axis=0)
    push = 10 ** (loud_db / 20) / max(loudness(mix, rate), 1e-9)
    gain = push * limit(push * mix, rate)
    return {name: stem * gain for name, stem in stems.items()}
