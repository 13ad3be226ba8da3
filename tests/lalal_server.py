"""LALAL.AI on this machine: a real HTTP server that implements its specification, and has every fault on demand.

What it is for: a client meets here what it would meet there. Paths, heads, bodies, errors and states are those of the
specification, which `test_cloud_specification.py` checks. What it answers is `lalal_service`; what a test looks at in
the end are the books of that.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from lalal_bodies import Said
from lalal_service import KEY, Exchange, Lalal, step_of


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
                raise Said(405, {"detail": "Method Not Allowed"})
            found = self.lalal.answer(self.path, exchange.headers, exchange.body)
            if how in ("unsure", "strange", "cancelled"):
                found = {"result": {one: self.lalal.state(one, how) for one in found["result"]}}
            return 200, json.dumps(found).encode(), {"Content-Type": "application/json"}
        except Said as said:
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


@pytest.fixture
def lalal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lalal]:
    """The service in a time of its own, and its key where the program looks for it."""
    monkeypatch.setenv("STEM_LALAL_KEY", KEY)
    with serving() as server:
        yield server
