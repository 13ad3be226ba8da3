"""Bad input: each with a clear message and its exit code, and nothing lost or left behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import click
import numpy as np
import pytest
import soundfile
from conftest import Stem, music

from stem_cli import verify
from stem_cli.cli import program
from stem_cli.errors import StemError
from stem_cli.folder import find_folders
from stem_cli.track import open_track

RATE = 44100
QUIET = ("--json", "--progress", "off")

Done = subprocess.CompletedProcess
Write = Callable[[Path, np.ndarray], None]


def below(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, by relative path; folders count as empty."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Call it to take the working folder as it is; at the end of the test it must be the same still."""
    taken: list[dict[str, bytes]] = []
    yield lambda: taken.append(below(tmp_path / "work"))
    assert taken, "the test never took the folder"
    assert below(tmp_path / "work") == taken[-1]
    assert not [name for name in below(tmp_path / "cache") if name.startswith("stems/")]


def tells(line: str, path: object, *words: str) -> None:
    """A good error: one line that names the file, what happened and what to do."""
    assert line.startswith(f"{path}: "), line
    what, advice = line.removeprefix(f"{path}: ").rstrip(".").split(". ", 1)
    assert what
    assert advice
    assert "bug" not in line
    for word in words:
        assert word in line


def refused(done: Done[str], path: object, *words: str) -> None:
    """Nothing on stdout, no traceback on stderr, and at its end a good error."""
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("stem: ")
    tells(last.removeprefix("stem: "), path, *words)


def results_of(done: Done[str]) -> dict[str, dict[str, Any]]:
    """What `--json` says of each file."""
    assert "Traceback" not in done.stderr
    return {result["file"]: result for result in map(json.loads, done.stdout.splitlines())}


def all_failed(done: Done[str], paths: Iterable[object], exit_code: int, *words: str) -> None:
    """Every file failed with that code and a good error."""
    results = results_of(done)
    assert {name: result["status"] for name, result in results.items()} == {str(path): "failed" for path in paths}
    assert {result["exit_code"] for result in results.values()} == {exit_code}, results
    for name, result in results.items():
        tells(result["error"], name if exit_code == 3 else result["error"].split(": ")[0], *words)


def whole(folder: Path | str, count: int) -> None:
    """So many folders of stems lie there, all as they were written, and nothing half-made."""
    report = verify.verify(find_folders(Path(folder)))
    assert (report.folders, report.findings) == (count, ())
    assert not [path for path in Path(folder).rglob("*") if path.name.endswith(".partial")]


def small_song(path: str | Path = "song.wav", seed: int = 0, **options: Any) -> Path:
    """One second of mono, quickly separated."""
    soundfile.write(path, music(1, 22050, 1, seed=seed), 22050, **{"subtype": "PCM_16", **options})
    return Path(path)


def by_soundfile(path: Path, sound: np.ndarray) -> None:
    subtype = {".mp3": "MPEG_LAYER_III", ".ogg": "VORBIS", ".opus": "OPUS"}.get(path.suffix, "PCM_16")
    soundfile.write(path, sound, RATE if path.suffix != ".opus" else 48000, subtype=subtype, format=_container(path))


def _container(path: Path) -> str:
    return {".opus": "OGG", ".aif": "AIFF"}.get(path.suffix, path.suffix[1:].upper())


def by_av(codec: str, form: str, **options: str) -> Write:
    """Writes by FFmpeg's encoder and container of those names."""

    def write(path: Path, sound: np.ndarray) -> None:
        with av.open(str(path), "w", format=form, options=options) as box:
            stream = box.add_stream(codec, rate=RATE, layout="stereo")
            kind = "s16p" if codec == "alac" else "fltp"
            whole = np.ascontiguousarray(sound.T, np.float32)
            whole = (whole * 32767).astype(np.int16) if kind == "s16p" else whole
            for at in range(0, whole.shape[1], 4096):
                part = np.ascontiguousarray(whole[:, at : at + 4096])
                frame = av.AudioFrame.from_ndarray(part, format=kind, layout="stereo")
                frame.sample_rate = RATE
                box.mux(stream.encode(frame))
            box.mux(stream.encode(None))

    return write


