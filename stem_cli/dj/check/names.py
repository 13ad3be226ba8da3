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
_HINT = "Rename it."


def judge_name(name: str) -> Iterator[Finding]:
    """What is wrong with one name, of a file or a folder."""
    found = sorted(set(_FORBIDDEN.findall(name)))
    if found:
        what = f"its name holds {' '.join(map(repr, found))}, which Windows and sticks cannot"
        yield Finding(FAULT, "name.letters", what, _HINT)
    if name != name.rstrip(" ."):
        yield Finding(FAULT, "name.end", "its name ends with a dot or a space, which Windows cuts off", _HINT)
    if _DEVICES.match(name):
        yield Finding(FAULT, "name.device", "its name is that of a device of Windows", _HINT)
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        yield Finding(FAULT, "name.unicode", "its name is no Unicode", _HINT)
    elif len(name.encode("utf-16-le")) // 2 > NAME_UNITS:
        yield Finding(FAULT, "name.length", f"its name has more than {NAME_UNITS} letters", _HINT)
    if "%%" in name and not name.lower().endswith((".crate", ".scrate")):
        yield Finding(FAULT, "name.percent", "its name holds %%, with which Serato parts crates", _HINT)
    if name.startswith("."):
        yield Finding(WARNING, "name.hidden", "its name begins with a dot, so it is hidden", _HINT)
    if unicodedata.normalize("NFC", name) != name:
        yield Finding(WARNING, "name.nfc", "its letters and their marks are stored apart (not NFC)", _HINT)


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
            yield Finding(FAULT, "name.twice", what, "Rename one of them.")


def judge_size(size: int, targets: Sequence[Target]) -> Iterator[Finding]:
    """Whether a file fits on a FAT32 stick."""
    if size > FAT32_BYTES:
        onto = [target for target in targets if target.stick]
        what = "it is larger than 4 GiB, which a FAT32 stick cannot hold"
        if onto:
            what += f" ({names_of(onto)})"
        yield Finding(FAULT if onto else WARNING, "file.size", what, "Write it as FLAC, or in pieces.")
