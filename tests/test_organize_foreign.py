"""Stems of other tools in `stem organize`: what is recognised, what is told, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import SHARED, Stem, music
from mutagen.id3 import GEOB, TALB, TIT2, TPE1
from mutagen.wave import WAVE

from stem_cli import library, tags
from stem_cli.audio import Mix
from stem_cli.dj.ni_stem_reader import read_stem
from stem_cli.folder.named import named

RATE = 44100
CHECKER = SHARED / "tools" / "dj_check.py"
DEMUCS = ("vocals", "drums", "bass", "other")


def put(*paths: str, seconds: float = 0.6, rate: int = RATE, **options: Any) -> None:
    """Files of sound, each another."""
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        sound = music(seconds, rate, seed=sum(path.encode())) * 0.25
        soundfile.write(path, sound, rate, **{"subtype": None if path.endswith(".mp3") else "PCM_16", **options})


def organized(stem: Stem, *arguments: object) -> dict[str, Any]:
    """What `stem organize` says as JSON, and that the input is as it was."""
    found: dict[str, Any] = json.loads(stem("organize", *arguments, "--output", "dj", "--json").stdout)
    return found


def sounds() -> set[str]:
    return {str(path.relative_to("dj")) for path in Path("dj").rglob("*") if path.suffix in (".wav", ".mp3", ".mp4")}


def checked(kind: str, *paths: Path, options: Sequence[str] = ("--strict",)) -> None:
    """The independent checker finds no fault."""
    if not CHECKER.exists():
        pytest.skip("the project's shared tools are not here (only on the developers' machines)")
    command = [sys.executable, str(CHECKER), *options, kind, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("text", "song", "kind"),
    [
        ("vocals", "", "vocals"),
        ("01 no_vocals", "", "instrumental"),
        ("1_Ann - Song_(Instrumental)", "Ann - Song", "instrumental"),
        ("Song_(Vocals)_model_bs_roformer_ep_317_sdr_12", "Song", "vocals"),
        ("Song_(No Drums)", "Song", "no_drums"),
        ("Song [vocals]", "Song", "vocals"),
        ("Song (Live) (Lead Vocals)", "Song (Live)", "lead_vocals"),
        ("Song_no_vocals_split_by_lalalai", "Song", "instrumental"),
        ("Song-vocals-C major-120bpm-440hz", "Song", "vocals"),
        ("My_bass_song_vocals", "My_bass_song", "vocals"),
        ("Song_Backing_Vocals", "Song", "backing_vocals"),
        ("accompaniment", "", "instrumental"),
        ("vocals_Song", "Song", "vocals"),
    ],
)
def test_names_of_other_tools(text: str, song: str, kind: str) -> None:
    found = named(text)
    assert found is not None
    assert (found.song, found.kind) == (song, kind)


@pytest.mark.parametrize("text", ["mix", "Bass Down Low", "All About That Bass (Live)", "Drummer Boy", "", "vocalist"])
def test_names_that_say_no_stem(text: str) -> None:
    assert named(text) is None


@pytest.mark.parametrize(
    ("files", "made"),
    [
        (
            [f"htdemucs/Ann - Song/{kind}.wav" for kind in DEMUCS],
            {f"Ann - Song/Ann - Song ({kind.title()}).wav" for kind in DEMUCS},
        ),
        (
            ["1_Ann - Song_(Vocals).wav", "1_Ann - Song_(Instrumental).wav", "2_Two_(Vocals).wav"],
            {"Ann - Song/Ann - Song (Vocals).wav", "Ann - Song/Ann - Song (Instrumental).wav", "Two/Two (Vocals).wav"},
        ),
        (
            ["Song/vocals.wav", "Song/accompaniment.wav"],
            {"Song/Song (Vocals).wav", "Song/Song (Instrumental).wav"},
        ),
        (
            ["Song [vocals].mp3", "Song [instrumental].mp3"],
            {"Song/Song (Vocals).mp3", "Song/Song (Instrumental).mp3"},
        ),
        (
            ["01 Song.mp3.stems/vocal.mp3", "01 Song.mp3.stems/hihat.mp3", "01 Song.mp3.stems/instruments.mp3"],
            {"01 Song/01 Song (Vocals).mp3", "01 Song/01 Song (Hats).mp3", "01 Song/01 Song (Other).mp3"},
        ),
        (
            ["A/Song/vocals.wav", "B/SONG/vocals.wav"],
            {"Song/Song (Vocals).wav", "SONG (2)/SONG (2) (Vocals).wav"},
        ),
    ],
    ids=("demucs", "uvr", "spleeter", "lalal", "virtualdj", "two of one name"),
)
def test_stems_of_other_tools_are_organized(stem: Stem, files: list[str], made: set[str]) -> None:
    put(*(f"in/{name}" for name in files))
    before = {path: path.read_bytes() for path in Path("in").rglob("*.*") if path.is_file()}
    found = organized(stem, "in", "--for", "rekordbox,serato")
    assert sounds() == made
    assert found["notes"] == []
    assert {path: path.read_bytes() for path in before} == before
    checked("rekordbox", Path("dj/_DJ/rekordbox.xml"))
    checked("m3u", Path("dj/_DJ/Stems.m3u8"))
    assert len(library.read(Path("dj/_DJ/rekordbox.xml"))[0].entries) == len(made)
    again = organized(stem, "in", "--for", "rekordbox,serato")
    assert set(again["there"]) == made


def test_what_names_say_goes_into_the_tags_of_the_copies_only(stem: Stem) -> None:
    put("in/Ann - Song/vocals.wav", "in/Ann - Song/drums.wav")
    organized(stem, "in", "--for", "rekordbox")
    told = tags.read(Path("dj/Ann - Song/Ann - Song (Vocals).wav"))
    assert (told.title, told.artist, told.stem) == ("Song (Vocals)", "Ann", "vocals")
    assert tags.read(Path("in/Ann - Song/vocals.wav")).title is None
    stem("organize", "in", "--for", "rekordbox", "--output", "linked", "--link")
    linked = Path("linked/Ann - Song/Ann - Song (Vocals).wav")
    assert linked.samefile("in/Ann - Song/vocals.wav")
    assert tags.read(linked).title is None
    assert 'Name="Ann - Song (Vocals)"' in Path("linked/_DJ/rekordbox.xml").read_text("utf-8")


def test_a_song_beside_its_stems_gives_tags_grid_and_the_first_track(stem: Stem) -> None:
    put("in/x.wav", *(f"in/x_({kind.title()}).wav" for kind in DEMUCS), rate=44100)
    tagged = WAVE("in/x.wav")
    tagged.add_tags()
    for frame in (TIT2(text=["Söng"]), TPE1(text=["Ann"]), TALB(text=["Album"])):
        tagged.tags.add(frame)
    grid = b"\x01\x00\x00\x00\x00\x01" + b"\x3e\x00\x00\x00\x42\xf8\x00\x00\x00"
    tagged.tags.add(GEOB(mime="application/octet-stream", desc="Serato BeatGrid", data=grid))
    tagged.save()
    Path("mine.xml").write_text(
        '<?xml version="1.0"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="1"><TRACK TrackID="1" Tonality="8A"'
        f' Location="file://localhost{Path("in/x.wav").resolve()}"/></COLLECTION><PLAYLISTS/></DJ_PLAYLISTS>'
    )
    found = organized(stem, "in", "--for", "serato,rekordbox,mixxx", "--rekordbox-xml", "mine.xml")
    assert found["notes"] == []
    one = Path("dj/Ann - Söng/Ann - Söng (Vocals).wav")
    assert tags.read(one).album == "Album"
    assert WAVE(one).tags["GEOB:Serato BeatGrid"].data == grid
    assert Path("dj/_DJ/rekordbox.xml").read_text("utf-8").count('Tonality="8A"') == 4
    (whole,) = Path("dj").rglob("*.stem.mp4")
    checked("stem", whole)
    heard = np.concatenate([block[0] for block in Mix.open(whole).blocks()])
    song = soundfile.read("in/x.wav", dtype="float32")[0][:, 0]
    assert np.corrcoef(heard[: len(song)], song[: len(heard)])[0, 1] > 0.99


def test_a_song_of_another_length_gives_only_its_tags(stem: Stem) -> None:
    put("in/x.wav", seconds=0.7)
    put("in/x_(Vocals).wav", "in/x_(Instrumental).wav")
    found = organized(stem, "in", "--for", "rekordbox")
    assert len(found["notes"]) == 1
    assert "not as long as its stems" in found["notes"][0]
    assert sounds() == {"x/x (Vocals).wav", "x/x (Instrumental).wav"}


def test_the_sum_is_track_1_where_the_song_is_not_there_and_missing_stems_are_told(stem: Stem) -> None:
    put(*(f"in/Four/{kind}.wav" for kind in DEMUCS), rate=44100)
    put("in/Two/vocals.wav", "in/Two/no_vocals.wav")
    done = stem("organize", "in", "--for", "mixxx", "--output", "dj")
    assert "Four: the song itself is not there; track 1 of the .stem.mp4 is the sum of the stems" in done.stderr
    assert "Two: no .stem.mp4 without drums, bass, other" in done.stderr
    (made,) = Path("dj").rglob("*.stem.mp4")
    assert len(read_stem(made).tracks) == 5
    checked("stem", made, options=("--strict", "--deep", "--ref", "in/Four"))


def test_uneven_stems_are_told_and_each_keeps_its_length(stem: Stem) -> None:
    put("in/A/vocals.wav", "in/A/drums.wav", "in/A/bass.wav", rate=44100)
    put("in/A/other.wav", rate=48000, seconds=0.8)
    done = stem("organize", "in", "--for", "cdj,mixxx", "--output", "dj")
    assert "several sample rates (vocals.wav 44100 Hz" in done.stderr
    assert "differ in length (vocals.wav 0.600 s" in done.stderr
    assert "A: no .stem.mp4 of stems of several sample rates (44100, 48000 Hz)" in done.stderr
    infos = {path.name: soundfile.info(path) for path in Path("dj").rglob("*.wav")}
    assert (infos["A (Other).wav"].samplerate, infos["A (Other).wav"].frames) == (48000, 38400)
    assert (infos["A (Vocals).wav"].samplerate, infos["A (Vocals).wav"].frames) == (44100, 26460)


def test_headers_and_formats_that_decks_refuse_are_made_anew(stem: Stem) -> None:
    put("in/A/vocals.wav", format="WAVEX", subtype="PCM_24", rate=44100)
    put("in/A/drums.wav", subtype="FLOAT", rate=96000)
    put("in/A/bass.ogg", format="OGG", subtype="VORBIS", rate=44100)
    put("in/A/other.flac", format="FLAC", rate=44100)
    organized(stem, "in", "--for", "cdj")
    wavs = sorted(Path("dj").rglob("*.wav"))
    assert len(wavs) == 4
    checked("wav", *wavs)
    assert np.array_equal(
        soundfile.read("dj/A/A (Vocals).wav", dtype="int32")[0], soundfile.read("in/A/vocals.wav", dtype="int32")[0]
    )
    assert np.array_equal(
        soundfile.read("dj/A/A (Other).wav", dtype="int32")[0], soundfile.read("in/A/other.flac", dtype="int32")[0]
    )


def test_what_is_not_known_is_told_with_the_reason(stem: Stem) -> None:
    put("in/A/vocals.wav", "in/A/vocals.flac", "in/A/take 1.wav", "in/Song (Instrumental).wav")
    Path("in/A/drums.wav").write_bytes(b"")
    Path("in/A/metadata.json").write_text('{"tool": "another"}')
    Path("in/Song.1.2.serato-stems").write_bytes(b"srtshead")
    Path("in/x.stem.mp4").write_bytes(b"1")
    notes = "\n".join(organized(stem, "in", "--for", "serato")["notes"])
    for line in (
        "in/A/metadata.json: the metadata.json of another program is passed over",
        "in/A/vocals.flac: passed over, vocals.wav is the same stem",
        "in/A/drums.wav: passed over, the file is empty",
        "in/A: 1 file is passed over (take 1.wav)",
        "in: 1 file is passed over (Song (Instrumental).wav)",
        "in/Song.1.2.serato-stems: stems in a file of Serato's own",
        "in/x.stem.mp4: stems in one file",
    ):
        assert line in notes
    assert sounds() == {"A/A (Vocals).wav"}


def test_a_folder_with_nothing_known_is_an_error(stem: Stem) -> None:
    put("in/track 1.wav", "in/track 2.wav")
    Path("in/metadata.json").write_text("{}")
    done = stem("organize", "in", "--for", "serato", "--output", "dj", code=3)
    assert "in: there are no stems of ours here, and none of another tool" in done.stderr
    assert "2 files are passed over (track 1.wav, track 2.wav)" in done.stderr
    assert "another program is passed over" in done.stderr
    assert not Path("dj").exists()


def test_ours_and_theirs_together_but_never_what_organize_wrote(stem: Stem) -> None:
    put("in/mine.wav")
    stem("separate", "in/mine.wav", "--output", "in/ours", "--engine", "builtin", "--judge", "off")
    put("in/theirs/vocals.wav")
    stem("organize", "in", "--for", "serato", "--output", "in/dj")
    found = json.loads(stem("organize", "in", "--for", "serato", "--output", "in/dj", "--json").stdout)
    assert found["songs"] == 2
    assert len(found["there"]) == 5
    done = stem("organize", "in/dj", "--for", "serato", "--output", "other", code=3)
    assert "this is what `stem organize` has written" in done.stderr
