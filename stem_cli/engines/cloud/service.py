"""What a cloud service is to the engine: the questions it takes, what its answers mean, what it sells and for how much.

A service is one value, made of functions that turn our wishes into questions and JSON into facts. Nothing in it opens a
connection, waits or writes: that is the engine's, and the same for all of them. Readers of answers raise KeyError,
TypeError or ValueError where an answer is not what it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stem_cli.engines import Model

FINAL, AGAIN, USED = "final", "again", "used"
"""What follows from a refusal: nothing was started; the same question may be asked again; its key was used before."""


@dataclass(frozen=True)
class Call:
    """One question. path: behind the service's address. body: sent as JSON. form: fields, sent as a form.

    file: sent in a stream, as the body, or in the form's field `file_field`.
    """

    path: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    form: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    file_field: str = ""


@dataclass(frozen=True)
class Offer:
    """What can be ordered. charged: how many times the song's length it costs.

    parts: of each of the model's stems, the labels of the tracks that are added up to it. optional: labels of tracks
    that may be missing, where the song has nothing of the kind. path, wishes: the service's own words for it.
    """

    model: Model
    charged: int
    parts: Mapping[str, tuple[str, ...]]
    path: str
    wishes: Mapping[str, Any]
    optional: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """All tracks that are fetched."""
        return tuple(label for labels in self.parts.values() for label in labels)


@dataclass(frozen=True)
class Ask:
    """An order about to be sent. source_id: of the song, "" where it goes along. key: makes a repetition harmless."""

    offer: Offer
    file: Path
    source_id: str
    key: str


@dataclass(frozen=True)
class Source:
    """A song at the service. until: when it goes, seconds since 1970. bytes, seconds: its size, None is not said."""

    id: str
    until: float
    bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Track:
    """A track of the result, and the address it is fetched from, for a while."""

    label: str
    url: str


@dataclass(frozen=True)
class Status:
    """How a task stands. state: "waiting", "done", "failed", "cancelled", or "unsure" where the service cannot say.

    reason: why it failed. made_by: what the service calls the network that made the tracks.
    """

    state: str
    reason: str = ""
    tracks: tuple[Track, ...] = ()
    made_by: str = ""


@dataclass(frozen=True)
class Advice:
    """What a code of the service means to a user: what happened, what to do now, and which of the three follows."""

    what: str
    hint: str = ""
    follows: str = FINAL


@dataclass(frozen=True)
class Service:
    """One service. url: of its calls. key_variable: of the environment. sound: part of an engine's id, by its words.

    keyed: an order may be sent again with the same key, and is carried out once. lifetime_seconds: of songs and
    results. most_bytes: of a song. codes: its refusals by their codes; the code "forbidden" is ours, for a key that is
    not accepted. offer: by a model's name, None where there is no such. cheapest: the offer with these stems; () are
    all it usually makes. upload: None where the song goes along with the order. minutes, cancel, delete: None where
    there is no such thing.
    """

    name: str
    title: str
    url: str
    key_variable: str
    key_page: str
    sound: Mapping[str, str]
    keyed: bool
    lifetime_seconds: float
    most_bytes: int
    codes: Mapping[str, Advice]
    offers: tuple[Offer, ...]
    offer: Callable[[str], Offer | None]
    cheapest: Callable[[tuple[str, ...]], Offer]
    sign: Callable[[Call, str], Call]
    read_refusal: Callable[[Any], tuple[str, Any]]
    start: Callable[[Ask], Call]
    read_start: Callable[[Any], str]
    check: Callable[[str], Call]
    read_check: Callable[[Any, str], Status]
    upload: Callable[[Path], Call] | None = None
    read_upload: Callable[[Any], Source] | None = None
    minutes: Call | None = None
    read_minutes: Callable[[Any], float] = float
    cancel: Callable[[str], Call] | None = None
    read_cancel: Callable[[Any, str], bool] = lambda answer, task: bool(answer and task)
    delete: Callable[[str], Call] | None = None
