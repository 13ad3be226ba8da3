"""Lists of what lies there, for the programs that were named: rekordbox.xml, crates, M3U8, and how to import them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from stem_cli import stems, tags
from stem_cli.cues import Prepared
from stem_cli.disk import disk_errors, replace_synced
from stem_cli.dj import m3u8
from stem_cli.dj.m3u8 import write_m3u8
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, write_xml
from stem_cli.dj.serato_crate import FOLDER, crate_name, on_drive, write_crate
from stem_cli.organize import readme
from stem_cli.organize.plan import Item, Plan
from stem_cli.organize.programs import Demand

HOME = PurePosixPath("_DJ")
TOP = "Stems"
"""The crate above all others of ours."""


@dataclass(frozen=True)
class Known:
    """What DJ programs know of songs, by the path of the song's file. crates: names of the lists that hold it."""

    prepared: Mapping[str, Prepared] = field(default_factory=dict)
    crates: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write_lists(plan: Plan, output: Path, programs: Sequence[str], demand: Demand, known: Known) -> list[str]:
    """Write them all; what was there of ours is replaced. Returns their paths below the output folder."""
    home = output / HOME
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    files = [item for item in plan.items if item.kind]
    written = [_playlist(files, output)]
    if demand.xml:
        written.append(_xml(files, output, known))
    if demand.crates:
        written += _crates(files, output, known)
    with disk_errors(home / "README.txt"):
        replace_synced(home / "README.txt", readme.text(programs, output))
    return [*written, str(HOME / "README.txt")]


def _playlist(items: Sequence[Item], output: Path) -> str:
    """Stems.m3u8: paths relative to itself, so that the whole folder may move."""
    place = HOME / "Stems.m3u8"
    write_m3u8(output / place, [_entry(item, output) for item in items])
    return str(place)


def _entry(item: Item, output: Path) -> m3u8.Item:
    record = item.song.folder.record
    title = f"{item.song.title} ({stems.title(item.kind)})"
    seconds = record.source.frames / record.source.rate
    return m3u8.Item(output.absolute() / item.path, str(record.tags.get("artist") or ""), title, seconds)


def _crates(items: Sequence[Item], output: Path, known: Known) -> list[str]:
    """A crate for each kind of stem, and one in it for each crate that holds the song."""
    root, found = drive_of(output), dict[tuple[str, ...], list[str]]()
    for item in items:
        path = on_drive(output.absolute() / item.path, root)
        kind = stems.title(item.kind)
        found.setdefault((TOP, kind), []).append(path)
        for name in known.crates.get(item.song.folder.record.source.path, ()):
            found.setdefault((TOP, *name.split("/"), kind), []).append(path)
    home = HOME / "Serato" / FOLDER
    with disk_errors(output / home):
        (output / home).mkdir(parents=True, exist_ok=True)
    places = {home / crate_name(levels): paths for levels, paths in found.items()}
    for place, paths in places.items():
        write_crate(output / place, paths)
    return [str(place) for place in places]


def drive_of(folder: Path) -> Path:
    """The root of the drive that a folder lies on, or will lie on."""
    here = folder.absolute()
    while not os.path.ismount(here) and here != here.parent:
        here = here.parent
    return here


def _xml(items: Sequence[Item], output: Path, known: Known) -> str:
    place = HOME / "rekordbox.xml"
    told = [(stems.title(item.kind), known.crates.get(item.song.folder.record.source.path, ())) for item in items]
    tracks = (_track(item, output, known) for item in items)
    write_xml(output / place, tracks, len(items), by_stem_and_crate(told))
    return str(place)


def _track(item: Item, output: Path, known: Known) -> XmlTrack:
    path, record = output.absolute() / item.path, item.song.folder.record
    seconds = record.source.frames / record.source.rate
    size = path.stat().st_size if path.exists() else 0
    return XmlTrack(
        path=path,
        tags=tags.read(path),
        prepared=known.prepared.get(record.source.path, Prepared()),
        size=size,
        seconds=seconds,
        rate=item.rate,
        bitrate=round(size * 8 / 1000 / seconds) if seconds else 0,
    )
