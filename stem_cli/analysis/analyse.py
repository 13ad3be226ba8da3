"""From what was heard to what a song is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stem_cli.analysis.found import Analysis, doubt_of
from stem_cli.analysis.given import Given
from stem_cli.analysis.listen import Heard, begins, silent
from stem_cli.dsp import downbeats, sections
from stem_cli.dsp.beats import BeatGrid, Evidence, Hints, grid_of
from stem_cli.dsp.key import Key, KeyFound, key_of
from stem_cli.dsp.onsets import Array, Novelty
from stem_cli.dsp.placing import Tonal

_SHORT_SECONDS, _LONG_SECONDS = 10.0, 20 * 60.0


def analyse(heard: Heard, hints: Hints, key: Key | None = None, given: Given | None = None) -> Analysis:
    """Beats from the drums, or from all where there are none to hear; key from bass and chords; sections from all.

    key: as the tags have it, which is kept. given: a grid that is taken as it is.
    """
    taken = None if given is None else given.grid
    grid, notes = _beats(heard, hints) if taken is None else (taken, _doubts(heard, taken, known=True))
    found = key_of(heard.notes.notes().sum(axis=0))
    tagged = (*(("bpm",) if _relies(heard, hints) else ()), *(("key",) if key else ()))
    return Analysis(
        grid=grid,
        key=found if key is None else _kept(key, found),
        sections=_sections(heard, grid),
        lufs=round(heard.lufs, 2),
        notes=tuple(notes),
        tagged=tagged,
        said=hints.by_user,
        grid_from="" if given is None or taken is None else given.source,
    )


def _relies(heard: Heard, hints: Hints) -> bool:
    """Whether a song is too short to tell its tempo better than its tag does."""
    return not hints.bpm and heard.seconds < _SHORT_SECONDS and bool(hints.tagged_bpm)


def _beats(heard: Heard, hints: Hints) -> tuple[BeatGrid | None, list[str]]:
    """The grid that is heard, and what is to be said of it."""
    notes: list[str] = []
    if _relies(heard, hints):
        hints = replace(hints, bpm=hints.tagged_bpm)
    beats_from = heard.drums
    if silent(heard, "drums"):
        beats_from = heard.whole
        notes.append("there are no drums; beats are guessed from everything else")
    grid = _grid(heard, beats_from, hints)
    if silent(heard, "drums") and grid is not None and grid.free:
        grid = _grid(heard, heard.tonal, hints) or grid  # voices begin when they like
    return grid, [*notes, *_doubts(heard, grid, bool(hints.bpm))]


def _grid(heard: Heard, beats_from: Novelty, hints: Hints) -> BeatGrid | None:
    told = Evidence(
        novelty=beats_from,
        tonal=Tonal(heard.tonal, (heard.bass, heard.chords)),
        bars=lambda beats: _bar(heard, beats_from, beats, hints),
        begins=begins(heard),
        drummed=beats_from is heard.drums,
    )
    return grid_of(told, hints)


def _kept(key: Key, found: KeyFound | None) -> KeyFound:
    """The key of the tags; what was heard stands beside it where it differs."""
    if found is None:
        return KeyFound(key, key, 0.0)
    return replace(found, key=key, second=found.key if found.key != key else found.second)


def _bar(heard: Heard, drums: Novelty, beats: Array, hints: Hints) -> downbeats.Bar:
    halves = downbeats.divided(beats, 2)
    return downbeats.bar_of(_cues(heard, drums, beats), _cues(heard, drums, halves), hints.beats_per_bar)


def _cues(heard: Heard, drums: Novelty, beats: Array) -> downbeats.Cues:
    power = sum((one.power.sum(axis=1) for one in heard.bands.values()), np.zeros(1))
    rate = next(iter(heard.bands.values())).rate
    loudness = 10 * np.log10(np.maximum(downbeats.between(power[:, None], rate, beats)[:, 0], 1e-12))
    return downbeats.cues_of(beats, (heard.bass, heard.chords), drums, loudness)


def _sections(heard: Heard, grid: BeatGrid | None) -> tuple[sections.Section, ...]:
    if grid is None:
        return ()
    found = sections.Heard(heard.bands, (heard.bass, heard.chords))
    return sections.sections_of(found, grid.downbeats, heard.seconds)


def _doubts(heard: Heard, grid: BeatGrid | None, known: bool) -> list[str]:
    """What a user should know of a grid before relying on it."""
    if grid is None:
        return ["no beat was found"]
    notes = []
    if heard.seconds < _SHORT_SECONDS and not known:
        notes.append(f"it is only {heard.seconds:.1f} s long: its tempo is a guess")
    if heard.seconds > _LONG_SECONDS:
        tempos = "" if grid.constant else " and of several tempos"
        minutes = f"it is {heard.seconds / 60:.0f} min long{tempos}"
        notes.append(f"{minutes}, a DJ mix most likely: cut it into songs for grids to rely on")
    elif not grid.constant:
        notes.append(_moves(grid))
    if grid.beat_unit != 4:
        notes.append(f"bars have {grid.beats_per_bar} eighths, {grid.bpm:.6g} of which go to a minute")
    return [*notes, *filter(None, [doubt_of(grid)])]


def _moves(grid: BeatGrid) -> str:
    """How the tempo goes, where it does not stand."""
    if grid.free:
        return "the tempo is free, as in rubato: its beats are a guess"
    if not grid.tempos:
        return "the tempo is not constant; beats are told one by one"
    (_, first), *later = grid.tempos
    unit = 4 / grid.beat_unit
    changes = [f"{bpm * unit:.6g} from {start:.1f} s" for start, bpm in later]
    return f"the tempo changes: {first * unit:.6g} BPM, {', '.join(changes)}"
