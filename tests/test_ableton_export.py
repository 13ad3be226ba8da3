"""`stem export-ableton`: what a producer types and gets, and that nothing of theirs is lost."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from live_sets import NAMES, checked, read_set, write_stems
from processes import started, unix_only, wait_for

from stem_cli.audio import Mix, open_sink
from stem_cli.folder.exact import to_ints

Told = dict[str, Any]


@pytest.fixture
def stems(stem: Stem) -> Path:
    """Stems of a song of 120 BPM that says so: 16 bits, 22.05 kHz, and the song itself."""
    soundfile.write("song.flac", music(3.0, 22050), 22050, subtype="PCM_16")
    import mutagen.flac

    tagged = mutagen.flac.FLAC("song.flac")
    tagged["title"], tagged["artist"], tagged["bpm"] = "Söng & <one>", "Ärtist", "120"
    tagged.save()
    done = stem("separate", "song.flac", "--output", "stems", "--engine", "builtin", "--judge", "off")
    return Path(done.stdout.splitlines()[0]).parent


@pytest.fixture
def plain() -> Path:
    """Stems of another tool."""
    return write_stems(Path("Their Song"), NAMES[4], 4.0)


def export(stem: Stem, *arguments: object) -> Told:
    told: Told = json.loads(stem("export-ableton", *arguments, "--json").stdout)
    return told


def ints(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int32")[0].astype(np.int64)


def state(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_song_becomes_a_project_and_its_path_is_the_result(stem: Stem, stems: Path) -> None:
    done = stem("export-ableton", stems, "--output", "live")
    path = Path(done.stdout.strip())
    name = "Ärtist - Söng & (one)"
    assert path == Path.cwd() / "live" / f"{name} Project" / f"{name}.als"
    assert done.stderr == "Ärtist - Söng & <one>: 4 tracks, 120.00 BPM\n"
    assert (path.parent / "Ableton Project Info").is_dir()
    kinds = ("Vocals).wav", "Drums).wav", "Bass).wav", "Other).wav", "Original).flac")
    assert set(state(path.parent)) == {f"{name}.als", *(f"Samples/Imported/{name} ({kind}" for kind in kinds)}
    assert not [entry for entry in path.parent.parent.iterdir() if entry.name.startswith(".")]
    checked(path, "--tempo", 120)


def test_the_song_itself_is_muted_grey_and_outside_of_the_group(stem: Stem, stems: Path) -> None:
    path = Path(export(stem, stems, "--output", "a")["set"])
    group, *tracks, original = read_set(path).tracks
    assert (original.name, original.heard, original.group, original.colour) == ("Original", False, -1, 27)
    assert all(track.heard for track in tracks)
    assert group.name == "Ärtist - Söng & <one>"
    whole = path.parent / original.arrangement[0].relative
    parts = [path.parent / track.arrangement[0].relative for track in tracks]
    assert np.array_equal(sum(ints(part) for part in parts), ints(whole))
    assert original.arrangement[0].markers == tracks[0].arrangement[0].markers
    assert [
        track.name for track in read_set(Path(export(stem, stems, "--output", "b", "--no-reference")["set"])).tracks
    ][1:] == ["Vocals", "Drums", "Bass", "Other"]


def test_a_song_that_is_gone_is_made_of_its_stems(stem: Stem, stems: Path) -> None:
    song = ints(Path("song.flac"))
    os.truncate("song.flac", 1000)
    path = Path(export(stem, stems, "--output", "live")["set"])
    original = read_set(path).tracks[-1]
    assert original.name == "Original"
    assert np.array_equal(ints(path.parent / original.arrangement[0].relative), song)
    checked(path)


def test_a_stretch_of_a_lossy_song_has_that_stretch_beside_it(stem: Stem) -> None:
    soundfile.write("song.mp3", music(6.0, 22050), 22050)
    stem("separate", "song.mp3", "--output", "stems", "--engine", "builtin", "--judge", "off", "--time", "1-4")
    told = export(stem, "stems", "--bpm", "120", "--output", "live")
    original = next(Path(file) for file in told["files"] if "(Original)" in file)
    parts = [Path(file) for file in told["files"] if file.endswith(".wav") and "(Original)" not in file]
    assert np.array_equal(sum(ints(part) for part in parts), ints(original))
    checked(Path(told["set"]))


def test_without_a_tempo_it_says_what_to_type(stem: Stem, plain: Path) -> None:
    done = stem("export-ableton", plain, code=2)
    assert "no beat was found in it, and no tag tells its tempo. Name it with --bpm." in done.stderr
    told = export(stem, plain, "--bpm", "93.5")
    assert told["bpm"] == 93.5
    assert told["songs"] == [{"name": "Their Song", "bpm": 93.5, "read_at": 1.0, "markers": 2,
                              "tracks": ["Vocals", "Drums", "Bass", "Other"], "original": False}]  # fmt: skip


def test_several_folders_are_several_groups_in_one_set(stem: Stem, stems: Path, plain: Path) -> None:
    told = export(stem, stems, plain, stems, "--bpm", "124", "--arrange", "stacked", "--output", "live")
    assert [song["name"] for song in told["songs"]] == ["Ärtist - Söng & <one>", "Their Song"]
    assert Path(told["set"]).name == "Ärtist - Söng & (one) + Their Song.als"
    seen = read_set(Path(told["set"]))
    assert [track.name for track in seen.tracks if track.group == -1] == [
        "Ärtist - Söng & <one>", "Original - Söng & <one>", "Their Song"]  # fmt: skip
    assert seen.tempo == 124
    checked(Path(told["set"]), "--songs", 2, but=["stems: warp markers agree with the tempo"])  # 120 played at 124


def test_songs_of_one_name_keep_apart(stem: Stem) -> None:
    homes = [write_stems(Path(folder) / "Song", NAMES[4], 2.0) for folder in ("a", "b")]
    told = export(stem, *homes, "--bpm", "120")
    assert len(set(told["files"])) == 9
    checked(Path(told["set"]), "--songs", 2)
    assert [song["name"] for song in told["songs"]] == ["Song", "Song 2"]
    seen = read_set(Path(told["set"]))
    assert [track.name for track in seen.tracks if track.kind == "GroupTrack"] == ["Song", "Song 2"]
    assert seen.scenes == ("Song", "Song 2")
    assert [name for _, name in seen.locators] == ["Song", "Song 2"]


# --------------------------------------------------------------------------------------------- a project that is there


def test_a_project_that_is_there_is_left_alone(stem: Stem, plain: Path) -> None:
    export(stem, plain, "--bpm", "120", "--output", "live")
    before = state(Path("live"))
    done = stem("export-ableton", plain, "--bpm", "126", "--output", "live", code=5)
    assert "this project is there already. With --force" in done.stderr
    assert state(Path("live")) == before


def test_force_keeps_the_old_set_and_all_that_is_the_users(stem: Stem, plain: Path) -> None:
    first = Path(export(stem, plain, "--bpm", "120", "--output", "live")["set"])
    first.write_bytes(b"edited in Live")
    drums = first.parent / "Samples/Imported/Their Song (Drums).wav"
    (first.parent / "Samples/Recorded").mkdir()
    (first.parent / "Samples/Recorded/mine.wav").write_bytes(b"mine")
    (first.parent / "notes.txt").write_text("mine")
    soundfile.write(drums, np.zeros((8000, 2)), 8000, subtype="PCM_16")  # drawn on in an editor
    before = state(first.parent)
    told = export(stem, plain, "--bpm", "126", "--output", "live", "--force")
    after = state(first.parent)
    backup = Path(told["backup"])
    assert backup.parent == first.parent / "Backup"
    assert backup.read_bytes() == b"edited in Live"
    assert {name: content for name, content in after.items() if name in before and name != first.name} == {
        name: content for name, content in before.items() if name != first.name
    }
    assert set(after) - set(before) == {
        str(backup.relative_to(first.parent)),
        "Samples/Imported/Their Song (Drums) 2.wav",
    }
    checked(first, "--tempo", 126)
    again = export(stem, plain, "--bpm", "126", "--output", "live", "--force")
    assert again["backup"] is None
    assert state(first.parent) == after


def test_an_empty_folder_is_no_project_yet(stem: Stem, plain: Path) -> None:
    Path("live/Their Song Project").mkdir(parents=True)
    checked(Path(export(stem, plain, "--bpm", "120", "--output", "live")["set"]))


def test_a_file_in_the_way_is_told(stem: Stem, plain: Path) -> None:
    Path("Their Song Project").write_text("mine")
    for more in ([], ["--force"]):
        assert "Their Song Project" in stem("export-ableton", plain, "--bpm", "120", *more, code=5).stderr
    assert Path("Their Song Project").read_text() == "mine"


def test_a_full_disk_leaves_nothing(stem: Stem, small_disk: Callable[[int], Path]) -> None:
    home = write_stems(Path("Large"), NAMES[4], 60.0, 22050)
    disk = small_disk(8)
    done = stem("export-ableton", home, "--bpm", "120", "--output", disk, code=5)
    assert "the disk is full" in done.stderr
    assert list(disk.iterdir()) == []


def test_a_folder_that_may_not_be_written_to(
    stem: Stem, plain: Path, mode: Callable[[Path, int], None], obey: dict[str, Any]
) -> None:
    Path("live").mkdir()
    mode(Path("live"), 0o555)
    done = stem("export-ableton", plain, "--bpm", "120", "--output", "live", code=5, **obey)
    assert "writing is not allowed there" in done.stderr


@unix_only
@pytest.mark.parametrize("force", [False, True])
def test_killed_in_the_middle_nothing_is_half_there(stem: Stem, force: bool) -> None:
    home = write_stems(Path("Large"), NAMES[4], 60.0, 32000)
    for path in home.iterdir():
        converted(path, "alac", "16")  # takes longer than copies
    line = ["export-ableton", home, "--output", "live", "--bpm"]
    if force:
        export(stem, *line[1:], "120")
    before = state(Path("live"))
    process = started(*line, "130", "--force")
    wait_for(lambda: list(Path("live").glob(".*.partial/stems/Samples/Imported/*")), process)
    process.kill()
    process.communicate()
    assert {name: content for name, content in state(Path("live")).items() if not name.startswith(".")} == before
    path = Path(export(stem, *line[1:], "130", "--force")["set"])
    checked(path, "--tempo", 130)  # no beat is heard in noise: it goes at the tempo named
    assert [entry.name for entry in Path("live").iterdir()] == ["Large Project"]


# ---------------------------------------------------------------------------------------------------------- formats


def converted(source: Path, form: str, depth: str) -> None:
    """The same sound in another format."""
    mix = Mix.open(source)
    suffix = {"flac": ".flac", "aiff": ".aiff", "alac": ".m4a", "aac": ".m4a", "mp3": ".mp3"}[form]
    sink = open_sink(source.with_suffix(suffix), form, mix.rate, mix.channels, depth, mix.frames)
    for block in mix.blocks():
        sink.write(to_ints(block, depth)[0])
    sink.close()
    source.unlink()


@pytest.mark.parametrize(
    ("form", "kept"), [("flac", True), ("aiff", True), ("alac", False), ("aac", False), ("mp3", False)]
)
def test_what_live_misplaces_is_made_a_wav(stem: Stem, plain: Path, form: str, kept: bool) -> None:
    before = {path.stem: ints(path) for path in plain.iterdir()}
    for path in list(plain.iterdir()):
        converted(path, form, "16")
    told = export(stem, plain, "--bpm", "120", "--output", "live")
    checked(Path(told["set"]))
    files = [Path(file) for file in told["files"][1:]]
    assert {file.suffix for file in files} == {f".{form}" if kept else ".wav"}
    for file in files:
        sound = before[file.stem.rpartition("(")[2].rstrip(")").lower()]
        if form in ("flac", "aiff", "alac"):
            assert np.array_equal(ints(file), sound)
        else:
            assert abs(len(ints(file)) - len(sound)) < 2400


def test_integers_of_32_bits_become_what_live_takes(stem: Stem) -> None:
    home = Path("Song")
    home.mkdir()
    for name in NAMES[4]:
        soundfile.write(home / f"{name}.wav", music(2.0, 8000), 8000, subtype="PCM_32")
    told = export(stem, home, "--bpm", "120")
    checked(Path(told["set"]))
    assert {soundfile.info(file).subtype for file in told["files"][1:]} == {"FLOAT"}


def test_links_share_the_disk_and_copies_do_not(stem: Stem, plain: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in plain.iterdir()}
    for option, shared in (("--copy", False), ("--link", True)):
        told = export(stem, plain, "--bpm", "120", "--output", option[2:], option)
        place = Path(told["set"]).parent / "Samples/Imported/Their Song (Bass).wav"
        assert place.samefile(plain / "bass.wav") == shared
        checked(Path(told["set"]))
    assert times == {path: path.stat().st_mtime_ns for path in plain.iterdir()}


def test_of_two_at_once_one_makes_the_project_and_the_other_is_told_so(plain: Path) -> None:
    both = [started("export-ableton", plain, "--bpm", "120", "--output", "live") for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) in ([0, 5], [0, 7]), said  # 5: it came so late that the project stood there already
    assert "not ours" not in "".join(said)
    assert ("meanwhile" in "".join(said)) == (7 in codes)
    (made,) = Path("live").rglob("*.als")
    checked(made)


def test_the_set_of_tomorrow_is_that_of_today(stem: Stem, plain: Path) -> None:
    first = Path(export(stem, plain, "--bpm", "120", "--output", "live")["set"])
    kept = first.read_bytes()
    shutil.rmtree(first.parent)
    future = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    stem("export-ableton", plain, "--bpm", "120", "--output", "live", env=future)
    assert first.read_bytes() == kept


# ----------------------------------------------------------------------------------------------------- odd requests


def test_a_dry_run_says_it_all_and_writes_nothing(stem: Stem, plain: Path) -> None:
    lines = stem("export-ableton", plain, "--bpm", "120", "--output", "live", "--dry-run").stdout.splitlines()
    assert len(lines) == 5
    assert not Path("live").exists()
    stem("export-ableton", plain, "--bpm", "120", "--output", "live")
    assert all(Path(line).is_file() for line in lines)


def test_a_dry_run_tells_what_the_real_one_does(stem: Stem, stems: Path, plain: Path) -> None:
    shutil.copy(plain / "other.wav", plain / "synth.wav")
    line = [stems, plain, "--bpm", "124", "--output", "live", "--force"]
    before = stem("export-ableton", *line, "--dry-run").stderr
    assert "Söng & <one>: 4 tracks, 120.00 BPM, played at 124.00\n" in before
    assert "Their Song: 4 tracks, 124.00 BPM, without the song itself\n" in before
    assert "left out: synth.wav" in before
    assert before == stem("export-ableton", *line).stderr
    line[3] = "126"
    dry = export(stem, *line, "--dry-run")
    assert dry == export(stem, *line)
    assert Path(dry["backup"]).is_file()
    assert "the set that is there would become " in stem("export-ableton", *line, "--dry-run").stderr


def test_one_track_is_one_track(stem: Stem) -> None:
    home = write_stems(Path("Beat"), ("drums",), 2.0)
    assert "Beat: 1 track, 120.00 BPM" in stem("export-ableton", home, "--bpm", "120").stderr


def test_a_neutral_set_that_stretches_says_so(stem: Stem, stems: Path) -> None:
    for bpm, told in (("120", False), ("124", True)):
        done = stem("export-ableton", stems, "--bpm", bpm, "--output", bpm, "--warp", "neutral")
        assert ("its stems will not null against the original" in done.stderr) == told


def test_quiet_says_nothing(stem: Stem, plain: Path) -> None:
    done = stem("export-ableton", plain, "--bpm", "120", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        (["--bpm", "120", "--tempo-automation"], 2, "contradict"),
        (["--bpm", "1000"], 2, "1000"),
        (["--bpm", "nan"], 2, "nan"),
        (["--warp", "loud"], 2, "loud"),
        (["--bpm", "120", "--output", "Their Song"], 2, "Name another --output"),
    ],
)
def test_what_makes_no_sense_is_told(stem: Stem, plain: Path, line: list[str], code: int, text: str) -> None:
    assert text in stem("export-ableton", plain, *line, code=code).stderr


def test_a_set_cannot_follow_two_songs_at_once(stem: Stem, stems: Path) -> None:
    shutil.copytree(stems, "other")
    done = stem("export-ableton", stems, "other", "--arrange", "stacked", "--tempo-automation", code=2)
    assert "several songs at once" in done.stderr
    told = export(stem, stems, "other", "--tempo-automation")
    assert told["bpm"] == 120
    names = [track.name for track in read_set(Path(told["set"])).tracks if track.group == -1]
    assert names[1::2] == ["Original - Söng & <one>", "Original - Söng & <one> 2"]


def test_a_folder_without_stems_is_told(stem: Stem) -> None:
    Path("empty").mkdir()
    assert "no file in it is named after a stem" in stem("export-ableton", "empty", "--bpm", "120", code=3).stderr


@pytest.mark.skipif(sys.platform == "win32", reason="only on systems with long paths")
def test_a_path_of_three_hundred_characters(stem: Stem) -> None:
    deep = Path.cwd() / Path(*["folder of forty characters, more or less"] * 8)
    home = write_stems(deep / ("A song with a very long name " * 4).strip(), NAMES[4], 2.0)
    assert len(str(home)) > 300
    told = export(stem, home, "--bpm", "120", "--output", deep)
    checked(Path(told["set"]))
    assert len(told["set"]) > 300
