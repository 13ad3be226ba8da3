"""From a path that a DJ program wrote, on this machine or another, to a file of this machine, or why there is none."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import psutil

MISSING, STREAM = "missing", "a stream"
_COLON = "\uf022"
"""What macOS writes for a colon where a disk's format has none."""
_LETTER = re.compile(r"([A-Za-z]:)(?:/(.*))?$")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_MOUNTED = re.compile(r"(/Volumes/[^/]+|/run/media/[^/]+/[^/]+|/media/[^/]+/[^/]+|/mnt/[^/]+)(?:/(.*))?$")
"""Where macOS and Linux put drives. (systemd's and udisks' manuals; Apple's File System Programming Guide.)"""
_SHARE = re.compile(r"(//[^/]+/[^/]+)(?:/(.*))?$")
_DRIVES = (_LETTER, _MOUNTED, _SHARE)
_SYSTEM_DISK = "/Volumes/Macintosh HD/"
_OUR_OWN = ("/boot", "/dev", "/etc", "/proc", "/run", "/snap", "/sys", "/System", "/tmp", "/private", "/usr", "/var")  # noqa: S108


@dataclass(frozen=True)
class Listings:
    """What lies in the folders looked into so far, each listed once; one for a whole run, and for no longer."""

    folders: dict[str, str | None] = field(default_factory=dict)
    """By the path that was asked for: the folder as it is written here; None where there is none."""
    names: dict[str, tuple[dict[str, bool], dict[str, list[str]]]] = field(default_factory=dict)
    """By folder: its names, each with whether it is a file; and the names by what they have in common."""


def resolve(
    path: PurePosixPath,
    bases: Sequence[Path] = (),
    mapping: Mapping[str, str] | None = None,
    listings: Listings | None = None,
) -> Path | str:
    """The file of this machine that a path means, or why there is none: "missing", "on another drive (E:)", "a stream".

    bases: where drives of other names may be mounted now; see drives(). mapping: the beginnings of paths of another
    machine, and what stands for them here; the longest that fits is taken, and nothing else is tried. listings: what
    earlier calls have seen; give one to all calls of a run. A name that differs in case or in Unicode's form only is
    found where it is the one such name in its folder.
    """
    text = posixpath.normpath(str(path).replace("\\", "/"))
    if _SCHEME.match(text):
        return STREAM
    seen = Listings() if listings is None else listings
    elsewhere = mapped(text, mapping or {})
    for candidate in [elsewhere] if elsewhere is not None else _candidates(text, bases):
        found = _file(candidate, seen)
        if found is not None:
            return Path(found)
    drive = _drive(text)
    return MISSING if elsewhere is not None or drive is None else f"on another drive ({drive})"


def other_drive(
    path: PurePosixPath, place: Path, bases: Sequence[Path], mapping: Mapping[str, str] | None = None
) -> str:
    """In words, where a file was found on another drive than its path names, as on a backup; else "".

    The arguments are those that `resolve` was given, and what it found.
    """
    text = posixpath.normpath(str(path).replace("\\", "/"))
    found = place.as_posix()
    if found in (text, text[1:]) or text.startswith(_SYSTEM_DISK) or mapped(text, mapping or {}) is not None:
        return ""
    base = max((one for one in bases if place.is_relative_to(one)), key=lambda one: len(one.parts), default=None)
    named = next((match[1] for pattern in _DRIVES if (match := pattern.match(text))), "")
    if base is None or _lies_in(text, base.as_posix()) or (named and _is_called(base, named)):
        return ""
    return f"found on {base} instead of {named or _system()}"


def _lies_in(text: str, folder: str) -> bool:
    given, wanted = (unicodedata.normalize("NFC", one).casefold() for one in (text, folder))
    return given.startswith(f"{wanted.rstrip('/')}/")


def _is_called(base: Path, drive: str) -> bool:
    return alike(base.name) == alike(posixpath.basename(drive))


def drives() -> tuple[Path, ...]:
    """The drives and shares that are mounted beside the system's own."""
    places = [part.mountpoint for part in psutil.disk_partitions(all=os.name != "nt")]  # else without shares
    own = tuple(f"{place}/" for place in _OUR_OWN)
    return tuple(
        Path(place)
        for place in places
        if place != "/" and (place.startswith("/run/media/") or not f"{place}/".startswith(own))
    )


