"""Where the files of a mended copy lie, so that its lists name them and not the originals."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote

from stem_cli.disk import drive_of
from stem_cli.dj.m3u8 import relative
from stem_cli.dj.names import same
from stem_cli.dj.rekordbox_xml import HOST, location
from stem_cli.dj.serato_crate import COLON, on_drive
from stem_cli.errors import UsageError

_Parts = tuple[str, ...]


@dataclass(frozen=True)
class Moves:
    """The files of a folder and of its copy. source, target: both folders, absolute.

    paths: of each file below the folder its path below the copy. drive: the root that crates of the folder start from,
    None for that of the drive it lies on.
    """

    source: Path
    target: Path
    paths: Mapping[str, str]
    drive: Path | None = None

    def of_location(self, text: str) -> str:
        """The Location of a rekordbox.xml for a file that is in the copy; others stay."""
        if not text.startswith(HOST):
            return text
        try:
            plain = unquote(text.removeprefix(HOST), errors="strict")
            path = plain if re.match("[A-Za-z]:/", plain) else f"/{plain}"
            new = self._moved(path)
            return text if new is None else location(new)
        except (UnicodeDecodeError, UsageError):
            return text

    def of_song(self, song: str, crate: Path, new_crate: Path) -> str:
        """The path in a crate of a song that is in the copy; others stay. crate, new_crate: where it lies itself."""
        root = self.drive or _root_for(crate)
        plain = song.replace(COLON, ":")
        for path in (f"{root.as_posix().rstrip('/')}/{plain}", f"/{plain}"):  # some wrote the whole path
            new = self._moved(path)
            if new is not None and Path(new).is_relative_to(self.target):
                try:
                    return on_drive(PurePath(new), _root_for(new_crate))
                except UsageError:
                    return song
            if new is not None:
                return new.removeprefix(root.as_posix()).lstrip("/")
        return song

    def of_line(self, line: str, folder: Path, new_folder: Path) -> str:
        """A line of a playlist in `folder` as it stands in its copy in `new_folder`; what is not in the copy stays."""
        if re.match("[A-Za-z][A-Za-z0-9+.-]+://", line):
            return line
        path = line if _is_whole(line) else posixpath.normpath(f"{folder.as_posix()}/{line}")
        new = self._moved(path)
        if new is None:
            new = path if not _is_whole(line) and Path(path).exists() else None
        try:
            return line if new is None or not Path(new).is_absolute() else relative(Path(new), new_folder)
        except UsageError:
            return line

    def _moved(self, path: str) -> str | None:
        """Where a file lies now, by its whole path; None where it is none of ours.

        A path of another machine is one of ours where it ends as that of a file that got another name does.
        """
        parts = PurePosixPath(path).parts
        below = _below(parts, self.source.parts)
        if below is not None:
            found = self.paths.get("/".join(below)) or self._by_parts.get(tuple(map(same, below)))
            return None if found is None else str(self.target / found)
        for start in range(1, len(parts)):
            renamed = self._renamed.get(tuple(map(same, parts[start:])))
            if renamed is not None and not Path(path).exists():
                return str(PurePosixPath(*parts[:start], renamed))
        return None

    @cached_property
    def _by_parts(self) -> dict[_Parts, str]:
        return {tuple(map(same, PurePath(old).parts)): new for old, new in self.paths.items()}

    @cached_property
    def _renamed(self) -> dict[_Parts, str]:
        return {tuple(map(same, PurePath(old).parts)): new for old, new in self.paths.items() if old != new}


def _below(parts: _Parts, above: _Parts) -> _Parts | None:
    return parts[len(above) :] if parts[: len(above)] == above else None


def _is_whole(line: str) -> bool:
    return line.startswith("/") or re.match("[A-Za-z]:/", line) is not None


def _root_for(crate: Path) -> Path:
    """The root that a crate's paths start from: what holds `_Serato_`, in a user's music folder the drive's own."""
    for folder in crate.parents:
        if folder.name == "_Serato_" and folder.parent.name.lower() != "music":
            return folder.parent
    return drive_of(crate.parent)
