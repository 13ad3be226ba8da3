"""From a style and a seed to a score: the scenes of the style, one after the other, written out as hits and notes."""

from __future__ import annotations

from collections.abc import Iterator

from stem_cli.synth import styles
from stem_cli.synth.feel import loosen
from stem_cli.synth.melody import RANGE, lengths, tones
from stem_cli.synth.plan import Plan, Span, draw
from stem_cli.synth.song import Chord, Hit, Note, Section, Song, Tempo, dice
from stem_cli.synth.theory import above, nearest, voicing

LOWEST_BASS = 29  # F1, 43.7 Hz: the lowest root that a club system plays well
LOWEST_CHORD = 55  # G3: chords lie in the octave above
VELOCITY = {"X": 1.0, "x": 0.8, "o": 0.45}
ROLLS = {"d": (0.0, 0.5), "t": (0.0, 2 / 3, 4 / 3)}
"""Strokes of one mark, in sixteenths after it."""

ROLL_VELOCITY = (0.6, 0.1)  # of a roll's first stroke, and how much louder the next is
BPM_DIGITS = 9  # of a tempo measured on a bar; what is beyond them is rounding
CHOP_TEXTS = ("hey", "ah", "oh", "dah")
HARMONY_BELOW = (9, 3)  # the second voice sings the chord tone this many semitones below the lead, at most and at least


def compose(
    style: str = "house", seed: int = 1, seconds: float = 40, *, bpm: float | None = None, key: str | None = None
) -> Song:
    """A song of exactly ``seconds``, always the same for the same arguments.

    bpm and key ("Am", "Eb") are chosen by the seed where they are not given.
    """
    plan = draw(styles.find(style), seed, seconds, bpm, key)
    kind, bars = plan.style, range(plan.bars)
    hits = sorted((hit for span in plan.spans for hit in _hits(plan, span)), key=lambda hit: hit.start)
    notes = sorted((note for span in plan.spans for note in _notes(plan, span)), key=lambda note: note.start)
    played = loosen(tuple(hits), tuple(notes), kind.human, seed)
    return Song(
        style=style,
        seed=seed,
        genre=kind.genre,
        bpm=plan.clock.bpm,
        tempi=tuple(_tempi(plan)),
        beats_per_bar=kind.beats_per_bar,
        beat_unit=16 // kind.beat,
        key=plan.key.name,
        seconds=float(seconds),
        beats=tuple(plan.at(kind.beat * beat) for beat in range(kind.beats_per_bar * plan.bars)),
        downbeats=tuple(plan.at(kind.bar * bar) for bar in bars),
        chords=tuple(_chord(plan, bar) for bar in bars),
        sections=tuple(_section(plan, span, seconds) for span in plan.spans),
        hits=played[0],
        notes=played[1],
    )


def _tempi(plan: Plan) -> Iterator[Tempo]:
    """The tempo of the first bar, and of each that differs from the one before."""
    bar, last = plan.style.bar, 0.0
    for first in range(0, bar * plan.bars, bar):
        whole = 60 * plan.style.beats_per_bar / plan.clock.seconds(first, bar)
        bpm = round(whole, BPM_DIGITS) if plan.clock.edges else plan.clock.bpm
        if bpm != last:
            yield Tempo(plan.at(first), bpm)
            last = bpm


def _section(plan: Plan, span: Span, seconds: float) -> Section:
    bar = plan.style.bar
    end = seconds if span.last == plan.bars else plan.at(bar * span.last)
    return Section(plan.at(bar * span.first), float(end), span.scene.name, span.scene.tone)


def _chord(plan: Plan, bar: int) -> Chord:
    chord, start = plan.chord(bar), plan.style.bar * bar
    return Chord(plan.at(start), plan.at(start + plan.style.bar), plan.key.spell(chord), voicing(chord, LOWEST_CHORD))


def _steps(plan: Plan, span: Span, text: str, part: str, marks: str) -> Iterator[tuple[int, int, str]]:
    """A pattern repeated through a span, as (sixteenth of the song, sixteenths long, mark)."""
    pattern = plan.pattern(text, f"{span.scene.name} {part}")
    if not pattern:
        return
    first, last = plan.style.bar * span.first, plan.style.bar * span.last
    for start in range(first, last, len(pattern)):
        for step, steps, mark in lengths(pattern[: last - start], marks):
            yield start + step, steps, mark


def _hits(plan: Plan, span: Span) -> Iterator[Hit]:
    """Every stroke of the drums in a span."""
    bar = plan.style.bar
    quiet = bar * (span.last - 1) if span.scene.build else bar * span.last
    for drum, text in span.scene.drums.items():
        for step, _, mark in _steps(plan, span, text, drum, "Xxodt"):
            if step < quiet:
                yield from _strokes(plan, step, drum, mark)
    if span.scene.arrive:
        yield Hit(plan.at(bar * span.first), "crash", 1.0)
    if span.scene.build:
        yield from _roll(plan, span)


