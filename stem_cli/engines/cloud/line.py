"""The line to a service: one question at a time, and what can come of it.

Three things can go wrong with a question, and what is paid for depends on which: it was not sent, it was sent and its
answer is not known, or the service refused it.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from stem_cli import __version__
from stem_cli.engines.cloud.service import AGAIN, USED, Call, Service
from stem_cli.errors import CloudError, UsageError
from stem_cli.models.transfer import open_client, unsecret

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
PAUSES_SECONDS = (2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0)
"""Before a question is asked again. The service names no time itself (reference: 429 without Retry-After)."""
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 90.0  # it looks at a whole song before it answers an upload
_SAID_CHARACTERS = 300
_LOCAL = ("127.0.0.1", "::1", "localhost")
_log = logging.getLogger("stem_cli")


class Unsent(Exception):
    """There was no connection: nothing was asked."""


class Unanswered(Exception):
    """It was asked, and no sensible answer came: it may have been carried out or not."""


class Refused(Exception):
    """The service says no. status: of HTTP. code: the service's own, "" without any. text: what it says."""

    def __init__(self, status: int, code: str, text: str, follows: str) -> None:
        super().__init__(f"{text} ({code or status})" if text else code or f"answers {status}")
        self.status, self.code, self.text, self.follows = status, code, text, follows

    @property
    def passing(self) -> bool:
        """Whether the same question may succeed later."""
        return self.follows == AGAIN

    @property
    def busy(self) -> bool:
        """Whether it was turned away at the door, as there were too many questions: nothing was carried out."""
        return self.status == 429

    @property
    def used(self) -> bool:
        """Whether the order's key was used before."""
        return self.follows == USED


@dataclass(frozen=True)
class Clock:
    """Time, so that tests need none. now: seconds since 1970. sleep: wait for some seconds."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Line:
    """Held open: a service under an address, with a key."""

    service: Service
    url: str
    key: str = field(repr=False)
    client: httpx2.Client
    clock: Clock

    def ask(self, call: Call, read: Callable[[Any], T]) -> T:
        """Ask once. Raises Unsent, Unanswered, Refused."""
        response = self._sent(call)
        _log.debug("%s %s: %d, request %s", call.path, self.service.name, response.status_code, _mark(response))
        if response.status_code == 200:
            return self._read(response, read)
        what = f"{self.service.title} answers {response.status_code}"
        if response.status_code >= 500 or response.status_code in (201, 202, 204, 206, 408):
            raise Unanswered(what)
        raise self._refusal(response)

    def insist(self, call: Call, read: Callable[[Any], T], doing: str, tries: int = len(PAUSES_SECONDS)) -> T:
        """Ask something harmless until there is an answer, `tries` times. Raises CloudError."""
        problem = ""
        for pause in (0.0, *PAUSES_SECONDS)[:tries]:
            self.clock.sleep(pause)
            try:
                return self.ask(call, read)
            except (Unsent, Unanswered) as error:
                problem = str(error)
            except Refused as refused:
                if not refused.passing:
                    raise self.told(refused) from refused
                problem = self.told(refused).what
        raise CloudError(f"{doing}: {problem}", None, "Nothing was paid. Try again later: the same command goes on.")

    def told(self, refused: Refused) -> CloudError:
        """A refusal in our words where its code is known, else in the service's."""
        advice = self.service.codes.get(refused.code)
        if advice is None:
            return CloudError(f"{self.service.title} refuses: {refused}", None, "The log has the request's number.")
        said = f" ({refused.text})" if refused.text else ""
        return CloudError(f"{self.service.title}: {advice.what}{said}", None, advice.hint)

    def _sent(self, call: Call) -> httpx2.Response:
        import httpx2

        signed = self.service.sign(call, self.key)
        times = httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        try:
            with _content(signed) as content:
                headers = {"User-Agent": f"stem-cli/{__version__}", **signed.headers, **content.pop("headers", {})}
                request = self.client.build_request(
                    signed.method, self.url + signed.path, headers=headers, timeout=times, **content
                )
                # the key would go along to wherever an answer leads
                return self.client.send(request, follow_redirects=False)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            raise Unsent(f"no connection to {self.host} ({self._clean(str(error)) or 'no answer'})") from None
        except httpx2.RequestError as error:
            reason = self._clean(str(error)) or type(error).__name__
            raise Unanswered(f"{self.host} dropped the connection ({reason})") from None

    def _read(self, response: httpx2.Response, read: Callable[[Any], T]) -> T:
        try:
            return read(json.loads(response.content))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unanswered(f"{self.service.title} sent an answer that makes no sense") from error

    def _refusal(self, response: httpx2.Response) -> Refused:
        code, said = "", None
        if response.status_code in (401, 403):
            code = "forbidden"
        try:
            given, said = self.service.read_refusal(json.loads(response.content))
            code = code or given
        except (KeyError, TypeError, ValueError, AttributeError):
            pass
        advice = self.service.codes.get(code)
        follows = AGAIN if response.status_code == 429 else advice.follows if advice else ""
        refused = Refused(response.status_code, code, self._clean(_words(said)), follows)
        _log.warning("%s refuses: %s, request %s", self.service.title, refused, _mark(response))
        return refused

    def _clean(self, text: str) -> str:
        """One short line that can be printed and that does not hold the key."""
        plain = re.sub(r"\s+", " ", text.replace(self.key, "...")).strip()
        return "".join(one for one in plain if one.isprintable())[:_SAID_CHARACTERS]

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@contextmanager
def open_line(service: Service, url: str, key: str, clock: Clock) -> Iterator[Line]:
    """The line under the service's own address, or another. Raises UsageError, CloudError."""
    address = url_of(service, url)
    with open_client() as client:
        yield Line(service, address, key, client, clock)


def url_of(service: Service, url: str) -> str:
    """The address that is asked. Raises UsageError for one that a key must not be sent to."""
    address = (url or service.url).strip().rstrip("/")
    told, hint = f"cloud_url = {unsecret(address)!r}", "Write https://host."
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        good = None
    if not good:
        raise UsageError(f"{told} is no address", None, hint)
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise UsageError(f"{told} would send your key without encryption", None, hint)
    return address


@contextmanager
def _content(call: Call) -> Iterator[dict[str, Any]]:
    """What httpx2 is given beside the head; a file is read while it is sent."""
    if call.file is None:
        yield {"json": call.body} if call.body is not None else {"data": dict(call.form)} if call.form else {}
        return
    with ExitStack() as stack:
        file = stack.enter_context(call.file.open("rb"))
        if call.file_field:
            yield {"data": dict(call.form), "files": {call.file_field: (call.file.name, file)}}
        else:
            length = str(call.file.stat().st_size)  # without it the file would come in chunks of unknown number
            yield {"content": file, "headers": {"Content-Length": length}}


def _words(said: Any) -> str:
    """What `detail` says: text, an object, or a list of fields that are wrong."""
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        return "; ".join(_words(one) for one in said)
    if isinstance(said, dict) and "msg" in said:
        place = said.get("loc")
        return (".".join(map(str, place)) + ": " if isinstance(place, list) else "") + str(said["msg"])
    return "" if said in (None, {}) else json.dumps(said, ensure_ascii=False)


def _mark(response: httpx2.Response) -> str:
    """The number under which the service knows this question: what its support asks for."""
    return re.sub(r"[^\w-]", "", response.headers.get("x-request-id", ""))[:64] or "without a number"
