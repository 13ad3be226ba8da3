"""The self-test on a user's own machine and folder: each check does the thing itself and says what came of it."""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stem_cli import __version__, engines, router
from stem_cli import settings as settings_of
from stem_cli.audio import FORMATS, Mix, open_sink
from stem_cli.database import open_database
from stem_cli.errors import StemError
from stem_cli.folder import names, space
from stem_cli.settings import Settings

_LOW_BYTES = 2_000_000_000
_RATE = 44100


@dataclass(frozen=True)
class Check:
    """One check. state: "ok", "note" (works, but mind it) or "fault". what: in words."""

    name: str
    state: str
    what: str


def examine(settings: Settings, folder: Path) -> Iterator[Check]:
    """Every check, one after the other. Nothing is left in the folder."""
    yield Check("program", "ok", f"stem-cli {__version__}, Python {sys.version.split()[0]}, {sys.platform}")
    yield from _engine_checks(settings)
    yield _tried("settings", lambda: _settings(settings))
    yield _tried("database", lambda: _database(settings))
    yield _tried("space", lambda: _space(folder))
    try:
        with TemporaryDirectory(prefix=".stem-doctor-", dir=folder) as name:
            yield from _folder_checks(Path(name))
    except OSError as error:
        yield Check("folder", "fault", f"{folder} cannot be written to ({error.strerror})")


def _engine_checks(settings: Settings) -> Iterator[Check]:
    machine = router.this_machine()
    yield Check("machine", "ok", f"{machine.cpus} cores, computing on {machine.backend}")
    for engine in engines.all_engines():
        missing = engine.unavailable(engines.request_of(settings))
        if missing is None:
            yield Check(f"engine {engine.name}", "ok", "ready")
        else:
            yield Check(f"engine {engine.name}", "note", f"not ready: {missing.reason}. {missing.remedy}")


def _folder_checks(home: Path) -> Iterator[Check]:
    for format_name in FORMATS:
        yield _tried(f"format {format_name}", partial(_round_trip, home, format_name))
    for name, check in (
        ("rename", _rename),
        ("locks", _locks),
        ("case", _case),
        ("unicode", _unicode),
        ("odd names", _odd_names),
        ("long names", _long_names),
        ("copies", _clones),
    ):
        yield _tried(name, partial(check, home))


def _tried(name: str, check: Callable[[], tuple[str, str]]) -> Check:
    try:
        state, what = check()
    except StemError as error:
        return Check(name, "fault", str(error))
    except OSError as error:
        return Check(name, "fault", f"{error.strerror or error}")
    return Check(name, state, what)


def _settings(settings: Settings) -> tuple[str, str]:
    path = settings_of.config_path()
    place = str(path) if path.exists() else f"defaults; {path} is not there"
    return "ok", f"{place}; data in {settings_of.data_dir(settings)}, cache in {settings_of.cache_dir(settings)}"


def _database(settings: Settings) -> tuple[str, str]:
    database = open_database(settings.database_url, settings_of.data_dir(settings))
    songs = database.rows("SELECT count(DISTINCT digest) AS songs FROM separations")[0]["songs"]
    database.close()
    return "ok", f"opens; songs separated so far: {songs}"


def _space(folder: Path) -> tuple[str, str]:
    free = space.free_bytes(folder)
    return ("note" if free < _LOW_BYTES else "ok"), f"{free / 1e9:.1f} GB free in {folder}"


def _round_trip(home: Path, format_name: str) -> tuple[str, str]:
    """Write a second of noise, read it back: the same samples, or the same length where the format is lossy."""
    import numpy as np

    form = FORMATS[format_name]
    sound = np.random.default_rng(1).integers(-20000, 20000, (2, _RATE), np.int32)
    path = home / f"{format_name}{form.suffix}"
    sink = open_sink(path, format_name, _RATE, 2, "16", _RATE)
    sink.write(sound)
    sink.close()
    back = np.concatenate(list(Mix.open(path).blocks()), axis=1)
    if form.exact and not np.array_equal(np.rint(back * 32768), sound):
        return "fault", "samples do not come back as they were written"
    if back.shape[1] < _RATE:
        return "fault", f"{_RATE - back.shape[1]} samples are missing"
    return "ok", "written and read back" + (", every sample the same" if form.exact else "")


def _rename(home: Path) -> tuple[str, str]:
    old, new = home / "old", home / "new"
    old.write_text("old")
    new.write_text("new")
    new.replace(old)
    return ("ok", "replaces a file at once") if old.read_text() == "new" else ("fault", "does not replace a file")


def _locks(home: Path) -> tuple[str, str]:
    from filelock import FileLock, Timeout

    one, other = FileLock(home / "lock"), FileLock(home / "lock")
    with one:
        try:
            other.acquire(timeout=0)
        except Timeout:
            return "ok", "hold"
    other.release()
    return "fault", "do not hold here: two programs could work on the same song"


def _case(home: Path) -> tuple[str, str]:
    (home / "Case").touch()
    return ("note", "upper and lower case are the same here") if (home / "cASE").exists() else ("ok", "matters here")


def _unicode(home: Path) -> tuple[str, str]:
    composed, apart = (unicodedata.normalize(form, "Beyoncé") for form in ("NFC", "NFD"))
    (home / composed).touch()
    return "ok", "accents in both forms are one name" if (home / apart).exists() else "accents keep their form"


_ODD = ("日本語 🎧", "AC/DC: Back?", "CON", "a" * 300, "«Café» 100%%", "  .dots. ", "..\\..\\up", "x\x00y\n")


def _odd_names(home: Path) -> tuple[str, str]:
    for text in _ODD:
        (home / names.safe(text)).touch()
    return "ok", f"{len(_ODD)} of them made safe and written"


def _long_names(home: Path) -> tuple[str, str]:
    deep = home
    while len(str(deep)) < 300:
        deep = deep / ("d" * 60)
    try:
        deep.mkdir(parents=True)
        (deep / "vocals.wav").touch()
    except OSError:
        return "note", "paths above 260 characters do not work here; keep the output folder's path short"
    return "ok", "paths above 260 characters work"


def _clones(home: Path) -> tuple[str, str]:
    from stem_cli.folder import copy_file

    (home / "source").write_bytes(os.urandom(4096))
    copy_file(home / "source", home / "copy")
    if (home / "copy").read_bytes() != (home / "source").read_bytes():
        return "fault", "a copy differs from its source"
    return "ok", "come out the same"


def as_table(checks: list[Check]) -> str:
    """The checks as text, one a line."""
    text = io.StringIO()
    for check in checks:
        mark: Any = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}[check.state]
        text.write(f"{mark}  {check.name:16} {check.what}\n")
    return text.getvalue().rstrip("\n")