def mapped(text: str, mapping: Mapping[str, str]) -> str | None:
    """The path with its beginning replaced, by whole names; Windows' names are alike in any case."""
    for old, new in sorted(mapping.items(), key=lambda pair: len(pair[0]), reverse=True):
        beginning = posixpath.normpath(old.replace("\\", "/")).rstrip("/")
        same = str.casefold if is_windows(beginning) else str
        wanted, given = (same(unicodedata.normalize("NFC", one)) for one in (beginning, text))
        if given == wanted or given.startswith(f"{wanted}/"):
            names = text.split("/")[beginning.count("/") + 1 :]
            return posixpath.join(new.replace("\\", "/") if is_windows(new) else new, *names)
    return None


def is_windows(text: str) -> bool:
    """Whether a path is one of Windows': it begins with a drive's letter, or is on a share."""
    return bool(_LETTER.match(text.replace("\\", "/"))) or text.startswith(("//", "\\\\"))


def drive_in(text: str) -> str:
    """The root of the drive that a path of any machine lies on.

    >>> drive_in("E:/Stems/a.wav"), drive_in("/Volumes/STICK/a.wav"), drive_in("/Users/dj/a.wav")
    ('E:/', '/Volumes/STICK', '/')
    """
    found = next((match for pattern in _DRIVES if (match := pattern.match(text))), None)
    return "/" if found is None else found[1] + ("/" if found[1].endswith(":") else "")


def _candidates(text: str, bases: Sequence[Path]) -> Iterator[str]:
    """Where a path may lie, the likeliest first."""
    if _LETTER.match(text) or text.startswith("//"):
        if os.name == "nt":
            yield text
        elif text.startswith("//"):
            yield text[1:]  # VirtualDJ on a Mac writes two
    elif text.startswith(_SYSTEM_DISK):
        yield from (text, _system() + text[len(_SYSTEM_DISK) :])
    elif text.startswith("/"):
        yield _system() + text[1:]
    for pattern in _DRIVES:
        found = pattern.match(text)
        if found and found[2]:
            name = posixpath.basename(found[1]).casefold()
            for base in sorted(bases, key=lambda one: one.name.casefold() != name):
                yield posixpath.join(base.as_posix(), found[2])
            return
    for base in bases:
        yield posixpath.join(base.as_posix(), text.lstrip("/"))


def _system() -> str:
    return os.environ.get("SYSTEMDRIVE", "C:") + "/" if os.name == "nt" else "/"


def _drive(text: str) -> str | None:
    """The drive that a path needs and this machine has not."""
    letter, mounted, share = (pattern.match(text) for pattern in _DRIVES)
    if letter:
        return None if os.name == "nt" and _is_there(f"{letter[1]}/") else letter[1].upper()
    if mounted:
        return None if _is_there(mounted[1]) else posixpath.basename(mounted[1])
    return share[1] if share and not _is_there(share[1]) else None


def _is_there(text: str) -> bool:
    return os.path.exists(text)  # noqa: PTH110 - pathlib's own raises where it may not look


def _file(text: str, seen: Listings) -> str | None:
    above, name = posixpath.split(text)
    folder = _folder(above, seen)
    if folder is None:
        return None
    found = _name(folder, name, seen, files=True)
    return None if found is None else posixpath.join(folder, found)


def _folder(text: str, seen: Listings) -> str | None:
    """The folder as it is written here."""
    if text not in seen.folders:
        if os.path.isdir(text):  # noqa: PTH112 - of 20,000 songs
            seen.folders[text] = text
        else:
            above, name = posixpath.split(text)
            parent = _folder(above, seen) if name and above != text else None
            found = None if parent is None else _name(parent, name, seen, files=False)
            seen.folders[text] = None if found is None or parent is None else posixpath.join(parent, found)
    return seen.folders[text]


def _name(folder: str, name: str, seen: Listings, *, files: bool) -> str | None:
    """A name as it is written in its folder: as given, or the one that differs in case or form only."""
    if folder not in seen.names:
        seen.names[folder] = _listed(folder)
    names, others_of = seen.names[folder]
    if names.get(name) is files:
        return name
    others = [one for one in others_of.get(alike(name), ()) if names[one] is files]
    if len(others) > 1:
        formed = unicodedata.normalize("NFC", name)
        others = [one for one in others if unicodedata.normalize("NFC", one) == formed]
    return others[0] if len(others) == 1 else None


def _listed(folder: str) -> tuple[dict[str, bool], dict[str, list[str]]]:
    names: dict[str, bool] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names[entry.name] = not _is_folder(entry)
    except OSError:
        return {}, {}
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(alike(name), []).append(name)
    return names, found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def alike(name: str) -> str:
    """What is equal for two names that differ in case, Unicode's form or what stands for a colon only."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.replace(_COLON, ":")).casefold())
