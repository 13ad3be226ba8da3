"""Lists of what lies there, for the programs that were named: rekordbox.xml, crates, M3U8, and how to import them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from stem_cli import stems, tags
from stem_cli.cues import Prepared
from stem_cli.disk import disk_errors, replace_synced
from stem_cli.dj import m3u8
from stem_cli.dj.m3u8 import write_m3u8
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, write_xml
from stem_cli.dj.serato_crate import FOLDER, crate_name, on_drive, write_crate
from stem_cli.organize import manifest, readme
from stem_cli.organize.carry import refuse_foreign
from stem_cli.organize.manifest import Ours
from stem_cli.organize.plan import Item, Plan
from stem_cli.organize.programs import Demand

HOME = PurePosixPath("_DJ")
PLAYLIST, XML, README = HOME / "Stems.m3u8", HOME / "rekordbox.xml", HOME / "README.txt"
TOP = "Stems"
"""The crate above all others of ours."""


@dataclass(frozen=True)
class Known:
    """What DJ programs know of songs, by the path of the song's file. crates: names of the lists that hold it.

    grids_asked, crates_asked: whether a library was named that may know them.
    """

    prepared: Mapping[str, Prepared] = field(default_factory=dict)
    crates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    grids_asked: bool = False
    crates_asked: bool = False


def paths_of(plan: Plan, output: Path, demand: Demand, known: Known) -> list[str]:
    """The paths of all lists below the output folder, before anything is written."""
    return _paths(demand, _crates(plan, output, known) if demand.crates else {})


def _paths(demand: Demand, crates: Iterable[PurePosixPath]) -> list[str]:
    return [str(place) for place in (PLAYLIST, README, *([XML] if demand.xml else []), *crates)]


def write_lists(plan: Plan, output: Path, programs: Sequence[str], demand: Demand, known: Known) -> list[str]:
    """Write them all; what was there of ours is replaced. Returns their paths below the output folder."""
    crates = _crates(plan, output, known) if demand.crates else {}
    wanted, ours = _paths(demand, crates), manifest.read(output)
    refuse_foreign(output, wanted, ours)
    manifest.write(output, {**ours, **{path: ours.get(path, Ours("list", 0, 0)) for path in wanted}})
    files = [item for item in plan.items if item.kind]
    with disk_errors(output / HOME):
        (output / HOME).mkdir(parents=True, exist_ok=True)
    write_m3u8(output / PLAYLIST, [_entry(item, output) for item in files])
    if demand.xml:
        _write_xml(files, output, known)
    for place, paths in crates.items():
        with disk_errors(output / place):
            (output / place).parent.mkdir(parents=True, exist_ok=True)
        write_crate(output / place, paths)
    with disk_errors(output / README):
        replace_synced(output / README, readme.text(programs, output))
    return wanted


def _entry(item: Item, output: Path) -> m3u8.Item:
    record = item.song.folder.record
    title = f"{item.song.title} ({stems.title(item.kind)})"
    seconds = record.source.frames / record.source.rate
    return m3u8.Item(output.absolute() / item.path, str(record.tags.get("artist") or ""), title, seconds)


def _crates(plan: Plan, output: Path, known: Known) -> dict[PurePosixPath, list[str]]:
    """By crate its songs: a crate for each kind of stem, and one in it for each crate that holds the song."""
    root, found = drive_of(output), dict[PurePosixPath, list[str]]()
    for item in (item for item in plan.items if item.kind):
        path, kind = on_drive(output.absolute() / item.path, root), stems.title(item.kind)
        inside = known.crates.get(item.song.folder.record.source.path, ())
        for levels in ((TOP, kind), *((TOP, *name.split("/"), kind) for name in inside)):
            found.setdefault(HOME / "Serato" / FOLDER / crate_name(levels), []).append(path)
    return found


def drive_of(folder: Path) -> Path:
    """The root of the drive that a folder lies on, or will lie on."""
    here = folder.absolute()
    while not os.path.ismount(here) and here != here.parent:
        here = here.parent
    return here


def _write_xml(items: Sequence[Item], output: Path, known: Known) -> None:
    told = [(stems.title(item.kind), known.crates.get(item.song.folder.record.source.path, ())) for item in items]
    tracks = (_track(item, output, known) for item in items)
    write_xml(output / XML, tracks, len(items), by_stem_and_crate(told))


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
