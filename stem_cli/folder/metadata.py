"""metadata.json: what lies in a folder of stems, what it was made from and by what."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from stem_cli.errors import InputError
from stem_cli.folder.place import FLAT_METADATA, METADATA, Place

SCHEMA = 1
_ALIKE = ("name", "file", "kind", "format", "depth")
"""What many files have in common: of thousands of songs, each is held once."""


@dataclass(frozen=True)
class StemFile:
    """One file of stems.

    sha256: of the file. samples_sha256: of its samples as a WAV would hold them; of a lossy file its digest.
    """

    name: str
    file: str
    kind: str
    format: str
    depth: str
    frames: int
    bytes: int
    sha256: str
    samples_sha256: str
    peak_db: float
    rms_db: float
    lufs: float
    bandwidth_hz: float


@dataclass(frozen=True)
class Source:
    """The song as it was read."""

    path: str
    digest: str
    md5: str
    codec: str
    rate: int
    channels: int
    frames: int


@dataclass(frozen=True)
class Song:
    """The song as the stems add up to it.

    samples_sha256: of the rounded samples. clipped: how many had to be clipped. parts: the names of the files whose sum
    it is, empty where they are not all there.
    """

    samples_sha256: str
    clipped: int
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """By what. weights: digest of the model's weights. settings: those that change the sound."""

    engine_id: str
    engine: str
    model: str
    weights: str
    settings: Mapping[str, str]
    device: str
    seed: int
    why: str


@dataclass(frozen=True)
class Attempt:
    """An engine that was tried. vocals_db: its vocals' estimated SI-SDR, None where there is no figure.

    poor: that is below the threshold. kept: its stems are the ones delivered. why: it was tried, and kept or not.
    """

    engine_id: str
    engine: str
    model: str
    vocals_db: float | None
    poor: bool
    kept: bool
    why: str


@dataclass(frozen=True)
class Quality:
    """What the judge says. per_stem: figures by stem. poor: worth another engine. notes: in words.

    level: how closely it listened, "quick" or "full", "" where it did not. attempts: the engines that were tried, in
    turn, where there was more than one.
    """

    per_stem: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    poor: bool = False
    notes: tuple[str, ...] = ()
    level: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class Record:
    """Everything metadata.json says. span: seconds of the song, None for all of it. times: seconds spent.

    divided: the files that a second pass made of a stem, and the id of the engine that did. muted: stems that the user
    had silenced. analysis: what the song is musically, as stem_cli.analysis writes it, {} where nobody asked.
    """

    source: Source
    tags: Mapping[str, Any]
    made: Made
    song: Song
    files: tuple[StemFile, ...]
    format: str
    depth: str
    span: tuple[float, float | None] | None
    residual_db: float
    quality: Quality
    made_at: str
    times: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    program: str = ""
    schema: int = SCHEMA
    divided: Mapping[str, str] = field(default_factory=dict)
    muted: tuple[str, ...] = ()
    analysis: Mapping[str, Any] = field(default_factory=dict)

    def engine_of(self, name: str) -> str:
        """The id of what made a file; of both, where a second pass made it."""
        second = self.divided.get(name)
        return self.made.engine_id if second is None else f"{self.made.engine_id} > {second}"

    @property
    def making(self) -> tuple[object, ...]:
        """Files of one making belong together: the same song, stretch, engine, format and depth."""
        return self._making(self.made.engine_id)

    def answers(self, making: tuple[object, ...]) -> bool:
        """Whether the files are of this making, or are kept in place of such that were judged poor."""
        tried = (self.made.engine_id, *(attempt.engine_id for attempt in self.quality.attempts))
        return any(making == self._making(engine_id) for engine_id in tried)

    def _making(self, engine_id: str) -> tuple[object, ...]:
        return self.source.digest, engine_id, self.span, self.format, self.depth


@dataclass(frozen=True)
class StemFolder:
    """Stems on disk: the place and what its metadata says."""

    place: Place
    record: Record

    def path(self, file: StemFile) -> Path:
        """Where one of its files lies."""
        return self.place.home / file.file

    def names(self) -> tuple[str, ...]:
        """What all of its files are called, that of the metadata too."""
        return (*(file.file for file in self.record.files), self.place.metadata.name)

    def paths(self) -> dict[str, Path]:
        """Its files by name, in the order of the table of stems."""
        return {file.name: self.path(file) for file in self.record.files}

    def existing(self, names: Collection[str]) -> dict[str, Path]:
        """Those of its files. Raises InputError where one is listed, but no longer there."""
        found = {name: path for name, path in self.paths().items() if name in names}
        for path in found.values():
            if not path.exists():
                what = f"it is listed in {self.place.metadata.name}, but no longer there"
                raise InputError(what, path, "Put it back, or separate the song again.")
        return found


