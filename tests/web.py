"""A web server of our own in a thread, with the faults that real ones have; and a log of what was asked of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LOGIN = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@dataclass
class Page:
    """One file of the server, and how it is served; a test may change it between two questions.

    ranges: obey `Range`. drop: cut the connection after so many bytes of an answer, `drops` times (None: every time).
    pause: seconds between pieces. told: the length in the head, None is the true one, -1 none at all.
    """

    body: bytes = b""
    status: int = 200
    kind: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    ranges: bool = True
    drop: int | None = None
    drops: int | None = None
    pause: float = 0.0
    piece: int = 1 << 16
    told: int | None = None
    redirect: str = ""


@dataclass
class Asked:
    """One question: the address as it was sent, and the head; and how it was answered, `sent` so far."""

    target: str
    headers: Mapping[str, str]
    start: int
    status: int
    sent: int = 0


class Web:
    """A running server."""

    def __init__(self, server: ThreadingHTTPServer, pages: dict[str, Page]) -> None:
        self.host, self.pages = f"127.0.0.1:{server.server_address[1]}", pages
        self.log: list[Asked] = []

    def url(self, name: str) -> str:
        """The address of a page."""
        return f"http://{self.host}/{name}"


@contextmanager
def serve(**pages: Page) -> Iterator[Web]:
    """Serve pages by name until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self, web)

        def log_message(self, *_: object) -> None:
            """The log is `web.log`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that is killed is what is tested."""

    with Server(("127.0.0.1", 0), Handler) as server:
        web = Web(server, pages)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


def answer(handler: BaseHTTPRequestHandler, web: Web) -> None:
    """Serve one page as it says."""
    page = web.pages.get(urlsplit(handler.path).path.lstrip("/"), Page(b"no such page", 404, "text/plain"))
    start, status, headers = part_of(page, handler.headers.get("Range"), handler.headers.get("If-Range"))
    body = page.body[start:] if status != 416 else b""
    asked = Asked(handler.path, dict(handler.headers), start, status)
    web.log.append(asked)
    handler.send_response(status)
    handler.send_header("Content-Type", page.kind)
    for name, value in headers.items():
        handler.send_header(name, value)
    if page.told != -1:
        handler.send_header("Content-Length", str(len(body) if page.told is None else page.told))
    handler.end_headers()
    cut = page.drop is not None and page.drops != 0
    if cut and page.drops is not None:
        page.drops -= 1
    try:
        for piece in pieces(body[: page.drop] if cut else body, page.piece):
            handler.wfile.write(piece)
            asked.sent += len(piece)
            time.sleep(page.pause)
    finally:
        handler.close_connection = cut or page.told is not None
        if cut:
            handler.connection.shutdown(socket.SHUT_RDWR)


def part_of(page: Page, wanted: str | None, unless: str | None) -> tuple[int, int, dict[str, str]]:
    """First byte, status and head of the answer to a `Range`, after RFC 9110, sections 13 and 14."""
    headers = dict(page.headers)
    if page.redirect:
        return 0, 302, {**headers, "Location": page.redirect}
    mark = page.headers.get("ETag") or page.headers.get("Last-Modified")
    if page.status != 200 or not page.ranges or wanted is None or (unless is not None and unless != mark):
        return 0, page.status, headers
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    if start >= len(page.body):
        return start, 416, {**headers, "Content-Range": f"bytes */{len(page.body)}"}
    return start, 206, {**headers, "Content-Range": f"bytes {start}-{len(page.body) - 1}/{len(page.body)}"}


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    """The body, piece by piece."""
    for at in range(0, len(body), size):
        yield body[at : at + size]
