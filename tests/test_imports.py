"""Imports point down only: what lies lower knows nothing of what lies above it."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

import stem_cli

ROOT = Path(stem_cli.__file__).parent
ROWS: tuple[tuple[str, ...], ...] = (
    ("errors", "stems", "cues", "allocator", "demo"),
    ("disk", "dsp"),
    ("models",),
    ("settings", "audio", "tags", "synth"),
    ("track", "logbook"),
    ("database", "overlap", "folder", "engines", "engines.runtime", "progress"),
    ("artifacts", "verify", "quality", "library", "dj", "options", "analysis"),
    (
        "engines.*",
        "cache",
        "router",
        "separation_options",
        "ableton",
        "samples",
        "inspector",
        "upmix",
        "organize",
        "mashup",
        "training",
        "studio",
    ),
    ("separation",),
    ("split",),
    ("analyzing", "batch", "doctor"),
    ("worker",),
    ("commands",),
    ("cli",),
)
"""The lowest first; after the table in docs/architecture.md. A new module goes into the lowest row that fits.

A folder counts as one module, but for `engines`: the contract in its `__init__` lies low, each engine above it.
"""
LEVELS = {name: level for level, row in enumerate(ROWS) for name in row}
APART = ("commands", "engines")
"""Folders whose modules keep one contract and never import one another."""


def name_of(path: Path) -> str:
    """`audio.mix` for audio/mix.py, `audio` for audio/__init__.py, "" for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def imported(name: str) -> Iterator[tuple[str, int]]:
    """Every module of ours that a module imports, anywhere in it: at the top, in functions, under TYPE_CHECKING."""
    package = "stem_cli" if MODULES[name].name != "__init__.py" or not name else f"stem_cli.{name}"
    if MODULES[name].name != "__init__.py" and "." in name:
        package = f"stem_cli.{name.rpartition('.')[0]}"
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = (
                importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                if node.level
                else node.module
            )
            found = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for full in found:
            if full == "stem_cli" or full.startswith("stem_cli."):
                yield longest_module(full.removeprefix("stem_cli").lstrip(".")), node.lineno


def longest_module(dotted: str) -> str:
    """`audio.mix` for `audio.mix.Mix`."""
    while dotted not in MODULES:
        dotted = dotted.rpartition(".")[0]
    return dotted


def unit(name: str) -> str:
    """What has a level: the folder, or the engine in it."""
    if name in LEVELS:
        return name
    for one in LEVELS:
        if "." in one and name.startswith(f"{one}."):
            return one
    head = name.partition(".")[0]
    return f"{head}.*" if f"{head}.*" in LEVELS and "." in name else head


WITH_LEVEL = [name for name in MODULES if name]


@pytest.mark.parametrize("name", WITH_LEVEL)
def test_each_module_has_a_level(name: str) -> None:
    assert unit(name) in LEVELS, f"give {name} a place in ROWS"


@pytest.mark.parametrize("name", WITH_LEVEL)
def test_imports_point_down(name: str) -> None:
    for other, line in imported(name):
        if not other or other.partition(".")[0] == name.partition(".")[0]:
            continue  # the version, or inside one folder
        where = f"{MODULES[name].relative_to(ROOT)}:{line} imports {other}"
        assert LEVELS[unit(other)] < LEVELS[unit(name)], where


@pytest.mark.parametrize("name", [name for name in MODULES if name.partition(".")[0] in APART and "." in name])
def test_siblings_do_not_import_one_another(name: str) -> None:
    """An engine that is a folder is one sibling."""
    folder, own = name.partition(".")[0], ".".join(name.split(".")[:2])
    shared = {folder, own, *(one for one in LEVELS if one.startswith(f"{folder}.") and not one.endswith("*"))}
    inside = {other for other, _ in imported(name) if other.partition(".")[0] == folder}
    assert {".".join(other.split(".")[:2]) for other in inside} <= shared


@pytest.mark.parametrize("folder", [name for name in MODULES if "." not in name and f"{name}." in " ".join(MODULES)])
def test_modules_of_a_folder_do_not_import_in_a_circle(folder: str) -> None:
    """At the top of the file; the folder's own `__init__` gathers them all."""
    below = {name: {o for o, _ in imported(name)} - {folder, name} for name in MODULES if name.startswith(f"{folder}.")}
    known = {name: {other for other in others if other in below} for name, others in below.items()}
    while known:
        free = {name for name, others in known.items() if not others}
        assert free, f"a circle among {sorted(known)}"
        known = {name: others - free for name, others in known.items() if name not in free}


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("dsp")])
def test_maths_knows_no_files_and_no_settings(name: str) -> None:
    assert {other.partition(".")[0] for other, _ in imported(name)} <= {"dsp", "errors"}


def test_the_program_imports_commands_only_at_run_time() -> None:
    assert not {other for other, _ in imported("cli") if other.startswith("commands")}


def test_only_the_database_and_its_users_speak_sql() -> None:
    users = {name for name, path in MODULES.items() if "from sqlalchemy" in path.read_text("utf-8")}
    assert {unit(name) for name in users} <= {"database", "artifacts", "library", "separation", "batch", "worker"}


def test_only_audio_and_tags_open_sound_files() -> None:
    """`soundfile` and `av` are imported nowhere else: the only place that decodes or encodes."""
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text("utf-8"))
        roots = {
            alias.name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        if roots & {"soundfile", "av"}:
            assert name.partition(".")[0] in ("audio", "tags", "training"), name
