"""The command line: its commands and their help, its exit codes, its completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from conftest import Stem

from stem_cli import __version__, errors
from stem_cli import commands as commands_folder
from stem_cli.cli import _EPILOG, COMMANDS, program

HEAVY = ("numpy", "scipy", "rich", "sqlalchemy", "av", "soundfile", "mutagen", "onnxruntime", "torch", "librosa")


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
    assert set(COMMANDS) == {path.stem.replace("_", "-") for path in folder.iterdir() if path.name[0] not in "_."}


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
    "FullError": 5,
    "TooLargeError": 5,
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
    assert "no engine that is ready makes piano" in stem("separate", song, "--stems", "piano", code=4).stderr


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
    assert completed("c") == ["check", "cache", "config", "completion"]


def test_stems_are_completed_after_a_comma_too() -> None:
    assert completed("separate", "song.wav", "--stems", "dr") == ["drums"]
    assert completed("separate", "song.wav", "--stems", "vocals,b") == ["vocals,backing_vocals", "vocals,bass"]


def test_settings_and_engines_are_completed() -> None:
    assert completed("config", "set", "bit") == ["bit_depth"]
    assert "builtin" in completed("separate", "--engine", "b")