def _strokes(plan: Plan, step: int, drum: str, mark: str) -> Iterator[Hit]:
    """What one mark of a pattern means."""
    if mark in VELOCITY:
        yield Hit(plan.at(step), drum, VELOCITY[mark])
    for count, later in enumerate(ROLLS.get(mark, ())):
        yield Hit(plan.at(step + later), drum, ROLL_VELOCITY[0] + ROLL_VELOCITY[1] * count)


def _roll(plan: Plan, span: Span) -> Iterator[Hit]:
    """A snare roll over the last two bars, faster and louder from eighths to thirty-seconds, then a beat of air."""
    bar = plan.style.bar
    start, end = bar * max(span.first, span.last - 2), bar * span.last - 4
    step = float(start)
    while step < end:
        yield Hit(plan.clock.seconds(0, step), "snare", 0.35 + 0.6 * (step - start) / (end - start))
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
        bar = plan.style.bar
        start, end = plan.at(bar * max(span.first, span.last - 4)), plan.at(bar * span.last)
        yield Note(start, end - start, above(plan.key.tonic, 60), 1.0, "riser")


def _note(plan: Plan, step: int, steps: float, pitch: int, velocity: float, part: str, text: str = "") -> Note:
    """A note on the grid, let go a little before the next sixteenth would begin."""
    return Note(plan.at(step), plan.clock.seconds(step, steps - 0.1), pitch, velocity, part, text)


def _weak(plan: Plan, step: int) -> bool:
    """Whether a sixteenth lies between the quarters of its bar."""
    return step % plan.style.bar % 4 != 0


def _bass(plan: Plan, span: Span) -> Iterator[Note]:
    for step, steps, mark in _steps(plan, span, span.scene.bass, "bass", "rfo"):
        chord = plan.chord(step // plan.style.bar)
        root = above(chord[0], LOWEST_BASS)
        pitch = {"r": root, "f": above(chord[2], root), "o": root + 12}[mark]
        yield _note(plan, step, steps, pitch, 0.9 if _weak(plan, step) else 1.0, "bass")


def _chords(plan: Plan, span: Span) -> Iterator[Note]:
    """Pads, a chord a bar, and stabs where the pattern says."""
    length = plan.style.bar
    for bar in range(span.first, span.last) if span.scene.pad else ():
        for pitch in voicing(plan.chord(bar), LOWEST_CHORD):
            yield _note(plan, length * bar, length, pitch, 0.8, "pad")
    for step, steps, _ in _steps(plan, span, span.scene.stab, "stab", "x"):
        for pitch in voicing(plan.chord(step // length), LOWEST_CHORD):
            yield _note(plan, step, steps, pitch, 0.9 if step % length == 0 else 0.75, "stab")


def _pluck(plan: Plan, span: Span) -> Iterator[Note]:
    for step, steps, mark in _steps(plan, span, span.scene.pluck, "pluck", "01234567"):
        ladder = tones(plan.chord(step // plan.style.bar), LOWEST_CHORD + 5, LOWEST_CHORD + 36)
        yield _note(plan, step, steps, ladder[int(mark)], 0.65 if _weak(plan, step) else 0.85, "pluck")


def _chops(plan: Plan, span: Span) -> Iterator[Note]:
    text = CHOP_TEXTS[dice(plan.seed, "chops").integers(len(CHOP_TEXTS))]
    for step, steps, mark in _steps(plan, span, span.scene.chops, "chops", "0123"):
        pitch = tones(plan.chord(step // plan.style.bar), RANGE[0] + 3, RANGE[1] + 12)[int(mark)]
        yield _note(plan, step, steps, pitch, 0.9, "chop", text)


def _lead(plan: Plan, span: Span) -> Iterator[Note]:
    """The hook, over and over, and below it the second voice on tones of the chord."""
    bar = plan.style.bar
    for start in range(bar * span.first, bar * span.last, bar * len(plan.loop)):
        for sung in plan.tune:
            step = start + sung.step
            if step >= bar * span.last:
                break
            velocity = 0.75 if _weak(plan, step) else 0.9
            yield _note(plan, step, sung.steps, sung.pitch, velocity, "lead", sung.text)
            if span.scene.harmony:
                low, high = sung.pitch - HARMONY_BELOW[0], sung.pitch - HARMONY_BELOW[1]
                below = nearest(sung.pitch - 5, tones(plan.chord(step // plan.style.bar), low, high))
                yield _note(plan, step, sung.steps, below, 0.7, "harmony", sung.text)
