"""The beats of a song: where they are, which of them begin a bar, and how fast they go.

A song of constant tempo gets a constant grid, laid through all its strokes; one whose tempo jumps a grid for each
stretch; one that drifts gets beats one by one. What it was measured at is in docs/analysis.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stem_cli.dsp import drift, jumps, placing, steady, tempo
from stem_cli.dsp.downbeats import Bar, divided
from stem_cli.dsp.onsets import Array, Novelty, Onsets, onsets

_LEAST_ONSETS = 8
_LEAST_SECONDS = 5.0
"""Two bars or so: any tempo would fit less."""
_EARLY = 0.75
"""Of a beat: so much before the sound begins may its first beat be, as where it begins on an off-beat."""
_FREE, _FREE_BEATS = 0.025, 8
"""Eight beats of a band without a click vary in length by 0.8 %, those of a ballad in rubato by 4.3 %."""
_LONG_BAR, _EIGHTHS_ABOVE_BPM = 5, 140.0
_MOVED_SECONDS = 0.001
_OFF_BEAT = 0.25
"""Of a beat: a downbeat that the user names that far from every beat is between them."""
_STANDS = 0.0005
"""Two beats after each other are of one tempo that differ by less than this share."""


@dataclass(frozen=True)
class BeatGrid:
    """The beats of a song.

    bpm: exact where the tempo is constant, else what most of the song has. first_downbeat: seconds of the first beat
    that begins a bar. beats: seconds of every beat, rising, from the first that sounds to the end of the song; a
    pickup comes before the first downbeat. beats_per_bar: 4, 3, 7. constant: whether beats are `first + k * 60 / bpm`.
    confidence: 0 to 1, the share of what was played on the drums that falls on the grid. rival: 0 to 1, how near
    another place between the beats comes to being the beat; told of constant grids, and 1 where no drums play.
    """

    bpm: float
    first_downbeat: float
    beats: tuple[float, ...]
    beats_per_bar: int = 4
    constant: bool = True
    confidence: float = 0.0
    rival: float = 0.0

    @property
    def downbeats(self) -> tuple[float, ...]:
        """Seconds of the beats that begin a bar."""
        first = self.beats.index(self.first_downbeat)
        return self.beats[first % self.beats_per_bar :: self.beats_per_bar]

    @property
    def anchor(self) -> int:
        """Which beat a constant grid is laid from: the second, where the first is moved to the beginning of the song.

        >>> BeatGrid(120.0, 0.0, (0.0, 0.497, 0.997)).anchor, BeatGrid(120.0, 0.0, (0.0, 0.4998, 0.9998)).anchor
        (1, 0)
        """
        return int(len(self.beats) > 1 and abs(self.beats[1] - self.beats[0] - 60 / self.bpm) > _MOVED_SECONDS)

    @property
    def beat_unit(self) -> int:
        """4 where a beat is a quarter, 8 where it is an eighth: in bars of five and more, faster than 140 a minute.

        >>> BeatGrid(168.0, 0.0, (0.0,), beats_per_bar=7).beat_unit, BeatGrid(174.0, 0.0, (0.0,)).beat_unit
        (8, 4)
        """
        return 8 if self.beats_per_bar >= _LONG_BAR and self.bpm > _EIGHTHS_ABOVE_BPM else 4

    @property
    def quarters_bpm(self) -> float:
        """Quarters a minute: what a DJ program calls its tempo. That of 168 eighths a minute is 84."""
        return self.bpm * 4 / self.beat_unit

    @property
    def tempos(self) -> tuple[tuple[float, float], ...]:
        """Where the tempo jumps and else stands: (second, beats a minute) of each stretch. () where it drifts."""
        spans = np.diff(self.beats)
        edges = np.flatnonzero(np.abs(np.diff(spans)) > _STANDS * spans[:-1]) + 1
        whole = [part for part in np.split(np.arange(len(spans)), edges) if len(part) >= _LEAST_ONSETS]
        if sum(map(len, whole)) < len(spans) - 2 * len(whole):
            return ()
        return tuple((self.beats[part[0]], float(60 / spans[part].mean())) for part in whole)

    @property
    def free(self) -> bool:
        """Whether nobody keeps time, as in rubato."""
        return not self.constant and not self.tempos and is_free(np.array(self.beats))


@dataclass(frozen=True)
class Hints:
    """What is known of a song, 0, "" or None where it is not.

    bpm, downbeat, beats_per_bar: as the user says them; the tempo exact, seconds of any downbeat to a sixteenth.
    tagged_bpm, genre: of its tags.
    """

    bpm: float = 0.0
    downbeat: float | None = None
    beats_per_bar: int = 0
    tagged_bpm: float = 0.0
    genre: str = ""

    @property
    def by_user(self) -> tuple[str, ...]:
        """The names of what the user says."""
        told = {"bpm": self.bpm, "downbeat": self.downbeat is not None, "beats_per_bar": self.beats_per_bar}
        return tuple(name for name, one in told.items() if one)


UNKNOWN = Hints()


@dataclass(frozen=True)
class Evidence:
    """What the beats of a song are told from.

    novelty: of its drums, or of all else where there are none. tonal: of bass and chords. bars: tells of beats how they
    make bars. begins: the second from which on there is something to hear. drummed: whether drums play.
    """

    novelty: Novelty
    tonal: placing.Tonal
    bars: Callable[[Array], Bar]
    begins: float = 0.0
    drummed: bool = True

    @property
    def span(self) -> placing.Span:
        """All of the song."""
        return (0.0, self.novelty.seconds)


def grid_of(heard: Evidence, hints: Hints) -> BeatGrid | None:
    """The grid of a song; None where nothing in it has a beat, or it is too short to tell."""
    struck = onsets(heard.novelty) if heard.drummed else onsets(heard.novelty).unnamed()
    if len(struck) < _LEAST_ONSETS or (heard.novelty.seconds < _LEAST_SECONDS and not hints.bpm):
        return None
    found = _fitted(heard.novelty, struck, hints)
    if found is None:
        return None
    found = placing.on_the_beat(found, struck, heard.tonal, heard.span, hints.downbeat)
    constant = bool(hints.bpm) or steady.is_steady(struck, found)
    found = steady.from_the_start(found) if constant else found
    moving = None if constant else _moving(found, struck, heard, hints)
    beats, inliers = moving or (steady.beats(found, *heard.span), found.inliers)
    beats = beats[beats > heard.begins - _EARLY * found.period]  # what is before would count as the song's first turn
    if len(beats) < 2:
        return None
    bar = heard.bars(beats)
    beats, first = _barred(beats, bar, heard.begins - _EARLY * found.period / bar.parts, hints.downbeat)
    return BeatGrid(
        bpm=bar.parts * found.bpm if constant else float(60 / np.median(np.diff(beats))),
        first_downbeat=float(beats[first]),
        beats=tuple(map(float, beats)),
        beats_per_bar=bar.beats,
        constant=constant,
        confidence=round(inliers, 3),
        rival=_rival(found, struck, heard, hints, bar) if constant else float(not heard.drummed),
    )


def _barred(beats: Array, bar: Bar, begins: float, downbeat: float | None) -> tuple[Array, int]:
    """The beats that are counted, to the microsecond, and which one is the first to begin a bar."""
    parts = np.asarray(np.round(np.maximum(divided(beats, bar.parts), 0.0), 6), np.float64)
    early = int(np.sum(parts <= begins))
    parts, phase = parts[early:], (bar.phase - early) % bar.beats
    if downbeat is not None:
        phase = int(np.argmin(np.abs(parts - downbeat))) % bar.beats
    return parts, min(phase, len(parts) - 1)


def _rival(found: steady.Fit, struck: Onsets, heard: Evidence, hints: Hints, bar: Bar) -> float:
    """How near another place comes to being the beat."""
    if hints.downbeat is not None:
        return 0.0
    return placing.rival(found, struck, heard.tonal, heard.span, bar.parts) if heard.drummed else 1.0


def _with(beats: Array, downbeat: float) -> Array:
    """The beats, or those between them where a downbeat is there."""
    far = float(np.abs(beats - downbeat).min())
    return (beats[1:] + beats[:-1]) / 2 if far > _OFF_BEAT * float(np.median(np.diff(beats))) else beats


def is_free(beats: Array) -> bool:
    """Whether the tempo of these beats wanders as no band's does."""
    spans = beats[_FREE_BEATS:] - beats[:-_FREE_BEATS]
    return len(spans) > 0 and bool(spans.std() > _FREE * spans.mean())


