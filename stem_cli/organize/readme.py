"""How the stems get into each program, in words: `_DJ/README.txt`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from stem_cli.organize.programs import PROGRAMS

_TRAKTOR = (
    "Import the folder: right-click Track Collection > Import Music Folders. Files that end in .stem.mp4 open as"
    " stems, the others as songs of their own.",
)
_STEPS: Mapping[str, tuple[str, ...]] = {
    "serato": (
        "Drag the folder with the stems into the crates panel: crates are made as the folders are.",
        "The crates in _DJ/Serato/Subcrates belong into _Serato_/Subcrates of the drive that the stems lie on, while"
        " Serato does not run: `stem organize ... --install` puts them there.",
    ),
    "rekordbox": (
        "Preferences > Advanced > Database > rekordbox xml > Imported Library: choose _DJ/rekordbox.xml.",
        'In the sidebar, below "rekordbox xml", right-click the playlist "Stems" and choose Import Playlist.',
        'Answer Yes where it asks whether to load "information in the tag of the library being imported".',
    ),
    "traktor": _TRAKTOR,
    "traktor-win": _TRAKTOR,
    "mixxx": (
        "Preferences > Library > Add a folder, then Library > Rescan. Files that end in .stem.mp4 play as stems"
        " from Mixxx 2.6 on.",
    ),
    "engine": ("Import _DJ/rekordbox.xml in Engine DJ Desktop (Library > rekordbox), or drag the folder into it.",),
    "cdj": (
        "With grid and cues: import _DJ/rekordbox.xml in rekordbox (Preferences > Advanced > Database > rekordbox xml),"
        " then export its playlists to the stick.",
        "Without: copy the folders to a FAT32 stick; the players browse them.",
    ),
}


def text(programs: Sequence[str], place: PurePath) -> str:
    """The whole file. place: of the stems, where the DJ's computer sees them."""
    lines = ["These stems were put here by stem-cli.", "", f"They lie in {place}."]
    if any(PROGRAMS[name].xml or PROGRAMS[name].crates for name in programs):
        lines.append("Paths in its lists are whole: run `stem organize` again after you have moved the folder.")
    lines.append("")
    for name in programs:
        lines += [PROGRAMS[name].title, *(f"  {number}. {step}" for number, step in enumerate(_STEPS[name], 1)), ""]
    return "\n".join(lines)
