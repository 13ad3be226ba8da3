"""The judge at work: from the stretch that was kept of each stem to figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stem_cli.audio import Mix
from stem_cli.errors import InputError
from stem_cli.quality import consistency, evidence
from stem_cli.quality.estimate import COMPANY, PURITY, SHARE, estimated_db, without_consistency
from stem_cli.quality.figures import power, ratio_db
from stem_cli.quality.reference import pieces
from stem_cli.quality.verdict import ABSENT_DB, CONSISTENCY, ESTIMATE, LEVEL, Verdict
from stem_cli.quality.watch import Stretch, Watch

_PIECE_FRAMES = 65536


def figures(watch: Watch, separate: consistency.Separate | None) -> dict[str, dict[str, float]]:
    """What is to be heard of each stem, by its name: measures of docs/quality.md.

    separate: the engine that made the stems, to be asked again (the full judge); None costs next to nothing.
    """
    levels = watch.levels_db()
    found: dict[str, dict[str, float]] = {name: {LEVEL: level} for name, level in levels.items()}
    stretch = watch.stretch()
    if stretch is None:
        return found
    heard = _heard(stretch)
    if separate is not None:
        for name, value in consistency.consistency_db(stretch.stems, stretch.rate, separate).items():
            heard[name][CONSISTENCY] = value
    for name, measures in heard.items():
        if levels[name] <= ABSENT_DB:
            continue
        found[name] |= measures
        found[name][ESTIMATE] = estimated_db(name, measures)
    return found


def figures_of_files(files: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    """What the quick judge hears of files that are the stems of one song. Raises InputError where they do not fit."""
    mixes = {name: Mix.open(path) for name, path in files.items()}
    shapes = {(mix.rate, mix.channels) for mix in mixes.values()}
    if len(shapes) != 1:
        where = next(iter(files.values())).parent if files else None
        raise InputError("its stems differ in rate or channels", where, "Name a folder with the stems of one song.")
    watch = Watch(next(iter(mixes.values())).rate)
    size, frames = _PIECE_FRAMES, min(mix.frames for mix in mixes.values())
    readers = {name: pieces(mix, size) for name, mix in mixes.items()}
    for first in range(0, frames, size):
        watch.add({name: next(reader)[:, : frames - first] for name, reader in readers.items()})
    return figures(watch, None)


def vocals_db(verdict: Verdict, level: str) -> float | None:
    """The estimate of the voice as it is by a level of the judge, "quick" or "full"; None where there is no voice."""
    if verdict.vocals_db is None or level == verdict.level:
        return verdict.vocals_db
    return estimated_db(verdict.voice, without_consistency(verdict.figures[verdict.voice]))


def _heard(stretch: Stretch) -> dict[str, dict[str, float]]:
    """What the stretch shows by itself."""
    spectra = {name: evidence.power_spectra(sound, stretch.rate) for name, sound in stretch.stems.items()}
    pure, together = evidence.purity(spectra), evidence.company(spectra, stretch.rate)
    powers = {name: power(sound) for name, sound in stretch.stems.items()}
    total = sum(powers.values())
    return {
        name: {PURITY: pure[name], COMPANY: together[name], SHARE: ratio_db(powers[name], total)}
        for name in stretch.stems
    }
