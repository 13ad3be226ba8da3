"""A singer: a buzzing throat with portamento and vibrato, and a mouth of resonances that moves from vowel to vowel.

Two steps. :func:`gesture` turns notes into slow curves (pitch, loudness, formants), as a singer would plan them;
:func:`sing` turns the curves into sound. A sound is float64 [frames].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stem_cli.synth.filters import Audio, Complex, bandpass, highpass, lowpass, shape, sweep
from stem_cli.synth.phonemes import HUMMED, NOISES, SYLLABLES, VOWELS, Noise, Syllable
from stem_cli.synth.song import Note, dice
from stem_cli.synth.theory import hertz
from stem_cli.synth.tones import saw

CONTROL_RATE = 250  # points a second of the curves
QUICK_SECONDS = 0.07  # time for a glide out of a hum or a quick vowel
MOUTH_SECONDS = 0.022  # standard deviation of the smoothing of formants: how fast a mouth moves
BANDWIDTHS = (75.0, 100.0, 140.0)  # Hz, of the first three formants
NEUTRAL_HZ = (
    550.0  # first formant of a straight tube 16 cm long, closed at the throat; the others are 3, 5, 7 ... times it
)
LOSS = 0.2  # of the tube: its formants are 4 / pi * LOSS * NEUTRAL_HZ = 140 Hz wide
OPENING = 1.05  # singers open their mouth so that the first formant is never below the note they sing
EVENNESS = 0.75  # how far they even out the vowels: 0 not at all, 1 all equally loud
SHORT_SECONDS = 0.2  # a note shorter than this has no time for vibrato


@dataclass(frozen=True)
class Singer:
    """A voice.

    size: of the head, 1 is a woman's, 1.15 a man's. vibrato: Hz, and its depth in semitones.
    portamento: seconds it takes from note to note. breath: level of breath in the vowels.
    tilt: Hz above which the throat's buzz loses another 6 dB an octave.
    """

    size: float = 1.0
    vibrato: float = 5.6
    depth: float = 0.32
    portamento: float = 0.035
    attack: float = 0.03
    release: float = 0.09
    breath: float = 0.08
    tilt: float = 3000.0


SINGERS: dict[str, Singer] = {
    "lead": Singer(),
    "harmony": Singer(size=1.06, vibrato=5.1, depth=0.25, attack=0.05, breath=0.08, tilt=1800.0),
    "chop": Singer(size=0.95, depth=0.0, portamento=0.004, attack=0.008, release=0.05, tilt=3500.0),
}
"""Who sings each part."""


@dataclass(frozen=True)
class Gesture:
    """What a singer does, point by point: times [k], pitch [k] in MIDI numbers, loudness [k], formants [3, k] in Hz."""

    times: Audio
    pitch: Audio
    loudness: Audio
    formants: Audio


def gesture(notes: tuple[Note, ...], singer: Singer, seconds: float, random: np.random.Generator) -> Gesture:
    """The curves for a part. Between notes the mouth already waits in the shape of the next one."""
    times = np.arange(0, seconds + 2 / CONTROL_RATE, 1 / CONTROL_RATE)
    starts = np.array([note.start for note in notes])
    index = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
    ends = np.array([note.end + singer.release for note in notes])
    index = np.where((times > ends[index]) & (index < len(notes) - 1), index + 1, index)
    pitch = np.array([float(note.pitch) for note in notes])[index]
    pitch = _smooth(pitch, singer.portamento) + _ornaments(notes, singer, times, random)
    loudness = np.max([np.zeros(times.size), *(_swell(note, singer, times) for note in notes)], axis=0)
    formants = np.log(np.array(VOWELS["a"]))[:, None] * np.ones(times.size)
    for place, note in enumerate(notes):
        mine = index == place
        formants[:, mine] = _mouth(SYLLABLES[note.text], note, times[mine])
    formants = np.exp([_smooth(track, MOUTH_SECONDS) for track in formants]) / singer.size
    formants[0] = np.maximum(formants[0], OPENING * hertz(pitch))
    return Gesture(times, pitch, loudness / _carrying(pitch, formants) ** EVENNESS, formants)


def _carrying(pitch: Audio, formants: Audio) -> Audio:
    """How loud each moment would come out of that mouth [k]: the first harmonics of a saw, through its formants."""
    harmonics = np.arange(1, 13)[:, None] * hertz(pitch)
    level = np.ones(harmonics.shape)
    for formant, bandwidth in zip(formants, BANDWIDTHS, strict=True):
        level = level * np.abs(_resonance(harmonics, formant, bandwidth))
    return np.asarray(np.sqrt(np.sum((level * hertz(pitch) / harmonics) ** 2, axis=0)))


def _smooth(track: Audio, seconds: float) -> Audio:
    """A track drawn with a soft pencil: a Gaussian of that standard deviation."""
    reach = int(np.ceil(3 * seconds * CONTROL_RATE))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (seconds * CONTROL_RATE)) ** 2)
    return np.asarray(np.convolve(np.pad(track, reach, mode="edge"), bell / bell.sum(), mode="valid"))


def _ornaments(notes: tuple[Note, ...], singer: Singer, times: Audio, random: np.random.Generator) -> Audio:
    """Semitones beside the written pitch: vibrato that grows in long notes, a scoop into phrases, a human drift."""
    offset = np.zeros(times.size)
    drift = _smooth(random.standard_normal(times.size), 0.08)
    offset += 0.25 * singer.depth * drift / (np.std(drift) + 1e-9)
    silent_since = -1.0
    for note in notes:
        mine = (times >= note.start) & (times < note.end + singer.release)
        inside = times[mine] - note.start
        growth = np.clip((inside - SHORT_SECONDS) / 0.3, 0, 1)
        wave = np.sin(2 * np.pi * singer.vibrato * random.uniform(0.95, 1.05) * inside + random.uniform(0, 2))
        offset[mine] += singer.depth * growth * wave
        if note.start - silent_since > 0.15:
            offset[mine] -= 4 * singer.depth * np.exp(-inside / 0.045)
        silent_since = note.end
    return offset


def _swell(note: Note, singer: Singer, times: Audio) -> Audio:
    """Loudness of one note: in within the attack, a slight swell, out within the release; hums are quieter."""
    inside = times - note.start
    rise = np.clip(inside / singer.attack, 0, 1)
    fall = np.clip(1 - (inside - note.seconds) / singer.release, 0, 1)
    swell = 0.85 + 0.15 * np.sin(np.pi * np.clip(inside / note.seconds, 0, 1))
    hum = HUMMED.get(SYLLABLES[note.text].vowels[0], 1.0)
    opened = hum + (1 - hum) * np.clip((inside - 0.5 * QUICK_SECONDS) / (0.5 * QUICK_SECONDS), 0, 1)
    return np.asarray(note.velocity * rise**2 * (3 - 2 * rise) * fall**2 * (3 - 2 * fall) * swell * opened)


def _mouth(syllable: Syllable, note: Note, times: Audio) -> Audio:
    """Logarithms of the formants [3, k] while the mouth goes through the vowels of a note."""
    shapes = np.log(np.array([VOWELS[vowel] for vowel in syllable.vowels]))
    stops = np.linspace(0.25, 0.9, len(shapes)) * note.seconds
    if syllable.quick:
        stops = np.concatenate(
            [[0.0], np.linspace(min(QUICK_SECONDS, note.seconds / 2), note.seconds, len(shapes))[:-1]]
        )
    inside = times - note.start
    return np.stack([np.interp(inside, stops, column) for column in shapes.T])


def sing(notes: tuple[Note, ...], singer: Singer, rate: int, frames: int, seed: int) -> Audio:
    """The notes sung: a saw (a throat's pulses fall about 6 dB an octave once they have left the lips) and breath,
    both through the moving mouth, and the consonants in front of them."""
    if not notes:
        return np.zeros(frames)
    random = dice(seed, f"singer {notes[0].part}")
    plan = gesture(notes, singer, frames / rate, random)
    time = np.arange(frames) / rate
    step = hertz(np.interp(time, plan.times, plan.pitch)) / rate
    phase = np.cumsum(step)
    loudness = np.interp(time, plan.times, plan.loudness)
    pulses = 0.6 + 0.4 * np.cos(2 * np.pi * phase)
    breath = random.standard_normal(frames)
    source = loudness * (saw(phase, step) + singer.breath * pulses * breath)
    whispers, hisses = _consonants(notes, rate, frames, random)

    def response(at: Audio, frequencies: Audio) -> Complex:
        return throat(at, frequencies, plan, singer)

    return sweep(source + whispers, rate, response) + hisses


def throat(at: Audio, frequencies: Audio, plan: Gesture, singer: Singer) -> Complex:
    """The mouth at some times [k, 1] as a filter [k, bins].

    A straight tube resonates as 1 / cosh(loss + i pi f / 2 F); of its formants the first three are moved to where the
    vowel has them, the others stand still. The throat's tilt and the lips are in it too.
    """
    neutral = NEUTRAL_HZ / singer.size
    tube = np.cosh(LOSS * (1 + frequencies / 8000.0) + 0.5j * np.pi * frequencies / neutral)
    still: Complex = np.reciprocal(tube, dtype=np.complex128)
    still *= lowpass(frequencies, 15000.0) * highpass(frequencies, 90.0) / (1 + 1j * frequencies / singer.tilt)
    for place in (1, 3, 5):
        still = np.divide(still, _resonance(frequencies, place * neutral, 4 / np.pi * LOSS * neutral))
    for formant, bandwidth in zip(plan.formants, BANDWIDTHS, strict=True):
        still = still * _resonance(frequencies, np.interp(at, plan.times, formant), bandwidth)
    return still


def _resonance(frequencies: Audio, centre: Audio | float, bandwidth: float) -> Complex:
    """One formant: 1 far below its centre, a peak of centre / bandwidth on it, falling 12 dB an octave above."""
    x = frequencies / centre
    return np.asarray(1 / (1 - x * x + 1j * x * bandwidth / centre))


def _consonants(notes: tuple[Note, ...], rate: int, frames: int, random: np.random.Generator) -> tuple[Audio, Audio]:
    """Noise before the vowels, [frames] each: what still goes through the mouth, and what leaves at the teeth."""
    whispers, hisses = np.zeros(frames), np.zeros(frames)
    for note in notes:
        noise = NOISES.get(SYLLABLES[note.text].noise)
        if noise is None:
            continue
        burst = note.velocity * _burst(noise, rate, random)
        first = round((note.start - noise.gap - noise.seconds) * rate)
        skip = max(0, -first)
        burst = burst[skip : max(skip, frames - first)]
        target = hisses if noise.centre else whispers
        target[first + skip : first + skip + burst.size] += burst
    return whispers, hisses


def _burst(noise: Noise, rate: int, random: np.random.Generator) -> Audio:
    """One consonant: it swells, and dies a little after the vowel has begun."""
    time = np.arange(round(1.4 * noise.seconds * rate)) / rate
    along = time / noise.seconds
    envelope = np.minimum(1, along / 0.5) * np.clip((1.4 - along) / 0.4, 0, 1)
    hiss = random.standard_normal(time.size)
    if noise.centre:
        hiss = shape(hiss, rate, lambda f: bandpass(f, noise.centre, noise.width))
    return np.asarray(noise.level * envelope * hiss)
