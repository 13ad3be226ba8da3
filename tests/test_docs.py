"""What the documents say is true."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import click
import pytest

from stem_cli.cli import COMMANDS, program
from stem_cli.options import PROGRAMS
from stem_cli.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
DECKS = [ROOT / "docs" / "organize.md", *sorted((ROOT / "docs" / "dj").glob("*.md"))]


def test_the_page_of_commands_is_made_from_the_commands() -> None:
    done = subprocess.run([sys.executable, "scripts/make_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_line_of_unchanged_names_a_test_that_exists() -> None:
    tests = {
        name
        for file in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    }
    rows = [line for line in (ROOT / "docs" / "unchanged.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    promises = rows[2:]
    assert len(promises) >= 10
    for row in promises:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, f"names no test: {row}"
        assert set(named) <= tests, f"names a test that is not there: {row}"


def test_the_readme_names_only_commands_and_options_that_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    commands = (ROOT / "docs" / "commands.md").read_text("utf-8")
    typed = "\n".join([*re.findall(r"```sh\n(.*?)```", text, re.DOTALL), *re.findall(r"`(stem [^`]+)`", text)])
    for name in re.findall(r"^stem ([a-z-]+)", typed, re.MULTILINE):
        assert name in COMMANDS or name == "--help", name
    for option in re.findall(r"(--[a-z][a-z-]+)", text):
        assert option in commands, option


@pytest.mark.parametrize("page", DECKS, ids=lambda page: page.name)
def test_pages_about_decks_name_only_commands_options_and_programs_that_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    typed = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    assert "stem organize" in typed
    for line in re.findall(r"^stem .*", typed, re.MULTILINE):
        name, *words = line.partition("#")[0].split()[1:]
        context = click.Context(program)
        known = {option for one in program.get_command(context, name).params for option in one.opts}  # type: ignore[union-attr]
        assert {word for word in words if word.startswith("--")} <= known, line
        for programs in re.findall(r"--for (\S+)", line):
            assert set(programs.split(",")) <= set(PROGRAMS.known), line
    written = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert [option for option in re.findall(r"`(--[a-z][a-z-]+)", text) if option not in written] == []


def test_every_program_has_a_page() -> None:
    pages = "".join(page.read_text("utf-8") for page in DECKS[1:])
    assert [name for name in PROGRAMS.known if f"--for {name} " not in pages] == []
    overview = DECKS[0].read_text("utf-8")
    assert [page.name for page in DECKS[1:] if f"(dj/{page.name})" not in overview] == []


def test_the_commented_settings_are_the_defaults() -> None:
    import tomllib

    assert tomllib.loads((ROOT / "configs" / "stem.toml").read_text("utf-8")) == asdict(Settings())


def test_every_dependency_is_pinned() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = {line.split("==")[0].lower() for line in (ROOT / "configs" / "constraints.txt").read_text().splitlines()}
    extras = [one for group in project["optional-dependencies"].values() for one in group]
    for requirement in [*project["dependencies"], *extras]:
        name = re.split(r"[\[><=~ ]", requirement)[0].lower()
        assert name in pins or name == "stem-cli", name
