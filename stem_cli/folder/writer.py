"""Writes the stems of one song, each file in a thread of its own, measuring and hashing what passes."""

from __future__ import annotations

import hashlib
import queue
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stem_cli import stems
from stem_cli.audio import FORMATS, fingerprint, open_sink, probe
from stem_cli.dsp.loudness import Levels, Meter
from stem_cli.folder import exact, staging
from stem_cli.folder.metadata import StemFile
from stem_cli.folder.place import Place

_QUEUE_BLOCKS = 3
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file, where the file system can

Tag = Callable[[Path, str], None]
"""Puts the tags on a finished file of the stem named."""


@dataclass(frozen=True)
class Spec:
    """What files to write. names: of stems, complements and aliases alike. frames: expected."""

    names: tuple[str, ...]
    format: str
    depth: str
    rate: int
    channels: int
    frames: int


@dataclass(frozen=True)
class Target:
    """Files to write, made in `folder` and called what they will be called in `place`."""

    folder: Path
    place: Place
    spec: Spec

    def file_name(self, name: str) -> str:
        """The final name of a stem's file."""
        return self.place.file_name(name, FORMATS[self.spec.format].suffix)

    def path(self, name: str) -> Path:
        """Where it is made."""
        return self.folder / self.file_name(name)


class _Lane:
    """One file being written by one thread."""

    def __init__(self, target: Target, name: str, tag: Tag) -> None:
        self._target, self._name, self._tag = target, name, tag
        self._path = target.path(name)
        spec = target.spec
        self._depth = spec.depth
        self._sink = open_sink(self._path, spec.format, spec.rate, spec.channels, spec.depth, spec.frames)
        self._meter = Meter(spec.rate, spec.channels)
        self._samples = hashlib.sha256()
        self._frames = 0
        self._blocks: queue.Queue[NDArray[Any] | None] = queue.Queue(_QUEUE_BLOCKS)
        self._error: BaseException | None = None
        self._done: StemFile | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"write {name}", daemon=True)
        self._thread.start()

    def write(self, block: NDArray[Any]) -> None:
        self._put(block)

    def finish(self) -> StemFile:
        self._put(None)
        self._thread.join()
        self._raise()
        assert self._done is not None
        return self._done

    def give_up(self) -> None:
        """Take nothing more; the file stays as it is and is removed with its folder."""
        self._stopped.set()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _put(self, block: NDArray[Any] | None) -> None:
        while True:
            self._raise()
            try:
                return self._blocks.put(block, timeout=0.1)
            except queue.Full:
                continue

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    block = self._blocks.get(timeout=0.1)
                except queue.Empty:
                    continue
                if block is None:
                    self._done = self._close()
                    return
                self._take(block)
            self._sink.close()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever writes
            self._error = staging.disk_error(error, self._path) if isinstance(error, OSError) else error

    def _take(self, block: NDArray[Any]) -> None:
        self._sink.write(block)
        self._samples.update(exact.sample_bytes(block, self._depth))
        self._frames += block.shape[1]
        self._meter.add(block if self._depth == "float" else exact.to_floats(block, self._depth))

    def _close(self) -> StemFile:
        self._sink.close()
        return finished(
            self._target, self._name, self._tag, self._frames, self._samples.hexdigest(), self._meter.levels()
        )


def finished(target: Target, name: str, tag: Tag, frames: int, samples: str, levels: Levels) -> StemFile:
    """Tag a whole file, wait until it is on the disk, and describe it."""
    path = target.path(name)
    tag(path, name)
    staging.sync(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StemFile(
        name=name,
        file=target.file_name(name),
        kind=stems.kind(name),
        format=target.spec.format,
        depth=target.spec.depth,
        frames=frames,
        bytes=path.stat().st_size,
        sha256=digest,
        samples_sha256=samples if FORMATS[target.spec.format].exact else fingerprint(probe(path)).digest,
        peak_db=levels.peak_db,
        rms_db=levels.rms_db,
        lufs=levels.lufs,
        bandwidth_hz=levels.bandwidth_hz,
    )


class Writer:
    """Held open over the blocks of a song: `write` each, then `finish`; `stop` gives up."""

    def __init__(self, target: Target, tag: Tag) -> None:
        self._lanes: dict[str, _Lane] = {}
        try:
            for name in target.spec.names:
                self._lanes[name] = _Lane(target, name, tag)
        except BaseException:
            self.stop()
            raise

    def write(self, parts: Mapping[str, NDArray[Any]]) -> None:
        """Append a block to every file: int32 of the target's depth (or float32), [channels, frames]."""
        for name, lane in self._lanes.items():
            lane.write(parts[name])

    def finish(self) -> tuple[StemFile, ...]:
        """Close, tag and describe all files."""
        return tuple(lane.finish() for lane in self._lanes.values())

    def stop(self) -> None:
        """Stop all threads; nothing that was written counts."""
        for lane in self._lanes.values():
            lane.give_up()
        for lane in self._lanes.values():
            lane.join()


def copy_file(source: Path, target: Path, link: bool = False) -> None:
    """A copy that shares the disk's blocks where it can; with `link`, the same file under a second name."""
    if link:
        try:
            target.hardlink_to(source)
        except OSError:
            pass  # another disk, or a file system without links: a copy will do
        else:
            return
    if not _cloned(source, target):
        shutil.copyfile(source, target)


def _cloned(source: Path, target: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    with source.open("rb") as there, target.open("wb") as here:
        try:
            fcntl.ioctl(here.fileno(), _FICLONE, there.fileno())
        except OSError:
            return False
    return True
