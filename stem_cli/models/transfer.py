"""One question to a host: the bytes of a file from some place on. What goes wrong is named, and nothing is written."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from stem_cli.errors import CloudError
from stem_cli.models.files import ModelFile

if TYPE_CHECKING:
    import httpx2

_CONNECT_SECONDS = 5.0
_REACH_SECONDS = 8.0  # names and all addresses of a host together: a user without network hears of it within 10 s
_SILENCE_SECONDS = 20.0
_CONNECTED = ("connect_tcp.complete", "send_request_headers.started")  # names of httpx2's trace
_PAGES = ("text/html", "application/xhtml+xml")
_PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml")
WITHOUT = "Without it: --engine builtin."
AGAIN = "The same command tries again; --from names another place that holds the same files."


class Unreached(Exception):
    """There is no connection to the host."""


class Dropped(Exception):
    """The connection was lost before the end."""


@dataclass(frozen=True)
class Answer:
    """What a host sends: bytes of the file from `start` on. total: of the whole file, None is not said.

    validator: what `If-Range` takes to make sure that a later part belongs to the same file, "" is nothing.
    """

    start: int
    total: int | None
    validator: str
    blocks: Iterator[bytes]


def open_client() -> httpx2.Client:
    """A client that obeys the proxies of the environment. Raises CloudError where these make no sense."""
    import httpx2

    try:
        return httpx2.Client(timeout=httpx2.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS), follow_redirects=True)
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise CloudError(
            f"the proxy of the environment cannot be used ({error})", None, "Look at http_proxy and all_proxy."
        ) from error


@contextmanager
def asked(client: httpx2.Client, file: ModelFile, start: int = 0, validator: str = "") -> Iterator[Answer]:
    """Ask for a file from a byte on; the answer may start anew at 0 where the host cannot or must not go on.

    Raises Unreached, Dropped, and CloudError for an answer that is not the file.
    """
    with ExitStack() as stack:
        response = stack.enter_context(_sent(client, file, start, validator))
        if start and not _continues(response, start):
            start = 0
            response = stack.enter_context(_sent(client, file, start, ""))
        yield _answer(response, file, start)


def _continues(response: httpx2.Response, start: int) -> bool:
    """Whether an answer to a question for the rest can be used: it goes on there, starts anew, or says all is there."""
    if response.status_code == 416:
        return _total(response) == start
    return response.status_code != 206 or _first(response) == start


def _answer(response: httpx2.Response, file: ModelFile, start: int) -> Answer:
    if start and response.status_code == 416:
        return Answer(start, start, "", iter(()))
    _refuse(response, file)
    start = start if response.status_code == 206 else 0
    total = _total(response)
    if file.bytes is not None and total is not None and total != file.bytes:
        raise refused(file, f"sends {total:,} bytes instead of {file.bytes:,}: that is not this file", response)
    blocks = _blocks(response)
    if start == 0:
        first = next(blocks, b"")
        if first.lstrip().lower().startswith(_PAGE_STARTS):
            raise refused(file, "sends a web page instead of the file (a login?)", response)
        blocks = chain((first,), blocks)
    return Answer(start, total, _validator(response), blocks)


def _refuse(response: httpx2.Response, file: ModelFile) -> None:
    """Raises CloudError for an answer whose head tells that it is not the file."""
    hops = [one.url.scheme for one in (*response.history, response)]
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "https" in hops and "http" in hops[hops.index("https") :]:
        raise refused(file, "leads to an address without encryption", response)
    if response.status_code not in (200, 206):
        reason = f" ({response.reason_phrase})" if response.reason_phrase else ""
        raise refused(file, f"answers {response.status_code}{reason}", response)
    if kind in _PAGES:
        raise refused(file, "sends a web page instead of the file (a login?)", response)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise refused(file, "sends the file in another coding than was asked for", response)


def refused(file: ModelFile, what: str, response: httpx2.Response | None = None) -> CloudError:
    """The error of a host that answers, but not with the file."""
    return CloudError(f"{host_of(file, response)} {what}", file.name, f"{AGAIN} {WITHOUT}")


def host_of(file: ModelFile, response: httpx2.Response | None = None) -> str:
    """Host and port, for messages."""
    from urllib.parse import urlsplit

    asked_host = urlsplit(unsecret(file.url)).netloc
    final = asked_host if response is None else response.url.netloc.decode()
    return asked_host if final == asked_host else f"{final} (where {asked_host} leads)"


def unsecret(url: str) -> str:
    """An address without the name and the password that it may hold, for messages and for the disk."""
    return re.sub(r"^([a-z]+://)[^/]*@", r"\1", url)


def _sent(
    client: httpx2.Client, file: ModelFile, start: int, validator: str
) -> AbstractContextManager[httpx2.Response]:
    headers = {"Accept-Encoding": "identity"}  # sizes and checksums are those of the file
    if start:
        headers["Range"] = f"bytes={start}-"
    if start and validator:
        headers["If-Range"] = validator
    return closing(_reached(client, file.url, headers))


def _reached(client: httpx2.Client, url: str, headers: dict[str, str]) -> httpx2.Response:
    """The head of the answer.

    It is asked for by a thread, as nothing else limits how long a name is looked up, or how many addresses are tried.
    """
    connected, outcome = threading.Event(), queue.SimpleQueue[Any]()

    def trace(name: str, _info: Any) -> None:
        if name.endswith(_CONNECTED):
            connected.set()

    def ask() -> None:
        try:
            request = client.build_request("GET", url, headers=headers, extensions={"trace": trace})
            outcome.put(client.send(request, stream=True))
        except BaseException as error:  # noqa: BLE001 - it is raised below
            outcome.put(error)
        connected.set()

    threading.Thread(target=ask, daemon=True).start()
    if not connected.wait(_REACH_SECONDS):
        raise Unreached(f"nothing for {_REACH_SECONDS:.0f} s")
    found = outcome.get()
    if isinstance(found, BaseException):
        raise _translated(found, url)
    response: httpx2.Response = found
    return response


def _translated(error: BaseException, url: str) -> BaseException:
    """What went wrong before an answer came, in our terms."""
    import httpx2

    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return Unreached(_reason(error))
    if isinstance(
        error, httpx2.TooManyRedirects | httpx2.InvalidURL | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError
    ):
        return CloudError(f"{unsecret(url)} leads nowhere ({error})", None, f"{AGAIN} {WITHOUT}")
    if isinstance(error, httpx2.TransportError):
        return Dropped(_reason(error))
    return error


def _reason(error: Exception) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def _blocks(response: httpx2.Response) -> Iterator[bytes]:
    import httpx2

    try:
        yield from response.iter_raw()  # as it comes: a part that is gathered here would be lost with the connection
    except httpx2.TransportError as error:
        raise Dropped(_reason(error)) from error


def _total(response: httpx2.Response) -> int | None:
    """Bytes of the whole file, as the host says."""
    if response.status_code == 200:
        length = response.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None
    found = re.search(r"/(\d+)\s*$", response.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _first(response: httpx2.Response) -> int | None:
    """The first byte of a part, as the host says."""
    found = re.match(r"\s*bytes\s+(\d+)-", response.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _validator(response: httpx2.Response) -> str:
    """A weak ETag does not promise the same bytes; the date is the next best."""
    tag = response.headers.get("etag", "")
    return tag if tag.startswith('"') else response.headers.get("last-modified", "")
