"""Download a file of a model: resumed where it stopped, checked, and moved into place when it is whole.

Until then it is `<name>.part` beside its place, with `<name>.part.json`: what it is a part of. A lock beside them makes
the second of two processes wait for the first.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from stem_cli.disk import disk_errors
from stem_cli.errors import CloudError, OutputError
from stem_cli.models.files import ModelFile, sha256_of
from stem_cli.models.transfer import WITHOUT, Answer, Dropped, Unreached, asked, host_of, open_client, refused, unsecret

if TYPE_CHECKING:
    import httpx2

Listener = Callable[[int, int | None], None]
"""Bytes that are there, bytes in all (None: not known)."""

_RESUMES = 5
_PROGRESS_BYTES = 1 << 20  # a connection that brought so much counts as good: the resumes are counted anew
_PAUSE_SECONDS = 0.2  # doubled with each
_KEPT = "What was loaded is kept, and the same command goes on from there."


def _unheard(_done: int, _total: int | None) -> None:
    """Nobody wants to know."""


def download(
    file: ModelFile,
    models_dir: Path,
    listener: Listener = _unheard,
    on_wait: Callable[[], None] = lambda: None,
) -> Path:
    """Download a file into a folder; gives its place. What is there already stays as it is: `check` tells what it is.

    on_wait: called once where another process is downloading it, which is waited for. Raises CloudError where the
    network, the host or what it sends is at fault, OutputError where it cannot be written.
    """
    target = models_dir / file.name
    if not target.exists():
        with _alone(target, on_wait):
            if not target.exists():
                _make(file, target, listener)
    return target


def _make(file: ModelFile, target: Path, listener: Listener) -> None:
    part = _Part.find(file, target)
    if file.bytes is None or part.size < file.bytes:
        _load(file, part, listener)
    _judge(file, part)
    part.finish()


@dataclass
class _Part:
    """What is there of a file so far, in bytes. validator: the host's mark of the file that it is a part of."""

    target: Path
    url: str
    size: int = 0
    validator: str = ""

    @classmethod
    def find(cls, file: ModelFile, target: Path) -> _Part:
        """What an earlier run left, where a later one can be sure to go on with the same file."""
        part = cls(target, unsecret(file.url))
        try:
            record = json.loads(part._record.read_text("utf-8"))
            size = part.path.stat().st_size
        except (OSError, ValueError):
            return part
        validator = str(record.get("validator", "")) if isinstance(record, dict) else ""
        if not isinstance(record, dict) or record.get("url") != part.url or not (validator or file.sha256):
            return part
        return part if file.bytes is not None and size > file.bytes else cls(target, part.url, size, validator)

    @property
    def path(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def _record(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")

    def open(self, answer: Answer) -> FileIO:
        """Ready to take what comes, which may start anew."""
        with _disk_errors(self.target):
            file = FileIO(self.path, "r+" if answer.start else "w")  # unbuffered: what is told as done is written
            file.seek(answer.start)
            if not answer.start:
                self.validator = answer.validator
                self._record.write_text(json.dumps({"url": self.url, "validator": self.validator}), "utf-8")
        self.size = answer.start
        return file

    def write(self, file: FileIO, block: bytes) -> None:
        """Take a block."""
        with _disk_errors(self.target):
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]
        self.size += len(block)

    def finish(self) -> None:
        """Onto the disk, then into place."""
        with _disk_errors(self.target):
            with self.path.open("r+b") as file:
                os.fsync(file.fileno())
            self.path.replace(self.target)
            self._record.unlink(missing_ok=True)

    def remove(self) -> None:
        """Nothing of it stays."""
        with _disk_errors(self.target):
            self.path.unlink(missing_ok=True)
            self._record.unlink(missing_ok=True)
        self.size = 0


def _load(file: ModelFile, part: _Part, listener: Listener) -> None:
    """All of the file; a connection that drops is taken up again while that helps."""
    resumes, begun = 0, False
    with open_client() as client:
        while True:
            before = part.size
            try:
                return _go_on(client, file, part, listener)
            except Unreached as error:
                problem = f"no connection to {host_of(file)} ({error})"
            except Dropped as error:
                problem = f"{host_of(file)} drops the connection ({error})"
            begun = begun or part.size != before
            resumes = 1 if part.size - before >= _PROGRESS_BYTES else resumes + 1
            if not begun or resumes > _RESUMES:
                raise CloudError(problem, file.name, f"{_KEPT if part.size else ''} {WITHOUT}".strip())
            time.sleep(_PAUSE_SECONDS * 2 ** (resumes - 1))


def _go_on(client: httpx2.Client, file: ModelFile, part: _Part, listener: Listener) -> None:
    """Load from where the part ends. Raises Unreached and Dropped."""
    with asked(client, file, part.size, part.validator) as answer:
        total = file.bytes if answer.total is None else answer.total
        _room(part.target, (total or 0) - answer.start)
        with part.open(answer) as out:
            listener(part.size, total)
            for block in answer.blocks:
                if total is not None and part.size + len(block) > total:
                    part.remove()
                    raise refused(file, f"sends more than the {total:,} bytes of the file")
                part.write(out, block)
                listener(part.size, total)
    if total is not None and part.size < total:
        raise Dropped(f"after {part.size:,} of {total:,} bytes")


def _judge(file: ModelFile, part: _Part) -> None:
    """Raises CloudError where the whole is not the file that we know; then nothing of it stays.

    It is the host, or the way from it, that is at fault: nothing on this machine has to be deleted or mended.
    """
    known = sha256_of(part.path)
    if not known.startswith(file.sha256.lower()):
        part.remove()
        raise refused(
            file, f"sent {known[:8]}..., which is not the file of the checksum {file.sha256[:8]}...; it was thrown away"
        )


@contextmanager
def _alone(target: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """One process at a time; the system frees the lock when its process dies, however it dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(target.with_name(f".{target.name}.lock"))
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _room(target: Path, wanted: int) -> None:
    """Raises OutputError where the disk cannot hold so many bytes more."""
    with _disk_errors(target):
        free = shutil.disk_usage(target.parent).free
    if wanted > free:
        raise OutputError(
            f"the disk has {free / 1e6:,.0f} MB free, the file needs {wanted / 1e6:,.0f} MB",
            target,
            "Free some space or choose another place: `stem config set models_dir DIR`.",
        )


def _disk_errors(path: Path) -> AbstractContextManager[None]:
    return disk_errors(path, "Choose another place (`stem config set models_dir DIR`)", _KEPT)
