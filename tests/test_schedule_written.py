"""`stem schedule`: what systemd, launchd and cron read in what is written for them."""

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
from schedulers import Schedulers, install

from stem_cli.batch.schedule import cron, launchd, systemd
from stem_cli.batch.schedule.plan import ALL, EVERY, Schedule, When

ODD = "Müsic 100% 'live' \"x\" $HOME;　*"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="only on systems with cron, launchd or systemd")


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
