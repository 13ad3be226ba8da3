"""Which jobs of the queue a user means by a word: a number, a file, a folder, a name or a pattern of files."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from pathlib import Path

from stem_cli.batch.queue import Job
from stem_cli.database import key_of

_PATTERN = re.compile(r"[*?\[]")


class Meant:
    """Held open over many words: 500 of them and 20,000 jobs take no time."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._paths = sorted((job.path, number) for number, job in enumerate(jobs))
        self._names: dict[str, list[int]] = {}
        self._ids = {job.id: number for number, job in enumerate(jobs)}
        for number, job in enumerate(jobs):
            self._names.setdefault(os.path.basename(job.path), []).append(number)  # noqa: PTH119 - of 20,000 songs

    def by(self, word: str) -> list[Job]:
        """The jobs that a word means, in the order in which they are taken."""
        if word == "*":
            return list(self._jobs)
        if word.isdecimal():
            return [self._jobs[self._ids[int(word)]]] if int(word) in self._ids else []
        path = key_of(Path(_whole(word)))
        found = {*self._names.get(word, ()), *self._from(path, path), *self._from(f"{path}/", f"{path}0")}
        if _PATTERN.search(word):
            fits = re.compile(fnmatch.translate(key_of(Path(_whole(word, glob.escape))))).match
            found.update(number for path, number in self._paths if fits(path))
        return [self._jobs[number] for number in sorted(found)]

    def _from(self, first: str, end: str) -> list[int]:
        """The jobs at one path; or between two, as those below a folder are: "0" comes next after "/"."""
        start = bisect_left(self._paths, (first, -1))
        stop = bisect_left(self._paths, (end, len(self._jobs) if first == end else -1))
        return [number for _, number in self._paths[start:stop]]


def _whole(word: str, escaped: Callable[[str], str] = str) -> str:
    """The whole path of a word; what stands before it is no pattern."""
    head, _, rest = word.partition("/")
    if head.startswith("~"):
        word = os.path.join(escaped(os.path.expanduser(head)), rest)  # noqa: PTH111, PTH118
    return os.path.normpath(os.path.join(escaped(os.getcwd()), word))  # noqa: PTH109, PTH118
