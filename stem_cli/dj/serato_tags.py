"""What Serato keeps in a song's own tags - grid, cues, loops, colour, tempo - copied to its stems.

ID3 (MP3, AIFF, WAV) holds it in GEOB frames; FLAC in comments and MP4 in free atoms, as Base64 of the same bytes behind
their name. (Holzhaus/serato-tags, docs/fileformats.md.) Overviews and MP3's offsets belong to one file and
are never copied. All of it holds only for stems that line up with their song to the sample, as ours do.
"""

from __future__ import annotations

import base64
import binascii
import io
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stem_cli.errors import OutputError
from stem_cli.tags import id3, kind_of, mp4, riff, vorbis
from stem_cli.tags.fields import DAMAGE

NAMES = ("Serato BeatGrid", "Serato Markers_", "Serato Markers2", "Serato Autotags")
"""Of GEOB frames that hold for stems as well."""

_MIME = "application/octet-stream"
_COLUMNS = 72
_LARGEST_BYTES = 1_000_000
_FLAC = {"Serato BeatGrid": "SERATO_BEATGRID", "Serato Markers2": "SERATO_MARKERS_V2",
         "Serato Autotags": "SERATO_AUTOGAIN"}  # fmt: skip
_FREE = "----:com.serato.dj:"
_MP4 = {"Serato BeatGrid": f"{_FREE}beatgrid", "Serato Markers2": f"{_FREE}markersv2",
        "Serato Autotags": f"{_FREE}autgain", "Serato Markers_": f"{_FREE}markers"}  # fmt: skip
_WRAPPED = ("Serato Markers2", "Serato Markers_")
"""Those whose Base64 MP4 breaks into lines; FLAC does it with all."""
_OTHER_IN_MP4 = ("Serato Markers_",)
"""Those that hold other bytes there than in ID3."""
_FAMILIES = {"wav": "id3", "rf64": "id3", "aiff": "id3", "mp3": "id3", "id3": "id3", "flac": "flac", "mp4": "mp4"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeratoTag:
    """One of Serato's tags. data: its bytes as in ID3. family: "id3", "flac" or "mp4". text: as it stands there."""

    name: str
    data: bytes
    family: str
    text: str = ""


def copy_serato(song: Path, stem: Path) -> tuple[str, ...]:
    """Copy Serato's tags of a song to one of its stems, a file of ours that has its other tags. Gives what it took.

    A damaged tag is left out with a warning in the log. Raises InputError where the song cannot be opened, OutputError.
    """
    return write_serato(stem, read_serato(song))


def read_serato(path: Path) -> tuple[SeratoTag, ...]:
    """Those of Serato's tags in a song that hold for its stems; none where there are none. Raises InputError."""
    import mutagen

    family = _FAMILIES.get(kind_of(path), "")
    if not family:
        return ()
    try:
        return _READERS[family](path)
    except (mutagen.MutagenError, *DAMAGE) as fault:
        log.warning("%s: Serato's tags cannot be read: %s", path, fault)
        return ()


def write_serato(path: Path, found: tuple[SeratoTag, ...]) -> tuple[str, ...]:
    """Put them into a file of ours beside its other tags; audio stays as it is. Gives the names of those it holds."""
    import mutagen

    family = _FAMILIES.get(kind_of(path), "")
    taken = tuple(tag for tag in found if _holds(family, tag))
    if taken:
        try:
            _WRITERS[family](path, taken)
        except (mutagen.MutagenError, *DAMAGE) as fault:
            raise OutputError(f"Serato's tags cannot be written ({fault})", path) from fault
    return tuple(tag.name for tag in taken)


def _holds(family: str, tag: SeratoTag) -> bool:
    """Whether a kind of file holds this tag in a form that we know."""
    names: dict[str, Collection[str]] = {"id3": NAMES, "flac": _FLAC, "mp4": _MP4}
    other = tag.name in _OTHER_IN_MP4 and "mp4" in (family, tag.family) and family != tag.family
    return tag.name in names.get(family, ()) and not other


def envelope(name: str, data: bytes, wrapped: bool) -> str:
    """What FLAC and MP4 hold of a tag: Base64 without padding, in lines of 72 letters or in one."""
    text = base64.b64encode(b"\0\0".join([_MIME.encode(), name.encode() + b"\0" + data])).decode().rstrip("=")
    return "\n".join(text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)) if wrapped else text


def opened(text: str, name: str) -> bytes:
    """The bytes in an envelope. Raises ValueError where it is none of that name.

    >>> opened(envelope("Serato BeatGrid", b"ab", wrapped=True), "Serato BeatGrid")
    b'ab'
    """
    plain = "".join(text.split()).rstrip("=\0")
    plain += "A" if len(plain) % 4 == 1 else ""  # Serato cuts one letter too many off here and there
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    head = _MIME.encode() + b"\0\0" + name.encode() + b"\0"
    if not raw.startswith(head):
        raise ValueError(f"{name}: there is another tag in its place")
    return raw[len(head) :]


