"""Pitched instruments that are not voices: saws and a sub through a moving filter, for bass, pads, stabs and plucks.

Sounds are float64 [2, frames]; the filter is shared by all notes of a part, as in an old string machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stem_cli.synth.filters import Audio, Complex, bandpass, highpass, lowpass, sweep
from stem_cli.synth.song import Note, Section, dice
from stem_cli.synth.theory import hertz

CONTROL_SECONDS = 0.004  # envelopes of the filter are drawn at this step
TOP_HZ = 18000.0  # no filter opens further
LOWEST = 0.6  # nothing is kept below this part of the lowest note's frequency


@dataclass(frozen=True)
class Patch:
    """A sound.

    voices: saws a note. cents: how far the outermost are out of tune. width: 0 in the middle, 1 hard left and right.
    sub: level of a sine on the note itself. attack, decay, release in seconds; sustain 0..1.
    cutoff: Hz of the filter at rest, swing: octaves it jumps up at a note, fall: seconds it takes to come back.
    follow: octaves that a closed section (tone 0) takes off the cutoff. drive: saturation before the filter, 0 is none.
    """

    voices: int = 1
    cents: float = 0.0
    width: float = 0.0
    sub: float = 0.0
    attack: float = 0.004
    decay: float = 0.3
    sustain: float = 0.8
    release: float = 0.03
    cutoff: float = 2000.0
    swing: float = 0.0
    fall: float = 0.12
    resonance: float = 1.0
    follow: float = 0.0
    drive: float = 0.0


PATCHES: dict[str, Patch] = {
    "saw": Patch(sub=0.6, decay=0.25, sustain=0.7, cutoff=650, swing=2.0, fall=0.1, resonance=1.3, drive=1.0),
    "rolling": Patch(sub=1.1, decay=0.12, sustain=0.6, cutoff=300, swing=2.2, fall=0.06, drive=1.2),
    "reese": Patch(voices=3, cents=16, sub=1.0, sustain=0.95, release=0.05, cutoff=520, swing=0.8, fall=0.5, drive=1.4),
    "pad": Patch(voices=5, cents=14, width=1.0, attack=0.12, sustain=0.9, release=0.3, cutoff=5500, follow=3.8),
    "stab": Patch(
        voices=5, cents=11, width=0.8, decay=0.16, sustain=0.55, release=0.07, cutoff=3600, swing=2.0, follow=3.2
    ),
    "pluck": Patch(
        voices=2,
        cents=6,
        width=0.6,
        decay=0.09,
        sustain=0.12,
        release=0.12,
        cutoff=3000,
        swing=2.2,
        fall=0.06,
        follow=2.0,
    ),
    "eight": Patch(sub=1.5, decay=0.8, sustain=0.35, release=0.12, cutoff=150, swing=1.5, fall=0.05, drive=1.6),
    "round": Patch(sub=0.9, decay=0.4, sustain=0.45, release=0.06, cutoff=320, swing=1.5, fall=0.08, drive=0.6),
    "swell": Patch(voices=5, cents=13, width=1.0, attack=0.02, sustain=0.85, release=0.25, cutoff=5000, follow=3.4),
    "guitar": Patch(voices=2, cents=7, width=0.9, decay=0.9, sustain=0.7, cutoff=2400, swing=0.7, follow=1, drive=1.2),
    "keys": Patch(sub=0.8, decay=0.5, sustain=0.25, release=0.15, cutoff=900, swing=1.8, fall=0.15, follow=1.5),
}
"""Every sound by its name."""


def saw(phase: Audio, step: Audio | float) -> Audio:
    """A saw wave of the phase (in cycles) without most of its aliases: the jump is rounded over two samples.

    step: cycles a sample. This is PolyBLEP (Välimäki, Pekonen and Nam 2012), written without branches.
    """
    turn = phase - np.floor(phase)
    place = turn / step
    after = np.maximum(0, 1 - place)
    before = np.maximum(0, place - (1 / step - 1))
    return np.asarray(2 * turn - 1 + after * after - before * before)


def _envelope(patch: Patch, held: float, rate: int) -> Audio:
    """Attack, decay to the sustain, and from the let-go a release that ends at exactly 0."""
    time = np.arange(round((held + patch.release) * rate)) / rate
    level = patch.sustain + (1 - patch.sustain) * np.exp(-np.maximum(time - patch.attack, 0) / patch.decay)
    gate = np.clip(1 - (time - held) / patch.release, 0, 1)
    return np.asarray(np.minimum(1, time / patch.attack) * level * gate**2)


def _voices(pitch: int, frames: int, rate: int, patch: Patch, random: np.random.Generator) -> Audio:
    """All saws of one note and its sub, [2, frames]; neighbours in tuning go to opposite sides."""
    spread = np.linspace(-1, 1, patch.voices) if patch.voices > 1 else np.zeros(1)
    steps = hertz(pitch) * 2 ** (patch.cents * spread / 1200) / rate
    time = np.arange(frames)
    sides = patch.width * np.where(np.arange(patch.voices) % 2, 1.0, -1.0) * np.abs(np.sign(spread))
    angles = np.pi / 4 * (1 + sides)
    out = np.zeros((2, frames))
    starts = random.random(patch.voices) if patch.voices > 1 else np.array([0.5])  # 0.5: in phase with the sub
    for step, angle, start in zip(steps, angles, starts, strict=True):
        wave = saw(start + step * time, step)
        out += np.array([[np.cos(angle)], [np.sin(angle)]]) * wave
    out /= np.sqrt(patch.voices)
    return np.asarray(out + patch.sub * np.sin(2 * np.pi * hertz(pitch) / rate * time))


def _opening(
    notes: tuple[Note, ...], sections: tuple[Section, ...], patch: Patch, seconds: float
) -> tuple[Audio, Audio]:
    """The cutoff of the filter through the song: (times, Hz)."""
    times = np.arange(0, seconds, CONTROL_SECONDS)
    starts = np.array(sorted({note.start for note in notes}))
    last = starts[np.maximum(0, np.searchsorted(starts, times, side="right") - 1)]
    jump = patch.swing * np.exp(-np.maximum(0, times - last) / patch.fall) * (times >= last)
    edges = [(at, tone) for part in sections for at, tone in zip((part.start, part.end - 1e-6), part.tone, strict=True)]
    tone = np.interp(times, [at for at, _ in edges], [tone for _, tone in edges])
    return times, np.minimum(TOP_HZ, patch.cutoff * 2 ** (jump - patch.follow * (1 - tone)))


def play(
    notes: tuple[Note, ...], patch: Patch, rate: int, frames: int, sections: tuple[Section, ...], seed: int
) -> Audio:
    """The notes in that sound, [2, frames]; silence where there are none."""
    out = np.zeros((2, frames))
    if not notes:
        return out
    random = dice(seed, f"phases {notes[0].part}")
    for note in notes:
        envelope = _envelope(patch, note.seconds, rate)
        first = round(note.start * rate)
        room = max(0, min(envelope.size, frames - first))
        tone = _voices(note.pitch, room, rate, patch, random)
        out[:, first : first + room] += note.velocity * envelope[:room] * tone
    lowest = LOWEST * hertz(min(note.pitch for note in notes))
    times, cutoff = _opening(notes, sections, patch, frames / rate + CONTROL_SECONDS)

    def response(at: Audio, frequencies: Audio) -> Complex:
        moved = lowpass(frequencies, np.interp(at, times, cutoff), patch.resonance)
        return np.asarray(moved * highpass(frequencies, lowest))

    return sweep(np.tanh(patch.drive * out) if patch.drive else out, rate, response)


def rise(note: Note, rate: int, seed: int) -> Audio:
    """A riser, [2, frames]: noise and a saw that climb for the length of the note and stop where it ends.

    The saw glides two octaves up to the note's pitch; the band of noise opens from 300 Hz to 9 kHz.
    """
    frames = round(note.seconds * rate)
    along = np.linspace(0, 1, frames)
    step = hertz(note.pitch) * 2 ** (2 * along - 2) / rate
    phase = np.cumsum(step)
    tone = np.stack([saw(phase, step), saw(phase * 1.006, step)])
    noise = dice(seed, "riser").standard_normal(frames)
    swell = along**1.5 * np.minimum(1, (1 - along) * note.seconds / 0.01)

    def response(at: Audio, frequencies: Audio) -> Complex:
        return bandpass(frequencies, 300.0 * 30.0 ** np.clip(at / note.seconds, 0, 1), 0.7)

    return np.asarray(note.velocity * swell * sweep(0.7 * noise + 0.25 * tone, rate, response))
