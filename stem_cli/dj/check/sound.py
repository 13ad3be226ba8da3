"""AIFF, FLAC, MP3, M4A and OGG as decks take them, and what of an MP3 or M4A moves it against its grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from stem_cli.audio import Shape, lame, probe
from stem_cli.dj.check.finding import FAULT, WARNING, Finding, Target, names_of
from stem_cli.dj.check.wav import rate_findings
from stem_cli.dj.ni_stem_reader import read_stem
from stem_cli.errors import InputError

_OLD = {"flac": "FLAC", "alac": "ALAC", "vorbis": "OGG", "opus": "Opus"}
"""Codecs that older players do not know."""
_EXACT = "Where grids matter, take WAV, AIFF or FLAC."
_MP3 = {
    lame.Delay.NONE: ("nothing says where its sound begins: it plays some 25 ms late", "mp3.length"),
    lame.Delay.FOREIGN: ("its header is not LAME's, so Traktor and rekordbox start it 26 ms apart", "mp3.delay"),
    lame.Delay.DAMAGED: ("the check sum in its header is wrong, so Traktor and rekordbox start it 26 ms apart",
                         "mp3.delay"),
}  # fmt: skip


def judge(path: Path, targets: Sequence[Target]) -> Iterator[Finding]:
    """What these decks would stumble over. Raises OSError."""
    try:
        shape = probe(path)
    except InputError as error:
        yield Finding(FAULT, "sound.parse", error.what, error.hint)
        return
    yield from rate_findings("sound", shape.rate, targets)
    yield from _codec(shape, targets)
    if shape.depth == "float" or shape.channels != 2:
        what = f"it has {shape.channels} channels" + (" in floating point" if shape.depth == "float" else "")
        yield Finding(WARNING, "sound.shape", what, "Decks expect two channels of 16 or 24 bits.")
    suffix = path.suffix.lower()
    if suffix == ".mp3":
        yield from _mp3(path)
    elif suffix in (".m4a", ".mp4"):
        yield from _m4a(path)


def _codec(shape: Shape, targets: Sequence[Target]) -> Iterator[Finding]:
    refusing = [target for target in targets if not target.flac]
    told = f"{shape.container} {shape.codec}".lower()
    name = next((title for codec, title in _OLD.items() if codec in told), "")
    if refusing and name:
        what = f"older models of {names_of(refusing)} play no {name}"
        yield Finding(WARNING, f"sound.{name.lower()}", what, "Choose AIFF or WAV for them.")


def _mp3(path: Path) -> Iterator[Finding]:
    found = _MP3.get(lame.delay_of(path))
    if found:
        what, rule = found
        yield Finding(WARNING, rule, what, _EXACT)
    version = lame.id3_version(path)
    if version == 4:
        what = "its tags are of version ID3v2.4, which some players do not read"
        yield Finding(WARNING, "mp3.tags", what, "Save its tags as ID3v2.3.")


def _m4a(path: Path) -> Iterator[Finding]:
    try:
        tracks = read_stem(path).tracks
    except InputError:
        return  # it plays; its tables are none of a deck's business
    if len(tracks) > 1:
        what = f"it holds {len(tracks)} sounds, of which players play one"
        yield Finding(WARNING, "sound.tracks", what, "Name it .stem.mp4 where it holds stems.")
    if tracks and tracks[0].codec == "mp4a" and tracks[0].priming is None:
        what = "nothing says where its sound begins: it plays some 25-50 ms late"
        yield Finding(WARNING, "sound.priming", what, _EXACT)