KINDS: dict[str, tuple[str, Write]] = {
    "wav": ("song.wav", by_soundfile),
    "aiff": ("song.aiff", by_soundfile),
    "flac": ("song.flac", by_soundfile),
    "mp3": ("song.mp3", by_soundfile),
    "vorbis": ("song.ogg", by_soundfile),
    "opus": ("song.opus", by_soundfile),
    "aac, index at the end": ("song.m4a", by_av("aac", "ipod")),
    "aac, index first": ("song.m4a", by_av("aac", "ipod", movflags="+faststart")),
    "alac, index first": ("song.m4a", by_av("alac", "ipod", movflags="+faststart")),
    "mp3 by another encoder": ("song.mp3", by_av("mp3", "mp3")),
}
CUTS = (0.1, 0.4, 0.8, 0.95)


def cut_songs(kind: str) -> list[Path]:
    """A song of six seconds, cut off at several places and by its last bytes."""
    name, write = KINDS[kind]
    write(Path(name), music(6))
    whole = Path(name).read_bytes()
    Path(name).unlink()
    paths = []
    for length in [*(round(len(whole) * share) for share in CUTS), len(whole) - 20]:
        paths.append(Path(f"{length}{Path(name).suffix}"))
        paths[-1].write_bytes(whole[:length])
    return paths


def picture(path: Path) -> None:
    """A video without sound."""
    with av.open(str(path), "w", format="mp4") as box:
        stream = box.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            box.mux(packet)


