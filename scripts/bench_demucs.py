"""Our command beside the `demucs` command: python scripts/bench.py demucs [--quick] [--repeats N] ...

Whole processes, side by side in one run, with the same file of random weights (speed does not depend on the weights)
and the same audio. Wall time, processor time and peak memory of the largest process, as demucs / ours = ratio; ours and
theirs take turns, medians of --repeats. The load of the machine is told before each command (stderr) and the highest of
a row stands in it: a machine that does other work gives no figures. "First run" has the conversion for OpenVINO in it;
all other rows have it behind them. With --model tiny everything is tried out in minutes; its figures mean nothing.

Songs: stretches of real multitracks where --tools holds multitrack.py, else rendered ones.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from measure import STEM, Cost, multitrack, render, timed

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / "shared" / "tools"
DEMUCS = [sys.executable, "-m", "demucs"]
STRETCHES = (("lithium", 60), ("sodium", 60), ("hydrogen", 60), ("francium", 60))


@dataclass(frozen=True)
class Way:
    """One row: options of both commands. first: on weights that were never used before."""

    title: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...] = ()
    goal: str = ""
    first: bool = False


NORMAL, F32 = ("--effort", "normal"), ("--effort", "normal", "--precision", "f32")
SAME = (*F32, "--overlap", "0.25", "--shifts", "0")
THREE, MORE, EQUAL = ">= 3x, stretch 4x", ">= 1.6x, stretch 2x", ">= 1.25x"
WAYS = (
    Way("normal, {precision}", NORMAL, goal=THREE),
    Way("normal, f32", F32, goal=MORE),
    Way("same settings, f32", SAME, ("--shifts", "0"), EQUAL),
)
FIRST = Way("normal, {precision}, first run", NORMAL, first=True)
FOUR = (Way("normal, {precision}", NORMAL, goal=">= 3.5x"), *(Way(way.title, way.ours, way.theirs) for way in WAYS[1:]))


@dataclass(frozen=True)
class Bench:
    """What all rows share. models: a folder of our own with the weights."""

    home: Path
    models: Path
    model: str
    repeats: int
    tools: Path | None

    def ours(self, songs: Sequence[Path], options: Sequence[str], models: Path | None = None) -> list[object]:
        """Our command."""
        fixed = ["--engine", "demucs", "--model", self.model, "--models-dir", models or self.models, "--quiet"]
        return [*STEM, "separate", *songs, *fixed, "--output", self.home / "ours", *options]

    def theirs(self, song: Path, options: Sequence[str]) -> list[object]:
        """The `demucs` command."""
        return [*DEMUCS, "-n", self.model, "--repo", self.models, "-o", self.home / "theirs", *options, song]

    def song(self, name: str, start: float, seconds: float) -> Path:
        """A stretch of a real song, or of a rendered one, as 16-bit WAV."""
        path = self.home / f"{name}-{seconds:g}.wav"
        if path.exists():
            return path
        if self.tools is not None:
            return multitrack(self.tools, name, start, seconds, path)
        return render(path, seconds, seed=1 + [song for song, _ in STRETCHES].index(name))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench.py demucs`."""
    group = parser.add_argument_group("demucs")
    group.add_argument("--model", default="htdemucs", help="default: %(default)s")
    group.add_argument("--models-dir", type=Path, help="where its weights are; default: random ones, made anew")
    group.add_argument("--repeats", type=int, default=1)
    group.add_argument("--quick", action="store_true", help="30 s only")
    group.add_argument("--long", action="store_true", help="the memory of two hours, with the tiny model")
    group.add_argument("--quality", action="store_true", help="what bfloat16 does to the sound; needs --tools")
    group.add_argument("--tools", type=Path, default=TOOLS if TOOLS.is_dir() else None)


def demucs(home: Path, args: argparse.Namespace) -> None:
    """All rows."""
    models = _weights(home / "models", args.model, args.models_dir)
    bench = Bench(home, models, args.model, args.repeats, args.tools)
    timed([*STEM, "engines", "convert", bench.model, "--models-dir", models])
    peaks = separate(bench, args.quick)
    start(bench)
    overhead(bench, 30 if args.quick else 240)
    if not args.quick:
        _grown("demucs", bench.model, peaks)
        memory(bench, (2, 10))
    if args.long:
        _weights(models, "tiny", None)
        memory(Bench(home, models, "tiny", 1, args.tools), (2, 120))
    if args.quality:
        words = [HERE / "precision.py", args.tools, "--models-dir", models, "--model", args.model]
        subprocess.run([sys.executable, *map(str, words)], check=True)


def _weights(folder: Path, model: str, source: Path | None) -> Path:
    """A folder with weights that nobody has converted yet."""
    if source is None:
        words = [sys.executable, HERE / "make_random_demucs.py", model, "--output", folder]
        subprocess.run([*map(str, words)], check=True, capture_output=True)
        return folder
    folder.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.suffix in (".th", ".safetensors", ".yaml"):
            shutil.copy(path, folder)
    return folder


def separate(bench: Bench, quick: bool) -> dict[float, float]:
    """30 s, 4 minutes, four times 30 s. Gives the peaks of `demucs` in MiB by minutes of song."""
    titles = ("song", "ours", "wall s", "processor s", "peak MiB", "load", "to reach (wall)")
    print(f"\nour command and {bench.model} by `demucs`: demucs / ours = ratio")
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}", flush=True)
    short = [bench.song(name, start, 30) for name, start in STRETCHES]
    peaks = {0.5: _rows(bench, "30 s", short[:1], (*WAYS, FIRST))}
    if not quick:
        peaks[4] = _rows(bench, "4 min", [bench.song("lithium", 0, 240)], WAYS)
        _rows(bench, "4 x 30 s, one command against four", short, FOUR)
    return peaks


