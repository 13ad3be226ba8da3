"""From a style and a seed to a score: the scenes of the style, one after the other, written out as hits and notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stem_cli.errors import UsageError
from stem_cli.synth import styles
from stem_cli.synth.melody import RANGE, Sung, hook, lengths, tones
from stem_cli.synth.song import Chord, Hit, Note, Section, Song, dice
from stem_cli.synth.styles import Scene, Style
from stem_cli.synth.theory import KEYS, Key, above, nearest, voicing

BAR = 16  # sixteenths; every style here is in four four
RING_SECONDS = 1.0  # kept free after the last bar, for what rings on
LOWEST_BASS = 29  # F1, 43.7 Hz: the lowest root that a club system plays well
LOWEST_CHORD = 55  # G3: chords lie in the octave above
VELOCITY = {"X": 1.0, "x": 0.8, "o": 0.45}
CHOP_TEXTS = ("hey", "ah", "oh", "dah")
HARMONY_BELOW = (9, 3)  # the second voice sings the chord tone this many semitones below the lead, at most and at least


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
    bpm: float
    bars: int
    spans: tuple[Span, ...]
    tune: tuple[Sung, ...]
    seed: int

    def at(self, step: float) -> float:
        """Seconds of a sixteenth counted from the start of the song; the odd ones swing."""
        late = self.style.swing if step % 2 == 1 else 0.0
        return (step + late) * 15.0 / self.bpm

    def chord(self, bar: int) -> tuple[int, ...]:
        """Pitch classes of the chord of a bar, root first."""
        return self.key.chord(self.loop[bar % len(self.loop)])

    def pattern(self, text: str, purpose: str) -> str:
        """The pattern that the seed picks among those offered, without its blanks."""
        offers = [offer.replace(" ", "") for offer in text.split("|")]
        return offers[dice(self.seed, purpose).integers(len(offers))]


def compose(
    style: str = "house", seed: int = 1, seconds: float = 40, *, bpm: float | None = None, key: str | None = None
) -> Song:
    """A song of exactly ``seconds``, always the same for the same arguments.

    bpm and key ("Am", "Eb") are chosen by the seed where they are not given.
    """
    plan = _plan(styles.find(style), seed, seconds, bpm, key)
    return Song(
        style=style,
        seed=seed,
        bpm=plan.bpm,
        key=plan.key.name,
        seconds=float(seconds),
        beats=tuple(plan.at(4 * beat) for beat in range(4 * plan.bars)),
        downbeats=tuple(plan.at(BAR * bar) for bar in range(plan.bars)),
        chords=tuple(_chord(plan, bar) for bar in range(plan.bars)),
        sections=tuple(_section(plan, span, seconds) for span in plan.spans),
        hits=tuple(sorted((hit for span in plan.spans for hit in _hits(plan, span)), key=lambda hit: hit.start)),
        notes=tuple(sorted((note for span in plan.spans for note in _notes(plan, span)), key=lambda note: note.start)),
    )


def _plan(style: Style, seed: int, seconds: float, bpm: float | None, key: str | None) -> Plan:
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
    bars = int((seconds - RING_SECONDS) * tempo / 240) if tempo > 0 else 0
    if bars < 1:
        raise UsageError(f"{seconds:g} seconds at {tempo:g} BPM hold no whole bar", hint="Ask for a longer song.")
    rhythm = style.hooks[random.integers(len(style.hooks))].replace(" ", "")
    tune = hook(rhythm, [chosen.chord(degree) for degree in loop], chosen, random)
    return Plan(style, chosen, loop, tempo, bars, tuple(_layout(style, bars)), tuple(tune), seed)


def _layout(style: Style, bars: int) -> Iterator[Span]:
    """The scenes in their shares of the bars, cut at phrases of four bars where the song is long enough."""
    unit = 4 if bars >= 4 * len(style.scenes) else 1
    ends = np.cumsum([scene.share for scene in style.scenes])
    cuts = [unit * round(float(end / ends[-1]) * bars / unit) for end in ends[:-1]] + [bars]
    for scene, first, last in zip(style.scenes, [0, *cuts[:-1]], cuts, strict=True):
        if last > first:
            yield Span(scene, first, last)


def _section(plan: Plan, span: Span, seconds: float) -> Section:
    end = seconds if span.last == plan.bars else plan.at(BAR * span.last)
    return Section(plan.at(BAR * span.first), float(end), span.scene.name, span.scene.tone)


def _chord(plan: Plan, bar: int) -> Chord:
    chord = plan.chord(bar)
    return Chord(plan.at(BAR * bar), plan.at(BAR * (bar + 1)), plan.key.spell(chord), voicing(chord, LOWEST_CHORD))


def _steps(plan: Plan, span: Span, text: str, part: str, marks: str) -> Iterator[tuple[int, int, str]]:
    """A pattern repeated through a span, as (sixteenth of the song, sixteenths long, mark)."""
    pattern = plan.pattern(text, f"{span.scene.name} {part}")
    if not pattern:
        return
    first, last = BAR * span.first, BAR * span.last
    for start in range(first, last, len(pattern)):
        for step, steps, mark in lengths(pattern[: last - start], marks):
            yield start + step, steps, mark


def _hits(plan: Plan, span: Span) -> Iterator[Hit]:
    """Every stroke of the drums in a span."""
    quiet = BAR * (span.last - 1) if span.scene.build else BAR * span.last
    for drum, text in span.scene.drums.items():
        for step, _, mark in _steps(plan, span, text, drum, "Xxo"):
            if step < quiet:
                yield Hit(plan.at(step), drum, VELOCITY[mark])
    if span.scene.arrive:
        yield Hit(plan.at(BAR * span.first), "crash", 1.0)
    if span.scene.build:
        yield from _roll(plan, span)


def _roll(plan: Plan, span: Span) -> Iterator[Hit]:
    """A snare roll over the last two bars, faster and louder from eighths to thirty-seconds, then a beat of air."""
    start, end = BAR * max(span.first, span.last - 2), BAR * span.last - 4
    step = float(start)
    while step < end:
        yield Hit(step * 15.0 / plan.bpm, "snare", 0.35 + 0.6 * (step - start) / (end - start))
        step += 2.0 if step < end - 12 else 1.0 if step < end - 4 else 0.5


def _notes(plan: Plan, span: Span) -> Iterator[Note]:
    """Every note of every part in a span."""
    yield from _bass(plan, span)
    yield from _chords(plan, span)
    yield from _pluck(plan, span)
    yield from _chops(plan, span)
    if span.scene.hook:
        yield from _lead(plan, span)
    if span.scene.build:
        start, end = plan.at(BAR * max(span.first, span.last - 4)), plan.at(BAR * span.last)
        yield Note(start, end - start, above(plan.key.tonic, 60), 1.0, "riser")


def _note(plan: Plan, step: int, steps: float, pitch: int, velocity: float, part: str, text: str = "") -> Note:
    """A note on the grid, let go a little before the next sixteenth would begin."""
    return Note(plan.at(step), (steps - 0.1) * 15.0 / plan.bpm, pitch, velocity, part, text)


def _bass(plan: Plan, span: Span) -> Iterator[Note]:
    for step, steps, mark in _steps(plan, span, span.scene.bass, "bass", "rfo"):
        chord = plan.chord(step // BAR)
        root = above(chord[0], LOWEST_BASS)
        pitch = {"r": root, "f": above(chord[2], root), "o": root + 12}[mark]
        yield _note(plan, step, steps, pitch, 0.9 if step % 4 else 1.0, "bass")


def _chords(plan: Plan, span: Span) -> Iterator[Note]:
    """Pads, a chord a bar, and stabs where the pattern says."""
    for bar in range(span.first, span.last) if span.scene.pad else ():
        for pitch in voicing(plan.chord(bar), LOWEST_CHORD):
            yield _note(plan, BAR * bar, BAR, pitch, 0.8, "pad")
    for step, steps, _ in _steps(plan, span, span.scene.stab, "stab", "x"):
        for pitch in voicing(plan.chord(step // BAR), LOWEST_CHORD):
            yield _note(plan, step, steps, pitch, 0.9 if step % BAR == 0 else 0.75, "stab")


def _pluck(plan: Plan, span: Span) -> Iterator[Note]:
    for step, steps, mark in _steps(plan, span, span.scene.pluck, "pluck", "01234567"):
        ladder = tones(plan.chord(step // BAR), LOWEST_CHORD + 5, LOWEST_CHORD + 36)
        yield _note(plan, step, steps, ladder[int(mark)], 0.85 if step % 4 == 0 else 0.65, "pluck")


def _chops(plan: Plan, span: Span) -> Iterator[Note]:
    text = CHOP_TEXTS[dice(plan.seed, "chops").integers(len(CHOP_TEXTS))]
    for step, steps, mark in _steps(plan, span, span.scene.chops, "chops", "0123"):
        pitch = tones(plan.chord(step // BAR), RANGE[0] + 3, RANGE[1] + 12)[int(mark)]
        yield _note(plan, step, steps, pitch, 0.9, "chop", text)


def _lead(plan: Plan, span: Span) -> Iterator[Note]:
    """The hook, over and over, and below it the second voice on tones of the chord."""
    length = BAR * len(plan.loop)
    for start in range(BAR * span.first, BAR * span.last, length):
        for sung in plan.tune:
            step = start + sung.step
            if step >= BAR * span.last:
                break
            yield _note(plan, step, sung.steps, sung.pitch, 0.9 if step % 4 == 0 else 0.75, "lead", sung.text)
            if span.scene.harmony:
                low, high = sung.pitch - HARMONY_BELOW[0], sung.pitch - HARMONY_BELOW[1]
                below = nearest(sung.pitch - 5, tones(plan.chord(step // BAR), low, high))
                yield _note(plan, step, sung.steps, below, 0.7, "harmony", sung.text)
