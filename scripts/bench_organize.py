"""Stems for DJ programs: python scripts/bench.py organize [--songs 2000] [--xml-mb 200]

One song is separated, and its folder is cloned with titles of their own. Copied for serato and rekordbox: one song and
all, the first time and with nothing new; `.stem.mp4` of one song; then with a rekordbox.xml of the user's of so many
megabytes, which knows of the songs and of a whole library beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from measure import STEM, Cost, render, show, timed

_SECONDS = 2.0
"""Of the song: 2,000 of them take 3 GB."""
_MEMORY = 1.5
"""What all songs may take of the memory that one takes."""
_COLLECTION = '<?xml version="1.0" encoding="UTF-8"?>\n<DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="0">\n'
_TRACK = (
    '<TRACK TrackID="{0}" Name="Title {0}" Artist="Artist" Album="Album" Genre="House" Kind="MP3 File" Size="9000000"'
    ' TotalTime="240" AverageBpm="124.00" DateAdded="2024-01-01" BitRate="320" SampleRate="44100" Rating="204"'
    ' Location="file://localhost{1}" Tonality="8A" Colour="0xFF0000">{2}</TRACK>\n'
)
_TEMPO = '<TEMPO Inizio="{0:.3f}" Bpm="124.00" Metro="4/4" Battito="1"/>'
_MARK = '<POSITION_MARK Name="Cue {0}" Type="0" Start="{1:.3f}" Num="{0}" Red="40" Green="226" Blue="20"/>'
_PREPARED = _TEMPO.format(0.025) + "".join(_MARK.format(number, number * 15.484) for number in range(8))
_MEMBERS = 100
"""Songs of a playlist."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench.py organize`."""
    group = parser.add_argument_group("organize")
    group.add_argument("--songs", type=int, default=2000)
    group.add_argument("--xml-mb", type=int, default=200)


def organize(home: Path, args: argparse.Namespace) -> None:
    """One song and many, copied; stem files; a large rekordbox.xml."""
    one = _separated(home / "organize")
    many = home / "organize" / "many"
    for number in range(args.songs):
        _clone(one, many / f"{number:06}", number)
    first = _copied(home, one, 1)
    all_songs = _copied(home, many, args.songs)
    each = (all_songs.wall - first.wall) / max(1, args.songs - 1)
    show("  each song more", f"{each * 1000:.1f} ms", "")
    show("  memory, all songs against one", f"{all_songs.peak_mib / first.peak_mib:.2f}x", f"<= {_MEMORY}x")
    command = [*STEM, "organize", one, "--for", "traktor,mixxx", "--output", home / "organized stem files"]
    _row("organize, 1 song, with .stem.mp4", timed(command))
    _known(home, many, args, all_songs)
    shutil.rmtree(home / "organize")


def _separated(folder: Path) -> Path:
    """A song's stems, in a folder of their own."""
    song = render(_made(folder) / "song.wav", _SECONDS)
    timed([*STEM, "separate", song, "--output", folder / "one", "--engine", "builtin"])
    return next((folder / "one").iterdir())


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _clone(stems: Path, target: Path, number: int) -> None:
    """The folder of another song: other titles, other paths, the same sound, which takes no room twice."""
    target.mkdir(parents=True)
    for path in stems.iterdir():
        if path.name != "metadata.json":
            os.link(path, target / path.name)
    told = json.loads((stems / "metadata.json").read_text("utf-8"))
    song = target.parent.parent / "songs" / f"{number:06}.wav"
    song.parent.mkdir(exist_ok=True)
    os.link(told["source"]["path"], song)
    told["source"] |= {"path": str(song), "digest": f"{number:064x}"}
    told["tags"] |= {"title": f"Title {number}", "artist": f"Artist {number % 200}"}
    (target / "metadata.json").write_text(json.dumps(told), "utf-8")


def _copied(home: Path, stems: Path, songs: int) -> Cost:
    """Copied for two programs: the first time, and when nothing is new."""
    output = home / f"organized {songs}"
    command = [*STEM, "organize", stems, "--for", "serato,rekordbox", "--output", output]
    first = timed(command)
    _row(f"organize, {songs} songs, copied (load {os.getloadavg()[0]:.1f})", first)
    _row("  nothing new", timed(command))
    shutil.rmtree(output)
    return first


def _known(home: Path, stems: Path, args: argparse.Namespace, plain: Cost) -> None:
    """The same songs, with what a library of so many megabytes knows of them."""
    xml, output = home / "organize" / "library.xml", home / "organized known"
    known = [json.loads(path.read_text("utf-8"))["source"]["path"] for path in stems.glob("*/metadata.json")]
    tracks = _library(xml, known, args.xml_mb * 10**6)
    command = [*STEM, "organize", stems, "--for", "serato,rekordbox", "--output", output, "--rekordbox-xml", xml]
    cost = timed([*command, "--library", xml])
    _row(f"organize, {args.songs} songs, rekordbox.xml of {args.xml_mb} MB, {tracks} tracks", cost)
    show("  memory more than without it", f"{cost.peak_mib - plain.peak_mib:+.0f} MiB", f"< {args.xml_mb} MB")
    bare = [*STEM, "organize", next(stems.glob("0*")), "--for", "rekordbox", "--output", home / "organized known 1"]
    _row("  1 song, --rekordbox-xml", timed([*bare, "--rekordbox-xml", xml]))
    _row("  1 song, --library", timed([*bare, "--library", xml]))
    shutil.rmtree(output)


def _library(path: Path, known: list[str], size: int) -> int:
    """A rekordbox.xml of so many bytes: the songs that are known first, then playlists. Returns how many it holds."""
    paths: Iterator[str] = iter(known)
    with path.open("w", encoding="utf-8") as file:
        file.write(_COLLECTION)
        for number in count(1):
            file.write(_TRACK.format(number, next(paths, f"/Music/{number % 500}/{number}.mp3"), _PREPARED))
            if file.tell() > size:
                break
        file.write('</COLLECTION><PLAYLISTS><NODE Type="0" Name="ROOT" Count="0">\n')
        for first in range(1, number, _MEMBERS):
            file.write(f'<NODE Name="List {first}" Type="1" KeyType="0" Entries="{_MEMBERS}">')
            file.writelines(f'<TRACK Key="{one}"/>' for one in range(first, min(number, first + _MEMBERS)))
            file.write("</NODE>\n")
        file.write("</NODE></PLAYLISTS></DJ_PLAYLISTS>\n")
    return number


def _row(what: str, cost: Cost) -> None:
    show(what, f"{cost.wall:.1f} s", f"{cost.cpu:.1f} s CPU, {cost.peak_mib:.0f} MiB")
