"""Downloads from a real server on this machine: whole ones, and what is made of connections that drop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web import Page, serve
from weights import BODY, KEPT, NAME, OTHER, WITHOUT, file_of, left, sha256

from stem_cli.errors import CloudError
from stem_cli.models import download

pytestmark = pytest.mark.usefixtures("no_proxy", "no_pauses")


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


@pytest.mark.slow
def test_a_host_that_drops_each_time_after_little_is_given_up_and_what_came_is_kept(folder: Path, pauses: None) -> None:
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
