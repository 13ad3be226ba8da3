"""Stems beside the true ones: real figures, and which stem is which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import stems
from stem_cli.audio import Mix
from stem_cli.dsp.bss_eval import MEASURES, Correlations
from stem_cli.errors import InputError
from stem_cli.folder.foreign import stem_files
from stem_cli.quality.figures import ratio_db

_SLACK_SECONDS = 0.5
"""By how much lengths may differ: padding of a lossy copy. The common part is compared."""
_ALIKE = 0.9
_STRANGE = 0.1
_CLEARLY = 0.3
"""A stem is taken for another one where it is this much more like that than like its own."""

Sound = NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """figures: by stem; sdr_db, si_sdr_db of the whole song, and medians over windows of a second after museval:
    median_sdr_db, median_isr_db, median_sir_db, median_sar_db. missing: stems that only one side has.
    left_out: stems that both have, but that are in those that were compared already.
    notes: in words: what looks swapped, unseparated, louder or late.
    """

    figures: dict[str, dict[str, float]]
    missing: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def compare(made: Mapping[str, Path], true: Mapping[str, Path]) -> Comparison:
    """Set files beside the true ones of the same names. Raises InputError where they do not go together.

    No sound is compared twice: a whole stem comes before its parts, a stem before the song without another one.
    """
    both = [name for name in true if name in made]
    names = list(stems.adding_up(both)) or both[:1]
    if not names:
        what = f"none of its stems ({', '.join(true)}) is among those to be judged ({', '.join(made)})"
        raise InputError(what, next(iter(true.values())).parent, "Name a folder with the true stems of this song.")
    mixes = {name: (Mix.open(true[name]), Mix.open(made[name])) for name in names}
    frames, rate, channels = _common(mixes, true)
    sums = _Sums(len(names))
    all_stems = _all_stems(made, frames, rate, channels) or _all_stems(true, frames, rate, channels)
    song = _song(all_stems, frames, channels, rate)
    for one, other in _blocks(mixes, frames, channels, rate):
        sums.add(one, other, next(song, None))
    figures = {name: sums.figures(place) for place, name in enumerate(names)}
    audible = [name for place, name in enumerate(names) if sums.sounds(place)]
    medians = _medians({name: mixes[name] for name in audible}, frames // rate * rate, channels, rate)
    missing = tuple(sorted({*true, *made} - set(both)))
    told = {name: {**figures[name], **medians.get(name, {})} for name in names}
    left_out = tuple(name for name in both if name not in names)
    return Comparison(told, missing, left_out, sums.notes(names))


def compare_folder(made: Mapping[str, Path], reference: Path) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Figures by stem beside the true stems in a folder, and notes in words. Raises InputError."""
    found = compare(made, stem_files(reference))
    missing = [f"{name}: only one side has it" for name in found.missing]
    twice = [f"{name}: left out, as what was compared holds it; compare it by itself" for name in found.left_out]
    return found.figures, [*found.notes, *missing, *twice]


def _medians(
    mixes: Mapping[str, tuple[Mix, Mix]], frames: int, channels: int, rate: int
) -> dict[str, dict[str, float]]:
    """Of the windows of a second in which every stem sounds, by stem; none where there is no such window."""
    if not mixes:
        return {}
    correlations = Correlations(len(mixes), channels)
    for block in _blocks(mixes, frames, channels, rate):
        correlations.add(*block)
    filters = correlations.filters(rate)
    windows = np.array([filters.measures(*block) for block in _blocks(mixes, frames, channels, rate)])
    heard = windows[~np.isnan(windows).any(axis=(1, 2))] if len(windows) else windows
    if not len(heard):
        return {}
    rows = zip(mixes, np.median(heard, axis=0), strict=True)
    return {name: {f"median_{key}": float(one) for key, one in zip(MEASURES, row, strict=True)} for name, row in rows}


def _common(mixes: Mapping[str, tuple[Mix, Mix]], true: Mapping[str, Path]) -> tuple[int, int, int]:
    """Frames, rate and channels of what can be compared. Raises InputError."""
    every = [mix for pair in mixes.values() for mix in pair]
    rates, lengths = {mix.rate for mix in every}, [mix.frames for mix in every]
    where = next(iter(true.values())).parent
    if len(rates) > 1:
        told = " and ".join(f"{rate} Hz" for rate in sorted(rates))
        raise InputError(f"its rate differs from that of the stems ({told})", where, "Resample one of them first.")
    (rate,) = rates
    if max(lengths) - min(lengths) > _SLACK_SECONDS * rate:
        seconds = f"{min(lengths) / rate:.2f} s and {max(lengths) / rate:.2f} s"
        what = f"its length differs from that of the stems ({seconds})"
        raise InputError(what, where, "Name the true stems of the same stretch of the same version.")
    return min(lengths), rate, max(mix.channels for mix in every)


