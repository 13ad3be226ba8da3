"""What cannot be tried here is stated: the code assumes nothing that Windows or macOS do differently."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "stem_cli"
MODULES = sorted(ROOT.rglob("*.py"))
POSIX_ONLY = {"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "crypt", "syslog"}
POSIX_CALLS = {"fork", "getuid", "geteuid", "chown", "mkfifo", "setsid", "killpg", "statvfs", "sched_getaffinity"}
SIGNALS_EVERYWHERE = {"SIGINT", "SIGTERM", "SIG_DFL", "SIG_IGN", "signal", "getsignal", "raise_signal"}


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in MODULES:
        yield path, ast.parse(path.read_text("utf-8"))


def _calls(name: str) -> Iterator[tuple[Path, ast.Call]]:
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
                yield path, node


def test_modules_that_windows_lacks_are_imported_only_where_their_absence_is_caught() -> None:
    for path, tree in _trees():
        guarded = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in POSIX_ONLY & {name.split(".")[0] for name in names}:
                assert id(node) in guarded, f"{path.name} imports {name}"


def test_calls_that_windows_lacks_are_asked_for_before_they_are_used() -> None:
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in POSIX_CALLS:
                raise AssertionError(f"{path.name} uses {node.attr} without getattr")


def test_only_signals_that_every_system_has_are_used() -> None:
    users = [(path, tree) for path, tree in _trees() if "import signal" in path.read_text("utf-8")]
    assert users
    for path, tree in users:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "signal":
                assert node.attr in SIGNALS_EVERYWHERE, f"{path.name}: signal.{node.attr}"


def test_text_files_are_read_and_written_as_utf_8_whatever_the_system_prefers() -> None:
    for name in ("read_text", "write_text"):
        for path, call in _calls(name):
            said = any(keyword.arg == "encoding" for keyword in call.keywords)
            positional = len(call.args) >= (1 if name == "read_text" else 2)
            probes = path.name == "doctor.py"  # its probes are plain ASCII
            assert said or positional or probes, f"{path.name}:{call.lineno} leaves the encoding to the system"


def test_a_file_that_may_be_there_is_replaced_not_renamed_over() -> None:
    """On Windows `rename` fails where the target exists; only folders that were checked for are renamed."""
    for path, call in _calls("rename"):
        assert path.name == "staging.py", f"{path.name}:{call.lineno}: use replace"


def test_locks_and_folders_come_from_libraries_that_know_every_system() -> None:
    import filelock
    import platformdirs

    assert filelock.FileLock in (filelock.UnixFileLock, filelock.WindowsFileLock)
    assert platformdirs.user_data_path("stem-cli", appauthor=False).is_absolute()


@pytest.mark.parametrize("name", ["con", "a:b", 'x"y', "ends. ", "é" * 200, "tab\there"])
def test_names_are_made_for_windows_on_every_system(name: str) -> None:
    from stem_cli.folder.names import safe

    made = safe(name)
    assert not set(made) & set('<>:"/\\|?*')
    assert made == made.strip(" .")
    assert len(made.encode("utf-16-le")) // 2 <= 255
