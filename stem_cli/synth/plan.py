"""What a seed decides before the first note is written: tempo, key, chords, tune, and which scene plays when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stem_cli.errors import UsageError
from stem_cli.synth.melody import Sung, hook
from stem_cli.synth.song import dice
from stem_cli.synth.styles import Scene, Style
from stem_cli.synth.tempo import Clock, clock
from stem_cli.synth.theory import KEYS, Key

RING_SECONDS = 1.0  # kept free after the last bar, for what rings on


@dataclass(frozen=True)
class Span:
    """A scene in its place: the bars first <= bar < last of the song."""

    scene: Scene
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """What the seed has decided before the first note is written."""

    style: Style
    key: Key
    loop: tuple[int, ...]
    clock: Clock
    bars: int
    spans: tuple[Span, ...]
    tune: tuple[Sung, ...]
    seed: int

    def at(self, step: float) -> float:
        """Seconds of a sixteenth counted from the start of the song; the odd ones swing."""
        late = self.style.swing if step % 2 == 1 else 0.0
        return self.clock.seconds(0, step + late)

    def chord(self, bar: int) -> tuple[int, ...]:
        """Pitch classes of the chord of a bar, root first."""
        return self.key.chord(self.loop[bar % len(self.loop)])

    def pattern(self, text: str, purpose: str) -> str:
        """The pattern that the seed picks among those offered, without its blanks."""
        offers = [offer.replace(" ", "") for offer in text.split("|")]
        return offers[dice(self.seed, purpose).integers(len(offers))]


def draw(style: Style, seed: int, seconds: float, bpm: float | None, key: str | None) -> Plan:
    """Draw tempo, key, loop and tune, and lay out the scenes."""
    if seed < 0:
        raise UsageError(f"a seed is 0 or more, not {seed}")
    if key is not None and key not in KEYS:
        raise UsageError(f'there is no key "{key}"', hint=f"Choose one of: {', '.join(KEYS)}.")
    random = dice(seed, f"plan {style.name}")
    drawn_bpm = float(random.integers(style.bpm[0], style.bpm[1] + 1))
    modes = list(style.loops)
    drawn_key = Key(int(random.integers(12)), modes[random.integers(len(modes))])
    chosen = drawn_key if key is None else KEYS[key]
    loops = style.loops.get(chosen.mode, style.loops[modes[0]])
    loop = loops[random.integers(len(loops))]
    tempo = drawn_bpm if bpm is None else float(bpm)
    time = clock(style.course, style.beat, style.bar, tempo, seconds, dice(seed, f"tempo {style.name}"))
    bars = time.bars(style.bar, seconds - RING_SECONDS)
    if bars < 1:
        raise UsageError(f"{seconds:g} seconds at {tempo:g} BPM hold no whole bar", hint="Ask for a longer song.")
    rhythm = style.hooks[random.integers(len(style.hooks))].replace(" ", "")
    tune = hook(rhythm, [chosen.chord(degree) for degree in loop], chosen, random, style.bar)
    return Plan(style, chosen, loop, time, bars, tuple(_layout(style, bars)), tuple(tune), seed)


def _layout(style: Style, bars: int) -> Iterator[Span]:
    """The scenes in their shares of the bars, cut at phrases of four bars where the song is long enough."""
    unit = 4 if bars >= 4 * len(style.scenes) else 1
    ends = np.cumsum([scene.share for scene in style.scenes])
    cuts = [unit * round(float(end / ends[-1]) * bars / unit) for end in ends[:-1]] + [bars]
    for scene, first, last in zip(style.scenes, [0, *cuts[:-1]], cuts, strict=True):
        if last > first:
            yield Span(scene, first, last)
