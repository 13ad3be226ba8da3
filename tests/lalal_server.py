"""LALAL.AI on this machine: a real HTTP server that implements its specification, and has every fault on demand.

What it is for: a client meets here what it would meet there. Paths, heads, bodies, errors and states are those of the
specification (OpenAPI 3.1, API 1.1.0), which `test_cloud_specification.py` checks. What the specification leaves open
is a choice of `Habits`. It keeps the books of what it has charged: they are what a test looks at in the end.

Its separation is arithmetic: each stem is a fraction of the song, the rest is the rest, and all of them are the song.
"""

from __future__ import annotations

import io
import json
import re
import socket
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import soundfile

KEY = "0123456789abcdef"
DAY = 24 * 3600
GONE = "The file has not been uploaded properly or has already been deleted. Please upload it again."
STEMS = ("vocals", "drum", "piano", "bass", "electric_guitar", "acoustic_guitar", "synthesizer", "strings", "wind")
MULTISTEMS = STEMS[:6]
SPLITTERS = ("andromeda", "perseus", "orion", "phoenix", "lyra", "lynx")
CHECKS_A_MINUTE = 30


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


class _Said(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


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
        """Carry out one question. Raises _Said."""
        if headers.get("x-license-key") != KEY:
            raise _Said(403, {"detail": "Provide license key in 'X-License-Key' header"})
        with self.lock:
            if path == "/api/v1/upload/":
                return self._upload(headers, body)
            if path not in _OPERATIONS:
                raise _Said(404, {"detail": "Not Found"})
            return _OPERATIONS[path](self, _json(body) if body else {})

    def _upload(self, headers: dict[str, str], body: bytes) -> Any:
        named = re.fullmatch(r'attachment; filename="?([^"]+)"?', headers.get("content-disposition", ""))
        if not named:
            raise _invalid(("header", "Content-Disposition"), "Field required", "missing")
        try:
            seconds = soundfile.info(io.BytesIO(body)).duration
        except soundfile.LibsndfileError:
            raise _Said(400, {"detail": "Unable to read the media file"}) from None
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
        presets = _presets(body)
        if presets.get("stem") not in STEMS:
            raise _invalid(("body", "presets", "stem"), f"Input should be one of {', '.join(STEMS)}", "enum")
        if presets.get("multivocal") not in (None, "lead_back"):
            raise _invalid(("body", "presets", "multivocal"), "Input should be 'lead_back'", "enum")
        return self._start(body, presets, 1)

    def _multistem(self, body: dict[str, Any]) -> Any:
        presets = _presets(body)
        wanted = presets.get("stem_list")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 6 or not set(wanted) <= set(MULTISTEMS):
            raise _invalid(("body", "presets", "stem_list"), "Input should be a list of 1-6 known stems", "enum")
        return self._start(body, presets, len(wanted))

    def _start(self, body: dict[str, Any], presets: dict[str, Any], stems: int) -> Any:
        source = self.sources.get(_uuid4(body, "source_id"))
        key = _uuid4(body, "idempotency_key") if body.get("idempotency_key") else ""
        if source is None or source.deleted or source.expires < self.clock.now():
            raise _Said(400, {"detail": GONE})
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
        raise _Said(400, {"detail": "Idempotency key has already been used.", "code": "idempotency_key_used"})

    def _pay(self, minutes: float, look_only: bool = False) -> None:
        if minutes > self.minutes:
            raise _Said(400, {"detail": "Not enough minutes", "code": "exceeded_duration"})
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
            raise _Said(429, {"detail": "Too many requests"})
        return {"result": {one: self._status(one) for one in _ids(body)}}

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
        return {"result": {one: self._cancelled(one) for one in _ids(body)}}

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
        source = self.sources.get(_uuid4(body, "source_id"))
        if source is None:
            raise _Said(400, {"detail": GONE})
        source.deleted = True
        for task in self.tasks.values():
            if task.source is source:
                self._cancelled(task.id)
        return {}

    def file(self, token: str) -> bytes:
        """A track. Raises _Said."""
        with self.lock:
            task, label, until = self.links.get(token, (None, "", 0.0))
            if task is None or until < self.clock.now():
                raise _Said(403, {"detail": "Request has expired"})
            if task.source.deleted:
                raise _Said(404, {"detail": "Not Found"})
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


# ------------------------------------------------------------------------------------------------------- bodies


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        raise _invalid(("body",), "JSON decode error", "json_invalid") from None
    if not isinstance(found, dict):
        raise _invalid(("body",), "Input should be an object", "dict_type")
    return found


def _presets(body: dict[str, Any]) -> dict[str, Any]:
    presets = body.get("presets")
    if not isinstance(presets, dict):
        raise _invalid(("body", "presets"), "Field required", "missing")
    for name, known in (
        ("splitter", SPLITTERS),
        ("encoder_format", ("mp3", "wav", "flac", "aac", "ogg", None)),
        ("extraction_level", ("deep_extraction", "clear_cut")),
        ("dereverb_enabled", (True, False)),
    ):
        if name in presets and presets[name] not in known:
            raise _invalid(("body", "presets", name), f"Input should be one of {known}", "enum")
    return presets


def _uuid4(body: dict[str, Any], name: str) -> str:
    try:
        number = uuid.UUID(str(body[name]))
    except KeyError:
        raise _invalid(("body", name), "Field required", "missing") from None
    except ValueError:
        raise _invalid(("body", name), "Input should be a valid UUID", "uuid_parsing") from None
    if number.version != 4:
        raise _invalid(("body", name), "UUID version 4 expected", "uuid_version")
    return str(number)


def _ids(body: dict[str, Any]) -> list[str]:
    found = body.get("task_ids")
    if not isinstance(found, list):
        raise _invalid(("body", "task_ids"), "Field required", "missing")
    return [_uuid4({"task_ids": one}, "task_ids") for one in found]


def _invalid(place: tuple[str, ...], text: str, kind: str) -> _Said:
    return _Said(422, {"detail": [{"loc": list(place), "msg": text, "type": kind}]})


# ------------------------------------------------------------------------------------------------------- tracks


def labels_of(presets: dict[str, Any], habits: Habits) -> list[str]:
    """The tracks of a task."""
    if presets.get("multivocal"):
        found = ["vocals@0", "vocals@1", "no_vocals", "mix_no_lead"]
        found = found if habits.backing else [label for label in found if label != "vocals@1"]
    elif "stem_list" in presets:
        found = [*presets["stem_list"], "no_multistem"]
    else:
        found = [presets["stem"], f"no_{presets['stem']}"]
    return [label for label in found if label != habits.drop_label]


def parts(song: np.ndarray, labels: list[str]) -> dict[str, np.ndarray]:
    """The separation: integers [frames, channels] of 24 bits; all but `mix_no_lead` are the song."""
    song = song.astype(np.int64)
    stems = [label for label in labels if not label.startswith(("no_", "mix_"))]
    made = {label: song * (place + 2) // 32 for place, label in enumerate(stems)}
    rest = song - sum(made.values())
    for label in labels:
        if label.startswith("no_"):
            made[label] = rest
        if label.startswith("mix_"):
            made[label] = rest + made.get("vocals@1", 0)
    return made


def track(body: bytes, labels: list[str], label: str, habits: Habits) -> bytes:
    """A track as a FLAC file."""
    wide, rate = soundfile.read(io.BytesIO(body), dtype="int32", always_2d=True)
    if habits.other_song:
        wide = np.random.default_rng(7).integers(-(2**30), 2**30, wide.shape, dtype=np.int32)
    made = parts(wide >> 8, labels)[label]
    made = np.concatenate([np.zeros((max(0, habits.lag), made.shape[1]), np.int64), made])[max(0, -habits.lag) :]
    end = len(wide) + habits.longer
    made = np.concatenate([made, np.zeros((max(0, end - len(made)), made.shape[1]), np.int64)])[:end]
    if habits.mono:
        made = made.mean(axis=1, keepdims=True).astype(np.int64)
    if habits.rate:
        made, rate = _resampled(made, rate, habits.rate), habits.rate
    out = io.BytesIO()
    soundfile.write(out, (made << 8).astype(np.int32), rate, format="FLAC", subtype="PCM_24")
    return out.getvalue()


def _resampled(sound: np.ndarray, old: int, new: int) -> np.ndarray:
    from scipy.signal import resample_poly

    return np.rint(resample_poly(sound.astype(float), new, old, axis=0)).clip(-(2**23), 2**23 - 1).astype(np.int64)


# -------------------------------------------------------------------------------------------------------- HTTP


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    lalal: Lalal

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """The log is the service's own."""

    def _serve(self) -> None:
        lalal, step = self.lalal, step_of(self.path)
        with lalal.lock:
            fault = lalal.faults[step].pop(0) if lalal.faults[step] else lalal.surprise(step)
        exchange = Exchange(self.path, {name.lower(): value for name, value in self.headers.items()}, b"", fault=fault)
        exchange.at = lalal.clock.now()
        lalal.log.append(exchange)
        how = fault.how if fault else ""
        length = int(self.headers.get("Content-Length") or 0)
        if how in ("before", "body"):
            self.rfile.read(0 if how == "before" else length // 2)
            return self._drop()
        exchange.body = self.rfile.read(length)
        status, body, headers = self._answered(exchange, how)
        lalal.carried_out(step)
        if how == "after":
            return self._drop()
        if fault and how.startswith("answer"):
            status, body = (
                fault.status,
                fault.said if isinstance(fault.said, bytes) else json.dumps(fault.said).encode(),
            )
        headers |= fault.headers if fault else {}
        if how == "page":
            status, body = 200, b"<!DOCTYPE html><html>Please log in</html>"
        exchange.status, exchange.answer = status, body
        self._send(status, body, headers, half=how == "half")
        return None

    def _answered(self, exchange: Exchange, how: str) -> tuple[int, bytes, dict[str, str]]:
        if how in ("answer", "page"):
            return 0, b"", {"Content-Type": "application/json"}
        try:
            if self.command == "GET" and step_of(self.path) == "files":
                return self._file(self.lalal.file(self.path.split("/")[2]), exchange.headers, how)
            if self.command != "POST":
                raise _Said(405, {"detail": "Method Not Allowed"})
            found = self.lalal.answer(self.path, exchange.headers, exchange.body)
            if how in ("unsure", "strange", "cancelled"):
                found = {"result": {one: self.lalal.state(one, how) for one in found["result"]}}
            return 200, json.dumps(found).encode(), {"Content-Type": "application/json"}
        except _Said as said:
            return said.status, json.dumps(said.body).encode(), {"Content-Type": "application/json"}

    def _file(self, body: bytes, headers: dict[str, str], how: str) -> tuple[int, bytes, dict[str, str]]:
        told = {"Content-Type": "audio/flac", "ETag": f'"{len(body)}"'}
        if how == "short":
            body = body[: len(body) * 2 // 3]
        if how == "bent":
            body = body[: len(body) // 2] + bytes([body[len(body) // 2] ^ 0x55]) + body[len(body) // 2 + 1 :]
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if not wanted or how == "whole" or headers.get("if-range", told["ETag"]) != told["ETag"]:
            return 200, body, told
        start = int(wanted[1])
        if start >= len(body):
            return 416, b"", {**told, "Content-Range": f"bytes */{len(body)}"}
        return 206, body[start:], {**told, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}

    def _send(self, status: int, body: bytes, headers: dict[str, str], half: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("x-request-id", uuid.uuid4().hex)
        self.send_header("Content-Length", str(len(body)))
        self._headers_buffer.append(b"\r\n")
        self._headers_buffer.append(body[: len(body) // 2] if half else body)
        self.wfile.write(b"".join(self._headers_buffer))
        self._headers_buffer = []
        if half:
            self._drop()

    def _drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(clock: Any = None, minutes: float = 1000.0) -> Iterator[Lalal]:
    """The service on a port of this machine until the end of the block."""
    lalal = Lalal(clock, minutes)

    class Handler(_Handler):
        pass

    Handler.lalal = lalal

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 32

        def handle_error(self, *_: object) -> None:
            """A client that goes away is what is tested; anything else is a fault of this server."""
            error = sys.exc_info()[1]
            if error is not None and not isinstance(error, OSError):
                lalal.bugs.append(error)

    with Server(("127.0.0.1", 0), Handler) as server:
        lalal.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield lalal
        finally:
            server.shutdown()
            thread.join()
    assert not lalal.bugs, lalal.bugs


@contextmanager
def real_time() -> Iterator[Lalal]:
    """The service in real time, for clients in processes of their own."""

    class Real:
        now = staticmethod(time.time)
        sleep = staticmethod(time.sleep)

    with serving(Real()) as lalal:
        yield lalal
