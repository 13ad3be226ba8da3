"""What earlier runs have put into an output folder: which of its songs is which of those that are organized now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from stem_cli import stems, tags
from stem_cli.audio import probe
from stem_cli.cues import Prepared
from stem_cli.database import text_of
from stem_cli.dj.ni_stem import SUFFIX
from stem_cli.errors import InputError
from stem_cli.folder import StemFolder
from stem_cli.library import read as read_lists
from stem_cli.library.rekordbox_grid import read_prepared
from stem_cli.organize.manifest import INSTALLED, LIST, Manifest, Ours, Remembered

_OLD_XML = PurePosixPath("_DJ/rekordbox.xml")
_CRATES = "Stems/Crates/"
"""Before the names of the DJ's own crates, in our rekordbox.xml."""


def digest_of(folder: StemFolder) -> str:
    """What tells a song and the stretch of it that was separated from all others."""
    span = folder.record.span
    return folder.record.source.digest + (f" {span[0]}-{span[1]}" if span is not None else "")


def matched(folders: Sequence[StemFolder], songs: Iterable[Remembered]) -> list[Remembered | None]:
    """For each folder the song that it was for earlier runs, None where it is new.

    Songs of one sound - two engines' stems of it - are told apart by where their stems lie; a folder of stems that is
    gone was moved or made anew.
    """
    by_digest: dict[str, list[Remembered]] = {}
    for song in songs:
        by_digest.setdefault(song.digest, []).append(song)
    found: list[Remembered | None] = [None] * len(folders)
    for fits in (_is_in, _has_moved):
        for place, folder in enumerate(folders):
            alike = by_digest.get(digest_of(folder), [])
            same = next((one for one in alike if fits(one, folder)), None) if found[place] is None else None
            if same is not None:
                alike.remove(same)
                found[place] = same
    return found


def _is_in(song: Remembered, folder: StemFolder) -> bool:
    return song.folder == text_of(folder.place.metadata)


def _has_moved(song: Remembered, _: StemFolder) -> bool:
    return not song.folder or not Path(song.folder).exists()


def completed(output: Path, ours: Manifest) -> Manifest:
    """With the songs of a record that is older than that: by the tags of their stems, and by the lists that lie there.

    What a DJ program has damaged, or stripped of its tags, stays out of the lists until its song is organized again.
    """
    old = {path: one for path, one in ours.files.items() if not one.digest and _is_stem(path, one)}
    if not old:
        return ours
    songs: dict[str, Remembered] = {}
    files = dict(ours.files)
    told = _listed(output)
    for path, one in sorted(old.items(), key=lambda pair: pair[1].mtime_ns):
        song = _by_tags(output / path)
        if song is not None:
            kind = next(iter(song.files))
            prepared, crates = told.get((output.absolute() / path).as_posix(), (Prepared(), ()))
            before = songs.get(song.digest, replace(song, files={}, prepared=prepared, crates=crates))
            songs[song.digest] = replace(before, files={**before.files, kind: path})
            files[path] = replace(one, digest=song.digest)
    known = {song.digest for song in ours.songs}
    return Manifest(files, [*ours.songs, *(one for one in songs.values() if one.digest not in known)], ours.programs)


def _is_stem(path: str, one: Ours) -> bool:
    return one.made_from != LIST and not path.startswith(INSTALLED) and not path.endswith(SUFFIX)


def _by_tags(path: Path) -> Remembered | None:
    try:
        told, shape = tags.read(path), probe(path)
    except InputError:
        return None
    if not told.stem or not told.stem_source:
        return None
    title = (told.title or path.stem).removesuffix(f" ({stems.title(told.stem)})")
    return Remembered(
        told.stem_source, artist=told.artist or "", title=title, seconds=shape.seconds, files={told.stem: str(path)}
    )


def _listed(output: Path) -> dict[str, tuple[Prepared, tuple[str, ...]]]:
    """By path what the rekordbox.xml of an earlier run says of a stem: grid and cues, and the DJ's own crates."""
    place = output / _OLD_XML
    try:
        prepared = {str(path): one for path, one in read_prepared(place)}
        crates = dict[str, list[str]]()
        for path, name in _crates_in(place):
            crates.setdefault(path, []).append(name)
    except InputError:
        return {}
    return {path: (one, tuple(dict.fromkeys(crates.get(path, ())))) for path, one in prepared.items()}


def _crates_in(place: Path) -> Iterator[tuple[str, str]]:
    for crate in read_lists(place):
        if crate.name.startswith(_CRATES):
            name = crate.name.removeprefix(_CRATES).rpartition("/")[0]
            yield from ((str(entry.path), name) for entry in crate.entries)
