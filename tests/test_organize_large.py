"""`stem organize` with a large library of the user's: its memory is that of its own songs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from conftest import Stem, music
from processes import COMMAND, unix_only

pytestmark = unix_only
_TRACK = (
    '<TRACK TrackID="{0}" Name="Title {0}" Artist="Artist" Album="Album" Genre="House" TotalTime="240"'
    ' Rating="204" AverageBpm="124.00" Location="file://localhost{1}" Tonality="8A">'
    '<TEMPO Inizio="0.125" Bpm="124.00"/>{2}</TRACK>\n'
)
_MARK = '<POSITION_MARK Name="Cue" Type="0" Start="{0}.000" Num="{0}"/>'


def write_library(path: Path, song: Path, tracks: int) -> None:
    """A rekordbox.xml; the song is the one before the last, and in a list with the others."""
    marks = "".join(map(_MARK.format, range(8)))
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0"?>\n<DJ_PLAYLISTS Version="1.0.0"><COLLECTION>\n')
        for number in range(tracks):
            place = song if number == tracks - 2 else f"/Music/{number % 100}/{number}.mp3"
            file.write(_TRACK.format(number, place, marks))
        file.write('</COLLECTION><PLAYLISTS><NODE Type="0" Name="ROOT"><NODE Name="All" Type="1" KeyType="0">\n')
        file.writelines(f'<TRACK Key="{number}"/>\n' for number in range(tracks))
        file.write("</NODE></NODE></PLAYLISTS></DJ_PLAYLISTS>\n")


def peak_mib(*arguments: object) -> float:
    """The most memory that a run of the command held."""
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


@pytest.mark.slow
def test_a_large_rekordbox_xml_takes_no_memory_but_for_the_songs(stem: Stem) -> None:
    soundfile.write("song.wav", music(1.0, 44100), 44100, subtype="PCM_16")
    stem("separate", "song.wav", "--output", "stems", "--engine", "builtin", "--judge", "off")
    asked = ("organize", "stems", "--for", "rekordbox")
    peaks = {}
    for tracks in (100, 30_000):
        library = Path(f"{tracks}.xml")
        write_library(library, Path("song.wav").resolve(), tracks)
        known = ("--rekordbox-xml", library, "--library", library)
        peaks[tracks] = peak_mib(*asked, "--output", f"dj{tracks}", *known)
        text = Path(f"dj{tracks}/_DJ/rekordbox.xml").read_text("utf-8")
        assert text.count("<POSITION_MARK") == 4 * 8
        assert '<NODE Type="0" Name="All"' in text
    size = Path("30000.xml").stat().st_size / (1 << 20)
    assert size > 20
    assert peaks[30_000] - peaks[100] < size / 2  # 105 MiB where all of it was held


def test_a_large_library_that_knows_nothing_of_the_songs_is_told(stem: Stem) -> None:
    soundfile.write("song.wav", music(1.0, 44100), 44100, subtype="PCM_16")
    stem("separate", "song.wav", "--output", "stems", "--engine", "builtin", "--judge", "off")
    write_library(Path("all.xml"), Path("/elsewhere/song.wav"), 50)
    known = ("--rekordbox-xml", "all.xml", "--library", "all.xml")
    told = stem("organize", "stems", "--for", "rekordbox", "--output", "dj", *known).stderr
    assert "knows none of these songs" in told
    assert "lists hold none of these songs" in told


@pytest.mark.parametrize(("rate", "written"), [(22050, 44100), (32000, 48000), (88200, 88200), (192000, 96000)])
def test_a_rate_that_a_program_does_not_take_becomes_the_next_above(rate: int, written: int) -> None:
    from stem_cli.organize import demand

    assert demand(["rekordbox"]).rate(rate) == written