def _moving(found: steady.Fit, struck: Onsets, heard: Evidence, hints: Hints) -> tuple[Array, float]:
    """The beats of a song of several tempos, or one that drifts, and how much of what is struck falls on them."""
    jumped = jumps.beats_of(struck, heard.tonal, found.bpm, heard.novelty.seconds)
    beats, share = jumped or _drifting(found, struck, heard)
    return (beats, share) if hints.downbeat is None else (_with(beats, hints.downbeat), share)


def _drifting(found: steady.Fit, struck: Onsets, heard: Evidence) -> tuple[Array, float]:
    """The same of one that drifts, or is free."""
    beats = drift.beats_of(heard.novelty, struck, found.bpm, drift.LOOSE)
    if not is_free(beats):
        beats = drift.beats_of(heard.novelty, struck, found.bpm)
    return beats, drift.share_on(beats, struck)


def _fitted(drums: Novelty, struck: Onsets, hints: Hints) -> steady.Fit | None:
    """The constant grid that the strokes sit on best, in the right octave; its beats may be any sixteenth."""
    if hints.bpm:
        return replace(steady.fit(struck, hints.bpm), period=60 / hints.bpm)
    best = tempo.likeliest(drums, struck)
    if best is None:
        return None
    right = tempo.octave(best, tempo.strong_hits_a_second(drums), hints.tagged_bpm, hints.genre)
    return steady.fit(struck, right)
