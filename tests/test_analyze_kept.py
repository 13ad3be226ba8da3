"""Where `stem analyze` puts what it found - database, metadata, tags - and whose grids, tempos and keys it respects."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import postgres
import pytest
import soundfile
from conftest import Stem
from mutagen.id3 import GEOB, POPM, TBPM, TIT2, TKEY, TXXX
from mutagen.mp3 import MP3
from mutagen.wave import WAVE
from tagged import sound_of
from test_organize import checked

from stem_cli import tags
from stem_cli.analysis import Analysis, Given, grid_from, stands, tempos_of
from stem_cli.cues import Tempo
from stem_cli.dj.serato_grid import tempos_in
from stem_cli.dsp.beats import BeatGrid
from stem_cli.synth import compose, render

RATE, BPM = 44100, 125.0


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    song = compose("house", seed=5, seconds=16, bpm=BPM, key="Am")
    return sum(render(song).values()).T


@pytest.fixture
def song(sound: np.ndarray) -> Path:
    """A song without tags."""
    soundfile.write("song.wav", sound, RATE, subtype="PCM_16")
    return Path("song.wav")


def told(stem: Stem, path: Path, *options: object) -> dict[str, object]:
    return json.loads(stem("analyze", path, "--json", *options).stdout)


def tag(path: Path, *frames: object) -> Path:
    """As another program would."""
    file = WAVE(path)
    if file.tags is None:
        file.add_tags()
    for frame in frames:
        file.tags.add(frame)
    file.save()
    return path


# ------------------------------------------------------------------------------------------------------ the database


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


def test_what_is_known_is_told_without_loading_what_listens(stem: Stem, song: Path) -> None:
    """scipy.signal takes longer to load than the rest of the work."""
    stem("analyze", song)
    (folder,) = Path("stems").iterdir()
    script = (
        "import sys; from stem_cli.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print('scipy.signal' in sys.modules)"
    )
    for asked in (
        ["analyze", song],
        ["analyze", folder],
        ["export-ableton", folder],
        ["organize", folder, "--for", "mixxx", "--output", "dj"],
    ):
        command = [sys.executable, "-c", script, *map(str, asked), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "False", asked


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_song_is_remembered_by_its_sound_whatever_becomes_of_its_stems(
    stem: Stem, song: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "postgresql":
        monkeypatch.setenv("STEM_DATABASE_URL", postgres.new_database(request.getfixturevalue("server")))
    first = told(stem, song)
    shutil.rmtree("stems")
    moved = tag(song.rename("moved.wav"), TIT2(encoding=3, text=["Moved"]))
    again = told(stem, moved)
    assert again == {**first, "folder": None, "name": "Moved"}
    assert not Path("stems").exists()
    assert told(stem, moved, "--reanalyze")["folder"] == str(next(Path("stems").iterdir()).absolute())


def test_a_tag_that_contradicts_what_is_remembered_is_respected(stem: Stem, song: Path) -> None:
    first = told(stem, song)
    other = "Bm" if first["key"]["name"] != "Bm" else "Am"
    again = told(stem, tag(song, TKEY(encoding=3, text=[other]), TBPM(encoding=3, text=["125"])), "--output", "new")
    assert again["key"]["name"] == other
    assert again["grid"]["bpm"] == pytest.approx(BPM, abs=0.1)


def test_other_stems_of_a_song_take_what_is_remembered_for_a_live_set(stem: Stem, song: Path, tmp_path: Path) -> None:
    told(stem, song)
    with sqlite3.connect(tmp_path / "data" / "stem.sqlite") as database:
        (text,) = database.execute("SELECT result FROM analyses").fetchone()
        found = json.loads(text)
        found["grid"]["bpm"] = 100.0  # nobody would hear that
        database.execute("UPDATE analyses SET result = ?", (json.dumps(found),))
    stem("separate", song, "--output", "other", "--format", "flac")
    folder = next(Path("other").iterdir())
    exported = json.loads(stem("export-ableton", folder, "--json").stdout)
    assert exported["bpm"] == 100.0
    assert json.loads((folder / "metadata.json").read_text())["analysis"]["grid"]["bpm"] == 100.0


# -------------------------------------------------------------------------------------------------------------- tags


@pytest.mark.parametrize("form", ["wav", "flac", "mp3"])
def test_stems_get_the_tempo_and_the_key_and_still_verify(stem: Stem, song: Path, form: str) -> None:
    stem("separate", tag(song, TIT2(encoding=3, text=["Mañana"])), "--format", form)
    folder = next(Path("stems").iterdir())
    before = {path: (sound_of(path), tags.read(path)) for path in folder.iterdir() if path.suffix != ".json"}
    found = told(stem, folder)
    for path, (sound, old) in before.items():
        now = tags.read(path)
        assert sound_of(path) == sound
        assert now == tags.Tags(**{**vars(old), "bpm": BPM, "key": found["key"]["name"]})
        assert old.bpm is None
        assert old.key is None
    verified = stem("verify", folder)
    assert "ok" in verified.stdout
    assert "tags were changed" not in verified.stdout + verified.stderr
    assert "there" in json.loads(stem("separate", song, "--format", form, "--json").stdout)["status"]


def test_a_tempo_and_a_key_that_stems_have_stay_until_they_are_analysed_anew(stem: Stem, song: Path) -> None:
    stem("separate", tag(song, TBPM(encoding=3, text=["124"]), TKEY(encoding=3, text=["8A"])))
    folder = next(Path("stems").iterdir())
    found = told(stem, folder)
    assert found["key"]["name"] == "Am"
    assert (tags.read(folder / "drums.wav").bpm, tags.read(folder / "drums.wav").key) == (124.0, "8A")
    anew = told(stem, folder, "--reanalyze")
    assert anew["alone"]
    assert (tags.read(folder / "drums.wav").bpm, tags.read(folder / "drums.wav").key) == (BPM, anew["key"]["name"])
    assert told(stem, folder) == anew
    assert "tags were changed" not in stem("verify", folder).stdout


def _tagged_mp3(sound: np.ndarray) -> Path:
    path = Path("mine.mp3")
    soundfile.write(path, sound, RATE)
    file = MP3(path)
    file.add_tags()
    file.tags.add(TIT2(encoding=3, text=["Mañana"]))
    file.tags.add(POPM(email="dj", rating=204, count=3))
    file.tags.add(TXXX(encoding=3, desc="Mine", text=["keep"]))
    file.tags.add(GEOB(encoding=0, mime="application/octet-stream", desc="Serato Autotags", data=b"\x01\x01124"))
    file.tags.add(TKEY(encoding=3, text=["12A"]))
    file.save()
    return path


def test_a_users_own_song_is_tagged_only_where_he_says_so_and_only_where_it_lacks(
    stem: Stem, sound: np.ndarray
) -> None:
    path = _tagged_mp3(sound)
    before, bytes_before, mode = sound_of(path), path.read_bytes(), 0o640
    path.chmod(mode)
    stem("analyze", path)
    assert path.read_bytes() == bytes_before
    done = stem("analyze", path, "--write-tags")
    assert "BPM 125 written into its tags" in done.stderr
    frames = {name: repr(frame) for name, frame in MP3(path).tags.items()}
    assert frames.pop("TBPM")
    old = Path("old.mp3")
    old.write_bytes(bytes_before)
    assert frames == {name: repr(frame) for name, frame in MP3(old).tags.items()}
    assert sound_of(path) == before
    assert path.stat().st_mode & 0o777 == mode
    tagged = path.read_bytes()
    assert "nothing missing" in stem("analyze", path, "--write-tags").stderr
    assert path.read_bytes() == tagged
    assert not list(Path().glob(".*"))


def test_a_song_that_takes_no_tags_is_left_as_it_is(stem: Stem, sound: np.ndarray) -> None:
    soundfile.write("song.ogg", sound, RATE)
    before = Path("song.ogg").read_bytes()
    assert "takes no tags from us" in stem("analyze", "song.ogg", "--write-tags", code=5).stderr
    assert Path("song.ogg").read_bytes() == before


# ------------------------------------------------------------------------------------------------- grids of others


def library(song: Path, tempos: str) -> Path:
    place = Path("mine.xml")
    place.write_text(
        '<?xml version="1.0"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="1">'
        f'<TRACK TrackID="1" Location="file://localhost{song.resolve()}">{tempos}</TRACK></COLLECTION></DJ_PLAYLISTS>'
    )
    return place


def tempo(seconds: float, bpm: float, beat: int = 1) -> str:
    return f'<TEMPO Inizio="{seconds:.3f}" Bpm="{bpm:.2f}" Metro="4/4" Battito="{beat}"/>'


def test_a_song_is_the_one_of_the_export_however_its_path_is_written(stem: Stem, song: Path) -> None:
    xml = library(song, tempo(0.25, BPM))
    Path("elsewhere").mkdir()
    Path("link").symlink_to(".", target_is_directory=True)
    for path in (Path("elsewhere/../song.wav"), Path("link/song.wav")):
        done = stem("analyze", path, "--rekordbox-xml", xml)
        assert "grid from rekordbox.xml" in done.stdout
        assert "has no grid of it" not in done.stderr


@pytest.mark.slow
def test_the_grid_of_the_users_rekordbox_xml_is_taken_and_stays(stem: Stem, song: Path) -> None:
    xml = library(song, tempo(0.5, 120, 3))
    told(stem, song)  # heard before: the grid that is named replaces it
    done = stem("analyze", song, "--rekordbox-xml", xml)
    assert "120 BPM, 4/4, first downbeat at 1.500 s, grid from rekordbox.xml" in done.stdout
    folder = next(Path("stems").iterdir())
    found = told(stem, folder)
    assert found["grid_from"] == "rekordbox.xml"
    assert np.array(found["grid"]["beats"])[:32] == pytest.approx(np.arange(32) * 0.5)
    assert found["grid"]["first_downbeat"] == 1.5
    assert tags.read(folder / "bass.wav").bpm == 120.0
    assert told(stem, song)["grid"] == found["grid"]  # of the database
    anew = told(stem, folder, "--reanalyze")
    assert anew["grid_from"] == ""
    assert anew["grid"]["bpm"] == pytest.approx(BPM, abs=0.05)


def test_a_grid_of_several_tempos_gives_beats_one_by_one(stem: Stem, song: Path) -> None:
    found = told(stem, song, "--rekordbox-xml", library(song, tempo(0, 120) + tempo(4, 125) + tempo(7.84, 130)))
    wanted = [*np.arange(0, 4, 0.5), *4 + np.arange(8) * 0.48, *np.arange(7.84, 16, 60 / 130)]
    assert not found["grid"]["constant"]
    assert found["grid"]["beats"] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("tempos", "why"),
    [
        (tempo(4, 120) + tempo(2, 125), "stands behind that at a later time"),
        ('<TEMPO Inizio="0" Bpm="NaN" Metro="4/4" Battito="1"/>', "'NaN' BPM"),
        (tempo(99999999, 120), "no two beats in the song"),
        ("", "no grid of it"),
    ],
)
def test_a_broken_grid_is_left_out_and_told(stem: Stem, song: Path, tempos: str, why: str) -> None:
    done = stem("analyze", song, "--rekordbox-xml", library(song, tempos))
    assert why in done.stderr
    assert "125 BPM" in done.stdout


def serato(*markers: tuple[float, float], count: int | None = None) -> GEOB:
    data = b"\x01\x00" + struct.pack(">I", len(markers) if count is None else count)
    data += b"".join(struct.pack(">fI", seconds, int(beats)) for seconds, beats in markers[:-1])
    data += struct.pack(">ff", *markers[-1]) + b"\0"
    return GEOB(encoding=0, mime="application/octet-stream", desc="Serato BeatGrid", data=data)


def test_the_grid_in_seratos_tag_is_taken_and_a_broken_one_told(stem: Stem, song: Path) -> None:
    found = told(stem, tag(song, serato((-0.25, 120.0))))
    assert found["grid_from"] == "Serato"
    assert np.array(found["grid"]["beats"])[:3] == pytest.approx([0.25, 0.75, 1.25])
    assert found["grid"]["first_downbeat"] == pytest.approx(1.75)
    broken = stem("analyze", tag(song, serato((0.0, 120.0), count=500)), "--reanalyze")
    assert "125 BPM" in broken.stdout
    again = stem("analyze", song)
    assert "Serato: its grid is left out: 500 markers are told" in again.stderr
    assert "125 BPM" in again.stdout


def test_what_the_user_asked_for_gives_way_only_to_a_grid_that_he_names() -> None:
    grid = grid_from((Tempo(0.0, 120.0),), 100.0)
    heard = Analysis(grid_from((Tempo(0.0, 124.0),), 100.0), None, (), -12.0)
    serato, rekordbox = Given(grid, "Serato"), Given(grid, "rekordbox.xml", asked=True)
    assert stands(heard, {}, Given())
    assert not stands(heard, {}, serato)
    for wanted in (
        replace(heard, alone=True),
        replace(heard, said=("bpm",)),
        replace(heard, grid_from="rekordbox.xml"),
    ):
        assert stands(wanted, {}, serato)
        assert not stands(wanted, {}, rekordbox)
    taken = replace(heard, grid=grid, grid_from="rekordbox.xml")
    assert stands(taken, {}, rekordbox)
    assert stands(taken, {}, serato)
    assert not stands(taken, {"key": "Am"}, rekordbox)
    assert not stands(taken, {"bpm": 90.0}, None)


def test_seratos_markers_are_read_as_tempos_and_damage_is_refused() -> None:
    two = serato((0.0, 16), (8.0, 125.0)).data
    assert tempos_in(two) == (Tempo(0.0, 120.0), Tempo(8.0, 125.0))
    assert tempos_in(serato((0.0, 6), (3.0, 125.0)).data)[1].beat == 3
    assert tempos_in(b"\x01\x00\x00\x00\x00\x00\x00") == ()
    for damaged in (b"", b"\x02\x00\0\0\0\0", two[:-5], serato((8.0, 4), (8.0, 125.0)).data,
                    serato((float("nan"), 4), (8.0, 125.0)).data, serato((0.0, float("inf"))).data,
                    serato((0.0, 0), (8.0, 125.0)).data):  # fmt: skip
        with pytest.raises(ValueError, match=r"\w"):
            tempos_in(damaged)


@pytest.mark.parametrize("first", [0.0, 0.3, 1.2])
@pytest.mark.parametrize("bar", [3, 4, 7])
def test_a_grid_goes_to_tempos_and_back(first: float, bar: int) -> None:
    grid = grid_from((Tempo(first, 124.0, f"{bar}/4", 2),), 200.0)
    assert grid is not None
    back = grid_from(tempos_of(grid), 200.0)
    assert back is not None
    assert back.beats == pytest.approx(grid.beats, abs=2e-6)
    assert (back.bpm, back.first_downbeat, back.beats_per_bar) == (124.0, pytest.approx(grid.first_downbeat), bar)
    random = np.random.default_rng(1)
    beats = tuple(np.round(first + np.cumsum(0.5 + 0.02 * random.standard_normal(100)), 6).tolist())
    drifting = BeatGrid(120.0, beats[2], beats, bar, constant=False, confidence=1.0)
    tempos = tempos_of(drifting)
    again = grid_from(tempos, beats[-1] + 0.1)
    assert again is not None
    assert {tempo.seconds for tempo in tempos if tempo.beat == 1} <= set(drifting.downbeats)
    nearest = [min(abs(beat - one) for one in again.beats) for beat in drifting.downbeats]
    assert max(nearest) < 1e-5


# ---------------------------------------------------------------------------------------------------------- organize


def _tempos(place: Path) -> list[str]:
    return [line.strip() for line in place.read_text("utf-8").splitlines() if "<TEMPO" in line]


@pytest.mark.slow
def test_stems_get_the_grid_that_was_found_where_the_dj_has_laid_none(stem: Stem, song: Path) -> None:
    found = told(stem, song)
    stem("organize", "stems", "--for", "rekordbox", "--output", "dj")
    place = Path("dj/_DJ/rekordbox.xml")
    first = found["grid"]["beats"][0]
    assert len(_tempos(place)) == 4
    assert f'Inizio="{first:.3f}" Bpm="125.00" Metro="4/4"' in _tempos(place)[0]
    checked("rekordbox", place)
    stem(
        "organize", "stems", "--for", "rekordbox", "--output", "dj", "--rekordbox-xml", library(song, tempo(0.125, 99))
    )
    assert set(_tempos(place)) == {'<TEMPO Inizio="0.125" Bpm="99.00" Metro="4/4" Battito="1"/>'}
    stem("analyze", "stems", "--rekordbox-xml", library(song, tempo(0, 120) + tempo(4, 125) + tempo(7.84, 130)))
    stem("organize", "stems", "--for", "rekordbox", "--output", "new")
    place = Path("new/_DJ/rekordbox.xml")
    assert len(_tempos(place)) > 8
    assert any('Inizio="4.000" Bpm="125.00"' in one for one in _tempos(place))
    checked("rekordbox", place)