def _all_stems(files: Mapping[str, Path], frames: int, rate: int, channels: int) -> tuple[Mix, ...]:
    """Those of the files that are together the song; () where they are not all there, or do not go together."""
    names = stems.adding_up(files)
    mixes = tuple(Mix.open(files[name]) for name in names) if stems.is_whole(names) else ()
    fit = all(mix.rate == rate and mix.frames >= frames and mix.channels <= channels for mix in mixes)
    return mixes if fit else ()


def _song(mixes: Sequence[Mix], frames: int, channels: int, size: int) -> Iterator[Sound]:
    """The sum of stems in blocks [channels, size], the last one shorter; nothing where there are none."""
    readers = [pieces(mix, size) for mix in mixes]
    for first in range(0, frames if readers else 0, size):
        blocks = [_wide(next(reader)[:, : frames - first], channels) for reader in readers]
        yield np.add.reduce(blocks)


def _blocks(
    mixes: Mapping[str, tuple[Mix, Mix]], frames: int, channels: int, size: int
) -> Iterator[tuple[Sound, Sound]]:
    """True stems and estimates [stems, channels, size], the last block shorter."""
    readers = [[pieces(mix, size) for mix in side] for side in zip(*mixes.values(), strict=True)]
    for first in range(0, frames, size):
        count = min(size, frames - first)
        true, made = ([_wide(next(reader)[:, :count], channels) for reader in side] for side in readers)
        yield np.stack(true), np.stack(made)


def pieces(mix: Mix, size: int) -> Iterator[Sound]:
    """The sound of a file in equal pieces, with silence after its end for as long as anybody asks."""
    left = np.zeros((mix.channels, 0), np.float32)
    for block in mix.blocks():
        left = np.concatenate([left, block], axis=1)
        while left.shape[1] >= size:
            yield left[:, :size]
            left = left[:, size:]
    yield np.pad(left, ((0, 0), (0, size - left.shape[1])))
    while True:
        yield np.zeros((mix.channels, size), np.float32)


def _wide(block: Sound, channels: int) -> Sound:
    return np.repeat(block, channels, axis=0) if len(block) < channels else block


class _Sums:
    """Held open over the song: what of the true stems and the estimates goes together."""

    def __init__(self, count: int) -> None:
        self._true, self._made, self._error = np.zeros(count), np.zeros(count), np.zeros(count)
        self._together = np.zeros((count, count))
        self._with_mix, self._mix = np.zeros(count), 0.0

    def add(self, true: Sound, made: Sound, song: Sound | None) -> None:
        """Take a block of both, [stems, channels, frames], and of the song; where nobody has that, of what is true."""
        one, other = (sound.reshape(len(sound), -1).astype(np.float64) for sound in (true, made))
        mix = one.sum(axis=0) if song is None else song.ravel().astype(np.float64)
        self._true += (one**2).sum(axis=1)
        self._made += (other**2).sum(axis=1)
        self._error += ((one - other) ** 2).sum(axis=1)
        self._together += other @ one.T
        self._with_mix += other @ mix
        self._mix += float(mix @ mix)

    def figures(self, place: int) -> dict[str, float]:
        """Over the whole length."""
        inside = float(self._together[place, place])
        target = inside**2 / self._true[place] if self._true[place] > 0 else 0.0
        return {
            "sdr_db": ratio_db(float(self._true[place]), float(self._error[place])),
            "si_sdr_db": ratio_db(target, max(0.0, float(self._made[place]) - target)),
        }

    def sounds(self, place: int) -> bool:
        """Whether a stem is more than silence on both sides."""
        return bool(self._true[place] > 0 and self._made[place] > 0)

    def notes(self, names: list[str]) -> tuple[str, ...]:
        """Which stem looks like another one, or like the whole song; which is silent."""
        scale, whole = np.sqrt(np.outer(self._made, self._true)), np.sqrt(self._made * self._mix)
        alike = np.divide(self._together, scale, out=np.zeros_like(self._together), where=scale > 0)
        with_mix = np.divide(self._with_mix, whole, out=np.zeros_like(whole), where=whole > 0)
        told = []
        for place, name in enumerate(names):
            best, own = int(np.argmax(alike[place])), alike[place, place]
            if not self._true[place]:
                told.append(f"the true {name} is silence")
            elif with_mix[place] > max(_ALIKE, alike[place, best], own + _CLEARLY):
                told.append(f"{name} looks like the whole song (likeness {with_mix[place]:.2f}): not separated?")
            elif best != place and alike[place, best] > own + _CLEARLY:
                likeness = f"likeness {alike[place, best]:.2f}, to its own {own:.2f}"
                told.append(f"{name} looks like the true {names[best]} ({likeness}): swapped?")
        audible = [alike[place, place] for place in range(len(names)) if self.sounds(place)]
        if audible and max(audible) < _STRANGE:
            told.append("nothing of it looks like the true stems: of another song, or late?")
        return tuple(told)
