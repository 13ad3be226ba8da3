"""One `stem batch` beside one `stem separate` process per song: python scripts/bench.py batch [--short-songs 50] ...

Both with the embedded engine, each with an empty cache and an output folder of its own. Told are the ratio of the
throughput, the share of the CPU time of all cores that the batch had, and its memory when it has done song 20 against
song 5. Songs are rendered here; --batch-sets short or long takes one of the two sets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from measure import STEM, Cost, render, show, timed

_SAMPLE_SECONDS = 0.2
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
        together, at_5, at_last = _together(songs, home, count)
        idle = _idle_seconds() - idle
        alone = _alone(songs, home)
        load = os.getloadavg()[0]
        share = together.cpu / together.wall / (os.cpu_count() or 1)
        show(f"{what}, batch against single processes (load {load:.1f})", f"{alone.wall / together.wall:.2f}x", goal)
        show(f"  {alone.wall:.0f} s alone, {together.wall:.0f} s together; CPU time", f"{share:.0%}", ">= 90 %")
        show("  of the CPU time that others left", f"{together.cpu / (together.cpu + idle):.0%}", ">= 90 %")
        show(f"  CPU seconds: {alone.cpu:.0f} alone, together", f"{together.cpu:.0f}", "")
        if at_5:
            show(f"  memory at song 20 ({at_last:.0f} MiB) / at song 5", f"{at_last / at_5:.3f}", "<= 1.10")


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


def _together(songs: list[Path], home: Path, count: int) -> tuple[Cost, float, float]:
    """One batch: its cost, and its memory in MiB after song 5 and after song 20 (or the last but one), 0 if unseen."""
    output = _fresh(home)
    command = [*STEM, "batch", songs[0].parent, "--output", output, *_OPTIONS, "--progress", "off", "--quiet"]
    begin = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    found = list(_sampled(process.pid, lambda: _done(output)))
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the batch failed")
    wall = time.monotonic() - begin
    cost = Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    late = min(20, count - 2)
    return cost, _near(found, 5), _near(found, late)


def _sampled(pid: int, done: Callable[[], int]) -> Iterator[tuple[int, float]]:
    """How many songs are done, and the memory in MiB, again and again until the process has ended."""
    status = Path(f"/proc/{pid}/status")
    while (text := status.read_text() if status.exists() else "").find("VmRSS:") >= 0:
        yield done(), int(text.split("VmRSS:")[1].split()[0]) / 1024
        time.sleep(_SAMPLE_SECONDS)


def _near(found: list[tuple[int, float]], song: int) -> float:
    """The most memory while so many songs were done, or one more: it goes up and down within a song."""
    return max((memory for count, memory in found if song <= count <= song + 1), default=0.0)


def _done(output: Path) -> int:
    return sum(not path.name.startswith(".") for path in output.iterdir()) if output.exists() else 0
