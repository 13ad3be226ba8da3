"""What of an output folder is ours, and what its lists say: `_DJ/stem-cli.json`.

Only files that stand there are ever replaced. Its songs are those of all runs, with what a run knew of them, as a later
one may know other songs only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from stem_cli.cues import Cue, Prepared, Tempo
from stem_cli.disk import disk_errors, replaced
from stem_cli.dj.names import same

PLACE = PurePosixPath("_DJ/stem-cli.json")
LIST = "list"
"""What a list is made from: the songs of this record."""
INSTALLED = "installed "
"""Before the path of a file that lies outside of the output folder."""

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Ours:
    """A file that we wrote. made_from: what it depends on, in words. size, mtime_ns: as it was when written.

    rate: Hz. digest: of the song that it is a stem of. Both are unknown, 0 and "", in records of older versions.
    """

    made_from: str
    size: int
    mtime_ns: int
    rate: int = 0
    digest: str = ""


PROMISED = Ours("", 0, 0)
"""A file that is about to be written: killed in between, the next run knows it is ours."""


@dataclass(frozen=True)
class Remembered:
    """A song as lists name it, whatever becomes of its folder of stems.

    digest: of its sound and stretch. folder: where its stems were ("" is unknown). source: the song's own file. span:
    seconds of it, None for all of it. name, number: those of its files here. seconds: of its length. files: by kind
    its files below the output folder, "" is the `.stem.mp4`. prepared, crates: what the DJ's programs said of it.
    analysed: the grid that `stem analyze` has found.
    """

    digest: str
    folder: str = ""
    source: str = ""
    span: tuple[float, float | None] | None = None
    name: str = ""
    number: int = 1
    artist: str = ""
    title: str = ""
    seconds: float = 0.0
    files: Mapping[str, str] = field(default_factory=dict)
    prepared: Prepared = field(default_factory=Prepared)
    crates: tuple[str, ...] = ()
    analysed: tuple[Tempo, ...] = ()

    @property
    def listed(self) -> Prepared:
        """What lists say of it: its own grid, or where a DJ has laid none, the one that was found."""
        return self.prepared if self.prepared.grid else replace(self.prepared, grid=self.analysed)


@dataclass
class Manifest:
    """Everything that is ours in one output folder. files: by their paths below it. programs: that lists were for."""

    files: dict[str, Ours] = field(default_factory=dict)
    songs: list[Remembered] = field(default_factory=list)
    programs: tuple[str, ...] = ()

    def owns(self, output: Path, path: str) -> bool:
        """Whether what lies at a path is ours, if anything does; on a stick, also where its name differs in case."""
        if path in self.files or not os.path.lexists(output / path):
            return True
        alike = [one for one in self.files if same(one) == same(path)]
        if any(_same_file(output / one, output / path) for one in alike):
            return True
        return bool(alike) and not _is_spelled_so(output, path)  # drivers in FUSE give a file a number for each name


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _is_spelled_so(output: Path, path: str) -> bool:
    """Whether it lies there under this very name. Where it does not, and is there, the disk knows no case."""
    parts = PurePosixPath(path).parts
    try:
        return all(part in _names_in(output.joinpath(*parts[:place])) for place, part in enumerate(parts))
    except OSError:
        return True


def _names_in(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def read(output: Path) -> Manifest:
    """What is ours there and still there; nothing where no run has written there, or the record is damaged."""
    try:
        found = json.loads((output / PLACE).read_text("utf-8"))
        files = {path: Ours(**row) for path, row in found["files"].items()}
        songs = [_song(row) for row in found.get("songs", ())]
        return _still_there(output, Manifest(files, songs, tuple(found.get("programs", ()))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Manifest()


def _song(row: dict[str, Any]) -> Remembered:
    told = row["prepared"]
    prepared = Prepared(
        grid=tuple(Tempo(**one) for one in told.get("grid", ())),
        cues=tuple(Cue(**one) for one in told.get("cues", ())),
        key=told.get("key", ""),
        rating=told.get("rating"),
        colour=told.get("colour", ""),
    )
    span = None if row["span"] is None else (row["span"][0], row["span"][1])
    analysed = tuple(Tempo(**one) for one in row.get("analysed", ()))
    told_of = {"span": span, "prepared": prepared, "crates": tuple(row["crates"]), "analysed": analysed}
    return Remembered(**{**row, **told_of})


def _still_there(output: Path, all_of_it: Manifest) -> Manifest:
    """Without files that somebody has removed, and songs that no file is left of."""
    files = {
        path: one
        for path, one in all_of_it.files.items()
        if path.startswith(INSTALLED) or os.path.lexists(output / path)
    }
    return Manifest(files, songs_with(files, all_of_it.songs), all_of_it.programs)


def songs_with(files: Collection[str], songs: Iterable[Remembered]) -> list[Remembered]:
    """Songs with those of their files that are among these, and without the songs that no file is left of."""
    left = (replace(song, files={kind: at for kind, at in song.files.items() if at in files}) for song in songs)
    return [song for song in left if song.files]


def write(output: Path, ours: Manifest) -> None:
    """Write it down. Raises OutputError."""
    place = output / PLACE
    with disk_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with replaced(place) as partial, partial.open("w", encoding="utf-8") as file:
            file.writelines(_lines(ours))


def _lines(ours: Manifest) -> Iterator[str]:
    """The record as JSON, a line a song and a file: of thousands, no more than one is held as text."""
    yield f'{{"programs": {_json(ours.programs)},\n"songs": ['
    yield from _parted(_json(_plain(song)) for song in ours.songs)
    yield '],\n"files": {'
    yield from _parted(f"{_json(path)}: {_json(one)}" for path, one in sorted(ours.files.items()))
    yield "}}\n"


def _parted(rows: Iterable[str]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}\n{row}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=vars)


def _plain(song: Remembered) -> dict[str, Any]:
    told = {name: value for name, value in vars(song.prepared).items() if value not in ("", (), None)}
    told.pop("faults", None)
    return {**vars(song), "prepared": told}


def of(path: Path, made_from: str, rate: int = 0, digest: str = "") -> Ours:
    """A file that was written this moment."""
    stat = path.stat()
    return Ours(made_from, stat.st_size, stat.st_mtime_ns, rate, digest)


@contextmanager
def alone(output: Path, data_dir: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Be the only run that writes there, as each writes the whole record. on_wait: called once where one has to wait.

    The operating system frees the lock when its process dies. Raises OutputError where our folder of data is read-only.
    """
    from filelock import FileLock, Timeout

    folder = data_dir / "organize"
    name = hashlib.sha256(os.fsencode(os.path.normcase(output.resolve()))).hexdigest()[:16]
    lock = FileLock(folder / f"{name}.lock")
    with disk_errors(folder, "Set STEM_DATA_DIR"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire(poll_interval=_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()
