"""`stem schedule`: what is written for systemd, launchd and cron, and what is left alone."""

from __future__ import annotations

import configparser
import json
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Stem
from hypothesis import given
from hypothesis import strategies as some
from schedulers import Schedulers

from stem_cli.batch.schedule import cron, default_kind, launchd, systemd
from stem_cli.batch.schedule.plan import ALL, EVERY, Schedule, When, planned, when_of
from stem_cli.errors import OutputError, UsageError

KINDS = ("systemd", "launchd", "cron")
ODD = "Müsic 100% 'live' \"x\" $HOME;　*"
OTHERS = b"# mine\nMAILTO=dj@here\n*/5 * * * * echo 50\\% \xff  \n\n@reboot  true\n"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="only on systems with cron, launchd or systemd")


def install(stem: Stem, *words: str, kind: str = "cron", **options: object) -> subprocess.CompletedProcess[str]:
    return stem("schedule", "install", "--yes", "--kind", kind, *words, **options)


def status(stem: Stem) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(stem("schedule", "status", "--json").stdout)
    return found


# --------------------------------------------------------------------------------------- readers written for this


def unit(text: str) -> configparser.ConfigParser:
    """A unit file as systemd's grammar has it."""
    reader = configparser.ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#")
    reader.optionxform = str  # type: ignore[assignment, method-assign]
    reader.read_string(text)
    return reader


def systemd_words(line: str, expands: bool) -> list[str]:
    """A line split as systemd.service(5) says: double quotes, backslashes, %% and, in what is run, $$."""
    words: list[str] = []
    inside, letters = False, iter(line)
    for letter in letters:
        if letter == '"':
            inside = not inside
            if inside:
                words.append("")
        elif not inside:
            assert letter == " "
        else:
            if letter == "\\" or (letter == "%") or (letter == "$" and expands and len(words) > 1):
                following = next(letters)
                assert following in ('\\"' if letter == "\\" else letter)
                letter = following
            words[-1] += letter
    assert not inside
    return words


def cron_runs(line: str, folder: Path) -> list[str]:
    """The words that cron runs this line with: per cent signs as crontab(5) says, the rest by the shell."""
    command = line.split(None, 5)[5]
    assert not re.search(r"(?<!\\)%", command)
    folder.mkdir(exist_ok=True)
    for name in ("nice", "env"):
        (folder / name).write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace(r"\%", "%")], env={"PATH": str(folder)}, capture_output=True
    )
    words: list[str] = json.loads(done.stdout)
    return words


