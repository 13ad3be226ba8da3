"""Downloads from hosts that do not send the file, or that cannot be reached."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web import LOGIN, Page, serve
from weights import BODY, KEPT, NAME, OTHER, WITHOUT, file_of, left, sha256

from stem_cli.errors import CloudError
from stem_cli.models import ModelFile, download, transfer

pytestmark = pytest.mark.usefixtures("no_proxy", "no_pauses")


# hosts that do not send the file


@pytest.mark.parametrize(
    ("status", "text"), [(404, "404 (Not Found)"), (403, "403 (Forbidden)"), (416, "416"), (500, "500"), (503, "503")]
)
def test_a_host_that_refuses_is_named_with_its_status(folder: Path, status: int, text: str) -> None:
    with serve(model=Page(b"no", status)) as web, pytest.raises(CloudError) as caught:
        download(file_of(web), folder)
    assert caught.value.exit_code == 8
    assert f"{NAME}: {web.host} answers {text}" in str(caught.value)
    assert str(caught.value).endswith(WITHOUT)
    assert left(folder) == []
    assert len(web.log) == 1


def test_a_host_that_refuses_the_rest_takes_nothing_of_what_is_there(folder: Path) -> None:
    page = Page(BODY, drop=100_000)
    with serve(model=page) as web:
        for status in (200, 503):
            page.status = status
            with pytest.raises(CloudError):
                download(file_of(web), folder)
        page.drop, page.status = None, 200
        download(file_of(web), folder)
    assert web.log[-1].start == 600_000


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "page",
    [
        Page(LOGIN, kind="text/html; charset=utf-8"),
        Page(LOGIN),
        Page(b"\n  <HTML>" + LOGIN, kind=""),
        Page(LOGIN + bytes(len(BODY) - len(LOGIN))),
        Page(b'<?xml version="1.0"?><Error/>', kind="application/xml"),
    ],
)
def test_a_page_instead_of_the_file_is_refused_and_nothing_is_kept(folder: Path, page: Page, known: bool) -> None:
    changes: dict[str, Any] = {} if known else {"sha256": "", "bytes": None}
    with serve(model=page) as web, pytest.raises(CloudError, match=r"web page|not this file") as caught:
        download(file_of(web, **changes), folder)
    assert web.host in str(caught.value)
    assert left(folder) == []


def test_a_redirect_to_a_login_page_names_where_it_leads(folder: Path) -> None:
    with serve(login=Page(LOGIN, kind="text/html")) as gate, serve(model=Page(redirect=gate.url("login"))) as web:
        with pytest.raises(CloudError) as caught:
            download(file_of(web), folder)
        assert f"{gate.host} (where {web.host} leads) sends a web page instead of the file" in str(caught.value)
    assert left(folder) == []


def test_a_redirect_to_the_file_is_followed(folder: Path) -> None:
    with serve(real=Page(BODY)) as far, serve(model=Page(redirect=far.url("real"))) as web:
        assert download(file_of(web), folder).read_bytes() == BODY


@pytest.mark.parametrize("target", ["/model", "ftp://127.0.0.1/model", "http://"])
def test_a_redirect_that_leads_nowhere_is_refused(folder: Path, target: str) -> None:
    with serve(model=Page(redirect=target)) as web, pytest.raises(CloudError) as caught:
        download(file_of(web), folder)
    assert caught.value.exit_code == 8
    assert left(folder) == []
    assert len(web.log) < 30


def test_a_redirect_out_of_encryption_is_refused() -> None:
    import httpx2

    file = ModelFile(NAME, "https://a.invalid/model")
    hops = [
        httpx2.Response(302, request=httpx2.Request("GET", url)) for url in ("https://a.invalid", "http://b.invalid")
    ]
    safe = httpx2.Response(200, request=httpx2.Request("GET", "https://c.invalid"), history=hops[:1])
    transfer._refuse(safe, file)
    for last in ("https://c.invalid", "http://c.invalid"):
        with pytest.raises(CloudError, match="without encryption"):
            transfer._refuse(httpx2.Response(200, request=httpx2.Request("GET", last), history=hops), file)


def test_a_file_of_another_size_is_refused_before_it_is_loaded(folder: Path) -> None:
    with serve(model=Page(BODY + b"x", pause=0.05)) as web:
        with pytest.raises(CloudError, match="sends 3,000,001 bytes instead of 3,000,000"):
            download(file_of(web), folder)
        assert web.log[0].sent < len(BODY) / 2
    assert left(folder) == []


def test_a_host_that_sends_more_than_the_file_is_stopped(folder: Path) -> None:
    with serve(model=Page(BODY + OTHER, told=-1)) as web, pytest.raises(CloudError, match="sends more than"):
        download(file_of(web), folder)
    assert left(folder) == []


def test_a_host_that_packs_the_file_is_refused(folder: Path) -> None:
    page = Page(BODY, headers={"Content-Encoding": "gzip"})
    with serve(model=page) as web, pytest.raises(CloudError, match="another coding"):
        download(file_of(web), folder)
    assert left(folder) == []


def test_a_file_with_another_checksum_is_thrown_away(folder: Path) -> None:
    page = Page(OTHER)
    with serve(model=page) as web:
        with pytest.raises(CloudError, match="not the file of the checksum") as caught:
            download(file_of(web), folder)
        assert left(folder) == []
        page.body = BODY
        assert download(file_of(web), folder).read_bytes() == BODY
    assert sha256(OTHER)[:8] in str(caught.value)
    assert sha256(BODY)[:8] in str(caught.value)


# no network


def refused_within(seconds: float, file: ModelFile, folder: Path) -> CloudError:
    begin = time.monotonic()
    with pytest.raises(CloudError) as caught:
        download(file, folder)
    assert time.monotonic() - begin < seconds
    assert caught.value.exit_code == 8
    assert str(caught.value).endswith(WITHOUT)
    return caught.value


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that never takes a connection: its queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield f"127.0.0.1:{server.getsockname()[1]}"
        for one in waiting:
            one.close()


def test_a_host_that_refuses_connections_is_named_at_once(folder: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody is there
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        error = refused_within(5, ModelFile(NAME, f"http://{host}/model"), folder)
    assert f"{NAME}: no connection to {host} (" in str(error)
    assert left(folder) == []


def test_a_name_that_nobody_knows_is_named_within_ten_seconds(folder: Path) -> None:
    error = refused_within(10, ModelFile(NAME, "https://models.invalid/model"), folder)
    assert "no connection to models.invalid (" in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux a full queue is silent")
@pytest.mark.slow
def test_a_host_that_says_nothing_is_named_within_ten_seconds(folder: Path, silent: str) -> None:
    error = refused_within(10, ModelFile(NAME, f"http://{silent}/model"), folder)
    assert f"no connection to {silent}" in str(error)


@pytest.mark.slow
def test_a_name_that_is_looked_up_for_ever_is_given_up_within_ten_seconds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(15) or [])
    refused_within(10, ModelFile(NAME, "http://models.invalid/model"), folder)


def test_without_network_what_was_loaded_is_kept(folder: Path) -> None:
    page = Page(BODY, drop=100_000)
    with serve(model=page) as web:
        file = file_of(web)
        with pytest.raises(CloudError):
            download(file, folder)
    error = refused_within(5, file, folder)
    assert KEPT in str(error)
    assert (folder / f"{NAME}.part").stat().st_size == 600_000


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1", "http://127.0.0.1:x"])
def test_a_proxy_that_makes_no_sense_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(CloudError, match="the proxy of the environment cannot be used"):
        download(ModelFile(NAME, "http://models.invalid/model"), folder)
