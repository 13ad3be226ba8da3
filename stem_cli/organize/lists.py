"""Lists of what lies there, for the programs that were named: rekordbox.xml, crates, M3U8, and how to import them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from stem_cli import stems, tags
from stem_cli.cues import Prepared
from stem_cli.disk import disk_errors, replace_synced
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, write_xml
from stem_cli.organize import readme
from stem_cli.organize.plan import Item, Plan
from stem_cli.organize.programs import Demand

HOME = PurePosixPath("_DJ")


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
    with disk_errors(home / "README.txt"):
        replace_synced(home / "README.txt", readme.text(programs, output))
    return [*written, str(HOME / "README.txt")]


def _playlist(items: Sequence[Item], output: Path) -> str:
    """Stems.m3u8: paths relative to itself, so that the whole folder may move."""
    lines = ["#EXTM3U"]
    for item in items:
        record = item.song.folder.record
        seconds = round(record.source.frames / record.source.rate)
        artist = str(record.tags.get("artist") or "")
        title = f"{item.song.title} ({stems.title(item.kind)})"
        lines += [f"#EXTINF:{seconds},{f'{artist} - {title}' if artist else title}", f"../{item.path}"]
    place = HOME / "Stems.m3u8"
    with disk_errors(output / place):
        replace_synced(output / place, "\n".join(lines) + "\n")
    return str(place)


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
