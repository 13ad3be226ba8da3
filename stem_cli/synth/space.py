"""The room around the sounds: reverb, echoes, a doubled voice, and the ducking under the kick that pumps."""

from __future__ import annotations

import numpy as np

from stem_cli.synth.filters import Audio, highpass, lowpass, shape
from stem_cli.synth.song import Hit, dice

EARLY = ((0.011, 0.5), (0.017, -0.4), (0.023, 0.35), (0.031, -0.3))
"""First reflections of the room: seconds and level; on the right they come a little later."""

PREDELAY_SECONDS = 0.018
DUCK_ATTACK_SECONDS = 0.003
FEEDBACK = 0.35  # of each echo in the next


def room(seconds: float, rate: int, seed: int) -> Audio:
    """The impulse response of a room, [2, frames] of energy 1 each: ``seconds`` until it has fallen by 60 dB.

    Noise that falls exponentially, its treble twice as fast as its bass, after a few early reflections.
    """
    time = np.arange(round(seconds * rate)) / rate
    noise = dice(seed, "room").standard_normal((2, time.size))
    fall = np.log(1000) / seconds
    dark = shape(noise, rate, lambda f: lowpass(f, 2500.0)) * np.exp(-fall * time)
    bright = shape(noise, rate, lambda f: highpass(f, 2500.0)) * np.exp(-2 * fall * time)
    tail = dark + 0.35 * bright
    tail *= np.clip((time - PREDELAY_SECONDS) / 0.01, 0, 1)
    for side, stretch in enumerate((1.0, 1.13)):
        for late, level in EARLY:
            tail[side, min(round(late * stretch * rate), time.size - 1)] += level * 20
    tail = shape(tail, rate, lambda f: highpass(f, 180.0))
    return np.asarray(tail / np.sqrt(np.sum(tail * tail, axis=1, keepdims=True)))


def echoes(signal: Audio, seconds: float, rate: int) -> Audio:
    """Three echoes of the signal [2, frames] without itself, each quieter, thrown from side to side."""
    out = np.zeros_like(signal)
    mono = shape(signal.mean(axis=0), rate, lambda f: lowpass(f, 3500.0) * highpass(f, 300.0))
    for count in range(1, 4):
        late = round(count * seconds * rate)
        if late >= mono.size:
            break
        pan = np.array([[0.9], [0.35]]) if count % 2 else np.array([[0.35], [0.9]])
        out[:, late:] += pan * FEEDBACK ** (count - 1) * mono[: mono.size - late]
    return out


def double(signal: Audio, level: float, rate: int) -> Audio:
    """A mono voice [frames] as [2, frames]: itself in the middle, and two wavering copies of it at the sides."""
    time = np.arange(signal.size)
    sides = []
    for late, depth, speed in ((0.013, 0.0014, 0.61), (0.019, 0.0012, 0.83)):
        places = time - rate * (late + depth * np.sin(2 * np.pi * speed * time / rate))
        sides.append(np.interp(places, time, signal, left=0.0))
    return np.asarray(signal + level * np.stack(sides))


def duck(kicks: tuple[Hit, ...], depth: float, seconds: float, rate: int, frames: int) -> Audio:
    """A gain [frames]: 1, and after each kick down to 1 - depth and back within ``seconds``."""
    gain = np.ones(frames)
    time = np.arange(round(seconds * rate)) / rate
    curve = 1 - depth * np.minimum(1, time / DUCK_ATTACK_SECONDS) * (0.5 + 0.5 * np.cos(np.pi * time / seconds))
    for kick in kicks:
        first = round(kick.start * rate)
        here = gain[first : first + curve.size]
        np.minimum(here, curve[: here.size], out=here)
    return gain
