"""Which song comes first: a table of rules that the setting `batch_rules` can reorder, cut short or replace.

`crate in *; genre contains House; bpm above 120; vocals yes`: rules parted by semicolons; the first that holds for a
song gives its place, and songs of one place stay in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from stem_cli.batch.conditions import ANY, CONDITIONS, Condition, Known, Value, parted
from stem_cli.errors import UsageError
from stem_cli.library import Song

NO_RULE = "no rule"
"""Why a song comes last."""
_HINT = "docs/batch.md explains batch_rules."


@dataclass(frozen=True)
class Rule:
    """One rule. text: as the user wrote it. kind: of CONDITIONS, such as "bpm above"."""

    text: str
    kind: str
    value: Value

    @property
    def condition(self) -> Condition:
        """What it asks of a song."""
        return CONDITIONS[self.kind]


@dataclass(frozen=True)
class Placed:
    """A song in its place: the number of the rule that holds, counted from 0, and why in words."""

    song: Song
    place: int
    why: str


def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules in the setting. Raises UsageError that names a rule which makes no sense or can never hold."""
    if text.count('"') % 2:
        raise UsageError(f"batch_rules: a quote in {text!r} is never closed", None, _HINT)
    rules = tuple(_rule(" ".join(part.split())) for part in parted(text, ";") if part)
    for number, rule in enumerate(rules):
        for before in rules[:number]:
            _refuse_hidden(before, rule)
    return rules


def _rule(text: str) -> Rule:
    kind = next((kind for kind in CONDITIONS if text.casefold().startswith(f"{kind} ")), "")
    if not kind:
        subject = text.casefold().partition(" ")[0]
        near = [one.example for kind, one in CONDITIONS.items() if kind.startswith(f"{subject} ") or kind == subject]
        examples = "; ".join(near or (one.example for one in CONDITIONS.values()))
        raise UsageError(f"batch_rules: {text!r} is no rule", None, f"Rules look like: {examples}. {_HINT}")
    if any(f", {other} " in text.casefold() for other in CONDITIONS):
        raise UsageError(f"batch_rules: {text!r} looks like two rules", None, "Part rules by semicolons, not commas.")
    try:
        return Rule(text, kind, CONDITIONS[kind].read(text[len(kind) :].strip()))
    except ValueError as error:
        hint = f"Such a rule looks like: {CONDITIONS[kind].example}. {_HINT}"
        raise UsageError(f"batch_rules: {text!r} makes no sense", None, hint) from error


def _refuse_hidden(before: Rule, rule: Rule) -> None:
    if before.kind != rule.kind or not rule.condition.covers(before.value, rule.value):
        return
    if rule.condition.covers(rule.value, before.value):
        raise UsageError(f"batch_rules: {rule.text!r} repeats {before.text!r}", None, "Leave one of them out.")
    what = f"batch_rules: {rule.text!r} can never hold, as {before.text!r} stands before it and holds wherever it does"
    raise UsageError(what, None, "Put the narrower one first, or leave it out.")


def place(song: Song, rules: Sequence[Rule], named_crates: Sequence[str], today: date) -> tuple[int, str]:
    """The number of the first rule that holds, and why in words; without one, the number of rules and "no rule"."""
    known = Known(tuple(named_crates), today)
    for number, rule in enumerate(rules):
        if reason := rule.condition.reason(song, rule.value, known):
            return number, reason
    return len(rules), NO_RULE


def ordered(
    songs: Iterable[Song], rules: Sequence[Rule], named_crates: Sequence[str], today: date
) -> tuple[Placed, ...]:
    """All songs, the first to be done first; those of one place stay in the order they came in."""
    placed = [Placed(song, *place(song, rules, named_crates, today)) for song in songs]
    return tuple(sorted(placed, key=lambda one: one.place))


def unused(rules: Sequence[Rule], songs: Iterable[Song], named_crates: Sequence[str], today: date) -> tuple[Rule, ...]:
    """The rules that hold for none of the songs: perhaps a slip, never an error.

    A rule that asks only for the lists named on the command line does not count where none was named.
    """
    known = Known(tuple(named_crates), today)
    left = [rule for rule in rules if named_crates or rule.kind != "crate in" or rule.value != (ANY,)]
    for song in songs:
        left = [rule for rule in left if not rule.condition.reason(song, rule.value, known)]
        if not left:
            break
    return tuple(left)


def needs_vocals(rules: Sequence[Rule]) -> bool:
    """Whether a rule asks for vocals, so that songs whose tags say nothing need a quick look."""
    return any(rule.kind == "vocals" for rule in rules)


def vocals_decide(song: Song, rules: Sequence[Rule], named_crates: Sequence[str], today: date) -> bool:
    """Whether this song's place hangs on its vocals, which are unknown: no rule before one of vocals holds."""
    first = next((number for number, rule in enumerate(rules) if rule.kind == "vocals"), len(rules))
    before = place(song, rules[:first], named_crates, today)[0]
    return song.vocals == "unknown" and first < len(rules) and before == first
