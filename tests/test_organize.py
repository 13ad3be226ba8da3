"""`stem organize`: what programs find, what the checker says of it, and that nobody else's file is touched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SHARED, Stem, music
from mutagen.id3 import GEOB, TIT2, TPE1
from mutagen.wave import WAVE

from stem_cli import library
from stem_cli.dj.ni_stem_reader import read_stem
from stem_cli.dj.serato_crate import crate

RATE = 22050
CHECKER = SHARED / "tools" / "dj_check.py"
PROGRAMS = "serato,rekordbox,traktor,mixxx,engine,cdj"


@pytest.fixture
def stems(stem: Stem) -> Path:
    """Stems of two songs, 44.1 kHz, 16 bits."""
    for seed, name in enumerate(("Mañana & 日本 🎧 #1", "two")):
        soundfile.write(f"{name}.wav", music(1.5, 44100, seed=seed), 44100, subtype="PCM_16")
        stem("separate", f"{name}.wav", "--output", "stems", "--engine", "builtin", "--judge", "off")
    return Path("stems")


def files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def ints(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int32")[0].astype(np.int64)


def checked(kind: str, *paths: Path) -> None:
    """The independent checker finds no fault."""
    if not CHECKER.exists():
        pytest.skip("the project's shared tools are not here (only on the developers' machines)")
    done = subprocess.run([sys.executable, str(CHECKER), kind, *map(str, paths)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_program_finds_its_files_and_the_checker_agrees(stem: Stem, stems: Path) -> None:
    stem("organize", stems, "--for", PROGRAMS, "--output", "dj")
    home = Path("dj")
    assert files(home) >= {
        "two/two (Vocals).wav",
        "two/two (Other).wav",
        "two/two.stem.mp4",
        "Mañana & 日本 🎧 #1/Mañana & 日本 🎧 #1 (Drums).wav",
        "_DJ/rekordbox.xml",
        "_DJ/Stems.m3u8",
        "_DJ/README.txt",
    }
    checked("rekordbox", home / "_DJ/rekordbox.xml")
    checked("m3u", home / "_DJ/Stems.m3u8")
    checked("stem", *home.rglob("*.stem.mp4"))
    checked("wav", *home.rglob("*.wav"))


def test_what_is_read_back_is_what_lies_there(stem: Stem, stems: Path) -> None:
    stem("organize", stems, "--for", "rekordbox,mixxx", "--output", "dj")
    wavs = {path.resolve() for path in Path("dj").rglob("*.wav")}
    collection, *lists = library.read(Path("dj/_DJ/rekordbox.xml"))
    assert {Path(entry.path) for entry in collection.entries} == wavs
    assert {crate.name for crate in lists} == {f"Stems/{kind}" for kind in ("Vocals", "Drums", "Bass", "Other")}
    (playlist,) = library.read(Path("dj/_DJ/Stems.m3u8"))
    assert {Path(entry.path).resolve() for entry in playlist.entries} == wavs
    info = read_stem(Path("dj/two/two.stem.mp4"))
    assert [track.codec for track in info.tracks] == ["mp4a"] * 5


def test_stems_still_add_up_after_they_were_made_anew_for_a_deck(stem: Stem) -> None:
    soundfile.write("high.wav", music(1.0, 88200) * 0.5, 88200, subtype="FLOAT")
    stem("separate", "high.wav", "--output", "stems", "--engine", "builtin", "--bit-depth", "float", "--judge", "off")
    stem("organize", "stems", "--for", "cdj", "--output", "dj")
    home = Path("dj/high")
    infos = [soundfile.info(path) for path in sorted(home.glob("*.wav"))]
    assert {(info.samplerate, info.subtype, info.frames) for info in infos} == {(44100, "PCM_24", 44100)}
    whole = sum(ints(path) for path in home.glob("*.wav"))
    tone = np.abs(whole / 2**31).max()
    assert 0.35 < tone < 0.45  # the song had 0.4: gain 1
    again = sum(soundfile.read(path)[0] for path in Path("stems").rglob("*.wav"))
    from scipy.signal import resample_poly

    assert np.abs(resample_poly(again, 1, 2)[100:-100] - (whole / 2**31)[100:-100]).max() < 0.01


def test_layouts_and_names(stem: Stem, stems: Path) -> None:
    stem("organize", stems, "--for", "serato", "--output", "a", "--layout", "by-stem", "--naming", "classic")
    assert {"Vocals/two_Vocals.wav", "Drums/two_Drums.wav"} <= files(Path("a"))
    stem("organize", stems, "--for", "serato", "--output", "b", "--naming", "{title} [{stem}]", "--stems", "vocals")
    assert {name for name in files(Path("b")) if "two" in name} == {"two/two [Vocals].wav"}
    stem("organize", stems, "--for", "serato", "--output", "c", "--layout", "mirror", "--root", Path.cwd().parent)
    assert "work/two (Bass).wav" in files(Path("c"))


def test_two_songs_of_one_name_keep_apart(stem: Stem) -> None:
    for seed, folder in enumerate(("a", "B")):
        Path(folder).mkdir()
        soundfile.write(f"{folder}/Song.wav", music(1.0, RATE, seed=seed), RATE, subtype="PCM_16")
        stem("separate", f"{folder}/Song.wav", "--output", "stems", "--engine", "builtin", "--judge", "off")
    stem("organize", "stems", "--for", "serato", "--output", "dj")
    assert {"Song/Song (Vocals).wav", "Song (2)/Song (2) (Vocals).wav"} <= files(Path("dj"))


def test_a_second_run_writes_no_stem_again_and_a_changed_file_of_a_deck_stays(stem: Stem, stems: Path) -> None:
    stem("organize", stems, "--for", "traktor", "--output", "dj")
    path = Path("dj/two/two (Vocals).wav")
    tagged = WAVE(path)
    tagged.tags.setall("TCON", [])
    tagged.save()
    before = {name: (Path("dj") / name).stat().st_mtime_ns for name in files(Path("dj")) if "_DJ" not in name}
    done = json.loads(stem("organize", stems, "--for", "traktor", "--output", "dj", "--json").stdout)
    assert set(done["there"]) == set(before)
    assert before == {name: (Path("dj") / name).stat().st_mtime_ns for name in before}


def test_a_file_of_somebody_else_is_in_the_way_and_stays(stem: Stem, stems: Path) -> None:
    place = Path("dj/two/two (Vocals).wav")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    done = stem("organize", stems, "--for", "serato", "--output", "dj", code=5)
    assert "did not write" in done.stderr
    assert files(Path("dj")) == {"two/two (Vocals).wav"}
    assert place.read_bytes() == b"mine"


def test_a_dry_run_writes_nothing_and_links_share_the_disk(stem: Stem, stems: Path) -> None:
    told = stem("organize", stems, "--for", "serato", "--output", "dj", "--dry-run").stdout
    assert "two/two (Vocals).wav" in told
    assert not Path("dj").exists()
    stem("organize", stems, "--for", "serato", "--output", "dj", "--link")
    one = next(stems.glob("two_*/vocals.wav"))
    assert one.stat().st_ino == Path("dj/two/two (Vocals).wav").stat().st_ino


def test_grid_cues_and_crates_of_the_user_are_inherited(stem: Stem, stems: Path) -> None:
    song = Path("two.wav").resolve()
    Path("mine.xml").write_text(
        '<?xml version="1.0"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="1">'
        f'<TRACK TrackID="1" Location="file://localhost{song}" Tonality="8A" Rating="204" Colour="0xFF0000">'
        '<TEMPO Inizio="0.125" Bpm="124.00" Metro="4/4" Battito="1"/>'
        '<POSITION_MARK Name="Drop" Type="0" Start="1.25" Num="0"/></TRACK></COLLECTION>'
        '<PLAYLISTS><NODE Type="0" Name="ROOT" Count="1"><NODE Name="Stem Me" Type="1" KeyType="0" Entries="1">'
        '<TRACK Key="1"/></NODE></NODE></PLAYLISTS></DJ_PLAYLISTS>'
    )
    options = ("--rekordbox-xml", "mine.xml", "--library", "mine.xml")
    stem("organize", stems, "--for", "rekordbox", "--output", "dj", *options)
    text = Path("dj/_DJ/rekordbox.xml").read_text("utf-8")
    assert text.count('Inizio="0.125" Bpm="124.00"') == 4
    assert text.count('Name="Drop"') == 4
    assert text.count('Tonality="8A"') == 4
    assert {"Stems/Vocals", "Stems/Crates/Stem Me/Vocals"} <= {
        crate.name for crate in library.read(Path("dj/_DJ/rekordbox.xml"))
    }
    checked("rekordbox", Path("dj/_DJ/rekordbox.xml"))


def test_bad_wishes_are_told(stem: Stem, stems: Path) -> None:
    assert "There are: serato" in stem("organize", stems, "--for", "winamp", "--output", "dj", code=2).stderr
    assert "ALAC" in stem("organize", stems, "--for", "traktor-win", "--codec", "alac", "--output", "dj", code=2).stderr
    assert "stem" in stem("organize", stems, "--for", "serato", "--naming", "x", "--output", "dj", code=2).stderr
    Path("empty").mkdir()
    assert "no stems of ours" in stem("organize", "empty", "--for", "serato", "--output", "dj", code=3).stderr


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_live_library_is_touched_only_by_install_and_only_with_new_files(
    stem: Stem, stems: Path, serato: Path, tmp_path: Path
) -> None:
    before = snapshot(serato)
    stem("organize", stems, "--for", "serato", "--output", "dj")
    assert snapshot(serato) == before
    stem("organize", stems, "--for", "serato", "--output", "dj", "--install")
    after = snapshot(serato)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {
        f"Subcrates/Stems%%{kind}.crate" for kind in ("Vocals", "Drums", "Bass", "Other")
    }
    (found,) = library.read(serato / "Subcrates" / "Stems%%Vocals.crate")
    assert len(found.entries) == 2
    (backup,) = (tmp_path / "data" / "backups").glob("*.zip")
    assert zipfile.ZipFile(backup).namelist()[-1] == "Subcrates/Mine.crate"
    stem("organize", stems, "--for", "serato", "--output", "dj", "--install")
    assert snapshot(serato) == after


def test_a_crate_that_the_user_has_changed_stays(stem: Stem, stems: Path, serato: Path) -> None:
    theirs = serato / "Subcrates" / "Stems%%Vocals.crate"
    theirs.write_bytes(crate(["Music/b.mp3"]))
    before = snapshot(serato)
    assert "is there" in stem("organize", stems, "--for", "serato", "--output", "dj", "--install", code=5).stderr
    assert snapshot(serato) == before


def test_nothing_is_installed_while_serato_runs(stem: Stem, stems: Path, serato: Path, tmp_path: Path) -> None:
    program = tmp_path / "Serato DJ Pro"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    before = snapshot(serato)
    with subprocess.Popen([program, "60"]) as running:
        try:
            done = stem("organize", stems, "--for", "serato", "--output", "dj", "--install", code=7)
        finally:
            running.kill()
    assert "is running" in done.stderr
    assert snapshot(serato) == before


def test_what_serato_knows_of_a_song_goes_to_its_stems(stem: Stem) -> None:
    soundfile.write("grid.wav", music(1.0, RATE), RATE, subtype="PCM_16")
    grid = b"\x01\x00\x00\x00\x00\x01" + b"\x3e\x00\x00\x00\x42\xf8\x00\x00\x00"
    tagged = WAVE("grid.wav")
    tagged.add_tags()
    tagged.tags.add(GEOB(encoding=0, mime="application/octet-stream", desc="Serato BeatGrid", data=grid))
    tagged.save()
    stem("separate", "grid.wav", "--output", "stems", "--engine", "builtin", "--judge", "off")
    stem("organize", "stems", "--for", "serato", "--output", "dj")
    for path in Path("dj").rglob("*.wav"):
        assert WAVE(path).tags["GEOB:Serato BeatGrid"].data == grid
        assert WAVE(path).tags["TIT2"].text[0].endswith(")")
    again = json.loads(stem("organize", "stems", "--for", "serato", "--output", "dj", "--json").stdout)
    assert len(again["there"]) == 4


def test_songs_that_differ_in_nothing_that_a_template_names_keep_apart(stem: Stem) -> None:
    for seed, folder in enumerate(("Ann", "Bob")):
        Path(folder).mkdir()
        soundfile.write(f"{folder}/track.wav", music(1.0, RATE, seed=seed), RATE, subtype="PCM_16")
        tagged = WAVE(f"{folder}/track.wav")
        tagged.add_tags()
        tagged.tags.add(TPE1(encoding=3, text=[folder]))
        tagged.tags.add(TIT2(encoding=3, text=["Song"]))
        tagged.save()
        stem("separate", f"{folder}/track.wav", "--output", "stems", "--engine", "builtin", "--judge", "off")
    for number, options in enumerate((["--naming", "classic", "--layout", "by-stem"], ["--naming", "{title} {stem}"])):
        output = f"dj{number}"
        stem("organize", "stems", "--for", "rekordbox,mixxx", "--output", output, *options)
        assert len(list(Path(output).rglob("*.wav"))) == 8
        assert len(library.read(Path(output, "_DJ", "rekordbox.xml"))[0].entries) == 8
        again = json.loads(
            stem("organize", "stems", "--for", "rekordbox,mixxx", "--output", output, *options, "--json").stdout
        )
        assert len(again["there"]) == 10


@pytest.mark.parametrize("name", ["rekordbox.xml", "Stems.m3u8", "README.txt", "Serato/Subcrates/Stems%%Bass.crate"])
def test_lists_of_the_user_in_the_output_folder_stay(stem: Stem, stems: Path, name: str) -> None:
    mine = Path("dj/_DJ") / name
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    assert "did not write" in stem("organize", stems, "--for", "serato,rekordbox", "--output", "dj", code=5).stderr
    assert mine.read_bytes() == b"mine"
    assert files(Path("dj")) == {f"_DJ/{name}"}


def test_killed_in_the_middle_the_next_run_goes_on(stem: Stem, stems: Path) -> None:
    command = [sys.executable, "-m", "stem_cli.cli", "organize", str(stems), "--for", "mixxx", "--output", "dj"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None and not list(Path("dj").rglob("*.wav")):
            time.sleep(0.005)
        running.kill()
    stem("organize", stems, "--for", "mixxx", "--output", "dj")
    assert len(list(Path("dj").rglob("*.wav"))) == 8
    assert not list(Path("dj").rglob("*.partial"))


def test_a_library_that_knows_none_of_the_songs_is_told(stem: Stem, stems: Path) -> None:
    Path("mine.xml").write_text(
        '<?xml version="1.0"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="1"><TRACK TrackID="1" Tonality="8A"'
        ' Location="file://localhost/elsewhere/x.wav"/></COLLECTION><PLAYLISTS/></DJ_PLAYLISTS>'
    )
    done = stem("organize", stems, "--for", "rekordbox", "--output", "dj", "--rekordbox-xml", "mine.xml")
    assert "knows none of these songs" in done.stderr
    assert "that they lie in" in stem("organize", stems, "--for", "mixxx", "--output", stems, code=2).stderr
