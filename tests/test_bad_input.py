"""Bad input: each with a clear message and its exit code, and nothing lost or left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import Stem, music

RATE = 44100
QUIET = ("--json", "--progress", "off")

Done = "subprocess.CompletedProcess[str]"
Write = Callable[[Path, np.ndarray], None]


def below(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, by relative path; folders count as empty."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Call it to take the working folder as it is; at the end of the test it must be the same still."""
    taken: list[dict[str, bytes]] = []
    yield lambda: taken.append(below(tmp_path / "work"))
    assert taken, "the test never took the folder"
    assert below(tmp_path / "work") == taken[-1]
    assert not [name for name in below(tmp_path / "cache") if name.startswith("stems/")]


def tells(done: Done, path: object, *words: str) -> None:
    """A good error: one line that names the file, what happened and what to do; nothing on stdout, no traceback."""
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"stem: {path}: "), done.stderr
    what, advice = line.removeprefix(f"stem: {path}: ").rstrip(".").split(". ", 1)
    assert what
    assert advice
    for word in words:
        assert word in line


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


def no_song(kind: str) -> Path:
    """Something that cannot be separated."""
    path = Path(kind)
    match kind:
        case "folder.wav":
            path.mkdir()
        case "empty.wav":
            path.touch()
        case "text.mp3":
            path.write_text("This is not a song.\n" * 200, "utf-8")
        case "noise.flac":
            path.write_bytes(np.random.default_rng(0).bytes(200_000))
        case "header only.wav":
            soundfile.write(path, np.zeros((0, 2)), RATE)
        case "half a header.wav":
            soundfile.write(path, music(1), RATE)
            path.write_bytes(path.read_bytes()[:20])
        case "picture.m4a":
            with av.open(kind, "w", format="mp4") as box:
                stream = box.add_stream("mpeg4", rate=5)
                stream.width = stream.height = 64
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                for packet in (*stream.encode(frame), *stream.encode(None)):
                    box.mux(packet)
        case "pipe.wav":
            os.mkfifo(path)
        case "loop.wav":
            path.symlink_to(path)
        case "gone.wav":
            path.symlink_to("nowhere.wav")
    return path


NO_SONGS = ("missing.wav", "folder.wav", "empty.wav", "text.mp3", "noise.flac", "header only.wav",
            "half a header.wav", "picture.m4a", "pipe.wav", "loop.wav", "gone.wav")  # fmt: skip


@pytest.mark.parametrize("kind", NO_SONGS)
def test_what_is_no_song_is_refused_by_name_and_with_advice(
    stem: Stem, kind: str, untouched: Callable[[], None]
) -> None:
    if kind in ("pipe.wav", "loop.wav", "gone.wav") and sys.platform == "win32":
        pytest.skip("Windows has no named pipes and few links")
    path = no_song(kind)
    if kind != "pipe.wav":
        untouched()
    tells(stem("separate", path, code=3), path)
    if kind == "pipe.wav":
        path.unlink()
        untouched()


def test_bad_files_among_good_ones_end_with_6_and_the_good_ones_are_done(stem: Stem, song: Path) -> None:
    other = Path("other.flac")
    soundfile.write(other, music(1, seed=1), RATE)
    bad = [no_song(kind) for kind in ("missing.wav", "folder.wav", "empty.wav", "text.mp3")]
    done = stem("separate", bad[0], song, *bad[1:], other, *QUIET, code=6)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["status"] for result in results] == ["failed", "made", "failed", "failed", "failed", "made"]
    assert {result["exit_code"] for result in results if result["status"] == "failed"} == {3}
    assert [result["file"] for result in results] == [str(path) for path in (bad[0], song, *bad[1:], other)]
    assert "4 of 6 songs failed. The others are done." in done.stderr
    assert len(list(Path("stems").iterdir())) == 2
    stem("verify", "stems", "-q")


def test_every_bad_file_of_several_is_named_on_stderr(stem: Stem, song: Path) -> None:
    bad = [no_song(kind) for kind in ("missing.wav", "empty.wav")]
    done = stem("separate", *bad, song, code=6)
    assert len(done.stdout.splitlines()) == 4
    for path in bad:
        assert f"stem: {path}: " in done.stderr


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(stem: Stem, value: float, untouched: Callable[[], None]) -> None:
    sound = music(3).astype(np.float32)
    sound[-1, 1] = value
    soundfile.write("song.wav", sound, RATE, subtype="FLOAT")
    untouched()
    tells(stem("separate", "song.wav", code=3), "song.wav", "NaN")


@pytest.mark.parametrize("form", ["wav", "flac", "aiff", "alac", "aac", "mp3"])
def test_a_hundredth_of_a_second_is_separated(stem: Stem, form: str) -> None:
    soundfile.write("song.wav", music(0.01), RATE, subtype="PCM_16")
    done = stem("separate", "song.wav", "--format", form, *QUIET)
    record = json.loads(done.stdout)["record"]
    assert {file["frames"] for file in record["files"]} == {441}
    stem("verify", "stems", "-q")


