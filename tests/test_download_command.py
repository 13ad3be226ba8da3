"""`stem engines download`: what it asks, what it prints, and what it loads."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import Stem
from web import Page, serve
from weights import BODY, NAME, OTHER, WITHOUT, left, sha256

from stem_cli import engines
from stem_cli.cli import program
from stem_cli.errors import EngineError, StemError, UsageError
from stem_cli.models import ModelFile, places

pytestmark = pytest.mark.usefixtures("no_proxy", "no_pauses")


@pytest.fixture
def bag(monkeypatch: pytest.MonkeyPatch) -> tuple[ModelFile, ...]:
    """A model of two small files in the table, as `stem engines download bag` finds it."""
    files = tuple(
        ModelFile(f"{name}.th", f"http://gone.invalid/{name}.th", sha256(body)[:8], len(body))
        for name, body in (("one", BODY), ("two", OTHER))
    )
    engine, model = engines.all_engines()[0], engines.all_engines()[0].models[0]
    found = replace(model, name="bag", licence="for research only", files=files)
    monkeypatch.setattr(engines, "find_model", lambda name, models_dir: (engine, found))
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
        {"name": "one.th", "path": str(folder / "one.th"), "bytes": len(BODY), "status": "there", "checked": True},
        {
            "name": "two.th",
            "path": str(folder / "two.th"),
            "bytes": len(OTHER),
            "status": "downloaded",
            "checked": True,
        },
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
    _, model = engines.find_model("htdemucs", Path())
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


def test_a_file_without_a_checksum_is_said_to_be_unchecked(
    folder: Path, bag: tuple[ModelFile, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, model = engines.find_model("bag", folder)
    files = (bag[0], replace(bag[1], sha256="", bytes=None))
    monkeypatch.setattr(engines, "find_model", lambda name, models_dir: (engine, replace(model, files=files)))
    with shelf() as web:
        _, err = invoked("bag", "--from", web.url("demucs/"), "--yes")
        assert "No checksum of two.th is known: what the host sends cannot be checked.\n" in err
        assert (folder / "two.th").read_bytes() == OTHER
        rows = json.loads(invoked("bag", "--json")[0])["files"]
    assert [row["checked"] for row in rows] == [True, False]


def test_a_file_whose_address_nobody_knows_is_not_asked_for(
    folder: Path, bag: tuple[ModelFile, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, model = engines.find_model("bag", folder)
    files = (bag[0], replace(bag[1], url=""))
    monkeypatch.setattr(engines, "find_model", lambda name, models_dir: (engine, replace(model, files=files)))
    with shelf() as web:
        with pytest.raises(
            EngineError, match=r"no address of two\.th is known.*Put two\.th there yourself, or give --from"
        ):
            invoked("bag", "--yes")
        assert web.log == []
        invoked("bag", "--yes", "--from", web.url("demucs"))
    assert (folder / "two.th").read_bytes() == OTHER
