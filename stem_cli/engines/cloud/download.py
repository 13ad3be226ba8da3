"""Fetch a track: taken up again where the connection dropped, and in its place only when it is whole."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stem_cli.disk import disk_errors, sync
from stem_cli.engines.cloud.line import PAUSES_SECONDS, Line
from stem_cli.errors import CloudError

if TYPE_CHECKING:
    import httpx2

_GONE = (401, 403, 404, 410)
"""What an address answers whose time is over."""
_PROGRESS_BYTES = 1 << 20
"""A connection that brought so much counts as good: the tries are counted anew."""


class Expired(Exception):
    """The address leads to nothing any more: the service has to be asked for a new one."""


class _Dropped(Exception):
    """The connection was lost, or the host has trouble."""


@dataclass
class _Part:
    """What is there of a file so far. validator: the host's mark of the file, "" without any."""

    path: Path
    validator: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size if self.path.exists() else 0


def fetch(line: Line, url: str, target: Path, hint: str) -> None:
    """Fetch a file. The key is not sent along. Raises Expired, CloudError with the hint, OutputError."""
    part = _Part(target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part"))
    try:
        _load(line, url, part, CloudError(f"{target.stem} of {line.service.title} cannot be fetched", None, hint))
        with _disk(target):
            sync(part.path)
            part.path.replace(target)
    finally:
        part.path.unlink(missing_ok=True)


def _load(line: Line, url: str, part: _Part, failed: CloudError) -> None:
    """All of it; a connection that drops is taken up again while that helps. Raises Expired, `failed`."""
    failures = 0
    while True:
        before = part.size
        try:
            return _go_on(line.client, url, part)
        except _Dropped as error:
            failures = 1 if part.size - before >= _PROGRESS_BYTES else failures + 1
            if failures > len(PAUSES_SECONDS):
                raise CloudError(f"{failed.what} ({error})", None, failed.hint) from None
        line.clock.sleep(PAUSES_SECONDS[failures - 1])


def _go_on(client: httpx2.Client, url: str, part: _Part) -> None:
    """Load from where the part ends, if that is known to be the same file. Raises Expired, _Dropped."""
    start, headers = part.size if part.validator else 0, {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": part.validator}
    with _translated(), client.stream("GET", url, headers=headers) as response:
        start = _begin(response, start)
        part.validator = _validator(response)
        with _disk(part.path), part.path.open("r+b" if start else "wb") as file:
            file.seek(start)
            for block in response.iter_raw():
                file.write(block)
    total = _total(response, start)
    if total is not None and part.size != total:
        raise _Dropped(f"{part.size:,} of {total:,} bytes came")


def _begin(response: httpx2.Response, start: int) -> int:
    """The first byte that comes. Raises Expired, _Dropped for an answer that is not the file."""
    if response.status_code in _GONE:
        raise Expired(f"the address of a track answers {response.status_code}")
    if response.status_code == 200:
        return 0
    found = re.match(r"\s*bytes\s+(\d+)-", response.headers.get("content-range", ""))
    if response.status_code == 206 and found and int(found[1]) == start:
        return start
    raise _Dropped(f"the host of the tracks answers {response.status_code}")


def _total(response: httpx2.Response, start: int) -> int | None:
    length = response.headers.get("content-length", "")
    return start + int(length) if length.isdecimal() else None


def _validator(response: httpx2.Response) -> str:
    """A weak ETag does not promise the same bytes; the date is the next best."""
    tag: str = response.headers.get("etag", "")
    return tag if tag.startswith('"') else response.headers.get("last-modified", "")


@contextmanager
def _translated() -> Iterator[None]:
    """What httpx2 raises, in our terms. The address holds a signature: it is not told."""
    import httpx2

    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.TooManyRedirects) as error:
        raise Expired("the address of a track leads nowhere") from error
    except httpx2.RequestError as error:
        raise _Dropped(f"the connection was dropped ({str(error) or type(error).__name__})") from error


def _disk(path: Path) -> AbstractContextManager[None]:
    return disk_errors(path, "Choose another place with STEM_DATA_DIR", "What was paid for stays: try again.")