def test_one_sample_is_separated(stem: Stem) -> None:
    soundfile.write("song.wav", np.array([[0.5]]), RATE, subtype="PCM_16")
    stem("separate", "song.wav")
    stem("verify", "stems", "-q")


@pytest.mark.parametrize("kind", KINDS)
def test_a_song_that_was_cut_off_is_refused(stem: Stem, kind: str, untouched: Callable[[], None]) -> None:
    paths = cut_songs(kind)
    untouched()
    done = stem("separate", *paths, *QUIET, code=6)
    results = {result["file"]: result for result in map(json.loads, done.stdout.splitlines())}
    assert {name: result["status"] for name, result in results.items()} == dict.fromkeys(map(str, paths), "failed")
    assert {result["exit_code"] for result in results.values()} == {3}
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["flac", "mp3", "aac, index first"])
def test_a_cut_song_is_named_with_what_to_do(stem: Stem, kind: str, untouched: Callable[[], None]) -> None:
    path = cut_songs(kind)[1]
    untouched()
    tells(stem("separate", path, code=3), path, "--damaged take")


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "vorbis", "aac, index first", "alac, index first"])
def test_a_cut_song_can_be_taken_as_far_as_it_goes(stem: Stem, kind: str) -> None:
    path = cut_songs(kind)[2]
    done = stem("separate", path, "--damaged", "take", "--json")
    result = json.loads(done.stdout)
    assert result["status"] == "made"
    assert any("damaged" in warning for warning in result["warnings"])
    assert "damaged" in done.stderr
    frames = result["record"]["source"]["frames"]
    assert 3 * RATE < frames < 5.5 * RATE
    assert {file["frames"] for file in result["record"]["files"]} == {frames}
    stem("verify", "stems", "-q")


def test_a_cut_song_can_be_skipped(stem: Stem, song: Path) -> None:
    path = cut_songs("flac")[2]
    done = stem("separate", path, song, "--damaged", "skip")
    assert f"skipped: {path}: " in done.stderr
    assert len(done.stdout.splitlines()) == 4
    assert len(list(Path("stems").iterdir())) == 1


def test_asking_without_a_terminal_is_an_error(stem: Stem, untouched: Callable[[], None]) -> None:
    path = cut_songs("flac")[2]
    untouched()
    done = stem("separate", path, "--damaged", "ask", code=3, stdin=subprocess.DEVNULL)
    tells(done, path, "--damaged take")


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


