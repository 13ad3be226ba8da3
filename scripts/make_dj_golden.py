"""Write the golden files of tests/golden/dj anew: what DJ programs are given for three stems, byte by byte.

Run it after a change that is meant to change them, look at the difference, and try the files in the programs.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from stem_cli import __version__
from stem_cli.cues import Cue, Prepared, Tempo
from stem_cli.dj.m3u8 import Item, playlist
from stem_cli.dj.names import song_name, stem_name
from stem_cli.dj.ni_stem import metadata
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, document
from stem_cli.dj.serato_crate import crate, crate_name, on_drive
from stem_cli.tags import Tags

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "dj"
DRIVE = PurePosixPath("/Volumes/USB")
SONG = Tags(title="Söng: 50% & more?", artist="Ärtist / 日本", bpm=124.5, key="8A", genre="House", year="1999-05-03")
PREPARED = Prepared(
    grid=(Tempo(0.025, 124.5), Tempo(60.5, 125.0, "3/4", 2)),
    cues=(Cue(1.5, "Drop", pad=0, colour="#28E214"), Cue(1.5, "Drop"), Cue(8.0, "Loop", "loop", end=16.0)),
    key="8A",
    rating=4,
    colour="#FF007F",
)
STEMS = ("vocals", "drums", "bass")


def files() -> dict[str, bytes]:
    """The golden files by name; the program's version is left out, as it changes without them."""
    fields = {"artist": SONG.artist or "", "title": SONG.title or ""}
    home = DRIVE / "Stems" / song_name(fields["artist"], fields["title"], "song")
    paths = [home / stem_name("dj", {**fields, "stem": stem}, ".wav") for stem in STEMS]
    tracks = [XmlTrack(path, SONG, PREPARED, 1_764_044, 10.0, 44100, 1411) for path in paths]
    xml = b"".join(document(tracks, 3, by_stem_and_crate((stem.title(), ("Gigs/Saturday",)) for stem in STEMS)))
    items = (Item(path, SONG.artist or "", SONG.title or "", 10.0) for path in paths)
    return {
        "rekordbox.xml": xml.replace(f'Version="{__version__}"'.encode(), b'Version="0"'),
        crate_name(["Stems", "Vocals"]): crate([on_drive(path, DRIVE) for path in paths]),
        "Stems.m3u8": "".join(playlist(items, DRIVE / "_DJ")).encode(),
        "stem.json": metadata(),
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
        print(FOLDER / name)
