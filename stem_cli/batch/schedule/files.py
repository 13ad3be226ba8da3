"""Files that a scheduler reads: written all or none, and never in the place of somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from stem_cli.disk import disk_errors, replace_synced
from stem_cli.errors import OutputError

_ELSEWHERE = "Choose another --kind"


@contextmanager
def placed(files: Mapping[Path, str], is_ours: Callable[[str], bool]) -> Iterator[None]:
    """Write files; where the scheduler then refuses them, or we are stopped, they are as they were before."""
    before = {path: read(path) for path in files}
    for path, text in before.items():
        if text is not None and not is_ours(text):
            raise OutputError("this file is not of stem-cli", path, "Choose another --name.")
    try:
        for path, text in files.items():
            with disk_errors(path, _ELSEWHERE):
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_synced(path, text)
        yield
    except BaseException:
        _restore(before)
        raise


def _restore(before: Mapping[Path, str | None]) -> None:
    for path, text in before.items():
        with suppress(OSError):
            if text is None:
                path.unlink(missing_ok=True)
            else:
                replace_synced(path, text)


def read(path: Path) -> str | None:
    """The text of a file, None where there is none."""
    try:
        return path.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error


def delete(paths: tuple[Path, ...]) -> None:
    """Remove files of ours. Raises OutputError where that is not allowed."""
    for path in paths:
        with disk_errors(path, "Remove it by hand"):
            path.unlink(missing_ok=True)
