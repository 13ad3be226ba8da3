"""The files of a plan, written: copied where they will do, made anew where a program wants another format."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from stem_cli import stems, tags
from stem_cli.audio import Mix, open_sink
from stem_cli.disk import PARTIAL, disk_errors, replaced
from stem_cli.dj.ni_stem import SOUND, write_stem
from stem_cli.dj.serato_tags import SeratoTag, read_serato, write_serato
from stem_cli.dsp.resample import resample
from stem_cli.errors import InputError, OutputError
from stem_cli.folder import copy_file, exact
from stem_cli.organize import manifest
from stem_cli.organize.manifest import Ours
from stem_cli.organize.plan import Item, Plan, Song
from stem_cli.tags import Tags

_SONGS_TOGETHER = 50
"""The manifest names all files: written for every song, it would take longer than the songs of a large library."""
_PROMISED = Ours("", 0, 0)


@dataclass
class Done:
    """What came of a plan. written, there: paths below the output folder; "there" was so already."""

    written: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)


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
    each: Callable[[Item], None] = lambda item: None,  # noqa: ARG005
) -> Done:
    """Write what is not there yet. Raises OutputError where a file that is not ours is in the way; nothing is lost."""
    done, ours = Done(), manifest.read(output)
    refuse_foreign(output, (str(item.path) for item in wanted.items), ours)
    _remove_leftovers(output, {*ours, *(str(item.path) for item in wanted.items)})
    songs = [list(group) for _, group in groupby(wanted.items, key=lambda item: id(item.song))]
    for start in range(0, len(songs), _SONGS_TOGETHER):
        some = songs[start : start + _SONGS_TOGETHER]
        with _written_down(output, [str(item.path) for items in some for item in items], ours):
            for items in some:
                _carry_song(items, output, how, ours, done, each)
    return done


def _carry_song(
    items: list[Item], output: Path, how: How, ours: dict[str, Ours], done: Done, each: Callable[[Item], None]
) -> None:
    carried = _serato_of(items[0].song) if how.serato else ()
    for together in _together(items, output, ours, done, how, carried):
        for item in _written(together, output, how, carried):
            ours[str(item.path)] = manifest.of(output / item.path, _made_from(item, how, carried))
            done.written.append(str(item.path))
            each(item)


@contextmanager
def _written_down(output: Path, paths: list[str], ours: dict[str, Ours]) -> Iterator[None]:
    """Write down what is about to be written, and then what was: killed in between, the next run knows it is ours."""
    new = [path for path in paths if path not in ours]
    if new:
        manifest.write(output, ours | dict.fromkeys(new, _PROMISED))
    before = dict(ours)
    try:
        yield
    finally:
        if ours != before or new:
            manifest.write(output, ours)


def _remove_leftovers(output: Path, paths: Iterable[str]) -> None:
    """What a run that was killed was writing."""
    for place in (output / path for path in paths):
        with disk_errors(place):
            for end in (PARTIAL, SOUND):
                place.with_name(f".{place.name}{end}").unlink(missing_ok=True)


def refuse_foreign(output: Path, paths: Iterable[str], ours: Mapping[str, Ours]) -> None:
    """Raises OutputError where a file that we did not write lies where one of ours is to be."""
    for path in paths:
        if os.path.lexists(output / path) and path not in ours:
            what = "a file that stem-cli did not write is in the way"
            raise OutputError(what, output / path, "Move it, or choose another --output.")


def _serato_of(song: Song) -> tuple[SeratoTag, ...]:
    """What Serato keeps in the song's own file, if that is still there and says anything."""
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
    items: list[Item], output: Path, ours: dict[str, Ours], done: Done, how: How, carried: tuple[SeratoTag, ...]
) -> Iterator[list[Item]]:
    """What is still to be written of a song; stems that are made anew together, as they add up."""
    todo = []
    for item in items:
        mark = ours.get(str(item.path))
        same = mark is not None and mark.made_from == _made_from(item, how, carried)
        if same and mark is not None and _is_there(output / item.path, mark):
            done.there.append(str(item.path))
        else:
            todo.append(item)
    anew = [item for item in todo if item.kind and not item.as_it_is]
    yield from ([item] for item in todo if item not in anew)
    if anew:
        yield anew


def _is_there(path: Path, mark: Ours) -> bool:
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
    kept = _kept(output / first.path)
    if not first.kind:
        _stem_file(first, output / first.path, how.codec)
    elif first.as_it_is:
        with disk_errors(output / first.path), replaced(output / first.path) as partial:
            copy_file(first.source, partial, how.link and not (kept or carried))
            write_serato(partial, kept or carried)
    else:
        _convert(items, output, carried)
    return items


def _stem_file(item: Item, target: Path, codec: str) -> None:
    folder = item.song.folder
    files = {name: path for name, path in folder.paths().items() if name in stems.TABLE}
    write_stem(target, files, song_tags(item.song), codec=codec)


def song_tags(song: Song) -> Tags:
    """The tags of the song itself, cover included: those of one of its stems, with the song's own title."""
    own = tags.read(next(iter(song.folder.paths().values())))
    comment = song.folder.record.tags.get("comment")
    return replace(own, title=song.title, comment=comment, stem=None, stem_source=None, stem_engine=None)


def _convert(items: list[Item], output: Path, carried: tuple[SeratoTag, ...]) -> None:
    """Stems of a song in another depth, rate or format: rounded together, so that they still add up to the song."""
    folder = items[0].song.folder
    parts = [name for name in folder.record.song.parts if name in folder.paths()] or [item.kind for item in items]
    mixes = {name: Mix.open(folder.paths()[name]) for name in dict.fromkeys((*parts, *(item.kind for item in items)))}
    form, depth, rate = items[0].form, items[0].depth, items[0].rate
    frames = round(max(mix.frames for mix in mixes.values()) * rate / folder.record.source.rate)
    with ExitStack() as stack:
        partials = {}
        for item in items:
            stack.enter_context(disk_errors(output / item.path))
            partials[item.kind] = stack.enter_context(replaced(output / item.path))
        sinks = {}
        for item in items:
            sink = open_sink(partials[item.kind], form, rate, mixes[item.kind].channels, depth, frames)
            stack.callback(sink.abandon)
            sinks[item.kind] = sink
        for block in _settled(mixes, parts, folder.record.source.rate, rate, depth):
            for kind, sink in sinks.items():
                sink.write(block[kind])
        for item in items:
            sinks[item.kind].close()
            tags.write(partials[item.kind], tags.read(item.source))
            write_serato(partials[item.kind], _kept(output / item.path) or carried)


def _settled(
    mixes: dict[str, Mix], parts: list[str], old_rate: int, rate: int, depth: str
) -> Iterator[dict[str, np.ndarray]]:
    lanes = {name: resample(mix.blocks(), old_rate, rate) for name, mix in mixes.items()}
    while True:
        blocks = {name: next(lane, None) for name, lane in lanes.items()}
        there = {name: block for name, block in blocks.items() if block is not None}
        if len(there) < len(blocks):
            return
        song = np.add.reduce([there[name] for name in parts], dtype=np.float32)
        balance = exact.settle(song, {name: there[name] for name in parts}, depth)
        others = {name: exact.to_ints(block, depth)[0] for name, block in there.items() if name not in parts}
        yield {**balance.parts, **others}
