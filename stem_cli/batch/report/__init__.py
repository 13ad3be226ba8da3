"""What came of a batch: a table in the terminal, and a page of HTML that needs nothing beside itself.

`show(summary)` prints the table on stderr or where one says; `write(summary, path)` writes the page.
"""

from __future__ import annotations

from pathlib import Path

from stem_cli.batch.report.page import page
from stem_cli.batch.report.summary import STATUSES, Row, Summary
from stem_cli.batch.report.terminal import show
from stem_cli.disk import disk_errors, replace_synced

__all__ = ["STATUSES", "Row", "Summary", "page", "show", "write"]


def write(summary: Summary, path: Path) -> None:
    """Write the page, whole or not at all. Raises OutputError where the disk refuses it."""
    with disk_errors(path, "Choose another place for the report"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(path, page(summary))
