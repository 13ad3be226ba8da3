"""What lies in a folder of stems and does not come into the set, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stem_cli import stems
from stem_cli.folder.foreign import stem_in
from stem_cli.library.walk import ENDINGS


@dataclass(frozen=True)
class LeftOut:
    """Files that are not in the set. why: in words."""

    paths: tuple[Path, ...]
    why: str

    def __str__(self) -> str:
        return f"left out: {', '.join(path.name for path in self.paths)}, {self.why}"


def left_out(home: Path, files: Mapping[str, Path], chosen: Collection[str], ours: bool) -> tuple[LeftOut, ...]:
    """What would be missed, by reason. Mixes of stems that are in the set are not: nothing is lost without them.

    files: of the folder by name. chosen: those in the set. ours: whether metadata tells which files are stems.
    """
    parts = {
        name: stem for stem, inner in stems.PARTS.items() for name in inner if stem in chosen and name not in chosen
    }
    found: dict[str, list[Path]] = {}
    for name in stems.ordered([*parts]):
        if name in files:
            found.setdefault(f"as {parts[name]} is in the set as a whole", []).append(files[name])
    for path in _others(home, files.values()):
        found.setdefault(_why(path, ours), []).append(path)
    return tuple(LeftOut(tuple(paths), why) for why, paths in found.items())


def _others(home: Path, known: Collection[Path]) -> Iterator[Path]:
    """Sound files of the folder that nobody took for stems; in the flat layout these are other songs."""
    names = {path.name for path in known}
    for path in sorted(home.iterdir()) if home.is_dir() else []:
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.name not in names:
            yield path


def _why(path: Path, ours: bool) -> str:
    if ours:
        return "as metadata.json does not list it"
    known = stem_in(path.stem) is not None
    return "as stems in such a format are not read" if known else "no stem is known by that name"


def gaps(names: Sequence[str]) -> tuple[str, ...]:
    """Which stems are not among those of a song, where these are not all of it.

    >>> gaps(["lead_vocals", "backing_vocals"]), gaps(["vocals", "instrumental"]), gaps(["no_drums"])
    (('drums', 'bass', 'other'), (), ('drums',))
    """
    if stems.is_whole(names):
        return ()
    families = {stems.TABLE[name].family for name in names if name in stems.TABLE}
    return tuple(stems.COMPLEMENTS[name] for name in names if name in stems.COMPLEMENTS) or tuple(
        name for name in stems.FOUR if name not in families
    )