# ------------------------------------------------------------------------------------------------- what is written


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder whose name is hard to quote."""
    path = tmp_path / "work" / ODD
    path.mkdir()
    return path


def wanted(odd: Path, tmp_path: Path) -> list[str]:
    stem_program = str(Path(sys.executable).with_name("stem"))
    output = str(tmp_path / "work" / "out 1")
    options = ["--exclusive", "--quiet", "--format", "flac", "--name-template", "{artist} 100%"]
    return [stem_program, "batch", str(odd), "Stem Me", "--output", output, *options]


def odd_schedule(stem: Stem, kind: str, *more: str) -> subprocess.CompletedProcess[str]:
    options = ("--", "--format", "flac", "--name-template", "{artist} 100%")
    return install(stem, ODD, "Stem Me", "--output", "out 1", *more, *options, kind=kind)


def test_systemd_units_read_back(stem: Stem, schedulers: Schedulers, odd: Path, tmp_path: Path) -> None:
    odd_schedule(stem, "systemd", "--at", "4:05", "--name", "night")
    files = schedulers.units()
    assert set(files) == {"stem-cli-night.service", "stem-cli-night.timer"}
    service, timer = unit(files["stem-cli-night.service"]), unit(files["stem-cli-night.timer"])
    assert systemd_words(service["Service"]["ExecStart"], True) == wanted(odd, tmp_path)
    variables = systemd_words(service["Service"]["Environment"], False)
    assert f"STEM_CONFIG={tmp_path / 'stem.toml'}" in variables
    assert (service["Service"]["Type"], service["Service"]["Nice"]) == ("oneshot", "10")
    assert dict(timer["Timer"]) == {"OnCalendar": "*-*-* 04:05:00", "Persistent": "true"}
    assert timer["Install"]["WantedBy"] == "timers.target"
    asked = [line for line in schedulers.asked if " show " not in line]
    assert asked == [
        f"systemctl --user {what}"
        for what in ("daemon-reload", "enable stem-cli-night.timer", "restart stem-cli-night.timer")
    ]
    _verified(schedulers)


def _verified(schedulers: Schedulers) -> None:
    """By systemd itself, where it is there."""
    if shutil.which("systemd-analyze"):
        folder = schedulers.home / ".config/systemd/user"
        units = sorted(folder.glob("*"))
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder.parent)}
        command = ["systemd-analyze", "verify", "--user", "--man=no", *map(str, units)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        ours = [line for line in done.stderr.splitlines() if "stem-cli" in line]
        assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("when", [When(3, 0), When(23, 59), *(When(every=minutes) for minutes in EVERY)])
def test_systemd_knows_each_time(when: When) -> None:
    if shutil.which("systemd-analyze"):
        told = subprocess.run(["systemd-analyze", "calendar", "--iterations=2", systemd.calendar(when)], text=True,
                              capture_output=True, check=True, env={**os.environ, "TZ": "UTC"}).stdout  # fmt: skip
        found = [int(hour) * 60 + int(minute) for hour, minute in re.findall(r"(\d\d):(\d\d):00 UTC", told)][:2]
        assert (found[1] - found[0]) % 1440 == when.every % 1440
        assert found[0] % when.every == 0 if when.every else found[0] == when.hour * 60 + when.minute


def test_a_launchd_agent_reads_back(stem: Stem, schedulers: Schedulers, odd: Path, tmp_path: Path) -> None:
    odd_schedule(stem, "launchd", "--every", "12h")
    (text,) = schedulers.units().values()
    agent = plistlib.loads(text.encode())
    assert agent["Label"] == "stem-cli.batch"
    assert agent["ProgramArguments"] == wanted(odd, tmp_path)
    assert agent["EnvironmentVariables"]["STEM_CONFIG"] == str(tmp_path / "stem.toml")
    assert agent["StartCalendarInterval"] == [{"Hour": 0, "Minute": 0}, {"Hour": 12, "Minute": 0}]
    assert schedulers.asked[0].startswith("launchctl bootstrap gui/")


def test_a_line_of_a_crontab_runs_what_was_typed(stem: Stem, schedulers: Schedulers, odd: Path, tmp_path: Path) -> None:
    odd_schedule(stem, "cron", "--every", "15m")
    begin, line, end = (schedulers.crontab or b"").decode().splitlines()
    assert begin.startswith("# >>> stem-cli batch >>>")
    assert end.startswith("# <<< stem-cli batch <<<")
    assert line.startswith("*/15 * * * * nice -n 10 env STEM_")
    words = cron_runs(line, tmp_path / "fake")
    assert words[:3] == ["-n", "10", "env"]
    assert f"STEM_CONFIG={tmp_path / 'stem.toml'}" in words
    assert words[-len(wanted(odd, tmp_path)) :] == wanted(odd, tmp_path)


def test_a_real_crontab_reads_every_time(tmp_path: Path) -> None:
    """Debian's package cron is installed in CI; another crontab may know no -n, which reads and does nothing."""
    real = shutil.which("crontab")
    if real is None or b"-n" not in subprocess.run([real, "-h"], capture_output=True).stderr:
        pytest.skip("needs a crontab that knows -n: Debian's package cron")
    lines = [cron.line(Schedule("batch", when, ("/bin/stem", "batch", f"/m/{ODD}"))) for when in ALL[::37]]
    (tmp_path / "crontab").write_text("\n".join(lines) + "\n")
    done = subprocess.run([real, "-n", tmp_path / "crontab"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


LETTERS = some.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
WORDS = some.lists(some.text(LETTERS, max_size=20), max_size=4)


@given(WORDS)
def test_systemd_quotes_anything(words: list[str]) -> None:
    schedule = Schedule("x", When(3), ("/bin/stem", *words), (("STEM_OUTPUT", "".join(words)),))
    service = unit(next(iter(systemd.units(schedule).values())))["Service"]
    assert systemd_words(service["ExecStart"], True) == ["/bin/stem", *words]
    assert systemd.words(service["ExecStart"]) == ("/bin/stem", *words)
    assert systemd_words(service["Environment"], False) == [f"STEM_OUTPUT={''.join(words)}"]


@given(
    some.lists(
        some.text(some.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\\"), max_size=20),
        max_size=4,
    )
)
def test_cron_quotes_anything_but_backslashes(words: list[str]) -> None:
    line = cron.line(Schedule("x", When(3), ("/bin/stem", *words)))
    assert not re.search(r"(?<!\\)%", line)
    assert shlex.split(line.split(None, 5)[5].replace(r"\%", "%")) == ["nice", "-n", "10", "/bin/stem", *words]


def minutes(hours: str, minutes: str) -> set[int]:
    """The minutes of a day that two fields of cron or systemd mean: a number, *, FIRST/STEP or */STEP."""
    found = []
    for field, most in ((hours, 24), (minutes, 60)):
        first, _, step = field.partition("/")
        start = 0 if first == "*" else int(first)
        found.append(range(start, most, int(step)) if step else range(most) if first == "*" else (start,))
    return {hour * 60 + minute for hour in found[0] for minute in found[1]}


def test_every_scheduler_runs_at_the_same_times() -> None:
    for when in ALL:
        wanted = set(range(0, 1440, when.every)) if when.every else {when.hour * 60 + when.minute}
        assert minutes(*cron.fields(when).split()[1::-1]) == wanted
        assert minutes(*systemd.calendar(when).removeprefix("*-*-* ").split(":")[:2]) == wanted
        times = [minutes(str(one.get("Hour", "*")), str(one["Minute"])) for one in launchd.intervals(when)]
        assert set.union(*times) == wanted


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
