"""`stem organize` for another computer (`--path-map`), and into Serato's own folder (`--install`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from conftest import SHARED, Stem, music

from stem_cli.dj.m3u8 import Item, playlist
from stem_cli.dj.serato_crate import Field, parse, paths_of, to_bytes
from stem_cli.library.resolve import drive_in
from stem_cli.organize.seen import Seen

CHECKER = SHARED / "tools" / "dj_check.py"


@pytest.fixture
def stems(stem: Stem) -> Path:
    """Stems of one song."""
    soundfile.write("one.wav", music(0.6, 22050), 22050, subtype="PCM_16")
    stem("separate", "one.wav", "--output", "stems", "--engine", "builtin", "--judge", "off")
    return Path("stems")


@pytest.mark.parametrize(
    ("new", "location", "on_drive"),
    [
        ("E:\\", "file://localhost/E:/Stems/one/one%20(Bass).wav", "Stems/one/one (Bass).wav"),
        ("E:/DJ", "file://localhost/E:/DJ/Stems/one/one%20(Bass).wav", "DJ/Stems/one/one (Bass).wav"),
        ("/Volumes/STICK", "file://localhost/Volumes/STICK/Stems/one/one%20(Bass).wav", "Stems/one/one (Bass).wav"),
        ("/Users/dj/Music", "file://localhost/Users/dj/Music/Stems/one/one%20(Bass).wav",
         "Users/dj/Music/Stems/one/one (Bass).wav"),
    ],
)  # fmt: skip
def test_lists_name_files_where_the_djs_computer_sees_them(
    stem: Stem, stems: Path, new: str, location: str, on_drive: str
) -> None:
    output = Path("stick/Stems")
    stem("organize", stems, "--for", "serato,rekordbox", "--output", output, "--path-map", f"stick={new}")
    text = (output / "_DJ/rekordbox.xml").read_text("utf-8")
    assert f'Location="{location}"' in text
    assert str(Path.cwd()) not in text
    raw = (output / "_DJ/Serato/Subcrates/Stems%%Bass.crate").read_bytes()
    assert paths_of(raw) == (on_drive,)
    assert "\n../one/one (Bass).wav\n" in (output / "_DJ/Stems.m3u8").read_text("utf-8")
    readme = (output / "_DJ/README.txt").read_text("utf-8")
    assert str(Path.cwd()) not in readme
    if CHECKER.exists():
        seen = location.removeprefix("file://localhost/").partition("/Stems")[0]
        mapped = f"{seen if ':' in seen else '/' + seen}={Path('stick').resolve()}"
        command = [sys.executable, CHECKER, "--strict", "--map", mapped, "rekordbox", output / "_DJ/rekordbox.xml"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_map_that_says_nothing_of_the_output_is_told(stem: Stem, stems: Path) -> None:
    for wish, said in (("/media/dj/SITCK=E:/", "says nothing of it"), ("stick", "Write 'D:/Music")):
        done = stem("organize", stems, "--for", "cdj", "--output", "stick/dj", "--path-map", wish, code=2)
        assert said in done.stderr
    done = stem("organize", stems, "--for", "cdj", "--output", "stick", "--path-map", "stick=//nas/dj", code=2)
    assert "rekordbox needs a path that starts at a drive" in done.stderr
    assert not Path("stick").exists()


def test_where_a_drive_begins() -> None:
    assert [drive_in(text) for text in ("E:/a", "E:", "//nas/dj/a", "/media/dj/USB/a", "/home/a", "/")] == [
        "E:/", "E:/", "//nas/dj", "/media/dj/USB", "/", "/",
    ]  # fmt: skip
    seen = Seen({"/a": "E:/", "/a/b": "/Volumes/X"})
    assert [seen.place(Path(text)).as_posix() for text in ("/a/c", "/a/b/c", "/ab")] == ["E:/c", "/Volumes/X/c", "/ab"]
    lines = list(playlist([Item(seen.place(Path("/a/c/d.wav")))], seen.place(Path("/a/_DJ"))))
    assert lines[-1] == "../c/d.wav\n"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_install_is_for_serato_only_and_only_on_this_computer(stem: Stem, stems: Path, serato: Path) -> None:
    before = snapshot(serato)
    done = stem("organize", stems, "--for", "rekordbox,mixxx", "--output", "dj", "--install", code=2)
    assert "--install is for Serato's crates. Add serato to --for" in done.stderr
    arguments = ("--for", "serato", "--output", "dj", "--install", "--path-map", "dj=E:/")
    assert "Leave one of them out" in stem("organize", stems, *arguments, code=2).stderr
    stem("organize", stems, "--for", "serato", "--output", "dj")
    assert "--install is for" in stem("organize", stems, "--for", "mixxx", "--output", "dj", "--install", code=2).stderr
    assert snapshot(serato) == before


def test_nothing_at_all_is_written_while_serato_runs_or_where_it_has_no_library(
    stem: Stem, stems: Path, serato: Path, tmp_path: Path
) -> None:
    program = tmp_path / "Serato DJ Pro"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    before = snapshot(serato)
    with subprocess.Popen([program, "60"]) as running:
        try:
            stem("organize", stems, "--for", "serato", "--output", "dj", "--install", code=7)
        finally:
            running.kill()
    assert not Path("dj").exists()
    assert snapshot(serato) == before
    shutil.rmtree(serato)
    done = stem("organize", stems, "--for", "serato", "--output", "dj", "--install", code=3)
    assert "Serato has no library there" in done.stderr
    assert not Path("dj").exists()


def test_columns_that_serato_adds_to_our_crate_stay_and_new_songs_come(stem: Stem, stems: Path, serato: Path) -> None:
    stem("organize", stems, "--for", "serato", "--output", "dj", "--install")
    ours = serato / "Subcrates" / "Stems%%Vocals.crate"
    column = Field(
        "ovct", to_bytes([Field("tvcn", "length".encode("utf-16-be")), Field("tvcw", "9".encode("utf-16-be"))])
    )
    fields = parse(ours.read_bytes())
    songs = [field for field in fields if field.tag == "otrk"]
    ours.write_bytes(to_bytes([*(field for field in fields if field.tag != "otrk"), column, *songs]))
    done = json.loads(stem("organize", stems, "--for", "serato", "--output", "dj", "--install", "--json").stdout)
    assert str(ours) not in done["written"]
    soundfile.write("two.wav", music(0.6, 22050, seed=2), 22050, subtype="PCM_16")
    stem("separate", "two.wav", "--output", "more", "--engine", "builtin", "--judge", "off")
    stem("organize", "more", "--for", "serato", "--output", "dj", "--install")
    assert column in parse(ours.read_bytes())
    assert [Path(path).name for path in paths_of(ours.read_bytes())] == ["one (Vocals).wav", "two (Vocals).wav"]
    assert len(list(Path(os.environ["STEM_DATA_DIR"], "backups").glob("*.zip"))) == 2
