"""What a user names, analysed: songs and folders of stems, each by what is known of it, else separated and heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from stem_cli import artifacts, split, tags
from stem_cli.analysis import Analysis, Given, Wish, of_folder, of_path, recall, stands, tag_song
from stem_cli.cache import place_key
from stem_cli.cues import Prepared
from stem_cli.database import Database, text_of
from stem_cli.dsp.beats import UNKNOWN, Hints
from stem_cli.errors import InputError, StemError, UsageError
from stem_cli.folder import Place, StemFolder, find_folders, open_folder
from stem_cli.organize.grids import given, given_for
from stem_cli.separation import Listener, Shop
from stem_cli.track import Track, open_track


@dataclass(frozen=True)
class Asked:
    """How songs are to be analysed. said: what the user says of them. again: without tags and DJ programs, anew.

    stems: whether a song that is known is separated, too. write_tags: into the tags of a user's own song as well.
    prepared: by path what his rekordbox.xml says of songs, None where he names none.
    """

    said: Hints = UNKNOWN
    again: bool = False
    stems: bool = False
    write_tags: bool = False
    prepared: Mapping[str, Prepared] | None = None


@dataclass(frozen=True)
class Told:
    """One song. name: for people. folder: of its stems; None where it was known without them. faults: left out."""

    name: str
    folder: Path | None
    found: Analysis
    faults: tuple[str, ...] = ()


def sources_of(database: Database, paths: Iterable[Path]) -> set[str]:
    """The files of the songs that are meant, as far as they are known; what cannot be opened is told later."""
    found = set[str]()
    for path in paths:
        with suppress(StemError):
            place = artifacts.resolve(database, str(path))
            if _holds_stems(place):
                found.update(folder.record.source.path for folder in find_folders(place, judged=False))
            else:
                found.add(text_of(place.absolute()))
    return found


def analyzed(shop: Shop, path: Path, asked: Asked, listener: Listener) -> Iterator[Told]:
    """All songs that a path means. Raises StemError."""
    place = artifacts.resolve(shop.database, str(path))
    if not _holds_stems(place):
        yield _of_song(shop, place, asked, listener)
        return
    if asked.write_tags:
        raise UsageError("--write-tags is for songs, this is a folder of stems", place, "Name the song's own file.")
    ours = find_folders(place)
    if asked.said.by_user and len(ours) > 1:
        what = f"there are {len(ours)} songs in it, and what you say of beats is of one"
        raise UsageError(what, place, "Name the folder of that song.")
    if not ours:
        yield Told(place.name, place, of_path(place, Wish(asked.said, asked.again)))
    for folder in ours:
        yield _of_folder(shop, folder, asked)


def _holds_stems(place: Path) -> bool:
    return place.is_dir() or place.name.endswith(".json")


def _of_folder(shop: Shop, folder: StemFolder, asked: Asked) -> Told:
    laid = Given() if asked.again else given_for(folder.record, asked.prepared)
    wish = Wish(asked.said, asked.again, laid, tag=True)
    with shop.cache.lock(place_key(folder.place)):
        folder = open_folder(folder.place.metadata)  # as it is now, after whoever held it
        now, found = of_folder(folder, wish, shop.database)
    if now.record.files != folder.record.files:
        artifacts.register(shop.database, now)
    home = folder.place.metadata if folder.place.flat else folder.place.home
    return Told(home.name, home, found, laid.faults)


def _of_song(shop: Shop, path: Path, asked: Asked, listener: Listener) -> Told:
    track = open_track(path, shop.database.fingerprint)
    if asked.write_tags:
        tags.check(path)
    told = _known(shop, track, asked, listener) or _of_folder(shop, _separated(shop, track, listener), asked)
    if asked.write_tags:
        with shop.cache.lock(place_key(Place(track.path.resolve()))):
            written = tag_song(track.path, told.found)
        listener.note(f"{path.name}: {_written(written.bpm, written.key)}")
    return told


def _written(bpm: float | None, key: str | None) -> str:
    what = [*([f"BPM {bpm:g}"] if bpm is not None else []), *([f"key {key}"] if key is not None else [])]
    return f"{' and '.join(what)} written into its tags" if what else "its tags have nothing missing that is known"


def _known(shop: Shop, track: Track, asked: Asked, listener: Listener) -> Told | None:
    """What is remembered of a song, where that is still the answer."""
    found = None if asked.again or asked.stems or asked.said.by_user else recall(shop.database, track.digest)
    laid = given(text_of(track.path.absolute()), track.seconds, None, asked.prepared)
    if found is None or not stands(found, vars(track.tags), laid):
        return None
    listener.note(f"{track.path.name}: known, so it is not separated now; `stem separate` makes stems of it")
    return Told(" - ".join(filter(None, (track.artist, track.title))), None, found, laid.faults)


def _separated(shop: Shop, track: Track, listener: Listener) -> StemFolder:
    order = split.order_of(split.Asked(), shop.settings, shop.budget.paid)
    result = split.carry_out(shop, track, order, listener)
    if result.folder is None:
        raise InputError("it was not separated", track.path)
    folder = result.folder
    listener.note(f"{track.path.name}: its stems are in {folder.place.home}")
    return replace(folder, place=replace(folder.place, home=folder.place.home.absolute()))