@pytest.mark.parametrize("kind", ["flac", "mp3", "vorbis", "alac, index first"])
def test_garbage_in_the_middle_is_not_taken_for_the_song(
    stem: Stem, kind: str, untouched: Callable[[], None]
) -> None:
    name, write = KINDS[kind]
    write(Path(name), music(6))
    whole = bytearray(Path(name).read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 6000] = np.random.default_rng(1).bytes(6000)
    Path(name).write_bytes(whole)
    untouched()
    tells(stem("separate", name, code=3), name)


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
        ("--no-such-option",),
        ("--stems", "vocals", "--two-stems", "drums"),
        ("--format", "flac", "--bit-depth", "float"),
        ("--name-template", "{nothing}"),
        ("--mirror", "elsewhere"),
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_usage_errors(
    stem: Stem, song: Path, options: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    untouched()
    done = stem("separate", song, *options, code=2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_no_file_at_all_is_a_usage_error(stem: Stem) -> None:
    assert "Missing argument" in stem("separate", code=2).stderr


@pytest.mark.parametrize("text", ["format = 'wma'", "no_such_setting = 1", "format = ", "\udcff"])
def test_settings_that_make_no_sense_are_usage_errors_that_name_their_file(
    stem: Stem, song: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "stem.toml").write_text(text, "utf-8", errors="surrogateescape")
    done = stem("separate", song, code=2)
    assert str(tmp_path / "stem.toml") in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("stems").exists()


def test_a_full_stdout_is_an_output_error(stem: Stem, song: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has /dev/full")
    command = [sys.executable, "-m", "stem_cli.cli", "separate", str(song), "--progress", "off"]
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 5
    assert done.stderr == "stem: the disk is full. Free some space.\n"
    stem("verify", "stems", "-q")


def test_a_reader_that_goes_away_ends_the_run_quietly(stem: Stem, song: Path) -> None:
    soundfile.write("other.wav", music(1, seed=1), RATE, subtype="PCM_16")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "stem_cli.cli", "separate", str(song), "other.wav", "--progress", "off"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    stem("verify", "stems", "-q")


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams by the shell of Unix")
def test_closed_streams_do_not_harm(stem: Stem, song: Path) -> None:
    command = f'"{sys.executable}" -m stem_cli.cli separate "{song}" <&- >&- 2>&-'
    assert subprocess.run(command, shell=True, timeout=60, check=False).returncode == 0
    stem("verify", "stems", "-q")
    assert len(stem("artifacts", "--json").stdout) > 100  # the database is whole


def place_of(stem: Stem, *arguments: object) -> Path:
    """The folder or the metadata that a separation will make."""
    done = stem("separate", *arguments, "--dry-run", "--json")
    return Path(json.loads(done.stdout)["folder"])


FORCE = pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])


@FORCE
def test_a_file_in_the_way_of_a_folder_stays(
    stem: Stem, song: Path, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    home = place_of(stem, song)
    home.parent.mkdir()
    home.write_text("mine", "utf-8")
    untouched()
    tells(stem("separate", song, *force, code=5), home, "in the way")


@FORCE
def test_a_folder_that_is_not_ours_stays(
    stem: Stem, song: Path, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    home = place_of(stem, song)
    home.mkdir(parents=True)
    (home / "vocals.wav").write_text("mine", "utf-8")
    untouched()
    tells(stem("separate", song, *force, code=5), home, "not ours")


@FORCE
def test_a_file_that_is_not_ours_stays_in_the_flat_layout(
    stem: Stem, song: Path, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    Path("stems").mkdir()
    mine = Path("stems/song_Drums.wav")
    mine.write_text("mine", "utf-8")
    untouched()
    tells(stem("separate", song, "--layout", "flat", *force, code=5), mine, "not ours")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has few links")
@FORCE
def test_a_link_to_nowhere_in_the_way_stays(
    stem: Stem, song: Path, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    home = place_of(stem, song)
    home.parent.mkdir()
    home.symlink_to("nowhere")
    untouched()
    tells(stem("separate", song, *force, code=5), home, "in the way")


@pytest.mark.parametrize("where", ["taken", "taken/below"])
def test_an_output_folder_that_is_a_file_is_an_output_error(
    stem: Stem, song: Path, where: str, untouched: Callable[[], None]
) -> None:
    Path("taken").write_text("mine", "utf-8")
    untouched()
    done = stem("separate", song, "--output", where, code=5)
    assert done.stdout == ""
    assert "taken" in done.stderr
    assert "--output" in done.stderr


@pytest.mark.parametrize("more", [(), ("--layout", "flat")], ids=["folder", "flat"])
def test_files_that_a_user_put_among_stems_survive_everything(stem: Stem, song: Path, more: tuple[str, ...]) -> None:
    made = [Path(line) for line in stem("separate", song, "--stems", "drums", *more).stdout.splitlines()]
    mine = {"notes.txt": "mine", "set/live.als": "mine too", "song.wav.asd": "by Live", "old/lock": "mine as well"}
    for name, text in mine.items():
        (made[0].parent / name).parent.mkdir(exist_ok=True)
        (made[0].parent / name).write_text(text, "utf-8")
    for options in (("--force",), (), ("--force", "--format", "flac"), ("--force", "--stems", "bass,vocals")):
        stem("separate", song, *more, *options)
        assert {name: (made[0].parent / name).read_text("utf-8") for name in mine} == mine
    stem("verify", "stems", "-q")


@FORCE
def test_a_users_file_with_the_name_of_a_stem_that_is_added_stays(
    stem: Stem, song: Path, force: tuple[str, ...]
) -> None:
    made = Path(stem("separate", song, "--stems", "drums").stdout.strip())
    mine = made.with_name("vocals.wav")
    mine.write_text("mine", "utf-8")
    before = below(made.parent)
    done = stem("separate", song, "--stems", "vocals", *force, code=5)
    assert f"{mine.absolute()}: this file is not ours" in f"{Path.cwd()}/" + done.stderr.removeprefix("stem: ")
    assert below(made.parent) == before


def test_stems_of_another_format_are_replaced_only_by_force(stem: Stem, song: Path) -> None:
    made = Path(stem("separate", song).stdout.splitlines()[0]).parent
    before = below(made)
    done = stem("separate", song, "--format", "flac", code=5)
    tells(done, made, "--force")
    assert below(made) == before
    stem("separate", song, "--format", "flac", "--force")
    assert {path.suffix for path in made.iterdir()} == {".flac", ".json"}


def test_metadata_that_was_damaged_is_an_error_that_harms_nothing(stem: Stem, song: Path) -> None:
    made = Path(stem("separate", song).stdout.splitlines()[0]).parent
    (made / "metadata.json").write_text('{"schema": 1', "utf-8")
    before = below(made)
    for force in ((), ("--force",)):
        done = stem("separate", song, *force, code=3)
        assert "its metadata is damaged" in done.stderr
        assert below(made) == before


def test_another_song_of_the_same_name_does_not_take_the_place_of_the_first(stem: Stem, song: Path) -> None:
    Path("b").mkdir()
    soundfile.write("b/song.wav", music(1, seed=7), RATE, subtype="PCM_16")
    stem("separate", song, "--layout", "flat")
    before = below(Path("stems"))
    stem("separate", "b/song.wav", "--layout", "flat")
    after = below(Path("stems"))
    assert before.items() <= after.items()
    assert len(after) == 2 * len(before)
    stem("separate", song, "b/song.wav", "--layout", "flat", "--force")
    assert below(Path("stems")).keys() == after.keys()
    stem("verify", "stems", "-q")
