"""The log file for bug reports, and a place for what libraries in C print."""

from __future__ import annotations

import logging
import logging.handlers
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stem_cli import __version__
from stem_cli import settings as settings_of
from stem_cli.errors import StemError
from stem_cli.settings import Settings

_LARGEST_BYTES = 1_000_000
_log = logging.getLogger("stem_cli")


def log_path(settings: Settings) -> Path:
    """Where the log lies."""
    return settings_of.data_dir(settings) / "stem.log"


def open_log(settings: Settings, verbose: bool = False) -> None:
    """Send the log to its file, and with `verbose` to stderr too. A log that cannot be written is no reason to stop."""
    _log.setLevel(logging.DEBUG)
    _log.propagate = False
    logging.raiseExceptions = False  # a log on a full disk is no reason to print a traceback
    for handler in list(_log.handlers):
        _log.removeHandler(handler)
        handler.close()
    with suppress(OSError):
        path = log_path(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(
            path, maxBytes=_LARGEST_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace"
        )
        file.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
        _log.addHandler(file)
    if verbose:
        console = logging.StreamHandler(sys.stderr)
        console.setFormatter(logging.Formatter("%(message)s"))
        _log.addHandler(console)
    _log.debug("stem-cli %s, Python %s, %s: %s", __version__, sys.version.split()[0], platform.platform(), sys.argv)


def record_bug() -> Path:
    """Write the traceback of the exception under way to the log; returns its place."""
    try:
        settings = settings_of.load().settings
    except StemError:
        settings = Settings()
    open_log(settings)
    _log.exception("a bug")
    return log_path(settings)


@contextmanager
def native_quiet(settings: Settings) -> Iterator[None]:
    """What C libraries print on stderr (mpg123 does) goes to the log while this is open; our own stderr stays."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
        path = log_path(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        yield
        return
    ours = os.fdopen(os.dup(kept), "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1)
    before, sys.stderr = sys.stderr, ours
    os.dup2(log, 2)
    try:
        yield
    finally:
        sys.stderr = before
        ours.close()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(log)
