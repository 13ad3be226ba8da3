"""From a score to sound: every part played, put in its room, ducked under the kick, and mastered as a record is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stem_cli.errors import UsageError
from stem_cli.stems import FOUR
from stem_cli.synth import drums, master, space, styles, tones, voice
from stem_cli.synth.filters import Audio, convolve
from stem_cli.synth.song import PARTS, Song

Stems = dict[str, NDArray[np.float32]]

LOUD_DB = -10.8  # RMS of the mix where it plays loud: about -11.5 LUFS for the whole song
ROOM_SECONDS = 1.3
REVERB = {"lead": 0.22, "harmony": 0.35, "chop": 0.3, "pad": 0.25, "stab": 0.22, "pluck": 0.3, "riser": 0.1}
ECHO = {"lead": 0.22, "chop": 0.35, "pluck": 0.3}
DOUBLE = {"lead": 0.22, "harmony": 0.6, "chop": 0.3}
DUCKING = {"bass": (0.85, 0.24), "pad": (0.75, 0.3), "stab": (0.45, 0.22), "pluck": (0.4, 0.22), "lead": (0.12, 0.15)}
"""Of each part: how much of it the kick takes away, and seconds until it is back."""

FADE_SECONDS = 0.4  # at the end of the song
RATES = (8000, 384000)


def render(song: Song, rate: int = 44100) -> Stems:
    """The four true stems of a song, float32 [2, frames], in the order of the table of stems.

    Their sum is the mix (see :func:`mix`), which peaks at -1 dBFS. The same song and rate give the same bytes.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise UsageError(f"cannot render at {rate} Hz", hint=f"Rates from {RATES[0]} to {RATES[1]} are possible.")
    style, frames = styles.find(song.style), round(song.seconds * rate)
    buses = {name: np.zeros((2, frames)) for name in FOUR}
    for stem in sorted(set(PARTS.values())):
        buses[stem] += _band(song, tuple(part for part in PARTS if PARTS[part] == stem), rate, frames)
    buses["drums"] += drums.play(song.hits, drums.KITS[style.kit], rate, frames, song.seed)
    fade = np.clip((frames - np.arange(frames)) / (FADE_SECONDS * rate), 0, 1)
    stems = master.master(master.balance(buses, style.levels, rate), LOUD_DB, rate)
    return {name: np.asarray(fade * stem, dtype=np.float32) for name, stem in stems.items()}


def mix(stems: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """The song that the stems make: their sum in float32."""
    return np.asarray(np.sum(list(stems.values()), axis=0, dtype=np.float32))


def _band(song: Song, parts: tuple[str, ...], rate: int, frames: int) -> Audio:
    """Some parts together, [2, frames], each at its level, with the echoes and the room that they share."""
    levels = styles.find(song.style).parts
    dry, thrown, sent = (np.zeros((2, frames)) for _ in range(3))
    for part in parts:
        if song.part(part):
            sound = 10 ** (levels.get(part, 0.0) / 20) * _ducked(song, part, rate, frames)
            dry += sound
            thrown += ECHO.get(part, 0.0) * sound
            sent += REVERB.get(part, 0.0) * sound
    if thrown.any():
        thrown = space.echoes(thrown, 45.0 / song.bpm, rate)
    if sent.any():
        dry += convolve(sent + 0.3 * thrown, space.room(ROOM_SECONDS, rate, song.seed))
    return dry + thrown


def _ducked(song: Song, part: str, rate: int, frames: int) -> Audio:
    """One part at loudness 1, making way for the kick."""
    sound = _play(song, part, rate, frames)
    sound = sound / max(master.loudness(sound, rate), 1e-9)
    pump = styles.find(song.style).pump
    if part in DUCKING:
        depth, back = DUCKING[part]
        sound = sound * space.duck(song.drum("kick"), pump * depth, back, rate, frames)
    return sound


def _play(song: Song, part: str, rate: int, frames: int) -> Audio:
    """One part dry, [2, frames]."""
    notes = song.part(part)
    if part in voice.SINGERS:
        sung = voice.sing(notes, voice.SINGERS[part], rate, frames, song.seed)
        return space.double(sung, DOUBLE[part], rate)
    if part == "riser":
        return _risers(song, rate, frames)
    style = styles.find(song.style)
    patch = style.bass if part == "bass" else style.sounds.get(part, part)
    return tones.play(notes, tones.PATCHES[patch], rate, frames, song.sections, song.seed)


def _risers(song: Song, rate: int, frames: int) -> Audio:
    out = np.zeros((2, frames))
    for note in song.part("riser"):
        first = round(note.start * rate)
        sound = tones.rise(note, rate, song.seed)[:, : frames - first]
        out[:, first : first + sound.shape[1]] += sound
    return out
