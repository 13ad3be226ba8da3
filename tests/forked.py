"""`stem ...` in a process of its own that need not load anything first: a fork of one that waits with all of it loaded.

What is loaded is most of the time of a test that runs the command. The process is a real one: its own folder,
environment, output, exit code and signals; it runs `stem_cli.cli.main` from beginning to end.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LOADED = ("av", "mutagen", "music_tag", "numpy", "rich.console", "rich.progress", "scipy.fft", "scipy.ndimage",
          "scipy.signal", "scipy.spatial.distance", "soundfile", "sqlalchemy", "stem_cli.cli", "stem_cli.analyzing",
          "stem_cli.separation", "stem_cli.engines.builtin")  # fmt: skip
"""Nothing that starts threads as it is loaded: those do not come along."""


@dataclass(frozen=True)
class Call:
    """What is to be run, and where its output goes."""

    arguments: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    stdout: str
    stderr: str


class Waiting:
    """The process that waits. Held open while tests run."""

    def __init__(self) -> None:
        self._at_start = _read_at_start(os.environ)
        command = [sys.executable, str(Path(__file__)), "wait"]
        # unbuffered: what has come is to be seen by `select`
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )

    def serves(self) -> bool:
        """Whether nothing has changed that a process reads once, as it starts."""
        return self._at_start == _read_at_start(os.environ)

    def run(self, arguments: tuple[str, ...], folder: Path, timeout: float) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` would, with text."""
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        paths = [folder / f".{name}.{time.monotonic_ns()}" for name in ("out", "err")]
        _send(asked, Call(arguments, str(Path.cwd()), dict(os.environ), *map(str, paths)))
        child = _receive(told)
        late = not select.select([told], [], [], timeout)[0]
        if late:
            os.kill(child, signal.SIGKILL)
        code = _receive(told)
        if late:
            raise subprocess.TimeoutExpired(["stem", *arguments], timeout)
        out, err = (path.read_text("utf-8") for path in paths)
        for path in paths:
            path.unlink()
        return subprocess.CompletedProcess([*arguments], code, out, err)

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)  # its input is closed, and it ends


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of Python itself, of languages and of libraries that count threads."""
    names = ("PYTHON", "LC_", "LANG", "OMP_", "OPENBLAS_", "LD_")
    return {name: value for name, value in environment.items() if name.startswith(names)}


def _send(file: IO[bytes], what: Any) -> None:
    body = pickle.dumps(what)
    file.write(struct.pack("<I", len(body)) + body)
    file.flush()


def _receive(file: IO[bytes]) -> Any:
    return pickle.loads(_bytes(file, struct.unpack("<I", _bytes(file, 4))[0]))


def _bytes(file: IO[bytes], count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = file.read(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _wait() -> Call | None:
    """Fork for each call; None in the process that waits, at its end, and the call in each fork."""
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            call: Call = _receive(asked)
        except EOFError:
            return None
        child = os.fork()
        if not child:
            return call
        _send(told, child)
        _send(told, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _become(call: Call) -> None:
    """Take the place of a fresh process."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    out, err = (os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for path in (call.stdout, call.stderr))
    for new, place in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(new, place)
        os.close(new)
    os.environ.clear()
    os.environ.update(call.environment)
    time.tzset()
    os.chdir(call.folder)
    sys.path[0] = call.folder
    sys.argv = ["stem", *call.arguments]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in LOADED:
        importlib.import_module(name)
    for path in sorted((Path(importlib.import_module("stem_cli").__file__ or "").parent / "commands").glob("*.py")):
        importlib.import_module(f"stem_cli.commands.{path.stem}")
    gc.collect()
    gc.freeze()
    wanted = _wait()
    if wanted is not None:
        _become(wanted)
        from stem_cli.cli import main

        main()
