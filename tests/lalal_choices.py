"""What a test may choose of the LALAL.AI that runs here: its clock, its habits, its faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class VirtualClock:
    """Time that passes only where somebody sleeps. Seconds since 1970."""

    def __init__(self, start: float = 1.8e9) -> None:
        self.time = start

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class Habits:
    """What the specification does not say.

    queue_seconds: until a task starts; work_seconds: from there until it is done. repeat: "same" gives the task's
    number again for its key until the task starts, "refuse" does so never. money_first: minutes are looked at before
    the key. link_seconds: how long addresses live. lag, longer: frames that tracks come late, and are longer. rate: of
    the tracks, 0 is the song's. backing: found. outcome: "success", or "error" of each task. mono: tracks have one
    channel. other_song: tracks are of another. drop_label: a track that is not there.
    """

    queue_seconds: float = 3.0
    work_seconds: float = 10.0
    repeat: str = "same"
    money_first: bool = False
    link_seconds: float = 3600.0
    lag: int = 0
    longer: int = 0
    rate: int = 0
    backing: bool = True
    outcome: str = "success"
    mono: bool = False
    other_song: bool = False
    drop_label: str = ""


@dataclass
class Fault:
    """Something that goes wrong, once. how:

    "before": the connection drops before anything is carried out. "body": in the middle of what is sent. "after": it
    is carried out, and the connection drops instead of an answer. "half": the same in the middle of the answer.
    "answer": `status` and `said` instead of carrying it out. "answer after": it is carried out, and that is answered.
    "short": a file that is cut, and says so nowhere. "bent": a file with one wrong byte. "whole": `Range` is not
    obeyed. "page": a web page. "unsure", "strange", "cancelled": states of a task. "pass": none.
    """

    how: str
    status: int = 0
    said: Any = None
    headers: dict[str, str] = field(default_factory=dict)
