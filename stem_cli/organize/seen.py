"""Where the DJ's computer sees an output folder: a stick has another name there than here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from stem_cli.errors import UsageError
from stem_cli.library.resolve import drive_in, is_windows, mapped


@dataclass(frozen=True)
class Seen:
    """mapping: beginnings of paths of this machine, and what stands for them there; the longest that fits is taken."""

    mapping: Mapping[str, str] = field(default_factory=dict)

    def place(self, path: Path) -> PurePath:
        """Where a file is seen."""
        text = mapped(path.as_posix(), self.mapping) if self.mapping else None
        if text is None:
            return path
        return PureWindowsPath(text) if is_windows(text) else PurePosixPath(text)

    def on_drive(self, path: Path, root: Path) -> tuple[PurePath, PurePath]:
        """Where a file is seen, and the root of its drive. root: of the drive that it lies on here."""
        place = self.place(path)
        return (place, root) if place is path else (place, type(place)(drive_in(place.as_posix())))


def seen(mapping: Mapping[str, str], output: Path) -> Seen:
    """What `--path-map` says. Raises UsageError where it is silent of the output folder, as of a name misspelt."""
    whole = {old if is_windows(old) else _absolute(old): new for old, new in mapping.items()}
    if whole and mapped(output.absolute().as_posix(), whole) is None:
        what = f"--path-map says nothing of it, only of {', '.join(whole)}"
        raise UsageError(
            what, output.absolute(), "OLD is where --output lies here, NEW where the DJ's computer sees it."
        )
    return Seen(whole)


def _absolute(text: str) -> str:
    return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - pathlib's own keeps `..`
