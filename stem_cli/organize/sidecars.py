"""Stems in files of Serato's own, to be put beside the songs: experimental, for songs whose length is certain only."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from stem_cli.dj.serato_stems import RATES, SUFFIX
from stem_cli.folder.names import safe
from stem_cli.organize.foreign import Adopted
from stem_cli.organize.plan import Item, Plan, Song, hindrance

FORM = "serato-stems"
HOME = PurePosixPath("_DJ/Serato/Stems")
_LOSSLESS = (".wav", ".aif", ".aiff", ".flac")
"""Of these Serato decodes as many samples as we do; of MP3 and M4A that is not certain."""


def sidecars(decided: Plan) -> Plan:
    """A file for each song that can have one; why the others have none is told in `without`.

    Each lies in a folder called after its song, and is called as Serato wants it: after the song's file.
    """
    items, without = [], []
    for song in decided.songs:
        why = _why_not(song)
        if why:
            without.append(f"{song.name}: no file of stems for Serato {why}")
            continue
        record = song.folder.record
        name = safe(Path(record.source.path).stem, 200) + SUFFIX
        path = HOME / song.name / name
        items.append(Item(song, "", path, FORM, record.depth, record.source.rate, as_it_is=False))
    return Plan(decided.songs, tuple(items), tuple(without))


def _why_not(song: Song) -> str:
    record = song.folder.record
    if isinstance(song.folder, Adopted) or record.span is not None:
        return "of stems of other tools, or of a stretch of a song"
    if Path(record.source.path).suffix.lower() not in _LOSSLESS:
        return "of a song that is no WAV, AIFF or FLAC"
    if record.source.rate not in RATES:
        return f"of a song of {record.source.rate} Hz"
    return hindrance(song)
