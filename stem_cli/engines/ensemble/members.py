"""Who makes an ensemble, how much the word of each counts, and which stems come of it.

htdemucs,UVR-MDX-NET-Voc_FT                     the mean, where both make a stem
htdemucs:2,UVR-MDX-NET-Voc_FT                   the first counts twice as much
htdemucs:drums=2:vocals=0,UVR-MDX-NET-Voc_FT    a weight for a stem
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stem_cli import stems as table
from stem_cli.engines import Engine, Model, Request, find_model
from stem_cli.errors import EngineError, UsageError

_HINT = "Write --ensemble MODEL,MODEL or --ensemble MODEL:vocals=2,MODEL:0.5."
_LARGEST_WEIGHT = 1e6
_VOICES = ("lead_vocals", "backing_vocals")


@dataclass(frozen=True)
class Wish:
    """A model by its name. every: how much its word counts; weights: for some stems, in place of that."""

    model: str
    every: float = 1.0
    weights: Mapping[str, float] | None = None

    def weight(self, stem: str) -> float:
        """How much its word counts for a stem."""
        return (self.weights or {}).get(stem, self.every)


@dataclass(frozen=True)
class Member:
    """A model, its engine, and what that is asked."""

    wish: Wish
    engine: Engine
    model: Model
    request: Request

    @property
    def text(self) -> str:
        """Who it is, in whose hands, and how much it counts: part of the ensemble's id."""
        weights = "".join(f":{stem}={weight:.12g}" for stem, weight in sorted((self.wish.weights or {}).items()))
        return f"{self.engine.identify(self.request).text}:{self.wish.every:.12g}{weights}"


@dataclass(frozen=True)
class Score:
    """What an ensemble makes. named: the stems that members make. rest: what is left of the song.

    shares: for each stem the members that make it, by their place, and the share of each in it, which add up to 1;
    none for a rest that nobody makes.
    """

    named: tuple[str, ...]
    rest: str
    shares: Mapping[str, Mapping[int, float]]

    @property
    def stems(self) -> tuple[str, ...]:
        """All of them, in the table's order."""
        return table.ordered((*self.named, self.rest))


def parse(text: str) -> tuple[Wish, ...]:
    """The members in a text as above. Raises UsageError.

    >>> [wish.model for wish in parse("a,b:2")]
    ['a', 'b']
    """
    wishes = tuple(_wish(part.strip()) for part in text.split(","))
    names = [wish.model for wish in wishes]
    if len(set(names)) < len(names) or len(names) == 1:
        raise UsageError(f"an ensemble {text!r} is not one of two or more different models", None, _HINT)
    return wishes


def _wish(text: str) -> Wish:
    name, *words = text.split(":")
    every, weights = 1.0, {}
    for word in words:
        stem, is_one, number = word.rpartition("=")
        if is_one:
            weights[stem] = _number(number, text)
        else:
            every = _number(number, text)
    if not name:
        raise UsageError(f"a model's name is missing in the ensemble: {text!r}", None, _HINT)
    return Wish(name, every, weights)


def _number(word: str, text: str) -> float:
    try:
        weight = float(word)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= _LARGEST_WEIGHT:
        raise UsageError(f"{word!r} in {text!r} is no weight: 0 or more", None, _HINT)
    return weight


def members_of(request: Request) -> tuple[Member, ...]:
    """The members that a request names. Raises UsageError, EngineError."""
    alone = replace(request, ensemble="", stems=())
    found = []
    for wish in parse(request.ensemble):
        engine, _ = find_model(wish.model, request.models_dir)
        asked = replace(alone, engine=engine.name, model=wish.model)
        found.append(Member(wish, engine, engine.find(asked), asked))
    return tuple(found)


def score_of(members: Sequence[Member]) -> Score:
    """What these members make together. Raises UsageError where a stem has no weight, or is part of another."""
    made = [stem for member in members for stem in member.model.stems]
    named = table.ordered([stem for stem in made if stem in table.TABLE and stem != table.REMAINDER])
    if "vocals" in named and (part := next((stem for stem in _VOICES if stem in named), None)):
        raise UsageError(f"no ensemble makes both vocals and {part}, which is a part of them", None, _HINT)
    if not named:
        raise UsageError("these models name nothing that is not the rest of the song", None, _HINT)
    rest = _rest(named, made)
    givers = {stem: _givers(stem, named, rest, members) for stem in (*named, rest)}
    shares = {stem: _shares(stem, members, of) for stem, of in givers.items()}
    for place, member in enumerate(members):
        _require_a_say(member, [stem for stem, of in givers.items() if place in of], shares, place)
    return Score(named, rest, shares)


def _require_a_say(member: Member, gives: Sequence[str], shares: Mapping[str, Mapping[int, float]], place: int) -> None:
    """Raises UsageError for a weight of a stem that the member does not make, and for a member that counts nowhere."""
    unknown = sorted(set(member.wish.weights or {}) - set(gives))
    if unknown:
        hint = f"Give it weights for {', '.join(gives)}." if gives else "Leave it out."
        raise UsageError(f"{member.model.name} makes no {unknown[0]} for this ensemble", None, hint)
    if not any(place in of for of in shares.values()):
        raise UsageError(f"nothing of {member.model.name} comes into the ensemble", None, "Leave it out.")


def _rest(named: Sequence[str], made: Sequence[str]) -> str:
    """What is left of the song: of one stem its counterpart, if a member calls it so."""
    alone = table.TABLE[named[0]].without if len(named) == 1 else ""
    return alone if alone in made else table.REMAINDER


def _givers(stem: str, named: Sequence[str], rest: str, members: Sequence[Member]) -> dict[int, str]:
    """The members that make a stem, and what they call it; a rest is the same only if the same was taken out of it."""
    if stem != rest:
        return {place: stem for place, member in enumerate(members) if stem in member.model.stems}
    others = {place: set(member.model.stems) - set(named) for place, member in enumerate(members)}
    whole = {place for place, member in enumerate(members) if set(named) < set(member.model.stems)}
    return {place: names.pop() for place, names in others.items() if place in whole and len(names) == 1}


def _shares(stem: str, members: Sequence[Member], givers: Mapping[int, str]) -> dict[int, float]:
    weights = {place: members[place].wish.weight(stem) for place in givers}
    total = sum(weights.values())
    if givers and not total:
        raise UsageError(f"every model of the ensemble that makes {stem} has weight 0 for it", None, _HINT)
    return {place: weight / total for place, weight in weights.items() if weight}


def model_of(members: Sequence[Member]) -> Model:
    """What the ensemble is as a model. Raises UsageError, EngineError where its members do not go together."""
    rates = {member.model.rate for member in members if member.model.rate}
    if len(rates) > 1:
        told = ", ".join(f"{member.model.name} {member.model.rate} Hz" for member in members if member.model.rate)
        raise EngineError(f"models of different rates make no ensemble ({told})", None, "Choose models of one rate.")
    channels = max((member.model.channels or 0 for member in members), default=0)
    return Model(
        name="+".join(member.model.name for member in members),
        title="Ensemble of " + " and ".join(member.model.name for member in members),
        stems=score_of(members).stems,
        licence="; ".join(dict.fromkeys(f"{member.model.name}: {member.model.licence}" for member in members)),
        rate=next(iter(rates), None),
        channels=channels or None,
    )
