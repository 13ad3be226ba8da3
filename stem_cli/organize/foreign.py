"""Stems of other tools - Demucs, UVR, Spleeter, LALAL.AI and their like - taken for what their names say."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from stem_cli import stems, tags
from stem_cli.audio import FORMATS, Shape, probe
from stem_cli.database import text_of
from stem_cli.errors import InputError
from stem_cli.folder import Made, Place, Quality, Record, Source, StemFile, StemFolder, is_foreign
from stem_cli.folder import Song as Sum
from stem_cli.folder.named import Named, named
from stem_cli.folder.place import METADATA
from stem_cli.library.walk import ENDINGS, songs_below
from stem_cli.organize import manifest
from stem_cli.tags import Tags

_MIXES = ("mix", "mixture", "original", "master", "song")
"""What a song itself is called beside its stems, where it is not called as its stems are."""
_SEALED = {
    ".serato-stems": "stems in a file of Serato's own",
    ".vdjstems": "stems in a file of VirtualDJ's own",
    ".stems": "stems in a file of Engine DJ's own",
    ".stem.mp4": "stems in one file, which Traktor and Mixxx open as it is",
    ".stem.m4a": "stems in one file, which Traktor and Mixxx open as it is",
}
_LOSSLESS_FIRST = tuple(FORMATS)
_AV_FORMS = {"alac": "alac", "aac": "aac", "mp3": "mp3", "flac": "flac"}
_SOUNDFILE_FORMS = {"WAV": "wav", "AIFF": "aiff", "FLAC": "flac", "MP3": "mp3"}
_SHOWN = 3
"""Names that a line about many files tells."""
_SAMPLE_BYTES = 65536


@dataclass(frozen=True)
class Adopted(StemFolder):
    """Stems of another tool. tags: of the song. rates: Hz of each file.

    mix: the song itself, None where it is not there or does not line up with them.
    """

    tags: Tags = field(default_factory=Tags)
    rates: dict[str, int] = field(default_factory=dict)
    mix: Path | None = None


@dataclass(frozen=True)
class Found:
    """songs: of other tools. notes: in words, what was passed over, and why."""

    songs: tuple[Adopted, ...]
    notes: tuple[str, ...]


def adopted(root: Path) -> Found:
    """The songs of other tools below a folder, by the names of files and folders; ours are left alone.

    Only headers and tags are read. A file without a stem in its name is no stem: it is told.
    """
    notes = [f"{path}: the metadata.json of another program is passed over" for path in _other_metadata(root)]
    outputs = frozenset(path.parent.parent for path in root.rglob(str(manifest.PLACE)))
    by_folder: dict[Path, list[Path]] = {}
    for one in songs_below(root, notes.append, outputs):
        own = one.path.with_name(METADATA)
        if own.exists() and not is_foreign(own):
            continue  # damaged: else it would have hidden them
        by_folder.setdefault(one.path.parent, []).append(one.path)
    songs: list[Adopted] = []
    for folder, paths in by_folder.items():
        songs += _in_folder(folder, paths, notes)
    return Found(tuple(songs), (*notes, *_sealed(root, outputs)))


def _other_metadata(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob(METADATA)):
        if not any(part.startswith(".") for part in path.relative_to(root).parts) and is_foreign(path):
            yield path


def _sealed(root: Path, outputs: frozenset[Path]) -> Iterator[str]:
    for ending, what in _SEALED.items():
        there = [
            path for path in sorted(root.rglob(f"*{ending}")) if not outputs & set(path.parents) and path.is_file()
        ]
        if there:
            yield f"{_some(there)}: {what}; left alone"


def _some(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - 1} more files" if len(paths) > 1 else ""
    return f"{paths[0]}{more}"


def _in_folder(folder: Path, paths: Sequence[Path], notes: list[str]) -> Iterator[Adopted]:
    """The songs of one folder. What is not known is told in one line."""
    groups: dict[tuple[str, str], list[tuple[Named, Path]]] = {}
    loose: list[Path] = []
    for path in paths:
        said = named(path.stem)
        if said is None:
            loose.append(path)
        else:
            groups.setdefault((said.song, said.mark), []).append((said, path))
    for (song, mark), members in groups.items():
        kinds = {said.kind for said, _ in members}
        if len(kinds) == 1 and not members[0][0].sure:
            loose += [path for _, path in members]
            continue
        mixes = [path for path in loose if path.stem.casefold() in (_MIXES if not song else (song.casefold(),))]
        loose = [path for path in loose if path not in mixes]
        one = _song(folder, song, mark, members, mixes, notes)
        if one is not None:
            yield one
    if loose:
        names = ", ".join(path.name for path in loose[:_SHOWN]) + (" ..." if len(loose) > _SHOWN else "")
        only = f"1 file is passed over ({names}): no stem of a song is known by such a name"
        more = f"{len(loose)} files are passed over ({names}): no stems are known by such names"
        notes.append(f"{folder}: {only if len(loose) == 1 else more}")


def _song(
    folder: Path, song: str, mark: str, members: Iterable[tuple[Named, Path]], mixes: Sequence[Path], notes: list[str]
) -> Adopted | None:
    shapes: dict[str, Shape] = {}
    for said, path in sorted(members, key=lambda pair: _preferred(pair[1])):
        if said.kind in shapes:
            notes.append(f"{path}: passed over, {shapes[said.kind].path.name} is the same stem")
            continue
        try:
            shapes[said.kind] = probe(path)
        except InputError as error:
            notes.append(f"{path}: passed over, {error.what}")
    if not shapes:
        return None
    shapes = {kind: shapes[kind] for kind in stems.ordered(list(shapes))}
    name = song or _without_ending(folder.name)
    notes += _uneven(folder / name if song else folder, shapes)
    mix = _mix(mixes, shapes, notes)
    told = _tags(name, [*mixes, next(iter(shapes.values())).path])
    place = Place(folder, f"{mark}{name}" if song else "")
    return _as_folder(place, name, shapes, told, mix)


def _preferred(path: Path) -> tuple[int, str]:
    """Files without loss first."""
    endings = [FORMATS[name].suffix for name in _LOSSLESS_FIRST]
    ending = path.suffix.lower().replace(".aif", ".aiff").replace(".aifff", ".aiff")
    return (endings.index(ending) if ending in endings else len(endings), path.name)


def _without_ending(name: str) -> str:
    """A folder's name as the song's: VirtualDJ calls it `Song.mp3.stems`."""
    inner = name.removesuffix(".stems")
    ending = os.path.splitext(inner)[1].lower()  # noqa: PTH122 - a name, no path
    return inner[: -len(ending)] if ending in ENDINGS else inner


def _uneven(what: Path, shapes: dict[str, Shape]) -> Iterator[str]:
    rates, lengths = {shape.rate for shape in shapes.values()}, {round(one.seconds, 3) for one in shapes.values()}
    if len(rates) > 1:
        told = ", ".join(f"{shape.path.name} {shape.rate} Hz" for shape in shapes.values())
        yield f"{what}: its stems have several sample rates ({told}): they may not line up"
    if len(lengths) > 1:
        told = ", ".join(f"{shape.path.name} {shape.seconds:.3f} s" for shape in shapes.values())
        yield f"{what}: its stems differ in length ({told}): they may not line up"


def _mix(mixes: Sequence[Path], shapes: dict[str, Shape], notes: list[str]) -> Path | None:
    """The song's own file, where it has the length of its stems to the sample: else it may lie elsewhere in time."""
    wanted = {(shape.rate, shape.frames) for shape in shapes.values()}
    for path in mixes:
        try:
            shape = probe(path)
        except InputError as error:
            notes.append(f"{path}: passed over, {error.what}")
            continue
        if wanted == {(shape.rate, shape.frames)}:
            return path
        notes.append(f"{path}: not as long as its stems: only its tags are taken, no grid and no cues")
    return None


