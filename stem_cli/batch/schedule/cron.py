"""A schedule as a line in the user's crontab, between two comments; all other lines stay byte for byte: crontab(5)."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from pathlib import Path

from stem_cli import settings as settings_of
from stem_cli.batch.schedule.installed import Installed
from stem_cli.batch.schedule.plan import ALL, NICE, Schedule, When
from stem_cli.batch.schedule.run import ask, run, said
from stem_cli.disk import disk_errors
from stem_cli.errors import OutputError, UsageError

_LONGEST_BYTES = 990  # crons cut a command at 1000 (MAX_COMMAND of Vixie's), some without a word
_BEGIN = re.compile(rb"# >>> stem-cli ([A-Za-z0-9_-]+) >>>[^\n]*\n?")
_MISSED = "cron makes up for no run that is missed while the machine is off or asleep"
_HINT = "Nothing was changed. `crontab -e` must work for you."
_FIELDS = 5
_BEFORE = ("nice", "-n", str(NICE))


def block(schedule: Schedule) -> str:
    """The line and its two comments. Raises UsageError for a command that cron would not read as it is."""
    end = f"# <<< stem-cli {schedule.name} <<<\n"
    begin = (
        f"# >>> stem-cli {schedule.name} >>> by `stem schedule`; `stem schedule remove {schedule.name}` removes it\n"
    )
    return f"{begin}{line(schedule)}\n{end}"


def line(schedule: Schedule) -> str:
    """The line itself. cron would make line ends of per cent signs."""
    variables = tuple(f"{name}={value}" for name, value in schedule.environment)
    words = (*_BEFORE, *(("env", *variables) if variables else ()), *schedule.command)
    command = shlex.join(words)
    if "\\" in command:
        raise UsageError("crons do not agree on how to read a backslash", None, "Rename it, or use --kind systemd.")
    escaped = command.replace("%", r"\%")
    if len(escaped.encode()) > _LONGEST_BYTES:
        what = f"the command has {len(escaped.encode())} bytes, of which some crons read {_LONGEST_BYTES}"
        raise UsageError(what, None, "Name the folder above them, or write a playlist (.m3u8) and name that.")
    return f"{fields(schedule.when)} {escaped}"


def fields(when: When) -> str:
    """Minute, hour and the rest, as cron writes a time."""
    if not when.every:
        return f"{when.minute} {when.hour} * * *"
    return f"*/{when.every} * * * *" if when.every < 60 else f"0 */{when.every // 60} * * *"


def with_block(crontab: bytes, name: str, text: str) -> bytes:
    """The crontab with this block in place of the one of that name, or at its end."""
    start, end = blocks(crontab).get(name, (len(crontab), len(crontab)))
    gap = b"\n" if crontab[:start] and not crontab[:start].endswith(b"\n") else b""
    return crontab[:start] + gap + text.encode() + crontab[end:]


def without_block(crontab: bytes, name: str) -> bytes:
    """The crontab without the block of that name."""
    start, end = blocks(crontab)[name]
    return crontab[:start] + crontab[end:]


def blocks(crontab: bytes) -> dict[str, tuple[int, int]]:
    """Where each block of ours begins and ends. Raises OutputError where an end is missing."""
    found: dict[str, tuple[int, int]] = {}
    for begin in re.finditer(rb"^" + _BEGIN.pattern, crontab, re.MULTILINE):
        name = begin[1].decode()
        end = re.compile(rb"^# <<< stem-cli " + begin[1] + rb" <<<[^\n]*\n?", re.MULTILINE).search(crontab, begin.end())
        inner = crontab[begin.end() : end.start()] if end else b""
        if end is None or name in found or re.search(rb"^# >>> stem-cli ", inner, re.MULTILINE):
            what = f"in the crontab the block `stem-cli {name}` has no end, or stands there twice"
            raise OutputError(what, None, "Mend or remove its lines with `crontab -e`.")
        found[name] = begin.start(), end.end()
    return found


def shown(schedule: Schedule) -> str:
    """What would be added to the crontab."""
    return f"crontab:\n{block(schedule)}"


def install(schedule: Schedule) -> tuple[str, ...]:
    """Put the line into the crontab. Raises OutputError where cron refuses it; nothing is changed then."""
    before = _read()
    backup = _write(before, with_block(before, schedule.name, block(schedule)))
    return (_MISSED, *([f"the crontab as it was: {backup}"] if backup else []))


def remove(name: str) -> tuple[str, ...]:
    """Take the line out of the crontab."""
    before = _read()
    backup = _write(before, without_block(before, name))
    return (f"crontab (as it was: {backup})",)


def installed() -> tuple[Installed, ...]:
    """The lines of ours."""
    if not shutil.which("crontab"):
        return ()
    crontab = _read()
    return tuple(_installed(name, crontab[start:end]) for name, (start, end) in blocks(crontab).items())


def _installed(name: str, text: bytes) -> Installed:
    lines = [line for line in text.decode("utf-8", "surrogateescape").splitlines() if line and line[0] != "#"]
    *told, command = lines[0].split(None, _FIELDS) if lines else [""]
    when = next((one.words for one in ALL if fields(one) == " ".join(told)), " ".join(told))
    return Installed(name, "cron", when, _words(command), "crontab", bool(lines))


def _words(command: str) -> tuple[str, ...]:
    """The command without what stands before it: nice, env and variables."""
    try:
        words = shlex.split(command.replace(r"\%", "%"))
    except ValueError:  # a user changed it
        return ()
    start = next((number for number, word in enumerate(words) if word.startswith("/")), len(words))
    return tuple(words[start:])


def _read() -> bytes:
    done = run("crontab", "-l")
    if done.returncode and b"no crontab" not in done.stderr.lower():
        raise OutputError(f"`crontab -l` failed: {said(done)}", None, _HINT)
    return b"" if done.returncode else done.stdout


def _write(before: bytes, after: bytes) -> Path | None:
    """Give cron the new crontab and read it back; returns where the old one is kept, if there was one."""
    if before == after:
        return None
    backup = _kept(before) if before else None
    ask("crontab", "-", given=after, hint=_HINT)
    if _read() != after:
        hint = f"Look at it with `crontab -l`; as it was: {backup}." if backup else "Look at it with `crontab -l`."
        raise OutputError("the crontab is not what was written", None, hint)
    return backup


def _kept(crontab: bytes) -> Path:
    folder = settings_of.data_dir(settings_of.load().settings)
    path = folder / f"crontab-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09}.backup"
    with disk_errors(path, "Choose another STEM_DATA_DIR"):
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_bytes(crontab)
    return path
