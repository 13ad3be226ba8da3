"""LALAL.AI without its server: songs, tasks, states, and the books of what it has charged.

Answers, errors and states are those of the specification (OpenAPI 3.1, API 1.1.0); what it leaves open is a choice of
`Habits`.
"""

from __future__ import annotations

import io
import re
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import soundfile
from lalal_bodies import MULTISTEMS, STEMS, Said, ids_of, invalid, object_of, presets_of, uuid4_of
from lalal_choices import Fault, Habits, VirtualClock
from lalal_tracks import labels_of, track

KEY = "0123456789abcdef"
DAY = 24 * 3600
GONE = "The file has not been uploaded properly or has already been deleted. Please upload it again."
CHECKS_A_MINUTE = 30


@dataclass
class Source:
    id: str
    name: str
    body: bytes
    seconds: float
    expires: float
    deleted: bool = False


@dataclass
class Task:
    id: str
    source: Source
    presets: dict[str, Any]
    key: str
    created: float
    minutes: float
    outcome: str = ""  # "" while it goes on, else "success", "error", "cancelled"


@dataclass
class Exchange:
    """A question and its answer."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    answer: bytes = b""
    fault: Fault | None = None
    at: float = 0.0


class Lalal:
    """The service: its songs, its tasks, its books. faults: those that come next, by the last word of the path."""

    def __init__(self, clock: Any = None, minutes: float = 1000.0) -> None:
        self.clock, self.minutes, self.habits = clock or VirtualClock(), minutes, Habits()
        self.sources: dict[str, Source] = {}
        self.tasks: dict[str, Task] = {}
        self.links: dict[str, tuple[Task, str, float]] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.surprise: Callable[[str], Fault | None] = lambda step: None
        self.carried_out: Callable[[str], None] = lambda step: None
        self.log: list[Exchange] = []
        self.bugs: list[BaseException] = []
        self.checks: list[float] = []
        self.lock = threading.RLock()
        self.url = ""

    # ------------------------------------------------------------------------------------------------- the books

    @property
    def charged(self) -> list[Task]:
        """Tasks that were paid and not given back."""
        for task in self.tasks.values():
            self._advance(task)
        return [task for task in self.tasks.values() if task.outcome in ("", "success")]

    def steps(self) -> list[str]:
        """What was asked, in order, by the last word of the path."""
        return [step_of(one.path) for one in self.log]

    def clock_of(self, step: str) -> list[float]:
        """When it was asked, seconds since 1970."""
        return [one.at for one in self.log if step_of(one.path) == step]

    def most_checks_a_minute(self) -> int:
        """The most checks within any 60 s."""
        return max((sum(0 <= other - one < 60 for other in self.checks) for one in self.checks), default=0)

    # ------------------------------------------------------------------------------------------------ operations

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Any:
        """Carry out one question. Raises Said."""
        if headers.get("x-license-key") != KEY:
            raise Said(403, {"detail": "Provide license key in 'X-License-Key' header"})
        with self.lock:
            if path == "/api/v1/upload/":
                return self._upload(headers, body)
            if path not in _OPERATIONS:
                raise Said(404, {"detail": "Not Found"})
            return _OPERATIONS[path](self, object_of(body) if body else {})

    def _upload(self, headers: dict[str, str], body: bytes) -> Any:
        named = re.fullmatch(r'attachment; filename="?([^"]+)"?', headers.get("content-disposition", ""))
        if not named:
            raise invalid(("header", "Content-Disposition"), "Field required", "missing")
        try:
            seconds = soundfile.info(io.BytesIO(body)).duration
        except soundfile.LibsndfileError:
            raise Said(400, {"detail": "Unable to read the media file"}) from None
        source = Source(str(uuid.uuid4()), named[1], body, seconds, self.clock.now() + DAY)
        self.sources[source.id] = source
        return {
            "id": source.id,
            "name": source.name,
            "size": len(body),
            "duration": round(seconds),
            "expires": int(source.expires),
        }

    def _minutes(self, body: dict[str, Any]) -> Any:
        return {"minutes_left": self.minutes}

    def _stem_separator(self, body: dict[str, Any]) -> Any:
        presets = presets_of(body)
        if presets.get("stem") not in STEMS:
            raise invalid(("body", "presets", "stem"), f"Input should be one of {', '.join(STEMS)}", "enum")
        if presets.get("multivocal") not in (None, "lead_back"):
            raise invalid(("body", "presets", "multivocal"), "Input should be 'lead_back'", "enum")
        return self._start(body, presets, 1)

    def _multistem(self, body: dict[str, Any]) -> Any:
        presets = presets_of(body)
        wanted = presets.get("stem_list")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 6 or not set(wanted) <= set(MULTISTEMS):
            raise invalid(("body", "presets", "stem_list"), "Input should be a list of 1-6 known stems", "enum")
        return self._start(body, presets, len(wanted))

    def _start(self, body: dict[str, Any], presets: dict[str, Any], stems: int) -> Any:
        source = self.sources.get(uuid4_of(body, "source_id"))
        key = uuid4_of(body, "idempotency_key") if body.get("idempotency_key") else ""
        if source is None or source.deleted or source.expires < self.clock.now():
            raise Said(400, {"detail": GONE})
        minutes = stems * source.seconds / 60
        known = [one for one in self.tasks.values() if key and one.key == key and one.source is source]
        if self.habits.money_first:
            self._pay(minutes, look_only=True)
        if known:
            return self._known(known[0])
        self._pay(minutes)
        task = Task(str(uuid.uuid4()), source, presets, key, self.clock.now(), minutes)
        self.tasks[task.id] = task
        return {"task_id": task.id}

    def _known(self, task: Task) -> Any:
        """The same order once more. With another source it would be another order, and be charged."""
        waiting = self.clock.now() < task.created + self.habits.queue_seconds
        if self.habits.repeat == "same" and waiting and not task.outcome:
            return {"task_id": task.id}
        raise Said(400, {"detail": "Idempotency key has already been used.", "code": "idempotency_key_used"})

    def _pay(self, minutes: float, look_only: bool = False) -> None:
        if minutes > self.minutes:
            raise Said(400, {"detail": "Not enough minutes", "code": "exceeded_duration"})
        self.minutes -= 0 if look_only else minutes

    def _advance(self, task: Task) -> None:
        """What time has made of a task. Minutes of one that failed are given back."""
        due = task.created + self.habits.queue_seconds + self.habits.work_seconds
        if not task.outcome and self.clock.now() >= due:
            task.outcome = self.habits.outcome
            self.minutes += task.minutes if task.outcome == "error" else 0

    def _check(self, body: dict[str, Any]) -> Any:
        self.checks.append(self.clock.now())
        if sum(one > self.clock.now() - 60 for one in self.checks) > CHECKS_A_MINUTE:
            raise Said(429, {"detail": "Too many requests"})
        return {"result": {one: self._status(one) for one in ids_of(body)}}

    def _status(self, number: str) -> Any:
        task = self.tasks.get(number)
        if task is None or task.created < self.clock.now() - DAY:
            return {"status": "server_error", "error": f"['{GONE}']"}
        self._advance(task)
        about = {"source_id": task.source.id, "presets": {**task.presets, "splitter": "andromeda"}}
        if task.outcome == "success":
            return {"status": "success", **about, "result": self._tracks(task)}
        if task.outcome == "error":
            error = {"detail": "Unable to detect voice in the file", "code": "inference_error", "id": "e-17"}
            return {"status": "error", **about, "error": error}
        if task.outcome == "cancelled":
            return {"status": "cancelled", **about}
        gone = self.clock.now() - task.created - self.habits.queue_seconds
        return {
            "status": "progress",
            **about,
            "progress": max(0, min(99, round(100 * gone / max(1, self.habits.work_seconds)))),
        }

    def _tracks(self, task: Task) -> Any:
        tracks = []
        for label in labels_of(task.presets, self.habits):
            token = uuid.uuid4().hex
            self.links[token] = (task, label, self.clock.now() + self.habits.link_seconds)
            kind = "back" if label.startswith(("no_", "mix_")) else "stem"
            tracks.append({"type": kind, "label": label, "url": f"{self.url}/files/{token}/{label}"})
        return {"tracks": tracks, "duration": round(task.source.seconds)}

    def _cancel(self, body: dict[str, Any]) -> Any:
        return {"result": {one: self._cancelled(one) for one in ids_of(body)}}

    def _cancel_all(self, body: dict[str, Any]) -> Any:
        running = [task.id for task in self.tasks.values() if not task.outcome]
        return {"result": {one: self._cancelled(one) for one in running}}

    def state(self, number: str, how: str) -> Any:
        """What is told of a task where a fault wants it."""
        if how == "cancelled":
            self._cancelled(number)
            return self._status(number)
        return {"status": "server_error", "error": "Try later"} if how == "unsure" else {"status": "thinking"}

    def _cancelled(self, number: str) -> Any:
        task = self.tasks.get(number)
        if task is None:
            return {"status": "server_error", "error": "Failed to extract information about task"}
        self._advance(task)
        if task.outcome:
            return {"status": "server_error", "error": "Task is not in progress state"}
        task.outcome = "cancelled"
        self.minutes += task.minutes
        return {"status": "success"}

    def _delete(self, body: dict[str, Any]) -> Any:
        source = self.sources.get(uuid4_of(body, "source_id"))
        if source is None:
            raise Said(400, {"detail": GONE})
        source.deleted = True
        for task in self.tasks.values():
            if task.source is source:
                self._cancelled(task.id)
        return {}

    def file(self, token: str) -> bytes:
        """A track. Raises Said."""
        with self.lock:
            task, label, until = self.links.get(token, (None, "", 0.0))
            if task is None or until < self.clock.now():
                raise Said(403, {"detail": "Request has expired"})
            if task.source.deleted:
                raise Said(404, {"detail": "Not Found"})
            return track(task.source.body, labels_of(task.presets, self.habits), label, self.habits)


_OPERATIONS: dict[str, Any] = {
    "/api/v1/limits/minutes_left/": Lalal._minutes,
    "/api/v1/split/stem_separator/": Lalal._stem_separator,
    "/api/v1/split/multistem/": Lalal._multistem,
    "/api/v1/check/": Lalal._check,
    "/api/v1/cancel/": Lalal._cancel,
    "/api/v1/cancel/all/": Lalal._cancel_all,
    "/api/v1/delete/": Lalal._delete,
}


def step_of(path: str) -> str:
    """`check` of /api/v1/check/; `files` of the address of a track."""
    return "files" if path.startswith("/files/") else path.strip("/").rpartition("/")[2]