NO_SONGS: dict[str, Callable[[Path], object]] = {
    "missing.wav": lambda path: None,
    "folder.wav": Path.mkdir,
    "empty.wav": Path.touch,
    "text.mp3": lambda path: path.write_text("This is not a song.\n" * 200, "utf-8"),
    "noise.flac": lambda path: path.write_bytes(np.random.default_rng(0).bytes(200_000)),
    "header only.wav": lambda path: soundfile.write(path, np.zeros((0, 2)), RATE),
    "half a header.wav": lambda path: path.write_bytes(b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0"),
    "picture.m4a": picture,
    "pipe.wav": os.mkfifo if sys.platform != "win32" else Path.mkdir,
    "loop.wav": lambda path: path.symlink_to(path),
    "gone.wav": lambda path: path.symlink_to("nowhere.wav"),
}
"""What cannot be separated, by the name of its file, and how it comes about."""


def no_song(kind: str) -> Path:
    """Something that cannot be separated."""
    NO_SONGS[kind](Path(kind))
    return Path(kind)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes and few links")
def test_what_is_no_song_is_refused_by_name_and_with_advice(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = [no_song(kind) for kind in NO_SONGS]
    untouched()
    done = stem("separate", *paths, *QUIET, code=6)
    all_failed(done, paths, 3)
    assert f"{len(paths)} of {len(paths)} songs failed. Nothing was made." in done.stderr


@pytest.mark.parametrize(
    ("kind", "word"), [("missing.wav", "no such file"), ("folder.wav", "a folder"), ("text.mp3", "not a sound file")]
)
def test_a_single_file_that_is_no_song_ends_with_3(
    stem: Stem, kind: str, word: str, untouched: Callable[[], None]
) -> None:
    path = no_song(kind)
    untouched()
    refused(stem("separate", path, code=3), path, word)


def test_bad_files_among_good_ones_end_with_6_and_the_good_ones_are_done(stem: Stem) -> None:
    good = [small_song("one.wav"), small_song("two.flac", seed=1)]
    bad = [no_song(kind) for kind in ("missing.wav", "folder.wav", "empty.wav", "text.mp3")]
    done = stem("separate", bad[0], good[0], *bad[1:], good[1], code=6)
    assert len(done.stdout.splitlines()) == 8
    for path in bad:
        assert f"stem: {path}: " in done.stderr
    assert done.stderr.endswith("stem: 4 of 6 songs failed. The others are done.\n")
    whole("stems", 2)


def test_samples_that_are_no_numbers_are_refused(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = []
    for number, value in enumerate((np.nan, np.inf, -np.inf)):
        sound = music(3).astype(np.float32)
        sound[-1, 1] = value
        paths.append(Path(f"{number}.wav"))
        soundfile.write(paths[-1], sound, RATE, subtype="FLOAT")
    untouched()
    all_failed(stem("separate", *paths, *QUIET, code=6), paths, 3, "NaN")


def test_a_hundredth_of_a_second_is_separated_whatever_the_encoder(stem: Stem) -> None:
    soundfile.write("song.wav", music(0.01), RATE, subtype="PCM_16")
    for form in ("aac", "mp3"):
        done = stem("separate", "song.wav", "--format", form, "--output", form, *QUIET)
        record = json.loads(done.stdout)["record"]
        assert {file["frames"] for file in record["files"]} == {441}
        whole(form, 1)


def test_one_sample_is_separated(stem: Stem) -> None:
    soundfile.write("song.wav", np.array([[0.5]]), RATE, subtype="PCM_16")
    stem("separate", "song.wav")
    whole("stems", 1)


def test_songs_that_were_cut_off_anywhere_are_refused(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = [path for kind in KINDS for path in cut_songs(kind)]
    untouched()
    all_failed(stem("separate", *paths, *QUIET, code=6), paths, 3)


def test_a_cut_song_is_named_with_what_to_do(stem: Stem, untouched: Callable[[], None]) -> None:
    path = cut_songs("flac")[1]
    untouched()
    refused(stem("separate", path, code=3), path, "--damaged take")


def test_cut_songs_can_be_taken_as_far_as_they_go(stem: Stem) -> None:
    kinds = ("wav", "flac", "mp3", "vorbis", "aac, index first", "alac, index first")
    paths = [cut_songs(kind)[2] for kind in kinds]
    done = stem("separate", *paths, "--damaged", "take", "--json")
    for path in paths:
        result = results_of(done)[str(path)]
        assert result["status"] == "made"
        assert any("damaged" in warning for warning in result["warnings"])
        frames = result["record"]["source"]["frames"]
        assert 3 * RATE < frames < 5.5 * RATE
        assert {file["frames"] for file in result["record"]["files"]} == {frames}
    assert done.stderr.count("damaged, and taken as it is") == len(paths)
    whole("stems", len(paths))


def test_a_cut_song_can_be_skipped(stem: Stem) -> None:
    path = cut_songs("flac")[2]
    done = stem("separate", path, small_song(), "--damaged", "skip")
    assert f"skipped: {path}: " in done.stderr
    assert len(done.stdout.splitlines()) == 4
    whole("stems", 1)


def test_asking_without_a_terminal_is_an_error(stem: Stem, untouched: Callable[[], None]) -> None:
    path = cut_songs("flac")[2]
    untouched()
    done = stem("separate", path, "--damaged", "ask", code=3, stdin=subprocess.DEVNULL)
    refused(done, path, "--damaged take")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 3)])
def test_asking_at_a_terminal_takes_the_answer(answer: str, code: int) -> None:
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    path = cut_songs("flac")[2]
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "stem_cli.cli", "separate", str(path), "--damaged", "ask"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == code, done.stderr
    assert "Separate what can be read?" in done.stderr
    assert Path("stems").exists() == (code == 0)


def test_garbage_in_the_middle_is_not_taken_for_the_song(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = []
    for kind in ("flac", "mp3", "mp3 by another encoder", "vorbis", "alac, index first"):
        name, write = KINDS[kind]
        paths.append(Path(f"{kind} {name}"))
        write(paths[-1], music(6))
        sound = bytearray(paths[-1].read_bytes())
        sound[len(sound) // 2 : len(sound) // 2 + 6000] = np.random.default_rng(1).bytes(6000)
        paths[-1].write_bytes(sound)
    untouched()
    all_failed(stem("separate", *paths, *QUIET, code=6), paths, 3)


@pytest.mark.parametrize(
    "options",
    [
        ("--stems", "kazoo"),
        ("--stems", ""),
        ("--two-stems", "kazoo"),
        ("--also", "kazoo"),
        ("--format", "wma"),
        ("--bit-depth", "12"),
        ("--engine", "kazoo"),
        ("--damaged", "maybe"),
        ("--time", "2-1"),
        ("--seed", "-1"),
        ("--threads", "-1"),
        ("--no-such-option",),
        ("--stems", "vocals", "--two-stems", "drums"),
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_usage_errors_that_name_them(options: tuple[str, ...]) -> None:
    with pytest.raises((click.ClickException, StemError)) as caught:
        program.main(["separate", "song.wav", *options], standalone_mode=False)
    assert caught.value.exit_code == 2
    message = caught.value.format_message() if isinstance(caught.value, click.ClickException) else str(caught.value)
    assert options[0] in message


@pytest.mark.parametrize(
    "options",
    [
        ("--stems", "kazoo"),
        ("--format", "flac", "--bit-depth", "float"),
        ("--name-template", "{nothing}"),
        ("--mirror", "elsewhere"),
    ],
    ids=" ".join,
)
def test_usage_errors_end_with_2_and_make_nothing(
    stem: Stem, options: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    song = small_song()
    untouched()
    done = stem("separate", song, *options, code=2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in options)


def test_no_file_at_all_is_a_usage_error(stem: Stem) -> None:
    assert "Missing argument" in stem("separate", code=2).stderr


@pytest.mark.parametrize("text", [b"format = 'wma'", b"no_such_setting = 1", b"format = ", b"\xff"])
def test_settings_that_make_no_sense_are_usage_errors_that_name_their_file(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "stem.toml").write_bytes(text)
    with pytest.raises(StemError, match=re.escape(str(tmp_path / "stem.toml"))) as caught:
        program.main(["separate", str(small_song())], standalone_mode=False)
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_stdout_is_an_output_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = separate_into(full, small_song())
    assert done.returncode == 5
    assert done.stderr == "stem: the disk is full. Free some space.\n"
    whole("stems", 1)


def test_a_reader_that_goes_away_ends_the_run_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = separate_into(writing, small_song("one.wav"), small_song("two.wav", seed=1))
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    whole("stems", 1)


def separate_into(stdout: Any, *songs: Path) -> Done[str]:
    """Run `stem separate` with its stdout connected to something."""
    command = [sys.executable, "-m", "stem_cli.cli", "separate", *map(str, songs), "--progress", "off"]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams by the shell of Unix")
def test_closed_streams_do_not_harm(stem: Stem) -> None:
    command = f'"{sys.executable}" -m stem_cli.cli separate {small_song()} <&- >&- 2>&-'
    assert subprocess.run(command, shell=True, timeout=60, check=False).returncode == 0
    whole("stems", 1)
    assert len(json.loads(stem("artifacts", "--json").stdout)) == 4  # the database is whole too


def home_of(song: Path) -> Path:
    """The folder that a song's stems will be put into."""
    return Path("stems") / f"{song.stem}_{open_track(song).digest[:8]}"


FORCE = pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has few links")
@FORCE
def test_what_is_not_ours_and_in_the_way_of_a_folder_stays(
    stem: Stem, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    songs = [small_song(f"{name}.wav", seed) for seed, name in enumerate(("file", "folder", "link"))]
    Path("stems").mkdir()
    home_of(songs[0]).write_text("mine", "utf-8")
    home_of(songs[1]).mkdir()
    (home_of(songs[1]) / "vocals.wav").write_text("mine", "utf-8")
    home_of(songs[2]).symlink_to("nowhere")
    untouched()
    done = stem("separate", *songs, *force, *QUIET, code=6)
    all_failed(done, songs, 5, "--output")
    words = ("a file is in the way", "this folder is not ours", "a file is in the way")
    for song, what in zip(songs, words, strict=True):
        tells(results_of(done)[str(song)]["error"], home_of(song), what)


@FORCE
def test_a_file_that_is_not_ours_stays_in_the_flat_layout(
    stem: Stem, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    Path("stems").mkdir()
    mine = Path("stems/song_Drums.wav")
    mine.write_text("mine", "utf-8")
    song = small_song()
    untouched()
    refused(stem("separate", song, "--layout", "flat", *force, code=5), mine, "not ours")


@pytest.mark.parametrize("where", ["taken", "taken/below"])
def test_an_output_folder_that_is_a_file_is_an_output_error(
    stem: Stem, where: str, untouched: Callable[[], None]
) -> None:
    song = small_song()
    Path("taken").write_text("mine", "utf-8")
    untouched()
    done = stem("separate", song, "--output", where, code=5)
    assert done.stdout == ""
    assert "taken" in done.stderr
    assert "--output" in done.stderr


@pytest.mark.parametrize("more", [(), ("--layout", "flat")], ids=["folder", "flat"])
def test_files_that_a_user_put_among_stems_survive_force(stem: Stem, more: tuple[str, ...]) -> None:
    song = small_song()
    made = Path(stem("separate", song, "--stems", "drums", *more).stdout.strip())
    mine = {"notes.txt": "mine", "set/live.als": "mine too", "song.wav.asd": "by Live", "old/lock": "mine as well"}
    for name, text in mine.items():
        (made.parent / name).parent.mkdir(exist_ok=True)
        (made.parent / name).write_text(text, "utf-8")
    stem("separate", song, *more, "--force", "--format", "flac", "--stems", "bass,vocals")
    assert {name: (made.parent / name).read_text("utf-8") for name in mine} == mine
    whole("stems", 1)


@FORCE
def test_a_users_file_with_the_name_of_a_stem_that_is_added_stays(stem: Stem, force: tuple[str, ...]) -> None:
    song = small_song()
    made = Path(stem("separate", song, "--stems", "drums").stdout.strip())
    mine = made.with_name("vocals.wav")
    mine.write_text("mine", "utf-8")
    before = below(made.parent)
    refused(stem("separate", song, "--stems", "vocals", *force, code=5), mine, "this file is not ours")
    assert below(made.parent) == before


def test_stems_of_another_format_are_replaced_only_by_force(stem: Stem) -> None:
    song = small_song()
    made = Path(stem("separate", song).stdout.splitlines()[0]).parent
    before = below(made)
    refused(stem("separate", song, "--format", "flac", code=5), made, "--force")
    assert below(made) == before
    stem("separate", song, "--format", "flac", "--force")
    assert {path.suffix for path in made.iterdir()} == {".flac", ".json"}


@FORCE
def test_metadata_that_was_damaged_is_an_error_that_harms_nothing(stem: Stem, force: tuple[str, ...]) -> None:
    song = small_song()
    home = home_of(song)
    home.mkdir(parents=True)
    (home / "metadata.json").write_text('{"schema": 1', "utf-8")
    (home / "vocals.wav").write_text("perhaps mine", "utf-8")
    before = below(home)
    done = stem("separate", song, *force, code=3)
    refused(done, (home / "metadata.json").absolute(), "its metadata is damaged", "Move its folder")
    assert below(home) == before


def test_another_song_of_the_same_name_does_not_take_the_place_of_the_first(stem: Stem) -> None:
    song = small_song()
    Path("b").mkdir()
    other = small_song("b/song.wav", seed=7)
    stem("separate", song, "--layout", "flat")
    before = below(Path("stems"))
    stem("separate", other, "--layout", "flat")
    after = below(Path("stems"))
    assert before.items() <= after.items()
    assert len(after) == 2 * len(before)
    stem("separate", song, other, "--layout", "flat", "--force")
    assert below(Path("stems")).keys() == after.keys()
    whole("stems", 2)
