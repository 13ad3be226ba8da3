"""The command line: what a user types, what he gets back, and where it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from workshop import files, integers, opened, run, total

from stem_cli import __version__, errors, stems, verify
from stem_cli import commands as commands_folder
from stem_cli.cli import _EPILOG, COMMANDS, program
from stem_cli.folder import open_folder
from stem_cli.options import Duration, NameList, Share, Size, Span
from stem_cli.separation import Shop

RATE = 44100
HEAVY = ("numpy", "scipy", "rich", "sqlalchemy", "av", "soundfile", "mutagen", "onnxruntime", "torch", "librosa")


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below a folder: when it was changed, its inode and what it holds."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with opened(tmp_path) as made:
        yield made


# ------------------------------------------------------------------------------------------------- the program itself


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for one in command.list_commands(context):
            below = command.get_command(context, one)
            assert below is not None
            yield from walk(below, f"{name} {one}")


ALL = dict(walk(program, "stem"))


def test_help_names_all_commands(stem: Stem) -> None:
    told = stem("--help")
    assert all(f"  {name} " in told.stdout for name in COMMANDS)
    assert told.stderr == ""
    assert stem("-h").stdout == told.stdout


def test_version_is_that_of_the_package(stem: Stem) -> None:
    assert stem("--version").stdout == f"stem-cli, version {__version__}\n"


def test_both_names_start_the_program() -> None:
    for name in ("stem", "stem-cli"):
        command = Path(sys.executable).with_name(name + (".exe" if os.name == "nt" else ""))
        assert __version__ in subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout


def test_the_table_of_commands_is_the_folder_of_commands() -> None:
    folder = Path(commands_folder.__file__).parent
    assert set(COMMANDS) == {path.stem for path in folder.iterdir() if path.name[0] not in "_."}


@pytest.mark.parametrize("name", ALL)
def test_a_command_has_help(name: str) -> None:
    text = (ALL[name].help or "").strip()
    assert len(text) > 20
    assert text.split("\n\n")[0].strip().endswith(".")


OPTIONS = [(name, param) for name, command in ALL.items() for param in command.params]


@pytest.mark.parametrize(("name", "param"), OPTIONS, ids=[f"{name}:{param.name}" for name, param in OPTIONS])
def test_an_option_has_a_help_text(name: str, param: click.Parameter) -> None:
    if isinstance(param, click.Option):
        assert param.help, f"{name} {param.opts}"
        assert param.help.rstrip(".)")[0].isupper() or param.help[0] in "'\"", param.help


@pytest.mark.parametrize("name", ALL)
def test_help_of_each_command_prints(name: str) -> None:
    context = click.Context(ALL[name], info_name=name, terminal_width=100)
    assert "Usage:" in ALL[name].get_help(context)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys; from stem_cli.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert done.stdout


def test_help_of_a_command_imports_no_engine_and_no_decoder() -> None:
    script = (
        "import sys; from stem_cli.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print(sorted({'scipy', 'rich', 'sqlalchemy', 'av', 'soundfile', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "separate", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("wrong", [["sepparate"], ["--nothing"], ["separate"], ["separate", "x", "--engine", "steam"]])
def test_a_command_line_that_makes_no_sense_is_a_usage_error(stem: Stem, wrong: list[str]) -> None:
    told = stem(*wrong, code=2)
    assert told.stdout == ""
    assert told.stderr.startswith("Usage:")


# --------------------------------------------------------------------------------------------------------- exit codes

CODES = {
    "StemError": 1,
    "UsageError": 2,
    "InputError": 3,
    "DamagedError": 3,
    "EngineError": 4,
    "OutputError": 5,
    "SomeFailed": 6,
    "BusyError": 7,
    "CloudError": 8,
    "FaultsFound": 9,
    "Interrupted": 130,
}


def test_each_error_has_its_exit_code() -> None:
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    found = {name: kind.exit_code for name, kind in kinds.items() if issubclass(kind, errors.StemError)}
    assert found == CODES


def test_the_tree_in_the_docstring_and_the_help_tell_the_codes() -> None:
    assert errors.__doc__ is not None
    for name, code in CODES.items():
        line = next(line for line in errors.__doc__.splitlines() if f" {name} " in f" {line.strip('├└─ ')} ")
        assert f" {code} " in line
    assert all(f"{code} " in _EPILOG for code in {0, *CODES.values()})


def test_an_error_is_one_line_that_says_what_where_and_what_to_do(stem: Stem) -> None:
    told = stem("separate", "missing.wav", code=3)
    assert told.stderr == "stem: missing.wav: there is no such file. Check the spelling, and quote names with spaces.\n"
    assert told.stdout == ""


def test_options_that_contradict_one_another_end_with_2(stem: Stem, song: Path) -> None:
    assert "contradict" in stem("separate", song, "--stems", "drums", "--two-stems", "vocals", code=2).stderr


def test_stems_that_no_engine_makes_end_with_4(stem: Stem, song: Path) -> None:
    assert "makes none" in stem("separate", song, "--stems", "piano", code=4).stderr


def test_a_file_in_the_way_ends_with_5(stem: Stem, song: Path) -> None:
    Path("taken").touch()
    stem("separate", song, "--output", "taken", code=5)
    assert Path("taken").read_bytes() == b""


def test_some_songs_of_several_end_with_6_and_the_others_are_done(stem: Stem, song: Path) -> None:
    """Also with --quiet it is told which ones failed and why."""
    told = stem("separate", "missing.wav", song, "also missing.wav", "--quiet", code=6)
    assert len(told.stdout.splitlines()) == 4
    assert "missing.wav: there is no such file" in told.stderr
    assert "also missing.wav: there is no such file" in told.stderr
    assert "2 of 3 songs failed" in told.stderr


# --------------------------------------------------------------------------------------------------------- completion


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "#compdef stem"), ("fish", "complete")])
def test_completion_scripts(stem: Stem, shell: str, word: str) -> None:
    script = stem("completion", shell).stdout
    assert word in script
    assert f"_STEM_COMPLETE={shell}_complete" in script


def test_a_completion_script_is_good_bash(stem: Stem) -> None:
    script = stem("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).returncode == 0


def completed(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    environment = {
        **os.environ,
        "_STEM_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("stem", *words)),
        "COMP_CWORD": str(len(words)),
    }
    command = [Path(sys.executable).with_name("stem")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [line.split(",", 1)[1] for line in done.stdout.splitlines()]


def test_commands_are_completed() -> None:
    assert completed("c") == ["cache", "config", "completion"]


def test_stems_are_completed_after_a_comma_too() -> None:
    assert completed("separate", "song.wav", "--stems", "dr") == ["drums"]
    assert completed("separate", "song.wav", "--stems", "vocals,b") == ["vocals,backing_vocals", "vocals,bass"]


def test_settings_and_engines_are_completed() -> None:
    assert completed("config", "set", "bit") == ["bit_depth"]
    assert "builtin" in completed("separate", "--engine", "b")


# --------------------------------------------------------------------------------------------------- what is printed


def test_stdout_is_the_paths_of_the_stems_and_nothing_else(stem: Stem, song: Path) -> None:
    told = stem("separate", song)
    paths = [Path(line) for line in told.stdout.splitlines()]
    assert [path.stem for path in paths] == list(stems.FOUR)
    assert all(path.is_file() for path in paths)
    assert "separating with builtin" in told.stderr
    assert "\x1b" not in told.stdout + told.stderr


def test_json_is_one_object_a_song_and_stderr_holds_the_rest(stem: Stem, song: Path) -> None:
    told = stem("separate", song, "missing.wav", "--json", code=6)
    made, failed = (json.loads(line) for line in told.stdout.splitlines())
    assert made["status"] == "made"
    assert list(made["stems"]) == list(stems.FOUR)
    assert made["record"] == json.loads(Path(made["metadata"]).read_text())
    assert (failed["status"], failed["exit_code"], failed["file"]) == ("failed", 3, "missing.wav")
    assert "no such file" in failed["error"]
    assert "separating with" in told.stderr


def test_quiet_prints_the_result_alone(stem: Stem, song: Path) -> None:
    told = stem("separate", song, "--quiet")
    assert len(told.stdout.splitlines()) == 4
    assert told.stderr == ""


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_progress_as_json_ends_with_all_of_the_song(stem: Stem, song: Path) -> None:
    told = events(stem("separate", song, "--progress", "json").stderr)
    assert [one["event"] for one in told] == ["begin", *["progress"] * (len(told) - 2), "end"]
    assert {one["file"] for one in told} == {str(song)}
    assert told[0]["engine"] == "builtin"
    assert told[0]["seconds"] == 4.0
    shares = [one["share"] for one in told[1:-1]]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_progress_tells_songs_apart_and_ends_each_once(shop: Shop, stem: Stem, song: Path) -> None:
    """The second song's length is an estimate, and too long by a little; the first one's stems are there already."""
    soundfile.write("other.mp3", music(2.0), RATE, subtype="MPEG_LAYER_III")
    data = Path("other.mp3").read_bytes()
    Path("other.mp3").write_bytes(data[data.index(b"\xff\xfb", 100) :])  # without its Xing header
    run(shop, song, Path("stems"))
    told = events(stem("separate", song, "other.mp3", "--progress", "json").stderr)
    assert {one["file"] for one in told} == {"other.mp3"}
    assert [one["event"] for one in told].count("end") == 1
    assert [one["share"] for one in told if one["event"] == "progress"][-1] == 1


# ------------------------------------------------------------------------------------------------------- what is done


def test_a_dry_run_writes_nothing(stem: Stem, song: Path, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "work")
    told = stem("separate", song, "--dry-run")
    assert told.stdout.startswith("stems/song_")
    assert "would be separated" in told.stdout
    assert snapshot(tmp_path / "work") == before
    assert not Path("stems").exists()
    assert list((tmp_path / "cache").rglob("*.wav")) == []


def test_the_same_command_twice_says_there_and_does_nothing(stem: Stem, song: Path) -> None:
    first = json.loads(stem("separate", song, "--json").stdout)
    before = snapshot(Path("stems"))
    second = json.loads(stem("separate", song, "--json").stdout)
    assert (first["status"], second["status"]) == ("made", "there")
    assert first["stems"] == second["stems"]
    assert snapshot(Path("stems")) == before


@pytest.mark.parametrize("output", ["wav", "mp3", "alac"])
def test_the_song_and_its_folder_stay_as_they_are(shop: Shop, song: Path, tmp_path: Path, output: str) -> None:
    (tmp_path / "music").mkdir()
    inside = song.rename(tmp_path / "music" / "song.wav")
    (tmp_path / "music" / "notes.txt").write_text("mine")
    before = snapshot(tmp_path / "music")
    times = (tmp_path / "music").stat().st_mtime_ns
    run(shop, inside, tmp_path / "stems", format=output)
    assert snapshot(tmp_path / "music") == before
    assert (tmp_path / "music").stat().st_mtime_ns == times


@pytest.mark.parametrize(
    ("span", "first", "end"),
    [
        ((1.0, 2.5), 44100, 110250),
        ((0.0, 0.3333), 0, 14699),
        ((3.5, None), 154350, 176400),
        ((3.9, 99.0), 171990, 176400),
    ],
)
def test_a_stretch_adds_up_to_that_stretch(
    shop: Shop, song: Path, tmp_path: Path, span: tuple[float, float | None], first: int, end: int
) -> None:
    made = run(shop, song, tmp_path / "stems", span=span)
    assert np.array_equal(total(files(made), "16"), integers(song, "16")[first:end])
    assert made.folder is not None
    assert made.folder.record.span == span


def test_time_on_the_command_line_cuts_the_song(stem: Stem, song: Path) -> None:
    printed = stem("separate", song, "--quiet", "--time", "0:01-2.5").stdout.splitlines()
    assert np.array_equal(total({name: Path(name) for name in printed}, "16"), integers(song, "16")[44100:110250])


def test_a_stretch_outside_of_the_song_is_an_input_error(shop: Shop, song: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="lies outside"):
        run(shop, song, tmp_path / "stems", span=(60.0, 120.0))


def test_stems_that_are_ordered_one_by_one_come_together_in_one_folder(shop: Shop, song: Path, tmp_path: Path) -> None:
    for name in stems.FOUR:
        made = run(shop, song, tmp_path / "stems", names=(name,))
    assert list(files(made)) == list(stems.FOUR)
    assert np.array_equal(total(files(made), "16"), integers(song, "16"))
    assert len(list((tmp_path / "stems").iterdir())) == 1
    assert made.folder is not None
    assert made.folder.record.song.parts == stems.FOUR
    at_once = run(shop, song, tmp_path / "at once").folder
    assert at_once is not None
    assert made.folder.record.quality == at_once.record.quality
    assert run(shop, song, tmp_path / "stems").status == "there"


def test_stems_that_came_together_are_as_their_record_says(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "stems", names=("vocals",))
    folder = run(shop, song, tmp_path / "stems", names=("drums",)).folder
    assert folder is not None
    assert {path.name for path in folder.place.home.iterdir()} == {"vocals.wav", "drums.wav", "metadata.json"}
    assert list(open_folder(folder.place.home).paths()) == ["vocals", "drums"]
    assert verify.check(folder) == []


def test_another_format_needs_force_and_then_replaces(shop: Shop, song: Path, tmp_path: Path) -> None:
    folder = run(shop, song, tmp_path / "stems").place.home
    (folder / "my notes.txt").write_text("mine")
    before = snapshot(folder)
    with pytest.raises(errors.OutputError, match="--force"):
        run(shop, song, tmp_path / "stems", format="flac")
    assert snapshot(folder) == before
    run(shop, song, tmp_path / "stems", format="flac", force=True)
    names = {path.name for path in folder.iterdir()}
    assert names == {*(f"{name}.flac" for name in stems.FOUR), "metadata.json", "my notes.txt"}
    assert (folder / "my notes.txt").read_text() == "mine"


def test_force_makes_the_same_bytes_anew(shop: Shop, song: Path, tmp_path: Path) -> None:
    first = run(shop, song, tmp_path / "stems")
    before = snapshot(tmp_path / "stems")
    second = run(shop, song, tmp_path / "stems", force=True)
    assert second.status == "made"
    after = snapshot(tmp_path / "stems")
    for path in files(first).values():
        name = str(path.relative_to(tmp_path / "stems"))
        assert before[name][1] != after[name][1], "a new file"
        assert before[name][2] == after[name][2], "of the same bytes"


def test_a_missing_stem_is_made_again(shop: Shop, song: Path, tmp_path: Path) -> None:
    paths = files(run(shop, song, tmp_path / "stems"))
    whole = paths["bass"].read_bytes()
    paths["bass"].unlink()
    assert run(shop, song, tmp_path / "stems").status == "cached"
    assert paths["bass"].read_bytes() == whole


def test_output_same_puts_stems_next_to_the_song(shop: Shop, song: Path, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    inside = song.rename(tmp_path / "music" / "song.wav")
    assert run(shop, inside, Path("same")).place.home.parent == tmp_path / "music"


def test_mirror_repeats_the_tree(shop: Shop, song: Path, tmp_path: Path) -> None:
    deep = tmp_path / "music" / "House" / "2024"
    deep.mkdir(parents=True)
    inside = song.rename(deep / "song.wav")
    made = run(shop, inside, tmp_path / "stems", mirror=str(tmp_path / "music"))
    assert made.place.home.parent == tmp_path / "stems" / "House" / "2024"
    with pytest.raises(errors.UsageError, match="does not lie under"):
        run(shop, inside, tmp_path / "stems", mirror=str(tmp_path / "cache"))
    with pytest.raises(errors.UsageError, match="--mirror needs a folder"):
        run(shop, inside, Path("same"), mirror=str(tmp_path / "music"))


def test_the_flat_layout_names_files_after_the_song_and_opens_by_its_record(
    shop: Shop, song: Path, tmp_path: Path
) -> None:
    made = files(run(shop, song, tmp_path / "stems", layout="flat", also=("instrumental",)))
    names = [f"song_{name}.wav" for name in ("Vocals", "Drums", "Bass", "Other", "Instrumental")]
    assert [path.name for path in made.values()] == names
    assert open_folder(tmp_path / "stems" / "song.stems.json").paths() == made
    assert {path.name for path in (tmp_path / "stems").iterdir()} == {*names, "song.stems.json"}


def test_two_songs_of_one_name_do_not_meet(shop: Shop, song: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "song.wav"
    other.parent.mkdir()
    soundfile.write(other, music(1.0, seed=9), RATE, subtype="PCM_16")
    for layout in ("folder", "flat"):
        one = files(run(shop, song, tmp_path / layout, layout=layout))
        two = files(run(shop, other, tmp_path / layout, layout=layout))
        assert set(one.values()).isdisjoint(two.values())
        assert np.array_equal(total(one, "16"), integers(song, "16"))
        assert np.array_equal(total(two, "16"), integers(other, "16"))


def test_a_name_template_gives_the_name(shop: Shop, song: Path, tmp_path: Path) -> None:
    made = run(shop, song, tmp_path / "stems", name_template="{engine}/{name} by us")
    assert made.place.home == tmp_path / "stems" / "builtin" / "song by us"


def test_many_songs_are_made_by_one_command(stem: Stem, song: Path) -> None:
    names = []
    for seed in range(3):
        names.append(f"song{seed}.flac")
        soundfile.write(names[-1], music(0.5, seed=seed), RATE)
    told = stem("separate", *names, "--quiet", "--two-stems", "drums")
    assert len(told.stdout.splitlines()) == 6
    assert [Path(line).stem for line in told.stdout.splitlines()[:2]] == ["drums", "no_drums"]


# ------------------------------------------------------------------------------------------ words on the command line


def given(kind: click.ParamType, text: str) -> object:
    return kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:30-1:45", (30.0, 105.0)),
        ("90-", (90.0, None)),
        ("-60", (0.0, 60.0)),
        ("1:00:00-1:00:00.5", (3600.0, 3600.5)),
        ("1.25-2", (1.25, 2.0)),
        ("-", (0.0, None)),
    ],
)
def test_stretches_of_time(text: str, seconds: tuple[float, float | None]) -> None:
    assert given(Span(), text) == seconds


@pytest.mark.parametrize("text", ["", "5", "2-1", "1-1", "a-b", "1:2:3:4-", "-0", "--5", "1-2-3", "1e3-"])
def test_stretches_that_are_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no stretch of time"):
        given(Span(), text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration(), "45s", 45.0),
        (Duration(), "10m", 600.0),
        (Duration(), "6h", 21600.0),
        (Duration(), "30d", 2592000.0),
        (Duration(), "1.5", 1.5),
        (Size(), "500M", 500_000_000),
        (Size(), "20GB", 20_000_000_000),
        (Size(), "1024", 1024),
        (Size(), "1.5k", 1500),
        (Share(), "5%", 0.05),
        (Share(), "0.05", 0.05),
        (Share(), "100%", 1.0),
        (NameList(("a", "b")), "b,a,b", ("b", "a")),
        (NameList(("a", "b")), " a , b ", ("a", "b")),
    ],
)
def test_words_for_durations_sizes_shares_and_names(kind: click.ParamType, text: str, value: object) -> None:
    assert given(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Duration(), "soon"),
        (Duration(), "-5s"),
        (Size(), "5X"),
        (Size(), "-1"),
        (Share(), "0"),
        (Share(), "101%"),
        (Share(), "half"),
        (NameList(("a",)), "b"),
        (NameList(("a",)), ","),
    ],
)
def test_words_that_make_no_sense(kind: click.ParamType, text: str) -> None:
    with pytest.raises(click.BadParameter):
        given(kind, text)
