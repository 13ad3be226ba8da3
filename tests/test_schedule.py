"""`stem schedule`: what is left alone, shown, asked, found, removed and refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Stem
from hypothesis import given
from hypothesis import strategies as some
from schedulers import Schedulers, install, status

from stem_cli.batch.schedule import cron, default_kind, systemd
from stem_cli.batch.schedule.plan import Schedule, When, planned, when_of
from stem_cli.errors import OutputError, UsageError

KINDS = ("systemd", "launchd", "cron")
ODD = "Müsic 100% 'live' \"x\" $HOME;　*"
OTHERS = b"# mine\nMAILTO=dj@here\n*/5 * * * * echo 50\\% \xff  \n\n@reboot  true\n"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="only on systems with cron, launchd or systemd")


# ---------------------------------------------------------------------------------------------- what is left alone


@pytest.mark.parametrize("before", [OTHERS, b"", OTHERS.rstrip(b"\n"), b"# >>> something else >>>\n"])
def test_other_lines_of_a_crontab_stay_byte_for_byte(
    stem: Stem, schedulers: Schedulers, before: bytes, tmp_path: Path
) -> None:
    schedulers.shelf.joinpath("crontab").write_bytes(before)
    install(stem, "/m", "--name", "one")
    install(stem, "/m", "--name", "two")
    both = schedulers.crontab or b""
    assert both.startswith(before)
    install(stem, "/other", "--name", "one")
    again = schedulers.crontab or b""
    assert again == both.replace(b" /m ", b" /other ", 1)
    assert [one["name"] for one in status(stem)] == ["one", "two"]
    stem("schedule", "remove", "one")
    stem("schedule", "remove", "two")
    assert (schedulers.crontab or b"").rstrip(b"\n") == before.rstrip(b"\n")
    assert (schedulers.crontab or b"").startswith(before)
    kept = sorted((tmp_path / "data").glob("crontab-*.backup"))
    assert not before or kept[0].read_bytes() == before
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)


@pytest.mark.parametrize("trouble", ["fails", "broken", "loses"])
def test_a_crontab_that_refuses_changes_nothing(stem: Stem, schedulers: Schedulers, trouble: str) -> None:
    schedulers.shelf.joinpath("crontab").write_bytes(OTHERS)
    schedulers.fail(trouble)
    told = install(stem, "/m", code=5).stderr
    assert "crontab" in told
    assert "Traceback" not in told
    assert schedulers.crontab == OTHERS


def test_a_block_without_an_end_is_left_to_the_user(stem: Stem, schedulers: Schedulers) -> None:
    before = b"# >>> stem-cli batch >>>\n0 3 * * * x\n"
    schedulers.shelf.joinpath("crontab").write_bytes(before)
    for words in (["install", "/m", "--yes", "--kind", "cron"], ["remove"], ["status"]):
        assert "crontab -e" in stem("schedule", *words, code=5).stderr
    assert schedulers.crontab == before


@given(some.binary(max_size=60), some.binary(max_size=60))
def test_any_crontab_gets_and_loses_a_block(first: bytes, last: bytes) -> None:
    text = cron.block(Schedule("x", When(3), ("/bin/stem", "batch")))
    before = first + b"\n"
    with_one = cron.with_block(before, "x", text) + last
    assert with_one.startswith(before)
    assert cron.without_block(with_one, "x") == before + last


@pytest.mark.parametrize("step", ["daemon-reload", "enable", "restart"])
def test_a_systemd_that_refuses_leaves_the_files_as_they_were(stem: Stem, schedulers: Schedulers, step: str) -> None:
    schedulers.fail(f"fails-{step}")
    told = install(stem, "/m", kind="systemd", code=5).stderr
    assert f"systemctl --user {step}" in told
    assert "Failed to connect to bus" in told
    assert "--kind cron" in told
    assert schedulers.units() == {}
    (schedulers.shelf / f"fails-{step}").unlink()
    install(stem, "/m", kind="systemd")
    before = schedulers.units()
    schedulers.fail(f"fails-{step}")
    install(stem, "/other", kind="systemd", code=5)
    assert schedulers.units() == before
    assert [line.split()[2] for line in schedulers.asked[-2:]] == ["daemon-reload", "restart"]


def test_a_launchd_that_refuses_leaves_the_file_as_it_was(stem: Stem, schedulers: Schedulers) -> None:
    install(stem, "/m", kind="launchd")
    before = schedulers.units()
    schedulers.fail("fails-bootstrap")
    assert "launchctl bootstrap" in install(stem, "/other", kind="launchd", code=5).stderr
    assert schedulers.units() == before


def test_a_system_without_the_program_says_so(stem: Stem, schedulers: Schedulers, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path / "nothing")}
    for kind, program in (("systemd", "systemctl"), ("launchd", "launchctl"), ("cron", "crontab")):
        told = install(stem, "/m", kind=kind, code=5, env=environment).stderr
        assert f"there is no {program} on this machine" in told
    assert schedulers.units() == {}
    assert stem("schedule", "status", env=environment).stdout == "Nothing is scheduled.\n"


PLACES = {
    "systemd": ".config/systemd/user/stem-cli-batch.timer",
    "launchd": "Library/LaunchAgents/stem-cli.batch.plist",
}


@pytest.mark.parametrize("kind", PLACES)
def test_a_file_of_somebody_else_is_left(stem: Stem, schedulers: Schedulers, kind: str) -> None:
    path = schedulers.home / PLACES[kind]
    path.parent.mkdir(parents=True)
    path.write_text("[Timer]\nmine")
    assert "not of stem-cli" in install(stem, "/m", kind=kind, code=5).stderr
    assert path.read_text() == "[Timer]\nmine"
    assert len(schedulers.units()) == 1


# --------------------------------------------------------------------------------------- shown, asked, found, removed


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_shown_and_not_written_without_leave(stem: Stem, schedulers: Schedulers, kind: str) -> None:
    done = stem("schedule", "install", "/my music", "--kind", kind, "--", "--jobs", "2", code=2)
    assert "/my music" in done.stdout
    assert f"Type: stem schedule install --yes '/my music' --kind {kind} -- --jobs 2" in done.stderr
    dry = stem("schedule", "install", "/my music", "--kind", kind, "--dry-run", "--", "--jobs", "2")
    assert dry.stdout == done.stdout
    assert (schedulers.crontab, schedulers.units(), schedulers.asked) == (None, {}, [])


@pytest.mark.parametrize(("answer", "written"), [(b"y\n", True), (b"n\n", False)])
def test_on_a_terminal_it_asks(schedulers: Schedulers, answer: bytes, written: bool) -> None:
    import pty  # not on Windows

    command = [sys.executable, "-m", "stem_cli.cli", "schedule", "install", "/m", "--kind", "cron"]
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    done = subprocess.run(command, stdin=theirs, stdout=theirs, stderr=theirs, timeout=60)
    told = os.read(ours, 100_000).decode()
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, told
    assert "Write it? [y/N]" in told
    assert ("Nothing was written." not in told) == written
    assert (schedulers.crontab is not None) == written


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_installed_is_found_and_removed(stem: Stem, schedulers: Schedulers, kind: str) -> None:
    if kind == "launchd":
        assert install(stem, ".", "--every", "30m", "--quiet", kind=kind).stdout == ""
    else:
        made = json.loads(install(stem, ".", "--every", "30m", "--json", kind=kind).stdout)
        assert (made["installed"], made["kind"]) == (True, kind)
    (found,) = status(stem)
    assert (found["name"], found["kind"], found["when"], found["problem"]) == ("batch", kind, "every 30m", "")
    assert found["active"] is True
    assert found["command"][1:3] == ["batch", str(Path.cwd())]  # type: ignore[index]
    assert ("6" in found["told"].values()) == (kind == "systemd")  # type: ignore[attr-defined]
    assert "every 30m" in stem("schedule", "status").stdout
    stem("schedule", "remove", "--dry-run")
    assert len(status(stem)) == 1
    if kind == "launchd":
        assert "bootout" in stem("schedule", "remove", code=5).stderr  # it is still loaded
        schedulers.fail("fails-print")
    stem("schedule", "remove", "batch")
    assert status(stem) == []
    assert schedulers.units() == {}
    assert not schedulers.crontab
    assert "nothing is scheduled as 'batch'" in stem("schedule", "remove", code=2).stderr


def test_one_name_is_scheduled_once(stem: Stem, schedulers: Schedulers) -> None:
    install(stem, "/m")
    assert "scheduled by cron already" in install(stem, "/m", kind="systemd", code=2).stderr
    install(stem, "/m", "--name", "other", kind="systemd")
    assert [one["kind"] for one in status(stem)] == ["systemd", "cron"]


def test_status_tells_what_would_not_work(stem: Stem, schedulers: Schedulers) -> None:
    install(stem, "/m")
    crontab = (schedulers.crontab or b"").replace(b"/bin/stem ", b"/bin/gone ").replace(b"0 3 * * *", b"7 3 * * 1")
    schedulers.shelf.joinpath("crontab").write_bytes(crontab)
    (found,) = status(stem)
    assert "is gone" in str(found["problem"])
    assert found["when"] == "7 3 * * 1"
    assert "PROBLEM" in stem("schedule", "status").stdout


# ---------------------------------------------------------------------------------------------- what makes no sense


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at", "25:00"], "03:00"),
        (["--at", "3"], "03:00"),
        (["--every", "7m"], "5m, 10m"),
        (["--every", "1s"], "divide"),
        (["--every", "6h", "--at", "03:00"], "contradict"),
        (["--name", "a b"], "name of a schedule"),
        (["--name", "../x"], "name of a schedule"),
        (["a\nb"], "cannot be written"),
        (["/m/a\\b"], "backslash"),
        (["/m/" + "long" * 300], "playlist"),
        (["--", "--no-such"], "--no-such"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(stem: Stem, schedulers: Schedulers, words: list[str], told: str) -> None:
    assert told in install(stem, "/m", *words, code=2).stderr
    assert schedulers.crontab is None


def test_times_are_read() -> None:
    assert when_of(None, None) == When(3, 0)
    assert when_of("9:05", None).words == "at 09:05"
    assert when_of(None, 21600.0).words == "every 6h"
    assert when_of(None, 900.0).words == "every 15m"


_PLUG = "check its name, or plug its disk in before the time comes"


def test_paths_are_whole_and_lists_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("songs").mkdir()
    made = planned("x", When(3), ["songs", "~/m", "/gone", "Gigs/Saturday", "./there"], "out", (), {})
    here = str(Path.cwd())
    start = made.command.index("batch") + 1
    assert made.command[start : start + 7] == (
        f"{here}/songs", f"{tmp_path}/m", "/gone", "Gigs/Saturday", f"{here}/there", "--output", f"{here}/out"
    )  # fmt: skip
    assert made.notes == (
        *(f"{gone} is not there now; {_PLUG}" for gone in (f"{tmp_path}/m", "/gone")),
        "'Gigs/Saturday' is not here; it is taken for the name of a list",
        f"{here}/there is not there now; {_PLUG}",
    )
    assert "same" in planned("x", When(3), ["songs"], "same", (), {}).command


def test_variables_that_matter_are_kept_and_secrets_are_not() -> None:
    environment = {
        "STEM_CONFIG": "stem.toml", "STEM_FORMAT": "flac", "HF_HOME": "/hf", "STEM_LALAL_KEY": "secret",
        "STEM_PAY_AGAIN": "12", "EDITOR": "vi", "STEM_DATABASE_URL": "postgresql://dj@host/stems", "STEM_MODEL": "",
    }  # fmt: skip
    made = planned("x", When(3), ["/"], "/o", (), environment)
    assert dict(made.environment) == {
        "STEM_CONFIG": str(Path.cwd() / "stem.toml"),
        "STEM_FORMAT": "flac",
        "HF_HOME": "/hf",
        "STEM_DATABASE_URL": "postgresql://dj@host/stems",
    }
    assert made.notes == ("STEM_LALAL_KEY is not written down; keep it in the keyring",)
    assert "secret" not in cron.block(made)
    with pytest.raises(UsageError, match="password"):
        planned("x", When(3), ["/m"], "/o", (), {"STEM_DATABASE_URL": "postgresql://dj:secret@host/stems"})


def test_the_scheduler_of_a_machine(tmp_path: Path, schedulers: Schedulers) -> None:
    made = Schedule("x", When(3), ("C:/a b/stem.exe", "batch", "D:/Music"))
    assert default_kind(made, "darwin") == "launchd"
    assert default_kind(made, "linux", tmp_path) == "systemd"
    assert default_kind(made, "linux", tmp_path / "nowhere") == "cron"
    assert default_kind(made, "freebsd14", tmp_path / "nowhere") == "cron"
    with pytest.raises(UsageError, match='Task Scheduler this: "C:/a b/stem'):
        default_kind(made, "win32")


def test_a_folder_that_cannot_be_written_is_told(schedulers: Schedulers) -> None:
    (schedulers.home / ".config").write_text("in the way")
    with pytest.raises(OutputError, match="systemd"):
        systemd.install(Schedule("x", When(3), ("/bin/stem", "batch")))
