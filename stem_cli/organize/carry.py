"""The files of a plan, written: copied where they will do, made anew where a program wants another format."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from stem_cli import stems, tags
from stem_cli.disk import PARTIAL, disk_errors, replaced
from stem_cli.dj.ni_stem import SOUND, write_stem
from stem_cli.dj.serato_stems import write_serato_stems
from stem_cli.dj.serato_tags import SeratoTag, read_serato, write_serato
from stem_cli.errors import InputError, OutputError, StemError, TooLargeError, UsageError
from stem_cli.folder import copy_file
from stem_cli.organize import manifest, sidecars
from stem_cli.organize.before import digest_of
from stem_cli.organize.convert import convert
from stem_cli.organize.damaged import as_told, refuse_damaged
from stem_cli.organize.foreign import Adopted
from stem_cli.organize.manifest import PROMISED, Manifest
from stem_cli.organize.plan import Item, Plan, Song
from stem_cli.tags import Tags

_SONGS_TOGETHER, _PARTS = 50, 20
"""The manifest is written for so many songs at least, and at most so many times: written for every song, it would take
longer than the songs of a large library, as it names all files."""
_TELL_SECONDS = 10.0
"""Between two words on how far a run is."""


@dataclass
class Done:
    """What came of a plan. written, there: paths below the output folder; "there" was so already.

    failed: by name the songs that are not whole, and why.
    """

    written: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    failed: dict[str, StemError] = field(default_factory=dict)

    def __add__(self, other: Done) -> Done:
        return Done(self.written + other.written, self.there + other.there, self.failed | other.failed)


@dataclass(frozen=True)
class How:
    """link: hard links in place of copies, where a file will do as it is. codec: inside of `.stem.mp4`.

    serato: whether Serato's tags of a song - grid, cues, loops - go to its stems.
    """

    link: bool = False
    codec: str = "aac"
    serato: bool = False


def carry(
    wanted: Plan,
    output: Path,
    how: How,
    ours: Manifest | None = None,
    tell: Callable[[str], None] = lambda note: None,  # noqa: ARG005
) -> Done:
    """Write what is not there yet. ours: what is ours in the output folder, which is kept up to date.

    A song that cannot be read does not stop the others. tell: hears now and then how far it is. Raises OutputError
    where a file that is not ours is in the way; nothing is lost.
    """
    done, ours = Done(), manifest.read(output) if ours is None else ours
    refuse_foreign(output, (str(item.path) for item in wanted.items), ours)
    _remove_leftovers(output, {*ours.files, *(str(item.path) for item in wanted.items)})
    songs = [list(group) for _, group in groupby(wanted.items, key=lambda item: id(item.song))]
    together = max(_SONGS_TOGETHER, math.ceil(len(songs) / _PARTS))
    told = time.monotonic()
    for start in range(0, len(songs), together):
        some = songs[start : start + together]
        with _written_down(output, [item for items in some for item in items], ours):
            for number, items in enumerate(some, start):
                if time.monotonic() > told + _TELL_SECONDS:
                    told = time.monotonic()
                    tell(f"{number} of {len(songs)} songs are done")
                try:
                    _carry_song(items, output, how, ours, done)
                except (InputError, UsageError, TooLargeError) as error:
                    done.failed[items[0].song.name] = as_told(error, items)
    return done


def looked(wanted: Plan, output: Path, how: How, ours: Manifest) -> Done:
    """What would be written, and what is there."""
    done = Done()
    for _, group in groupby(wanted.items, key=lambda item: id(item.song)):
        items = list(group)
        carried = _serato_of(items[0].song) if how.serato else ()
        todo = _together(items, output, ours, done, how, carried)
        done.written += [str(item.path) for together in todo for item in together]
    return done


def _carry_song(items: list[Item], output: Path, how: How, ours: Manifest, done: Done) -> None:
    carried = _serato_of(items[0].song) if how.serato else ()
    todo = list(_together(items, output, ours, done, how, carried))
    if todo:
        refuse_damaged([item for together in todo for item in together])
    for together in todo:
        for item in _written(together, output, how, carried):
            made_from, digest = _made_from(item, how, carried), digest_of(item.song.folder)
            ours.files[str(item.path)] = manifest.of(output / item.path, made_from, item.rate, digest)
            done.written.append(str(item.path))


@contextmanager
def _written_down(output: Path, items: list[Item], ours: Manifest) -> Iterator[None]:
    """Write down what is about to be written, and then what was: killed in between, the next run knows it is ours."""
    new = {str(item.path): item for item in items if str(item.path) not in ours.files}
    ours.files |= {
        path: replace(PROMISED, rate=item.rate, digest=digest_of(item.song.folder)) for path, item in new.items()
    }
    if new:
        manifest.write(output, ours)
    before = dict(ours.files)
    try:
        yield
    finally:
        for path in new:
            if not ours.files[path].made_from and not os.path.lexists(output / path):
                del ours.files[path]  # a file of somebody else may come to lie there
        if ours.files != before:
            manifest.write(output, ours)


def _remove_leftovers(output: Path, paths: Iterable[str]) -> None:
    """What a run that was killed was writing."""
    for place in (output / path for path in paths):
        with disk_errors(place):
            for end in (PARTIAL, SOUND):
                place.with_name(f".{place.name}{end}").unlink(missing_ok=True)


def refuse_foreign(output: Path, paths: Iterable[str], ours: Manifest) -> None:
    """Raises OutputError where a file that we did not write lies where one of ours is to be."""
    for path in paths:
        if not ours.owns(output, path):
            what = "a file that stem-cli did not write is in the way"
            raise OutputError(what, output / path, "Move it, or choose another --output.")


def _serato_of(song: Song) -> tuple[SeratoTag, ...]:
    """What Serato keeps in the song's own file, if that is still there and says anything.

    Its grid begins where the song does: stems of a stretch of it take none of it over.
    """
    if song.folder.record.span is not None:
        return ()
    try:
        return read_serato(Path(song.folder.record.source.path))
    except InputError:
        return ()


def _kept(target: Path) -> tuple[SeratoTag, ...]:
    """What Serato has written into a stem that is made anew: it stays."""
    try:
        return read_serato(target) if target.exists() else ()
    except InputError:
        return ()


def _together(
    items: list[Item], output: Path, ours: Manifest, done: Done, how: How, carried: tuple[SeratoTag, ...]
) -> Iterator[list[Item]]:
    """What is still to be written of a song; stems that are made anew together, as they add up."""
    todo = []
    for item in items:
        mark = ours.files.get(str(item.path))
        same = mark is not None and mark.made_from == _made_from(item, how, carried)
        if same and mark is not None and _is_there(output / item.path, mark):
            done.there.append(str(item.path))
        else:
            todo.append(item)
    anew = [item for item in todo if item.kind and not item.as_it_is]
    yield from ([item] for item in todo if item not in anew)
    if anew:
        yield anew


def _is_there(path: Path, mark: manifest.Ours) -> bool:
    """DJ programs write tags into files: a file that is larger or younger than it was is still there."""
    try:
        return path.stat().st_size > 0 and (path.stat().st_size >= mark.size or path.stat().st_mtime_ns > mark.mtime_ns)
    except OSError:
        return False


def _made_from(item: Item, how: How, carried: tuple[SeratoTag, ...]) -> str:
    """What a file depends on."""
    files = {file.name: file.sha256 for file in item.song.folder.record.files}
    if not item.kind:
        return f"{how.codec} {' '.join(files.values())}"
    grid = hashlib.sha256(b"".join(tag.data for tag in carried)).hexdigest() if carried else ""
    return f"{item.form} {item.depth} {item.rate} {files[item.kind]} {grid}".strip()


def _written(items: list[Item], output: Path, how: How, carried: tuple[SeratoTag, ...]) -> list[Item]:
    for item in items:
        with disk_errors(output / item.path):
            (output / item.path).parent.mkdir(parents=True, exist_ok=True)
    (first, *_) = items
    if first.form == sidecars.FORM:
        write_serato_stems(output / first.path, _stems_of(first.song), first.song.folder.record.source.frames)
    elif not first.kind:
        _stem_file(first, output / first.path, how.codec)
    elif first.as_it_is:
        _copy(first, output / first.path, how.link, carried)
    else:
        with ExitStack() as stack:
            partials = {}
            for item in items:
                stack.enter_context(disk_errors(output / item.path))
                partials[item.kind] = stack.enter_context(replaced(output / item.path))
            convert(items, partials)
            for item in items:
                tags.write(partials[item.kind], _tags_of(item))
                write_serato(partials[item.kind], _kept(output / item.path) or carried)
    return items


def _copy(item: Item, target: Path, link: bool, carried: tuple[SeratoTag, ...]) -> None:
    """The file as it is. Stems of other tools get the tags of their song, but for hard links: theirs would change."""
    serato = _kept(target) or carried
    with disk_errors(target), replaced(target) as partial:
        copy_file(item.source, partial, link and not serato)
        linked = link and partial.samefile(item.source)
        try:
            if isinstance(item.song.folder, Adopted) and not linked:
                tags.write(partial, _tags_of(item))
            write_serato(partial, serato)
        except InputError as error:  # of the copy, which is as the stem is
            raise InputError(error.what, item.source) from error


def _tags_of(item: Item) -> Tags:
    folder = item.song.folder
    if not isinstance(folder, Adopted):
        return tags.read(item.source)
    return replace(tags.of_stem(folder.tags, item.kind, "", ""), stem_source=None, stem_engine=None)


def _stem_file(item: Item, target: Path, codec: str) -> None:
    folder = item.song.folder
    mix = folder.mix if isinstance(folder, Adopted) else None  # of ours the sum is the song
    write_stem(target, _stems_of(item.song), song_tags(item.song), mix, codec=codec)


def _stems_of(song: Song) -> dict[str, Path]:
    return {name: path for name, path in song.folder.paths().items() if name in stems.TABLE}


def song_tags(song: Song) -> Tags:
    """The tags of the song itself, cover included: those of one of its stems, with the song's own title."""
    if isinstance(song.folder, Adopted):
        return song.folder.tags
    own = tags.read(next(iter(song.folder.paths().values())))
    comment = song.folder.record.tags.get("comment")
    return replace(own, title=song.title, comment=comment, stem=None, stem_source=None, stem_engine=None)
