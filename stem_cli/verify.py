"""Stems against their record: are the files there, are their samples what was written, do they add up to the song?"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stem_cli.audio import FORMATS, Mix, Shape, ahead, fingerprint
from stem_cli.errors import OutputError, StemError
from stem_cli.folder import Source, StemFile, StemFolder, exact


@dataclass(frozen=True)
class Finding:
    """Something about a file. fault: it is not what was written; else a note."""

    path: Path
    what: str
    fault: bool


@dataclass(frozen=True)
class Report:
    """folders: how many were read. skipped: left out by `--subset` or by `--max-duration`."""

    folders: int
    skipped: int
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> int:
        """How many findings are faults."""
        return sum(finding.fault for finding in self.findings)


def verify(
    folders: Sequence[StemFolder],
    share: float = 1.0,
    seconds: float | None = None,
    each: Callable[[StemFolder, list[Finding]], None] = lambda _folder, _found: None,
) -> Report:
    """Read folders back. share: of them, drawn at random. seconds: begin no further folder after so long."""
    count = max(1, round(len(folders) * share)) if folders else 0
    chosen = list(folders) if share >= 1 else random.sample(list(folders), count)
    start, findings, done = time.monotonic(), [], 0
    for folder in chosen:
        if seconds is not None and time.monotonic() - start > seconds:
            break
        found = check(folder)
        each(folder, found)
        findings += found
        done += 1
    return Report(done, len(folders) - done, tuple(findings))


def check(folder: StemFolder, home: Path | None = None) -> list[Finding]:
    """What is wrong with one folder. home: where its files lie before they are moved into place."""
    home = home or folder.place.home
    there = [file for file in folder.record.files if (home / file.file).exists()]
    findings = [
        Finding(home / file.file, "the file is gone", True) for file in folder.record.files if file not in there
    ]
    return findings + _check_sound(folder, there, home)


def refuse_faults(folder: StemFolder, home: Path) -> None:
    """Raises OutputError where files that were just written, in `home`, do not read back as they were written."""
    faults = [finding for finding in check(folder, home) if finding.fault]
    if faults:
        what = f"a file does not read back as it was written ({faults[0].what})"
        raise OutputError(what, faults[0].path, "Check this disk before you trust it with anything.")


def _check_sound(folder: StemFolder, files: list[StemFile], home: Path) -> list[Finding]:
    record = folder.record
    readers = {file.name: _Reader(file, home / file.file, record.source) for file in files}
    parts = [readers[name] for name in record.song.parts if name in readers]
    whole = len(parts) == len(record.song.parts) and bool(parts) and all(reader.exact for reader in parts)
    song = hashlib.sha256()
    for blocks in zip_longest(*(ahead(reader.blocks()) for reader in parts)):
        if whole and all(block is not None and block.shape == blocks[0].shape for block in blocks):
            song.update(exact.sample_bytes(sum(blocks[1:], blocks[0]), record.depth))
    for reader in readers.values():
        if reader not in parts:
            for _ in reader.blocks():
                pass
    findings = [finding for reader in readers.values() for finding in reader.findings()]
    if whole and record.depth != "float" and song.hexdigest() != record.song.samples_sha256:
        findings.append(Finding(home, "the stems do not add up to the song", True))
    return findings


class _Reader:
    """One file read back once: its samples and its bytes hashed."""

    def __init__(self, file: StemFile, path: Path, source: Source) -> None:
        self.file, self.path, self._source = file, path, source
        self.exact = FORMATS[file.format].exact
        self._samples = hashlib.sha256()
        self._frames = 0
        self._shape: Shape | None = None
        self._broken = ""

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Its samples; a file that cannot be read ends, and `findings` tells why."""
        try:
            mix = Mix.open(self.path)
            self._shape = mix.shape
            for block in mix.blocks():
                samples = exact.to_ints(block, self.file.depth)[0] if self.file.depth != "float" else block
                self._frames += block.shape[1]
                if self.exact:
                    self._samples.update(exact.sample_bytes(samples, self.file.depth))
                yield samples
        except StemError as error:
            self._broken = error.what

    def findings(self) -> list[Finding]:
        fault = self._fault()
        if fault:
            return [Finding(self.path, fault, True)]
        with self.path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.file.sha256:
                return [Finding(self.path, "its tags were changed; the sound is as it was", False)]
        return []

    def _fault(self) -> str:
        """What is wrong with its sound, or ""."""
        if self._broken or self._shape is None:
            return self._broken or "it cannot be read"
        rate, channels = self._source.rate, min(2, self._source.channels)
        if (self._shape.rate, self._shape.channels) != (rate, channels):
            return f"it has {self._shape.rate} Hz and {self._shape.channels} channels, not {rate} Hz and {channels}"
        if self._frames < self.file.frames:
            return f"it is {self.file.frames - self._frames} samples too short"
        found = self._samples.hexdigest() if self.exact else fingerprint(self._shape).digest
        return "" if found == self.file.samples_sha256 else "its samples are not what was written"
