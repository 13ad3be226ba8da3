"""Drums: each stroke made from sines and noise, and the whole kit played from a list of hits.

Strokes are float64 [2, frames], near full scale, and begin at their first sample: a hit is heard when it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stem_cli.synth.filters import Audio, bandpass, highpass, lowpass, shape
from stem_cli.synth.song import Hit, dice

TAKES = 3  # strokes of each drum that differ a little, played in turn
LOWEST_HZ = 22.0  # below the lowest kick; takes away any direct current
AIR_HZ = 12500.0  # cymbals fall above this, as they do on a mastered record
FADE_SECONDS = 0.004  # at the end of every stroke

METAL = (2.0, 3.0, 4.16, 5.43, 6.79, 8.21)
"""Ratios of the six square waves in the cymbals of a TR-808, as measured in many accounts of its circuit."""


@dataclass(frozen=True)
class Kit:
    """How a kit is tuned. Hz and seconds; ``drive`` is how hard each stroke is pushed into saturation."""

    kick: float = 49.0
    kick_seconds: float = 0.32
    click: float = 0.35
    snare: float = 190.0
    snare_seconds: float = 0.2
    clap: float = 1250.0
    shaker: float = 6800.0
    metal: float = 270.0
    drive: float = 1.2


KITS: dict[str, Kit] = {
    "club": Kit(),
    "hard": Kit(kick=46.0, kick_seconds=0.4, click=0.5, snare=170.0, metal=300.0, drive=2.0),
    "break": Kit(kick=55.0, kick_seconds=0.22, click=0.45, snare=205.0, snare_seconds=0.26, metal=250.0, drive=1.5),
    "dusty": Kit(kick=54.0, kick_seconds=0.24, click=0.3, snare=185.0, snare_seconds=0.22, metal=240.0, drive=1.8),
    "trap": Kit(kick=47.0, kick_seconds=0.36, click=0.35, snare=220.0, clap=1400.0, metal=340.0, drive=1.6),
    "rock": Kit(kick=62.0, kick_seconds=0.2, click=0.6, snare=180.0, snare_seconds=0.3, metal=310.0, drive=1.3),
    "brush": Kit(kick=58.0, kick_seconds=0.22, click=0.15, snare=200.0, snare_seconds=0.16, metal=260.0, drive=1.0),
}

SPREAD = 0.08  # how far a song's drums are tuned from the kit's, at most, as a fraction

LEVELS_DB = {
    "kick": 0.0,
    "snare": -5.0,
    "clap": -2.5,
    "closed_hat": -10.0,
    "open_hat": -8.5,
    "ride": -16.0,
    "shaker": -18.0,
    "crash": -8.0,
}
"""How loud each drum is played, against the kick."""


def _times(seconds: float, rate: int) -> Audio:
    return np.arange(round(seconds * rate)) / rate


def _noise(frames: int, random: np.random.Generator) -> Audio:
    """Left and right noise that are mostly the same: wide, but not hollow in mono."""
    both, sides = random.standard_normal(frames), random.standard_normal((2, frames))
    return np.asarray(0.95 * both + 0.3 * sides)


def _kick(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    """A sine that falls from a click to its note; the phase is the integral of the falling pitch."""
    time = _times(kit.kick_seconds + 0.1, rate)
    phase = kit.kick * time + 3.2 * kit.kick * 0.022 * (1 - np.exp(-time / 0.022))
    phase += 14.0 * kit.kick * 0.003 * (1 - np.exp(-time / 0.003))
    hold = np.minimum(1.0, np.exp(-(time - 0.5 * kit.kick_seconds) / (0.22 * kit.kick_seconds)))
    body = np.tanh(1.3 * np.sin(2 * np.pi * phase) * hold)
    click = shape(random.standard_normal(time.size) * np.exp(-time / 0.0025), rate, lambda f: highpass(f, 2500.0))
    return np.asarray(np.stack([body + kit.click * click] * 2))


def _snare(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    """Two modes of the skin and the rattle of the wires."""
    time = _times(kit.snare_seconds + 0.1, rate)
    bend = 1 + 0.25 * np.exp(-time / 0.012)
    skin = sum(
        level * np.sin(2 * np.pi * np.cumsum(kit.snare * ratio * bend) / rate) * np.exp(-time / decay)
        for ratio, level, decay in ((1.0, 0.7, 0.07), (1.75, 0.35, 0.045))
    )
    wires = _noise(time.size, random) * (np.exp(-time / (kit.snare_seconds / 3)) + 0.8 * np.exp(-time / 0.008))
    wires = shape(wires, rate, lambda f: highpass(f, 1100.0) * lowpass(f, 11000.0))
    return np.asarray(skin + 0.32 * wires)


def _clap(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    """Four hands that miss each other by a hundredth of a second, and the room behind them."""
    time = _times(0.3, rate)
    late = np.concatenate([[0.0], np.cumsum(random.uniform(0.008, 0.012, 3))])
    bursts = sum(np.where(time >= start, np.exp(-np.maximum(time - start, 0) / 0.006), 0) for start in late)
    envelope = bursts + 0.7 * np.where(time >= late[-1], np.exp(-np.maximum(time - late[-1], 0) / 0.055), 0)
    hands = shape(_noise(time.size, random) * envelope, rate, lambda f: bandpass(f, kit.clap, 0.9) * highpass(f, 500.0))
    air = shape(_noise(time.size, random) * envelope, rate, lambda f: bandpass(f, 4200.0, 1.2))
    return np.asarray(0.9 * hands + 0.25 * air)


def _cymbal(kit: Kit, rate: int, random: np.random.Generator, decay: float, cutoff: float, metal: float) -> Audio:
    """Squares that do not fit together, and noise, above ``cutoff``; ``decay`` in seconds to a third."""
    time = _times(5 * decay + 0.02, rate)
    tune = kit.metal * random.uniform(0.99, 1.01)
    rings = sum(np.sign(np.sin(2 * np.pi * (tune * ratio * time + random.random()))) for ratio in METAL)
    band = shape(metal * rings + _noise(time.size, random), rate, lambda f: highpass(f, cutoff) * lowpass(f, AIR_HZ))
    return np.asarray(0.5 * band * (np.exp(-time / decay) + 0.5 * np.exp(-time / 0.006)))


def _closed_hat(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    return _cymbal(kit, rate, random, 0.028, 6000.0, 0.25)


def _open_hat(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    return _cymbal(kit, rate, random, 0.085, 5200.0, 0.3)


def _ride(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    return _cymbal(kit, rate, random, 0.22, 4200.0, 0.6)


def _crash(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    return _cymbal(kit, rate, random, 0.5, 2800.0, 0.15)


def _shaker(kit: Kit, rate: int, random: np.random.Generator) -> Audio:
    """Grains in a tube: noise that swells for a moment before it falls."""
    time = _times(0.11, rate)
    noise = shape(_noise(time.size, random), rate, lambda f: bandpass(f, kit.shaker, 0.7) * highpass(f, 3500.0))
    return np.asarray(2.0 * noise * (0.3 + 0.7 * np.minimum(1.0, time / 0.006)) * np.exp(-time / 0.025))


DRUMS: dict[str, Callable[[Kit, int, np.random.Generator], Audio]] = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "closed_hat": _closed_hat,
    "open_hat": _open_hat,
    "ride": _ride,
    "crash": _crash,
    "shaker": _shaker,
}
"""Every drum by its name: (kit, rate, random numbers) -> one stroke."""


def tuned(kit: Kit, seed: int) -> Kit:
    """The kit as one song has it: every drum tuned a little differently."""
    kick, snare, metal, length = 1 + SPREAD * dice(seed, "kit").uniform(-1, 1, 4)
    return replace(
        kit,
        kick=kit.kick * kick,
        snare=kit.snare * snare,
        metal=kit.metal * metal,
        kick_seconds=kit.kick_seconds * length,
    )


def strokes(drum: str, kit: Kit, rate: int, seed: int) -> list[Audio]:
    """The takes of one drum at its level: saturated, without what no speaker plays, faded at their ends."""
    random = dice(seed, f"drum {drum}")
    gain = kit.drive * 10 ** (LEVELS_DB[drum] / 20)
    takes = [np.tanh(gain * DRUMS[drum](kit, rate, random)) / kit.drive for _ in range(TAKES)]
    return [_fade(shape(take, rate, lambda f: highpass(f, LOWEST_HZ)), rate) for take in takes]


def _fade(stroke: Audio, rate: int) -> Audio:
    left = np.arange(stroke.shape[1], 0, -1) - 1
    return np.asarray(stroke * np.minimum(1, left / (FADE_SECONDS * rate)))


def play(hits: tuple[Hit, ...], kit: Kit, rate: int, frames: int, seed: int) -> Audio:
    """The hits on the kit, float64 [2, frames]."""
    out = np.zeros((2, frames))
    for drum in sorted({hit.drum for hit in hits}):
        takes = strokes(drum, tuned(kit, seed), rate, seed)
        for count, hit in enumerate(hit for hit in hits if hit.drum == drum):
            first, take = round(hit.start * rate), takes[count % len(takes)]
            room = max(0, min(take.shape[1], frames - first))
            out[:, first : first + room] += hit.velocity * take[:, :room]
    return out
