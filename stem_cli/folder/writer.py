"""Writes the stems of one song, each file in a thread of its own, measuring and hashing what passes."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stem_cli import stems
from stem_cli.audio import FORMATS, Sink, fingerprint, open_sink, probe
from stem_cli.disk import disk_errors, sync
from stem_cli.dsp.loudness import Levels, Meter
from stem_cli.folder import exact
from stem_cli.folder.metadata import StemFile
from stem_cli.folder.place import Place

_QUEUE_BLOCKS = 3

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


def untagged(path: Path, name: str) -> None:
    """Puts no tags on a file."""


@dataclass(frozen=True)
class Target:
    """Files to write, made in `folder` and called what they will be called in `place`."""

    folder: Path
    place: Place
    spec: Spec
    tag: Tag = untagged

    def file_name(self, name: str) -> str:
        """The final name of a stem's file."""
        return self.place.file_name(name, FORMATS[self.spec.format].suffix)

    def path(self, name: str) -> Path:
        """Where it is made."""
        return self.folder / self.file_name(name)

    def open(self, name: str) -> Sink:
        """The file, ready to be written. Raises OutputError."""
        spec = self.spec
        return open_sink(self.path(name), spec.format, spec.rate, spec.channels, spec.depth, spec.frames)


@dataclass(frozen=True)
class Measured:
    """What is learnt of the samples of a stem while they pass. samples: digest of the bytes a WAV of them holds."""

    frames: int
    samples: str
    levels: Levels


class _Measuring:
    """Measures and hashes what passes."""

    def __init__(self, spec: Spec) -> None:
        self._depth, self._frames = spec.depth, 0
        self._meter = Meter(spec.rate, spec.channels)
        self._samples = hashlib.sha256()

    def take(self, block: NDArray[Any]) -> None:
        self._samples.update(exact.sample_bytes(block, self._depth))
        self._frames += block.shape[1]
        self._meter.add(block if self._depth == "float" else exact.to_floats(block, self._depth))

    def result(self) -> Measured:
        return Measured(self._frames, self._samples.hexdigest(), self._meter.levels())


class _Lane:
    """One stem being written by one thread, into one file of each target; what is measured, is measured once."""

    def __init__(self, name: str, targets: Sequence[Target]) -> None:
        self._name, self._targets = name, targets
        self._sinks = [target.open(name) for target in targets]
        self._measuring = _Measuring(targets[0].spec)
        self._blocks: queue.Queue[NDArray[Any] | None] = queue.Queue(_QUEUE_BLOCKS)
        self._error: BaseException | None = None
        self._done: tuple[StemFile, ...] = ()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"write {name}", daemon=True)
        self._thread.start()

    def write(self, block: NDArray[Any]) -> None:
        self._put(block)

    def finish(self) -> dict[Target, StemFile]:
        self._put(None)
        self._thread.join()
        self._raise()
        return dict(zip(self._targets, self._done, strict=True))

    def give_up(self) -> None:
        """Take nothing more; the files stay as they are and are removed with their folders."""
        self._stopped.set()

    def join(self) -> None:
        """Wait until the thread has ended, and forget what ended it: an error holds all that it passed through."""
        self._thread.join()
        self._error = None

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
        except BaseException as error:  # noqa: BLE001 - handed on to whoever writes
            self._error = error
        for sink in self._sinks:
            sink.abandon()

    def _take(self, block: NDArray[Any]) -> None:
        for sink in self._sinks:
            sink.write(block)
        self._measuring.take(block)

    def _close(self) -> tuple[StemFile, ...]:
        for sink in self._sinks:
            sink.close()
        measured = self._measuring.result()
        return tuple(finished(target, self._name, measured) for target in self._targets)


def finished(target: Target, name: str, measured: Measured) -> StemFile:
    """Tag a whole file, wait until it is on the disk, and describe it. Raises OutputError."""
    path, levels = target.path(name), measured.levels
    with disk_errors(path):
        target.tag(path, name)
        sync(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
    exact_format = FORMATS[target.spec.format].exact
    return StemFile(
        name=name,
        file=target.file_name(name),
        kind=stems.kind(name),
        format=target.spec.format,
        depth=target.spec.depth,
        frames=measured.frames,
        bytes=size,
        sha256=digest,
        samples_sha256=measured.samples if exact_format else fingerprint(probe(path)).digest,
        peak_db=levels.peak_db,
        rms_db=levels.rms_db,
        lufs=levels.lufs,
        bandwidth_hz=levels.bandwidth_hz,
    )


class Writer:
    """Held open over the blocks of a song: `write` each, then `finish`; `stop` gives up.

    Several targets, alike in depth, rate and channels, get the same sound: each its own stems of it, in its own format.
    """

    def __init__(self, *targets: Target) -> None:
        self._targets = targets
        self._lanes: dict[str, _Lane] = {}
        try:
            for name in dict.fromkeys(name for target in targets for name in target.spec.names):
                self._lanes[name] = _Lane(name, [target for target in targets if name in target.spec.names])
        except BaseException:
            self.stop()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """All that `write` wants."""
        return tuple(self._lanes)

    def write(self, parts: Mapping[str, NDArray[Any]]) -> None:
        """Append a block to every file: int32 of the targets' depth (or float32), [channels, frames]."""
        for name, lane in self._lanes.items():
            lane.write(parts[name])

    def finish(self) -> list[tuple[StemFile, ...]]:
        """Close, tag and describe all files; those of each target in turn."""
        done = {name: lane.finish() for name, lane in self._lanes.items()}
        return [tuple(done[name][target] for name in target.spec.names) for target in self._targets]

    def stop(self) -> None:
        """Stop all threads; nothing that was written counts."""
        for lane in self._lanes.values():
            lane.give_up()
        for lane in self._lanes.values():
            lane.join()
