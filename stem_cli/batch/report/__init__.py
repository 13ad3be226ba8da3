"""What came of a batch: a table in the terminal, and a page of HTML that needs nothing beside itself.

`show(summary)` prints the table on stderr or where one says; `write(summary, path)` writes the page.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stem_cli.batch.report.page import MARK, page
from stem_cli.batch.report.summary import STATUSES, Row, Summary
from stem_cli.batch.report.terminal import show
from stem_cli.disk import disk_errors, replace_synced
from stem_cli.errors import OutputError

__all__ = ["STATUSES", "Row", "Summary", "page", "refuse", "require", "show", "write"]

_ELSEWHERE = "Choose another place for the report"
_HEAD_BYTES = 1000


def write(summary: Summary, path: Path) -> None:
    """Write the page, whole or not at all. Raises OutputError where the disk refuses it, or another file lies there."""
    with disk_errors(path, _ELSEWHERE):
        refuse(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(path, page(summary))


def refuse(path: Path) -> None:
    """Raises OutputError where something lies there that is no report of ours: it may be a song."""
    if os.path.lexists(path) and not _is_ours(path):
        raise OutputError("it is there already and is no report of a batch", path, f"{_ELSEWHERE}.")


def require(path: Path) -> None:
    """Before the work: raises OutputError where the page could not be written in the end."""
    refuse(path)
    with disk_errors(path.parent, _ELSEWHERE):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False