def _tags(name: str, paths: Sequence[Path]) -> Tags:
    """The song's tags: those of the first file that has a title, else what the name says. paths: of song and stems."""
    found = [tags.read(path) for path in paths]
    told = next((one for one in found if one.title), None)
    if told is not None and told.title:
        return replace(told, title=_plain_title(told.title), stem=None, stem_source=None, stem_engine=None)
    artist, parted, title = name.partition(" - ")
    if not parted or artist.strip().isdigit():  # "01 - Song"
        artist, title = "", title if parted else name
    return replace(found[0], artist=artist.strip() or found[0].artist, title=title.strip() or name, stem=None)


def _plain_title(title: str) -> str:
    """Without the stem's name behind it."""
    said = named(title)
    return said.song if said is not None and said.song and title.endswith((")", "]")) else title


def _as_folder(place: Place, name: str, shapes: dict[str, Shape], told: Tags, mix: Path | None) -> Adopted:
    """The song as one of ours would be, though nothing is known of how it was made: its stems add up to nothing."""
    first = next(iter(shapes.values()))
    files = tuple(_file(kind, shape) for kind, shape in shapes.items())
    digest = hashlib.sha256("".join(f"{file.name} {file.samples_sha256}" for file in files).encode()).hexdigest()
    longest = max(round(shape.seconds * first.rate) for shape in shapes.values())
    source = mix or place.home / f"{name}{first.path.suffix}"
    record = Record(
        source=Source(text_of(source.absolute()), digest, "", first.codec, first.rate, first.channels, longest),
        tags={key: value for key, value in asdict(told).items() if value is not None and key != "cover"},
        made=Made("", "", "", "", {}, "", 0, ""),
        song=Sum("", 0, ()),
        files=files,
        format=files[0].format,
        depth=files[0].depth,
        span=None,
        residual_db=0.0,
        quality=Quality(),
        made_at="",
        times={},
    )
    return Adopted(place, record, told, {kind: shape.rate for kind, shape in shapes.items()}, mix)


def _file(kind: str, shape: Shape) -> StemFile:
    stat = shape.path.stat()
    sound = _print(shape.path, stat.st_size)
    return StemFile(
        name=kind,
        file=shape.path.name,
        kind=stems.kind(kind),
        format=_form(shape),
        depth=shape.depth or ("24" if shape.lossless else "16"),
        frames=shape.frames,
        bytes=stat.st_size,
        sha256=hashlib.sha256(f"{sound} {stat.st_mtime_ns}".encode()).hexdigest(),
        samples_sha256=sound,
        peak_db=-math.inf,
        rms_db=-math.inf,
        lufs=-math.inf,
        bandwidth_hz=0.0,
    )


def _form(shape: Shape) -> str:
    """Its format; "unknown" for what decks may refuse and is made anew: WAV with the long header, 8 bits, Ogg."""
    forms = _SOUNDFILE_FORMS if shape.reader == "soundfile" else _AV_FORMS
    kind = shape.container if shape.reader == "soundfile" else shape.codec
    return forms.get(kind, "unknown") if shape.depth or not shape.lossless else "unknown"


def _print(path: Path, size: int) -> str:
    """What tells a file from others without reading all of it: its size, and what stands in its middle."""
    with path.open("rb") as file:
        file.seek(max(0, (size - _SAMPLE_BYTES) // 2))
        return hashlib.sha256(b"%d " % size + file.read(_SAMPLE_BYTES)).hexdigest()
