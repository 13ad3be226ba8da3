"""One `stem batch` beside one `stem separate` process per song: python scripts/bench.py batch [--short-songs 50] ...

Both with the embedded engine, each with an empty cache and an output folder of its own. Told are the ratio of the
throughput, the share of the CPU time of all cores that the batch had, its memory about song 20 against about song 5,
and how far the time that it said was left, told from the first tenth to the half, was from the truth. Songs are
rendered here; --batch-sets short or long takes one of the two sets.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measure import STEM, Cost, render, show, timed

_SAMPLE_SECONDS = 0.2
_AROUND = 2
"""Songs before and after the one at which memory is read: it goes up and down within a song."""
_OPTIONS = ("--engine", "builtin", "--format", "flac")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench.py batch`."""
    group = parser.add_argument_group("batch")
    group.add_argument("--short-songs", type=int, default=50, help="songs of 20 s")
    group.add_argument("--long-songs", type=int, default=20, help="songs of 4 minutes")
    group.add_argument("--long-seconds", type=float, default=240.0, help="other than the goals say")
    group.add_argument("--batch-sets", nargs="+", choices=("short", "long"), default=["short", "long"])


def batch(home: Path, args: argparse.Namespace) -> None:
    """Both sets."""
    sets = {"short": (args.short_songs, 20.0, "1.5x"), "long": (args.long_songs, args.long_seconds, "1.1x")}
    for name in args.batch_sets:
        count, seconds, goal = sets[name]
        songs = _songs(home / name, count, seconds)
        what = f"{count} songs of {seconds:.0f} s"
        idle = _idle_seconds()
        told = _together(songs, home, count)
        together = told.cost
        idle = _idle_seconds() - idle
        alone = _alone(songs, home)
        load = os.getloadavg()[0]
        share = together.cpu / together.wall / (os.cpu_count() or 1)
        show(f"{what}, batch against single processes (load {load:.1f})", f"{alone.wall / together.wall:.2f}x", goal)
        show(f"  {alone.wall:.0f} s alone, {together.wall:.0f} s together; CPU time", f"{share:.0%}", ">= 90 %")
        show("  of the CPU time that others left", f"{together.cpu / (together.cpu + idle):.0%}", ">= 90 %")
        show(f"  CPU seconds: {alone.cpu:.0f} alone, together", f"{together.cpu:.0f}", "")
        if told.early_mib:
            ratio = told.late_mib / told.early_mib
            show(f"  memory at song 20 ({told.late_mib:.0f} MiB) / at song 5", f"{ratio:.3f}", "<= 1.10")
        if told.left:
            low, middle, high = min(told.left), statistics.median(told.left), max(told.left)
            show("  time left as told / the truth: median (all)", f"{middle:.2f} ({low:.2f}-{high:.2f})", "0.75-1.25")


def _songs(folder: Path, count: int, seconds: float) -> list[Path]:
    """Songs that differ, made of a few renderings: a rendered one takes as long as separating it."""
    folder.mkdir()
    first = render(folder / "000.wav", seconds)
    for number in range(1, count):
        code = (
            "import sys, soundfile; sound, rate = soundfile.read(sys.argv[1], dtype='int16');"
            f"sound[0] = {number}; soundfile.write(sys.argv[2], sound, rate)"
        )
        subprocess.run([sys.executable, "-c", code, first, folder / f"{number:03}.wav"], check=True)
    return sorted(folder.iterdir())


def _idle_seconds() -> float:
    """How long the cores of this machine had nothing to do since it started, added up."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(words[4]) + int(words[5])) / os.sysconf("SC_CLK_TCK")


def _fresh(home: Path) -> Path:
    for name in ("cache", "data", "out"):
        shutil.rmtree(home / name, ignore_errors=True)
    return home / "out"


def _alone(songs: list[Path], home: Path) -> Cost:
    """One process after the other."""
    output = _fresh(home)
    costs = [timed([*STEM, "separate", song, "--output", output, *_OPTIONS]) for song in songs]
    return sum(costs[1:], costs[0])


@dataclass(frozen=True)
class _Told:
    """Of one batch. early_mib, late_mib: its memory about song 5 and song 20 (or near the last), 0 where unseen.

    left: the time left as it said, as parts of what it took.
    """

    cost: Cost
    early_mib: float
    late_mib: float
    left: tuple[float, ...]


def _together(songs: list[Path], home: Path, count: int) -> _Told:
    """One batch."""
    output = _fresh(home)
    command = [*STEM, "batch", songs[0].parent, "--output", output, *_OPTIONS, "--progress", "json"]
    said = home / "said.txt"
    begin = time.monotonic()
    with said.open("w") as lines:
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=lines)
        found = list(_sampled(process.pid, output, said))
        _, status, usage = os.wait4(process.pid, 0)
    end = time.monotonic()
    if status:
        sys.exit("the batch failed")
    cost = Cost(end - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    told = [one for one in found if count / 10 <= one.done <= count / 2 and one.left]
    left = tuple(one.left / (end - one.at) for one in told)
    return _Told(cost, _near(found, 5), _near(found, min(20, count - 1 - _AROUND)), left)


@dataclass(frozen=True)
class _Sample:
    """A batch at a time: songs done, memory, and the seconds left as it said last, 0 where it said none."""

    at: float
    done: int
    memory_mib: float
    left: float


def _sampled(pid: int, output: Path, said: Path) -> Iterator[_Sample]:
    """Samples of a batch until its process has ended."""
    while (memory_mib := _memory_mib(pid)) > 0:
        yield _Sample(time.monotonic(), _done(output), memory_mib, _left(said))
        time.sleep(_SAMPLE_SECONDS)


def _memory_mib(pid: int) -> float:
    """What a process and its children hold; pages that they share count for each of them. 0 where it has ended."""
    process = Path(f"/proc/{pid}")
    try:
        text = (process / "status").read_text()
        below = [int(one) for path in process.glob("task/*/children") for one in path.read_text().split()]
    except OSError:
        return 0.0
    own = int(text.split("VmRSS:")[1].split()[0]) / 1024 if "VmRSS:" in text else 0.0
    return own + sum(map(_memory_mib, below)) if own else 0.0


def _left(said: Path) -> float:
    """The seconds left as it was said last, in whole lines of JSON."""
    lines = [line for line in said.read_text().rpartition("\n")[0].splitlines() if line.startswith("{")]
    told = [one for one in map(json.loads, lines) if one["event"] == "progress"]
    return (told[-1]["seconds_left"] or 0.0) if told else 0.0


def _near(found: list[_Sample], song: int) -> float:
    """The most memory while about so many songs were done."""
    return max((one.memory_mib for one in found if abs(one.done - song) <= _AROUND), default=0.0)


def _done(output: Path) -> int:
    return sum(not path.name.startswith(".") for path in output.iterdir()) if output.exists() else 0
