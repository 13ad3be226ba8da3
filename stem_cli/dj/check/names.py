"""Names of files and folders as sticks and DJ programs take them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from stem_cli.dj.check.finding import FAULT, WARNING, Finding, Target, names_of
from stem_cli.dj.names import PATH_UNITS, same

NAME_UNITS = 255
"""UTF-16 units of a name on FAT32, exFAT and NTFS."""
FAT32_BYTES = 2**32 - 1
"""Of the largest file on a FAT32 stick."""

_FORBIDDEN = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
FOLDERS = 8
"""Folders one inside another that older players are said to show; from memory, seen in no manual: a warning only."""


def judge_name(name: str) -> Iterator[Finding]:
    """What is wrong with one name, of a file or a folder."""
    found = sorted(set(_FORBIDDEN.findall(name)))
    if found:
        what = f"its name holds {' '.join(map(repr, found))}, which Windows and sticks cannot"
        yield _named(FAULT, "letters", what)
    if name != name.rstrip(" ."):
        yield _named(FAULT, "end", "its name ends with a dot or a space, which Windows cuts off")
    if _DEVICES.match(name):
        yield _named(FAULT, "device", "its name is that of a device of Windows")
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        yield _named(FAULT, "unicode", "its name is no Unicode")
    elif len(name.encode("utf-16-le")) // 2 > NAME_UNITS:
        yield _named(FAULT, "length", f"its name has more than {NAME_UNITS} letters")
    if "%%" in name and not name.lower().endswith((".crate", ".scrate")):
        yield _named(FAULT, "percent", "its name holds %%, with which Serato parts crates")
    if name.startswith("."):
        yield _named(WARNING, "hidden", "its name begins with a dot, so it is hidden")
    if unicodedata.normalize("NFC", name) != name:
        yield _named(WARNING, "nfc", "its letters and their marks are stored apart (not NFC)")


def _named(severity: str, rule: str, what: str) -> Finding:
    return Finding(severity, f"name.{rule}", what, "Rename it.", fixable=rule != "hidden")


def judge_depth(folders: int, targets: Sequence[Target]) -> Iterator[Finding]:
    """Whether players reach it. folders: how many lie between the stick's root and the file."""
    onto = [target for target in targets if target.stick]
    if onto and folders > FOLDERS:
        what = f"it lies in {folders} folders one inside another; older players show no more than {FOLDERS}"
        yield Finding(WARNING, "path.depth", what, "Move it further up.")


def judge_path(path: PurePath) -> Iterator[Finding]:
    """Whether Windows and rekordbox can follow a path."""
    units = len(str(path).encode("utf-16-le", "surrogatepass")) // 2
    if units > PATH_UNITS:
        what = f"its path has {units} letters; Windows and some DJ programs end at 260"
        yield Finding(WARNING, "path.length", what, "Move it further up, or shorten the names of its folders.")


def judge_folder(names: Iterable[str]) -> Iterator[Finding]:
    """Names of one folder that some file system takes for one."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(same(name), name)
        if other != name:
            what = f"{name!r} and {other!r} are one name on Windows, macOS and sticks"
            yield Finding(FAULT, "name.twice", what, "Rename one of them.", fixable=True)


def judge_size(size: int, targets: Sequence[Target]) -> Iterator[Finding]:
    """Whether a file fits on a FAT32 stick."""
    if size > FAT32_BYTES:
        onto = [target for target in targets if target.stick]
        what = "it is larger than 4 GiB, which a FAT32 stick cannot hold"
        if onto:
            what += f" ({names_of(onto)})"
        yield Finding(FAULT if onto else WARNING, "file.size", what, "Write it as FLAC, or in pieces.")