def _rows(bench: Bench, title: str, songs: list[Path], ways: Sequence[Way]) -> float:
    """One row a way. Where two ways have the same command of theirs it runs once a turn. Gives its peak."""
    costs: dict[object, list[Cost]] = {}
    loads: dict[str, float] = {}
    for _ in range(bench.repeats):
        ran = set()
        for way in ways:
            loads[way.title] = max(loads.get(way.title, 0), _load(f"{title}, {way.title.format(precision='auto')}"))
            costs.setdefault(way.title, []).append(_ours(bench, songs, way))
            if way.theirs not in ran:
                ran.add(way.theirs)
                costs.setdefault(way.theirs, []).append(_theirs(bench, songs, way))
    precision = _precision(bench, songs[0])
    for way in ways:
        ours, theirs = _median(costs[way.title]), _median(costs[way.theirs])
        cells = (
            title,
            way.title.format(precision=precision),
            f"{theirs.wall:.1f} / {ours.wall:.1f} = **{theirs.wall / ours.wall:.2f}**",
            f"{theirs.cpu:.0f} / {ours.cpu:.0f} = {theirs.cpu / ours.cpu:.2f}",
            f"{theirs.peak_mib:.0f} / {ours.peak_mib:.0f} = {theirs.peak_mib / ours.peak_mib:.2f}",
            f"{loads[way.title]:.1f}",
            way.goal,
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    return max(cost.peak_mib for way in ways for cost in costs[way.theirs])


def _ours(bench: Bench, songs: Sequence[Path], way: Way) -> Cost:
    if not way.first:
        return timed([*bench.ours(songs, way.ours), "--force"])
    fresh = _weights(bench.home / "fresh", bench.model, bench.models)
    try:
        return timed([*bench.ours(songs, way.ours, fresh), "--force"])
    finally:
        shutil.rmtree(fresh)


def _theirs(bench: Bench, songs: Sequence[Path], way: Way) -> Cost:
    """One command a song, one after the other."""
    first, *others = songs
    total = timed(bench.theirs(first, way.theirs))
    for song in others:
        total += timed(bench.theirs(song, way.theirs))
    return total


def _load(what: str) -> float:
    """The machine's load of the last minute, told before something is run."""
    load = os.getloadavg()[0]
    print(f"load {load:.1f} before: {what}", file=sys.stderr, flush=True)
    return load


def _median(costs: Sequence[Cost]) -> Cost:
    wall, cpu = (statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu"))
    return Cost(wall, cpu, statistics.median(cost.peak_mib for cost in costs))


def _precision(bench: Bench, song: Path) -> str:
    """What `--precision auto` comes to here, as the engine's id tells it."""
    words = [*bench.ours([song], NORMAL), "--dry-run", "--force", "--json"]
    done = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True)
    found = re.search(r"precision=(\w+)", json.loads(done.stdout)["engine"])
    return found[1] if found else "?"


def start(bench: Bench) -> None:
    """What a user waits for before anything is done; a song that was separated before."""
    song = bench.song(*STRETCHES[0], 30)
    _load("start-up")
    timed(bench.ours([song], ("--output", str(bench.home / "once"))))
    turns = range(max(3, bench.repeats))
    again = [timed(bench.ours([song], ("--output", str(bench.home / f"again{turn}")))) for turn in turns]
    print(f"\nstart-up (medians of {len(turns)})")
    print(f"stem separate, 30 s that were separated before: {_median(again).wall:.2f} s")
    print(f"stem separate --help: {_median([timed([*STEM, 'separate', '--help']) for _ in turns]).wall:.2f} s")
    print(f"demucs --help: {_median([timed([*DEMUCS, '--help']) for _ in turns]).wall:.2f} s", flush=True)


def overhead(bench: Bench, seconds: float) -> None:
    """Which part of our run is not the network's: one run with a clock at the networks (instrumented.py)."""
    song, report = bench.song("lithium", 60 if seconds == 30 else 0, seconds), bench.home / "report.json"
    _load("overhead")
    ours = bench.ours([song], (*NORMAL, "--force"))[len(STEM) :]
    began = time.time()
    cost = timed([sys.executable, HERE / "instrumented.py", report, began, *ours])
    told = json.loads(report.read_text())
    outside, ready = cost.wall - told["network"], told["first_network"]
    print(f"\n{seconds:g} s of song, normal, {cost.wall:.1f} s with a clock at the network")
    print(f"from the start to the network's first call: {ready:.2f} s; to the first block: {told['first_block']:.2f} s")
    print(f"outside of the network: {outside / cost.wall:.1%} of the whole run")
    print(f"after its first call (<= 5 %): {(outside - ready) / (cost.wall - ready):.1%}", flush=True)


def memory(bench: Bench, minutes: tuple[int, int]) -> None:
    """Growth of our peak from a shorter song to a longer one."""
    peaks = {}
    for length in minutes:
        song = render(bench.home / f"m{length}.flac", length * 60)
        _load(f"memory, {length} min")
        cost = timed(bench.ours([song], (*NORMAL, "--format", "flac", "--cache-limit-gb", "0", "--force")))
        peaks[float(length)] = cost.peak_mib
        song.unlink()
        shutil.rmtree(bench.home / "ours")
    _grown("stem separate", bench.model, peaks)


def _grown(who: str, model: str, peaks: dict[float, float]) -> None:
    for (short, low), (long, high) in pairwise(sorted(peaks.items())):
        each = (high - low) / (long - short)
        print(f"memory of {who}, {model}: {low:.0f} MiB at {short:g} min, {high:.0f} at {long:g}: {each:+.2f} a minute")
