"""Files of models: found, checked, downloaded; from a real server on this machine that has the faults of real ones."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import test_faults
from click.testing import CliRunner
from conftest import Stem
from web import LOGIN, Page, Web, serve

from stem_cli import engines
from stem_cli.cli import program
from stem_cli.errors import CloudError, EngineError, OutputError, StemError, UsageError
from stem_cli.models import ModelFile, check, digest, download, find, memory_of, places, transfer

small_disk, obey, mode = test_faults.small_disk, test_faults.obey, test_faults.mode

NAME = "955717e8-8726e21a.th"
BODY = random.Random(0).randbytes(3_000_000)
OTHER = random.Random(1).randbytes(3_000_000)
WITHOUT = "Without it: --engine builtin."
KEPT = "What was loaded is kept, and the same command goes on from there."


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def file_of(web: Web, body: bytes = BODY, page: str = "model", **changes: Any) -> ModelFile:
    """A file that the server has."""
    return replace(ModelFile(NAME, web.url(page), sha256(body), len(body)), **changes)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_pauses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for one test, nobody waits before a connection is taken up again."""
    if request.function is not test_a_host_that_drops_each_time_after_little_is_given_up_and_what_came_is_kept:
        monkeypatch.setattr(sys.modules["stem_cli.models.download"], "_PAUSE_SECONDS", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where models go. It is not there yet."""
    return tmp_path / "data" / "models"


def left(folder: Path) -> list[str]:
    """What lies in a folder, but for locks."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


# where they lie


def test_our_folder_comes_first_and_pytorchs_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    ours, below = tmp_path / "models", Path("hub", "checkpoints")
    assert places(ours) == (ours, tmp_path / ".cache" / "torch" / below)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert places(ours) == (ours, tmp_path / "xdg" / "torch" / below)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert places(ours) == (ours, tmp_path / "torch" / below)


def test_a_file_is_found_in_either_place_and_ours_wins(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    file, theirs = ModelFile(NAME, ""), tmp_path / "torch" / "hub" / "checkpoints" / NAME
    assert find(file, folder) is None
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(BODY)
    assert find(file, folder) == theirs
    (folder / NAME).mkdir(parents=True)  # a folder of that name is no file
    assert find(file, folder) == theirs
    (folder / NAME).rmdir()
    (folder / NAME).write_bytes(BODY)
    assert find(file, folder) == folder / NAME


def test_pytorchs_cache_is_only_read(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    theirs = tmp_path / "torch" / "hub" / "checkpoints" / NAME
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(BODY)
    before = (theirs.stat().st_mtime_ns, theirs.parent.stat().st_mtime_ns)
    found = find(ModelFile(NAME, ""), folder)
    assert found is not None
    check(found, sha256(BODY)[:8], memory_of(folder))
    assert (theirs.stat().st_mtime_ns, theirs.parent.stat().st_mtime_ns) == before
    assert [path.name for path in theirs.parent.iterdir()] == [NAME]


# whether they are whole


@pytest.mark.parametrize("digits", [64, 8, 0])
def test_a_whole_file_passes_with_as_many_digits_as_are_known(tmp_path: Path, digits: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(BODY)
    known = sha256(BODY)
    assert check(path, known[:digits].upper(), tmp_path / "memory.json", "htdemucs", len(BODY)) == known


@pytest.mark.parametrize(
    ("body", "size"), [(OTHER, None), (OTHER, len(BODY)), (BODY[:-1], None), (BODY[:-1], 3_000_000)]
)
def test_a_wrong_or_cut_file_is_refused_with_what_to_delete_and_to_type(
    tmp_path: Path, body: bytes, size: int | None
) -> None:
    path = tmp_path / NAME
    path.write_bytes(body)
    with pytest.raises(EngineError) as caught:
        check(path, sha256(BODY)[:8], tmp_path / "memory.json", "htdemucs", size)
    assert caught.value.exit_code == 4
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "(half-downloaded or damaged)" in text
    assert text.endswith("Delete this file and type `stem engines download htdemucs`.")
    assert path.read_bytes() == body


def test_a_cut_file_is_refused_by_its_size_where_no_checksum_is_known(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(BODY[:-1])
    with pytest.raises(EngineError, match="2,999,999 bytes instead of 3,000,000"):
        check(path, "", tmp_path / "memory.json", size=len(BODY))


def test_a_file_that_cannot_be_read_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        digest(tmp_path / "none.th", tmp_path / "memory.json")
    (tmp_path / "folder.th").mkdir()
    with pytest.raises(EngineError, match="cannot be read"):
        digest(tmp_path / "folder.th", tmp_path / "memory.json")


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path, memory = tmp_path / NAME, tmp_path / "deep" / "memory.json"
    path.write_bytes(BODY)
    assert digest(path, memory) == sha256(BODY)
    rows = json.loads(memory.read_text("utf-8"))
    rows[str(path)][-1] = "f" * 64  # what only somebody who does not read the file can answer
    memory.write_text(json.dumps(rows), "utf-8")
    assert digest(path, memory) == "f" * 64
    rows[str(path)][-1] = "f" * 63
    memory.write_text(json.dumps(rows), "utf-8")
    assert digest(path, memory) == sha256(BODY)
    before = path.stat()
    time.sleep(0.02)  # past the clock of the file system
    path.write_bytes(OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # even where its date is set back
    assert digest(path, memory) == sha256(OTHER)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"x": 3}', '{"PATH": []}', '{"PATH": [1, 2]}', "\ufeff\x00"])
def test_a_damaged_memory_is_not_believed_and_made_anew(tmp_path: Path, text: str) -> None:
    path, memory = tmp_path / NAME, tmp_path / "memory.json"
    path.write_bytes(BODY)
    memory.write_text(text.replace("PATH", str(path).replace("\\", "\\\\")), "utf-8")
    assert digest(path, memory) == sha256(BODY)
    assert json.loads(memory.read_text("utf-8"))[str(path)][-1] == sha256(BODY)


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    for name in ("a.th", "b.th"):
        (tmp_path / name).write_bytes(BODY)
        digest(tmp_path / name, memory)
    (tmp_path / "a.th").unlink()
    (tmp_path / "b.th").write_bytes(OTHER[:9])
    digest(tmp_path / "b.th", memory)
    assert list(json.loads(memory.read_text("utf-8"))) == [str(tmp_path / "b.th")]
    assert left(tmp_path) == ["b.th", "cache", "data", "memory.json", "work"]


def test_where_nothing_can_be_remembered_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(BODY)
    (tmp_path / "file").touch()
    assert digest(path, tmp_path / "file" / "memory.json") == sha256(BODY)


# downloads that work


@pytest.mark.parametrize("changes", [{}, {"bytes": None}, {"sha256": sha256(BODY)[:8]}, {"sha256": "", "bytes": None}])
@pytest.mark.parametrize("told", [None, -1])
def test_a_file_is_downloaded_with_honest_progress(folder: Path, changes: dict[str, Any], told: int | None) -> None:
    seen: list[tuple[int, int | None]] = []
    with serve(model=Page(BODY, told=told)) as web:
        path = download(file_of(web, **changes), folder, lambda done, total: seen.append((done, total)))
    assert path == folder / NAME
    assert path.read_bytes() == BODY
    assert left(folder) == [NAME]
    dones = [done for done, _ in seen]
    assert dones == sorted(dones)
    assert (dones[0], dones[-1]) == (0, len(BODY))
    assert len(set(dones)) > 10
    assert {total for _, total in seen} == {None if told and "bytes" in changes else len(BODY)}
    assert web.log[0].headers["Accept-Encoding"] == "identity"


def test_a_file_that_is_there_stays_as_it_is_and_nothing_is_asked(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(OTHER)
    with serve(model=Page(BODY)) as web:
        assert download(file_of(web), folder).read_bytes() == OTHER
    assert web.log == []


def test_a_slow_host_is_waited_for(folder: Path) -> None:
    body = BODY[:500_000]
    with serve(model=Page(body, pause=0.02, piece=10_000)) as web:
        assert download(file_of(web, body), folder).read_bytes() == body


def test_the_proxy_of_the_environment_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(model=Page(BODY)) as web:
        monkeypatch.setenv("http_proxy", f"http://{web.host}")
        download(file_of(web, url="http://models.invalid/model"), folder)
    assert [one.target for one in web.log] == ["http://models.invalid/model"]


# connections that drop


def test_a_dropped_connection_is_taken_up_where_it_was_lost(folder: Path) -> None:
    with serve(model=Page(BODY, drop=1_000_000, drops=1)) as web:
        assert download(file_of(web), folder).read_bytes() == BODY
    assert [(one.start, one.status, one.sent) for one in web.log] == [(0, 200, 1_000_000), (1_000_000, 206, 2_000_000)]
    assert [one.headers.get("If-Range") for one in web.log] == [None, '"one"']


@pytest.mark.parametrize(
    ("headers", "mark"),
    [
        ({"ETag": 'W/"weak"', "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}, "Sat, 21 Nov 2026 10:00:00 GMT"),
        ({"Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}, "Sat, 21 Nov 2026 10:00:00 GMT"),
        ({"ETag": 'W/"weak"'}, None),
        ({}, None),
    ],
)
def test_a_host_without_a_firm_etag_is_asked_by_date_or_plainly(
    folder: Path, headers: dict[str, str], mark: str | None
) -> None:
    page = Page(BODY, drop=1_000_000, drops=1, headers=headers)
    if "Last-Modified" in headers:
        page.headers = {**headers, "ETag": headers.get("ETag", "")}
    with serve(model=page) as web:
        assert download(file_of(web), folder).read_bytes() == BODY
    assert web.log[1].headers.get("If-Range") == mark
    assert web.log[1].headers["Range"] == "bytes=1000000-"


def test_an_end_before_the_end_is_a_dropped_connection_where_no_length_was_told(folder: Path) -> None:
    page = Page(BODY, drop=1_000_000, drops=1, told=-1)
    with serve(model=page) as web:
        assert download(file_of(web), folder).read_bytes() == BODY
    assert [one.start for one in web.log] == [0, 1_000_000]


def test_a_host_that_cannot_go_on_starts_anew(folder: Path) -> None:
    with serve(model=Page(BODY, drop=1_000_000, drops=1, ranges=False)) as web:
        assert download(file_of(web), folder).read_bytes() == BODY
    assert [(one.start, one.status) for one in web.log] == [(0, 200), (0, 200)]


def test_a_host_that_drops_each_time_after_little_is_given_up_and_what_came_is_kept(folder: Path) -> None:
    page = Page(BODY, drop=100_000)
    with serve(model=page) as web:
        with pytest.raises(CloudError) as caught:
            download(file_of(web), folder)
        assert [one.start for one in web.log] == [0, 100_000, 200_000, 300_000, 400_000, 500_000]
        assert (folder / f"{NAME}.part").read_bytes() == BODY[:600_000]
        page.drop = None
        assert download(file_of(web), folder).read_bytes() == BODY
    assert web.log[-1].start == 600_000
    assert left(folder) == [NAME]
    assert caught.value.exit_code == 8
    assert f"{NAME}: {web.host} drops the connection" in str(caught.value)
    assert str(caught.value).endswith(f"{KEPT} {WITHOUT}")


def test_a_host_that_drops_often_but_brings_much_is_not_given_up(folder: Path) -> None:
    body = BODY * 3
    with serve(model=Page(body, drop=1_100_000)) as web:
        assert download(file_of(web, body), folder).read_bytes() == body
    assert len(web.log) > 6


def test_a_connection_that_brings_nothing_is_not_tried_again(folder: Path) -> None:
    with serve(model=Page(BODY, drop=0)) as web, pytest.raises(CloudError, match="drops the connection") as caught:
        download(file_of(web), folder)
    assert len(web.log) == 1
    assert "kept" not in str(caught.value)


def test_a_file_that_changed_between_two_parts_is_loaded_anew(folder: Path) -> None:
    page = Page(OTHER, drop=100_000)
    with serve(model=page) as web:
        with pytest.raises(CloudError):
            download(file_of(web), folder)
        page.body, page.headers, page.drop = BODY, {"ETag": '"two"'}, None
        assert download(file_of(web), folder).read_bytes() == BODY
    assert web.log[-1].headers["Range"] == "bytes=600000-"
    assert (web.log[-1].start, web.log[-1].status) == (0, 200)


def test_parts_of_two_files_that_nothing_tells_apart_fail_by_their_checksum(folder: Path) -> None:
    page = Page(OTHER, drop=100_000, headers={})
    with serve(model=page) as web:
        for _ in range(2):
            with pytest.raises(CloudError):
                download(file_of(web), folder)
            page.body, page.drop = BODY, None
        assert left(folder) == []
        assert download(file_of(web), folder).read_bytes() == BODY


@pytest.mark.parametrize("reason", ["url", "nothing to know it by", "record", "too long"])
def test_a_part_that_may_be_of_another_file_is_not_gone_on_with(folder: Path, reason: str) -> None:
    page = Page(BODY, drop=100_000, headers={} if reason == "nothing to know it by" else {"ETag": '"one"'})
    with serve(model=page, moved=page) as web:
        file = file_of(web, sha256="" if reason == "nothing to know it by" else sha256(BODY))
        with pytest.raises(CloudError):
            download(file, folder)
        page.drop = None
        if reason == "record":
            (folder / f"{NAME}.part.json").write_text("{", "utf-8")
        if reason == "too long":
            (folder / f"{NAME}.part").write_bytes(bytes(len(BODY) + 1))
        file = replace(file, url=web.url("moved")) if reason == "url" else file
        assert download(file, folder).read_bytes() == BODY
    assert "Range" not in web.log[-1].headers
    assert left(folder) == [NAME]


def test_a_whole_part_is_only_moved_into_place(folder: Path) -> None:
    folder.mkdir(parents=True)
    with serve(model=Page(BODY)) as web:
        file = file_of(web)
        (folder / f"{NAME}.part").write_bytes(BODY)
        (folder / f"{NAME}.part.json").write_text(json.dumps({"url": file.url, "validator": '"one"'}), "utf-8")
        unknown = replace(file, bytes=None)
        assert download(unknown, folder).read_bytes() == BODY  # the host says that there is no more
        assert [(one.start, one.status) for one in web.log] == [(len(BODY), 416)]
        (folder / NAME).rename(folder / f"{NAME}.part")
        (folder / f"{NAME}.part.json").write_text(json.dumps({"url": file.url, "validator": '"one"'}), "utf-8")
        assert download(file, folder).read_bytes() == BODY
    assert len(web.log) == 1  # its size is known: nothing is asked


def test_a_part_longer_than_what_the_host_has_is_loaded_anew(folder: Path) -> None:
    body = BODY[:400_000]
    page = Page(OTHER, drop=100_000, headers={})
    with serve(model=page) as web:
        with pytest.raises(CloudError):
            download(file_of(web, bytes=None), folder)
        page.body, page.drop = body, None
        assert download(file_of(web, body, bytes=None), folder).read_bytes() == body
    assert [(one.start, one.status) for one in web.log[-2:]] == [(600_000, 416), (0, 200)]


def test_a_password_in_the_address_is_sent_and_not_told(folder: Path) -> None:
    with serve(model=Page(BODY, drop=100_000)) as web:
        file = file_of(web, url=f"http://me:secret@{web.host}/model")
        with pytest.raises(CloudError) as caught:
            download(file, folder)
        with pytest.raises(CloudError):
            download(file, folder)
    assert web.log[0].headers["Authorization"].startswith("Basic ")
    assert web.log[6].start == 600_000
    assert f"{NAME}: {web.host} drops" in str(caught.value)
    assert "secret" not in str(caught.value) + (folder / f"{NAME}.part.json").read_text("utf-8")


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


# processes that are killed, and two at once

SCRIPT = """
import json, sys
from pathlib import Path
from stem_cli.errors import StemError
from stem_cli.models import ModelFile, download

name, url, sha256, size, folder = sys.argv[1:]
try:
    file = ModelFile(name, url, sha256, int(size) or None)
    print(download(file, Path(folder), on_wait=lambda: print("waiting", flush=True)))
except StemError as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(error.exit_code)
"""


def started(file: ModelFile, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """A download in a process of its own, not waited for."""
    command = [sys.executable, "-c", SCRIPT, NAME, file.url, file.sha256, str(file.bytes or 0), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, ""), out
    return out


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds
        time.sleep(0.005)


def size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_killed_in_the_middle_only_the_rest_is_loaded_by_the_next(folder: Path, how: str) -> None:
    page = Page(BODY, pause=0.02, piece=20_000)
    with serve(model=page) as web:
        process = started(file_of(web), folder)
        wait_for(lambda: size_of(folder / f"{NAME}.part") > 200_000)
        process.send_signal(signal.Signals[how])
        process.communicate(timeout=30)
        assert not (folder / NAME).exists()
        there = size_of(folder / f"{NAME}.part")
        assert 200_000 < there < len(BODY)
        page.pause = 0
        assert download(file_of(web), folder).read_bytes() == BODY
    assert len(web.log) == 2
    assert (web.log[1].headers["Range"], web.log[1].headers["If-Range"]) == (f"bytes={there}-", '"one"')
    assert (web.log[1].status, web.log[1].sent) == (206, len(BODY) - there)
    assert left(folder) == [NAME]


def test_two_at_once_download_once(folder: Path) -> None:
    with serve(model=Page(BODY, pause=0.01)) as web:
        both = [started(file_of(web), folder) for _ in range(2)]
        outs = sorted(ended(process) for process in both)
    assert outs == [f"{folder / NAME}\n", f"waiting\n{folder / NAME}\n"]
    assert len(web.log) == 1
    assert (folder / NAME).read_bytes() == BODY
    assert left(folder) == [NAME]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_when_the_first_is_killed_the_waiting_one_goes_on(folder: Path) -> None:
    page = Page(BODY, pause=0.02, piece=20_000)
    with serve(model=page) as web:
        first = started(file_of(web), folder)
        wait_for(lambda: size_of(folder / f"{NAME}.part") > 100_000)
        second = started(file_of(web), folder)
        assert second.stdout is not None
        assert second.stdout.readline() == "waiting\n"
        first.kill()
        first.communicate()
        page.pause = 0
        ended(second)
    assert (folder / NAME).read_bytes() == BODY
    assert [one.start > 0 for one in web.log] == [False, True]


# disks


def test_a_disk_without_room_is_refused_before_the_file_comes(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(2)
    with serve(model=Page(BODY)) as web, pytest.raises(OutputError, match="MB free, the file needs 3 MB"):
        download(file_of(web), disk)
    assert left(disk) == []


def test_a_disk_that_fills_up_keeps_what_came_and_the_next_goes_on(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(4)
    filler = disk / "filler"
    with serve(model=Page(BODY, told=-1)) as web:
        filler.write_bytes(bytes(2_000_000))
        with pytest.raises(OutputError) as caught:
            download(file_of(web, bytes=None), disk)
        assert caught.value.exit_code == 5
        assert str(caught.value) == f"{disk / NAME}: the disk is full. Free some space. {KEPT}"
        filler.unlink()
        there = size_of(disk / f"{NAME}.part")
        assert there > 1_000_000
        assert download(file_of(web), disk).read_bytes() == BODY
    assert web.log[-1].start == there


@pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
def test_a_folder_without_permission_is_an_output_error(
    folder: Path, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    folder.mkdir(parents=True)
    mode(folder, 0o555)
    with serve(model=Page(BODY)) as web:
        out = ended(started(file_of(web), folder, **obey), code=5)
    assert out.startswith(f"OutputError: {folder / NAME}: writing is not allowed there. ")
    assert web.log == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
def test_a_file_in_a_folder_without_permission_is_used(
    folder: Path, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(BODY)
    mode(folder, 0o555)
    with serve(model=Page(BODY)) as web:
        assert ended(started(file_of(web), folder, **obey)) == f"{folder / NAME}\n"


def test_a_file_where_the_folder_should_be_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    with serve(model=Page(BODY)) as web, pytest.raises(OutputError) as caught:
        download(file_of(web), tmp_path / "models")
    assert caught.value.exit_code == 5


# the command


@pytest.fixture
def bag(monkeypatch: pytest.MonkeyPatch) -> tuple[ModelFile, ...]:
    """A model of two small files in the table, as `stem engines download bag` finds it."""
    files = tuple(
        ModelFile(f"{name}.th", f"http://gone.invalid/{name}.th", sha256(body)[:8], len(body))
        for name, body in (("one", BODY), ("two", OTHER))
    )
    engine, model = engines.all_engines()[0], engines.all_engines()[0].models[0]
    found = replace(model, name="bag", licence="for research only", files=files)
    monkeypatch.setattr(engines, "find_model", lambda name: (engine, found))
    return files


def invoked(*arguments: str) -> tuple[str, str]:
    """stdout and stderr of `stem engines download`, in this process."""
    done = CliRunner().invoke(program, ["engines", "download", *arguments])
    if isinstance(done.exception, StemError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def shelf(**pages: Page) -> Any:
    """A mirror that holds the files of the bag."""
    return serve(**{"demucs/one.th": Page(BODY), "demucs/two.th": Page(OTHER), **pages})


def test_all_files_of_a_model_are_downloaded_from_a_mirror(folder: Path, bag: tuple[ModelFile, ...]) -> None:
    with shelf() as web:
        out, err = invoked("bag", "--from", web.url("demucs/"), "--yes")
        assert out.splitlines() == [str(folder / "one.th"), str(folder / "two.th")]
        assert err.splitlines()[:2] == [
            f"bag: 2 files, 6 MB, from {web.host} into {folder}",
            "Licence of the weights: for research only",
        ]
        assert [line for line in err.splitlines() if line.startswith("one.th: ")] == [
            f"one.th: {share} % of 3.0 MB" for share in range(0, 101, 10)
        ]
        told = invoked("bag", "--from", f"http://me:secret@{web.host}/demucs", "--dry-run", "--models-dir", "other")
        assert "secret" not in "".join(told)
        again, silence = invoked("bag", "--from", web.url("demucs"))  # nobody is asked: nothing is missing
    assert (again, silence) == (out, "")
    assert len(web.log) == 2
    assert [(folder / file.name).read_bytes() for file in bag] == [BODY, OTHER]


def test_json_prints_one_object_and_quiet_only_the_files(folder: Path, bag: tuple[ModelFile, ...]) -> None:
    with shelf() as web:
        out, err = invoked("bag", "--from", web.url("demucs"), "--json", "--dry-run", "--quiet")
        assert [one["status"] for one in json.loads(out)["files"]] == ["missing", "missing"]
        assert (err, web.log, folder.exists()) == ("", [], False)
        out, err = invoked("bag", "--from", web.url("demucs"), "--yes", "--quiet")
        assert (out.splitlines(), err) == ([str(folder / "one.th"), str(folder / "two.th")], "")
        (folder / "two.th").unlink()
        out, err = invoked("bag", "--from", web.url("demucs"), "--yes", "--json")
    found = json.loads(out)
    assert (found["model"], found["licence"]) == ("bag", "for research only")
    assert found["files"] == [
        {"name": "one.th", "path": str(folder / "one.th"), "bytes": len(BODY), "status": "there"},
        {"name": "two.th", "path": str(folder / "two.th"), "bytes": len(OTHER), "status": "downloaded"},
    ]
    assert err.startswith("bag: 1 file, 3 MB, from ")


def test_a_dry_run_tells_and_loads_nothing(folder: Path, bag: tuple[ModelFile, ...]) -> None:
    out, err = invoked("bag", "--dry-run")
    assert out.splitlines() == [str(folder / "one.th"), str(folder / "two.th")]
    assert "bag: 2 files, 6 MB, from gone.invalid" in err
    assert not folder.exists()


def test_a_broken_file_of_ours_is_refused_and_one_of_pytorchs_is_passed_over(
    tmp_path: Path, folder: Path, bag: tuple[ModelFile, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    theirs = places(folder)[1]
    theirs.mkdir(parents=True)
    (theirs / "one.th").write_bytes(BODY)
    (theirs / "two.th").write_bytes(BODY)
    with shelf() as web:
        out, _ = invoked("bag", "--from", web.url("demucs"), "--yes")
        assert out.splitlines() == [str(theirs / "one.th"), str(folder / "two.th")]
        assert (theirs / "two.th").read_bytes() == BODY
        (folder / "two.th").write_bytes(OTHER[:-1])
        with pytest.raises(EngineError, match="Delete this file and type `stem engines download bag`") as caught:
            invoked("bag", "--from", web.url("demucs"), "--yes")
    assert caught.value.path == folder / "two.th"
    assert len(web.log) == 1


def test_without_a_terminal_nothing_is_downloaded_unagreed(folder: Path, bag: tuple[ModelFile, ...]) -> None:
    with pytest.raises(UsageError, match=r"Add --yes\."):
        invoked("bag")
    with pytest.raises(UsageError, match="is no address"):
        invoked("bag", "--from", "ftp://mirror")
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of Unix")
@pytest.mark.parametrize(("answer", "code", "asked"), [("n", 130, 0), ("y", 8, 1)])
def test_on_a_terminal_it_asks_once(folder: Path, answer: str, code: int, asked: int) -> None:
    import pty

    ours, theirs = pty.openpty()
    with serve(missing=Page()) as web:
        command = [sys.executable, "-m", "stem_cli.cli", "engines", "download", "htdemucs_ft", "--from", web.url("")]
        process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        os.write(ours, f"{answer}\n".encode())
        out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, out) == (code, ""), err
    assert err.count("Download? [y/N]") == 1
    assert "htdemucs_ft: 4 files, 337 MB" in err
    assert "Licence of the weights: " in err
    assert len(web.log) == asked


def test_a_user_without_network_hears_what_to_do(stem: Stem, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        begin = time.monotonic()
        done = stem("engines", "download", "htdemucs", "--yes", "--from", nobody, code=8)
    assert time.monotonic() - begin < 10
    assert done.stderr.splitlines()[-1].startswith(f"stem: {NAME}: no connection to 127.0.0.1:")
    assert done.stderr.splitlines()[-1].endswith(WITHOUT)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_other_weights_of_the_right_size_are_thrown_away(stem: Stem, folder: Path) -> None:
    _, model = engines.find_model("htdemucs")
    (file,) = model.files
    assert file.bytes is not None
    with serve(**{file.name: Page(bytes(file.bytes), piece=1 << 20)}) as web:
        done = stem("engines", "download", "htdemucs", "--yes", "--quiet", "--from", web.url(""), code=8)
    assert "not the file of the checksum 8726e21a" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert left(folder) == []


def test_a_model_that_nobody_knows_or_that_needs_no_weights_is_an_engine_error(stem: Stem) -> None:
    assert "htdemucs_ft" in stem("engines", "download", "htdemuks", "--yes", code=4).stderr
    builtin = engines.load("builtin").models[0].name
    assert "no weights" in stem("engines", "download", builtin, "--yes", code=4).stderr


def test_what_downloads_is_imported_only_when_something_is_downloaded() -> None:
    code = "import sys, stem_cli.models, stem_cli.commands.engines as e; e.engines.get_command(None, 'download')"
    heavy = "print(sorted({'httpx2', 'filelock', 'rich', 'numpy', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