def _in_id3(path: Path) -> tuple[SeratoTag, ...]:
    tags = _id3(path)
    frames = [] if tags is None else tags.getall("GEOB")
    held = {frame.desc: bytes(frame.data) for frame in frames if len(frame.data) <= _LARGEST_BYTES}
    return tuple(SeratoTag(name, held[name], "id3") for name in NAMES if name in held)


def _id3(path: Path) -> Any:
    """The ID3 tag of an MP3, AIFF or WAV, None where there is none."""
    import mutagen.aiff
    import mutagen.id3

    library: Any = mutagen.id3
    kind = kind_of(path)
    if kind == "aiff":
        aiff: Any = mutagen.aiff
        return aiff.AIFF(path).tags
    try:
        return library.ID3(io.BytesIO(riff.id3(path)) if kind in ("wav", "rf64") else path)
    except library.ID3NoHeaderError:
        return None


def _in_flac(path: Path) -> tuple[SeratoTag, ...]:
    import mutagen.flac

    flac: Any = mutagen.flac
    tags = flac.FLAC(path).tags
    return _texts("flac", {} if tags is None else {name: tags.get(_FLAC[name], [""])[0] for name in _FLAC})


def _in_mp4(path: Path) -> tuple[SeratoTag, ...]:
    import mutagen.mp4

    library: Any = mutagen.mp4
    tags = library.MP4(path).tags or {}
    held = {name: bytes(tags[atom][0]).decode("latin-1") for name, atom in _MP4.items() if tags.get(atom)}
    return _texts("mp4", held)


def _texts(family: str, held: Mapping[str, str]) -> tuple[SeratoTag, ...]:
    found = []
    for name, text in held.items():
        if text and len(text) <= _LARGEST_BYTES:
            try:
                found.append(SeratoTag(name, opened(text, name), family, text))
            except ValueError as error:
                log.warning("one of Serato's tags is left out: %s", error)
    return tuple(sorted(found, key=lambda tag: NAMES.index(tag.name)))


def _text(tag: SeratoTag, family: str) -> str:
    """What to write into FLAC or MP4: the very text where it comes from there."""
    if tag.family == family:
        return tag.text
    return envelope(tag.name, tag.data, family == "flac" or tag.name in _WRAPPED)


def _into_id3(path: Path, found: tuple[SeratoTag, ...]) -> None:
    import mutagen.aiff
    import mutagen.id3

    library: Any = mutagen.id3
    aiff: Any = mutagen.aiff
    kind = kind_of(path)
    song = aiff.AIFF(path) if kind == "aiff" else None
    if song is not None and song.tags is None:
        song.add_tags()
    tags = song.tags if song is not None else _id3(path)
    tags = library.ID3() if tags is None else tags
    for tag in found:
        tags.add(library.GEOB(encoding=0, mime=_MIME, filename="", desc=tag.name, data=tag.data))
    tags.update_to_v23()
    if song is not None:
        song.save(v2_version=3, padding=lambda _: id3.PADDING)
    elif kind in ("wav", "rf64"):
        payload = io.BytesIO()
        tags.save(payload, v1=0, v2_version=3, padding=lambda _: id3.PADDING)
        riff.put(path, payload.getvalue())
    else:
        tags.save(path, v1=0, v2_version=3, padding=lambda _: id3.PADDING)


def _into_flac(path: Path, found: tuple[SeratoTag, ...]) -> None:
    import mutagen.flac

    flac: Any = mutagen.flac
    song = flac.FLAC(path)
    if song.tags is None:
        song.add_tags()
    song.tags.update({_FLAC[tag.name]: _text(tag, "flac") for tag in found})
    song.save(padding=lambda _: vorbis.PADDING)


def _into_mp4(path: Path, found: tuple[SeratoTag, ...]) -> None:
    import mutagen.mp4

    library: Any = mutagen.mp4
    song = library.MP4(path)
    if song.tags is None:
        song.add_tags()
    song.tags.update({_MP4[tag.name]: [library.MP4FreeForm(_text(tag, "mp4").encode("latin-1"))] for tag in found})
    song.save(padding=lambda _: mp4.PADDING)


_READERS: dict[str, Callable[[Path], tuple[SeratoTag, ...]]] = {"id3": _in_id3, "flac": _in_flac, "mp4": _in_mp4}
_WRITERS: dict[str, Callable[[Path, tuple[SeratoTag, ...]], None]] = {
    "id3": _into_id3,
    "flac": _into_flac,
    "mp4": _into_mp4,
}