def to_text(record: Record) -> str:
    """The record as JSON; silence (-inf dB) is null."""
    exact = {"span": record.span}  # not rounded: the next run compares it with what is asked for
    return json.dumps(_plain(asdict(record)) | exact, indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def open_folder(path: Path) -> StemFolder:
    """Open a folder of stems, its metadata.json, or a `Song.stems.json` of the flat layout. Raises InputError."""
    file = path = path.absolute()
    try:
        file = path / METADATA if path.is_dir() else path
        if file.suffix != ".json":
            raise FileNotFoundError(file)
        flat = file.name.endswith(FLAT_METADATA) and file.name != METADATA
        place = Place(file.parent, file.name.removesuffix(FLAT_METADATA) if flat else "")
        return StemFolder(place, _record(json.loads(file.read_text("utf-8"))))
    except FileNotFoundError as error:
        hint = "Name a folder that stem-cli made, or a .stems.json file; a song is separated first (`stem separate`)."
        raise InputError("there are no stems of ours", path, hint) from error
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", file, "Check its permissions.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = "Move its folder away and separate the song again."
        raise InputError(f"its metadata is damaged ({error})", file, hint) from error


def _record(data: dict[str, Any]) -> Record:
    if data["schema"] > SCHEMA:
        raise ValueError(f"schema {data['schema']} is newer than this program")
    span = data["span"]
    return Record(
        **{
            **{name: data[name] for name in (one.name for one in fields(Record)) if name in data},
            "source": Source(**data["source"]),
            "made": Made(**data["made"]),
            "song": Song(**{**data["song"], "parts": tuple(data["song"]["parts"])}),
            "files": tuple(StemFile(**_loud(one)) for one in data["files"]),
            "span": None if span is None else (span[0], span[1]),
            "residual_db": _or_silent(data["residual_db"]),
            "quality": _quality(data["quality"]),
            "warnings": tuple(data["warnings"]),
            "muted": tuple(data.get("muted", ())),
        }
    )


def _quality(data: dict[str, Any]) -> Quality:
    attempts = tuple(Attempt(**one) for one in data.get("attempts", ()))
    measures = {name: {key: _or_silent(one) for key, one in found.items()} for name, found in data["per_stem"].items()}
    return Quality(**{**data, "per_stem": measures, "notes": tuple(data["notes"]), "attempts": attempts})


def _loud(file: dict[str, Any]) -> dict[str, Any]:
    common = {name: sys.intern(file[name]) for name in _ALIKE}
    return {**file, **common, **{name: _or_silent(file[name]) for name in ("peak_db", "rms_db", "lufs")}}


def _or_silent(value: float | None) -> float:
    return -math.inf if value is None else value


def find_folders(
    path: Path, judged: bool = True, damaged: Callable[[InputError], None] | None = None
) -> list[StemFolder]:
    """The folder of stems that the path is, or all that lie below it, sorted; hidden ones are being made.

    judged: False leaves out what the judge said, a quarter of what is held of each of thousands of songs.
    Files of other programs that are called metadata.json are passed over. Raises InputError where one of ours is
    damaged, unless `damaged` is there to hear of it: then it is passed over.
    """
    own = path / METADATA
    found = [path]
    if path.is_dir() and not (own.exists() and not is_foreign(own)):
        below = sorted([*path.rglob(METADATA), *path.rglob(f"*{FLAT_METADATA}")])
        found = [file for file in below if not _hidden(file.relative_to(path)) and not is_foreign(file)]
    folders = []
    for place in found:
        try:
            folders.append(_opened(place, judged))
        except InputError as error:
            if damaged is None:
                raise
            damaged(error)
    return folders


def _opened(path: Path, judged: bool) -> StemFolder:
    folder = open_folder(path)
    return folder if judged else replace(folder, record=replace(folder.record, quality=Quality()))


def is_foreign(file: Path) -> bool:
    """Whether a metadata.json is another program's: it has no schema, by which a damaged one of ours is known still."""
    try:
        raw = file.read_bytes()
        data = json.loads(raw)
    except ValueError:
        return b'"schema"' not in raw
    except (OSError, RecursionError):
        return False
    return not isinstance(data, dict) or "schema" not in data


def hides_stems(home: Path, names: Sequence[str]) -> set[str] | None:
    """Which files of a folder are stems of ours, by the list of its names; None where all of it is one of our folders.

    The file of another program that is called metadata.json, or one that is damaged, hides nothing.
    """
    stems: set[str] = set()
    for name in names:
        if name != METADATA and not name.endswith(FLAT_METADATA):
            continue
        try:
            folder = open_folder(home / name)
        except InputError:
            continue
        if name == METADATA:
            return None
        stems.update(folder.names())
    return stems


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
