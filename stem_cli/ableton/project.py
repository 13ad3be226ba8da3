"""A Live project on the disk: a folder with the set, its samples and what makes Live take it for a project."""

from __future__ import annotations

import filecmp
import os
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from stem_cli.ableton import samples
from stem_cli.ableton.arrange import Timed
from stem_cli.ableton.clip import Sample
from stem_cli.ableton.content import content
from stem_cli.ableton.live_set import LiveSet, build
from stem_cli.ableton.plan import How, Plan, is_new
from stem_cli.ableton.song import Song
from stem_cli.ableton.xml import document, packed
from stem_cli.audio import probe
from stem_cli.disk import disk_errors, replaced, sync
from stem_cli.errors import BusyError
from stem_cli.folder import Place, copy_file, stage

INFO = "Ableton Project Info"
"""Live looks for samples beside a set only where this folder is there."""
_BACKUP = "Backup"


@dataclass(frozen=True)
class Done:
    """What was written. backup: where the set that was there before lies now."""

    path: Path
    live_set: LiveSet
    songs: tuple[Timed, ...]
    files: tuple[Path, ...]
    backup: Path | None = None


def carry_out(made: Plan, how: How) -> Done:
    """Write the project: whole or not at all. Raises OutputError, InputError, BusyError.

    Into a project that is there already come the new set, with a copy of the old one in `Backup`, and those samples
    that it lacks; nothing else in it is removed or changed.
    """
    with disk_errors(made.home), stage(Place(made.home)) as staging:
        new = is_new(made.home)
        folder = staging.stems / samples.FOLDER
        folder.mkdir(parents=True)
        (staging.stems / INFO).mkdir()
        _write_samples(made, folder, how)
        places = _places(made, folder, new)
        files = [
            [samples.sample_of(folder / item.name, places[item.name], made.home) for item in items]
            for items in made.items
        ]
        live_set, songs = content(made, files, how)
        (staging.stems / made.set_name).write_bytes(packed(document(build(live_set))))
        sync(staging.stems / made.set_name)
        if new and not is_new(made.home):
            hint = "Look at it: --force puts this set in its place, --output makes another."
            raise BusyError("another export has made this project meanwhile", made.path, hint)
        if new:
            staging.commit()
        backup = None if new else _merge(staging.stems, made, places)
    return Done(made.path, live_set, tuple(songs), (made.path, *places.values()), backup)


def foretold(made: Plan, how: How) -> Done:
    """What carrying it out would give, as far as that is known before. Raises InputError, OutputError.

    An old set would be kept only if the new one differs, and a file beside another of its name would be numbered: both
    are known only when they are made.
    """
    files = [
        [_foretold(item.source if item.stem else None, song, made.home / samples.FOLDER / item.name) for item in items]
        for song, items in zip(made.songs, made.items, strict=True)
    ]
    live_set, songs = content(made, files, how)
    with disk_errors(made.home):
        backup = _backup_place(made.path) if os.path.lexists(made.path) else None
    return Done(made.path, live_set, tuple(songs), tuple(made.paths), backup)


def _foretold(source: Path | None, song: Song, place: Path) -> Sample:
    """A file to be, as long as its source; the song itself is as long as its stems."""
    shape = probe(source or next(iter(song.stems.files.values())))
    return Sample(place, "", 0, 0, 0, shape.frames, shape.rate)


def _write_samples(made: Plan, folder: Path, how: How) -> None:
    for song, items in zip(made.songs, made.items, strict=True):
        for item in items:
            if item.stem and item.source is not None:
                samples.put_stem(item.source, folder / item.name, how.link)
            elif song.stems.record is not None:
                summands = song.stems.summands
                samples.put_original(item.source, song.stems.record, summands, folder / item.name, how.link)


def _places(made: Plan, folder: Path, new: bool) -> dict[str, Path]:
    """Where each sample will lie: under its own name, or numbered where another file has that."""
    home = made.home / samples.FOLDER
    names = [item.name for items in made.items for item in items]
    return {name: home / name if new else _free(folder / name, home / name) for name in names}


def _free(file: Path, place: Path) -> Path:
    """The place itself where it is free or holds the same file, else one beside it."""
    numbered = (place.with_name(f"{place.stem} {number}{place.suffix}") for number in count(2))
    while os.path.lexists(place) and not _same(file, place):
        place = next(numbered)
    return place


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(one, other, shallow=False)


def _merge(staged: Path, made: Plan, places: dict[str, Path]) -> Path | None:
    """Samples first, the set last: killed in between, the old set is still whole."""
    (made.home / samples.FOLDER).mkdir(parents=True, exist_ok=True)
    (made.home / INFO).mkdir(exist_ok=True)
    for name, place in places.items():
        if not os.path.lexists(place):
            (staged / samples.FOLDER / name).replace(place)
    sync(made.home / samples.FOLDER)
    changed = os.path.lexists(made.path) and not _same(staged / made.set_name, made.path)
    backup = _backup(made.path) if changed else None
    with replaced(made.path) as partial:
        (staged / made.set_name).replace(partial)
    return backup


def _backup_place(old: Path) -> Path:
    """Where Live itself keeps old versions, under the name that Live would give it."""
    when = time.strftime("%Y-%m-%d %H%M%S", time.localtime(old.stat().st_mtime))
    return _free(old, old.parent / _BACKUP / f"{old.stem} [{when}]{old.suffix}")


def _backup(old: Path) -> Path:
    """Keep a set where it will be looked for."""
    stat, place = old.stat(), _backup_place(old)
    place.parent.mkdir(exist_ok=True)
    if not os.path.lexists(place):
        with replaced(place) as partial:
            copy_file(old, partial)
            os.utime(partial, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return place
