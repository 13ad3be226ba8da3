"""Downloads that are killed, that run twice at once, or that a disk or a folder does not take."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web import Page, serve
from weights import BODY, KEPT, NAME, file_of, left

from stem_cli.errors import OutputError
from stem_cli.models import ModelFile, download

pytestmark = pytest.mark.usefixtures("no_proxy", "no_pauses")


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
