"""Stems once from beginning to end, a block at a time, into what beats, keys and sections are told from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from stem_cli import stems
from stem_cli.audio import Mix, ahead, require_whole
from stem_cli.dsp.bands import BandMeter, Bands
from stem_cli.dsp.chroma import LONG_SECONDS, SHORT_SECONDS, Chroma, ChromaMeter
from stem_cli.dsp.framing import Floats
from stem_cli.dsp.loudness import Meter
from stem_cli.dsp.onsets import Novelty, NoveltyMeter, onsets
from stem_cli.errors import InputError

NOISE_DB = -30.0
"""Below its loud parts a song is no softer than this where it begins; hiss and the crackle of records are."""
SILENT_DB = -60.0
"""A stem that is quieter than this, RMS against full scale, is taken for silent."""


@dataclass(frozen=True)
class Heard:
    """What was heard of a song. drums, whole, tonal: novelty of drums, of all, and of bass with chords.

    bass, chords: where notes change; notes: which ones sound, of both. bands: by family of stems. levels_db: RMS of
    each family, dBFS. lufs: of the whole.
    """

    seconds: float
    drums: Novelty
    whole: Novelty
    tonal: Novelty
    bass: Chroma
    chords: Chroma
    notes: Chroma
    bands: Mapping[str, Bands]
    levels_db: Mapping[str, float]
    lufs: float


class _Ears:
    """Held open while the families of a song stream by together."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._frames = rate, 0
        self._drums, self._whole, self._tonal = (NoveltyMeter(rate) for _ in range(3))
        self._bass, self._chords = (ChromaMeter(rate, SHORT_SECONDS) for _ in range(2))
        self._notes = ChromaMeter(rate, LONG_SECONDS)
        self._bands: dict[str, BandMeter] = {}
        self._squares: dict[str, float] = {}
        self._meter = Meter(rate, channels)

    def add(self, families: Mapping[str, Floats]) -> None:
        """The next block of each, [channels, frames], all of one length."""
        whole: Floats = np.asarray(np.sum(list(families.values()), axis=0, dtype=np.float32))
        self._meter.add(whole)
        mono = {name: block.mean(axis=0) for name, block in families.items()}
        silence = np.zeros(whole.shape[1], np.float32)
        drums, bass = mono.get("drums", silence), mono.get("bass", silence)
        chords = sum((one for name, one in mono.items() if name not in ("drums", "bass", "vocals")), silence)
        self._drums.add(drums)
        self._whole.add(whole.mean(axis=0))
        self._tonal.add(bass + chords)
        self._bass.add(bass)
        self._chords.add(chords)
        self._notes.add(bass + chords)
        self._frames += whole.shape[1]
        for name, one in mono.items():
            self._bands.setdefault(name, BandMeter(self._rate)).add(one)
            self._squares[name] = self._squares.get(name, 0.0) + float(one @ one)

    def result(self) -> Heard:
        """Of all that was heard."""
        frames = max(1, self._frames)
        levels = {name: float(10 * np.log10(max(sum_ / frames, 1e-20))) for name, sum_ in self._squares.items()}
        return Heard(
            seconds=self._frames / self._rate,
            drums=self._drums.result(),
            whole=self._whole.result(),
            tonal=self._tonal.result(),
            bass=self._bass.result(),
            chords=self._chords.result(),
            notes=self._notes.result(),
            bands={name: one.result() for name, one in self._bands.items()},
            levels_db=levels,
            lufs=self._meter.levels().lufs,
        )


def listen(files: Mapping[str, Path]) -> Heard:
    """Listen to stems that belong together. Raises InputError where they are of different rates, cut, or unreadable.

    A stem that is shorter than the others is silent from its end on.
    """
    for path in files.values():
        require_whole(path)
    mixes = {name: Mix.open(path, fold=True) for name, path in files.items()}
    rates = {mix.rate for mix in mixes.values()}
    if len(rates) != 1:
        what = f"its stems have different rates ({', '.join(f'{rate} Hz' for rate in sorted(rates))})"
        raise InputError(
            what, next(iter(files.values())).parent, "Convert them to one rate, or separate the song anew."
        )
    channels = max(mix.channels for mix in mixes.values())
    ears = _Ears(rates.pop(), channels)
    for blocks in zip_longest(*(ahead(mix.blocks()) for mix in mixes.values())):
        ears.add(_families(dict(zip(mixes, blocks, strict=True)), channels))
    return ears.result()


def _families(blocks: Mapping[str, Floats | None], channels: int) -> dict[str, Floats]:
    """Blocks of one length, summed by family: parts of a drum kit are drums."""
    frames = max(block.shape[1] for block in blocks.values() if block is not None)
    out: dict[str, Floats] = {}
    for name, block in blocks.items():
        family = stems.TABLE[name].family if name in stems.TABLE else "other"
        full = np.zeros((channels, frames), np.float32)
        if block is not None:
            full[:, : block.shape[1]] = block
        out[family] = out[family] + full if family in out else full
    return out


def begins(heard: Heard) -> float:
    """The second at which a song begins: with its first stroke, or where it is no longer as soft as noise."""
    rate = next(iter(heard.bands.values())).rate
    power = sum((one.power.sum(axis=1) for one in heard.bands.values()), np.zeros(1))
    loud = np.percentile(power, 95) * 10 ** (NOISE_DB / 10)
    strokes = onsets(heard.whole).times[:1]
    return float(min([*strokes, np.argmax(power > loud) / rate]))


def silent(heard: Heard, family: str) -> bool:
    """Whether there is nothing to hear in a family."""
    return heard.levels_db.get(family, -200.0) < SILENT_DB
