"""Speed and memory, measured on this machine: python scripts/bench.py [NAME...]

Every figure is of a whole process, as a user starts it. Songs are rendered here with a fixed seed; --song FILE takes a
real one for the first rows instead. Names: separate, judge, cache, start, memory, many, long (an hour and more),
batch, scan, queue, organize and analyze (bench_batch.py, bench_library.py, bench_organize.py and bench_analyze.py say
what is measured), and demucs and uvr, which need the extras of those names; bench_demucs.py and bench_uvr.py say what
is measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import bench_analyze
import bench_batch
import bench_demucs
import bench_library
import bench_organize
import bench_uvr
from measure import STEM, own_folders, render, seconds_of, show, timed


def main() -> None:
    """Run the rows asked for and print them as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["start", "separate", "cache", "memory", "many"])
    parser.add_argument("--song", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    bench_demucs.add_options(parser)
    bench_uvr.add_options(parser)
    bench_batch.add_options(parser)
    bench_library.add_options(parser)
    bench_organize.add_options(parser)
    args = parser.parse_args()
    rows: dict[str, Callable[[Path, argparse.Namespace], None]] = {
        "start": start, "separate": separate, "judge": judge, "cache": cache, "memory": memory, "many": many,
        "long": long, "demucs": bench_demucs.demucs, "uvr": bench_uvr.uvr,
        "batch": bench_batch.batch, "scan": bench_library.scan, "queue": bench_library.queue,
        "organize": bench_organize.organize, "analyze": bench_analyze.analyze,
    }  # fmt: skip
    print(f"{'what':52} {'result':>14}  to reach")
    with tempfile.TemporaryDirectory(prefix="stem-bench-") as name:
        home = Path(name)
        own_folders(home)
        for one in args.names:
            rows[one](home, args)


def four_minutes(home: Path, args: argparse.Namespace) -> Path:
    """The song of the first rows: 4 minutes of MP3."""
    return args.song or (home / "song.mp3" if (home / "song.mp3").exists() else render(home / "song.mp3", 240))


def start(home: Path, args: argparse.Namespace) -> None:
    """`stem --help` against an empty click program, in turns."""
    empty = home / "empty.py"
    empty.write_text("import click\n@click.command()\ndef main():\n    pass\nmain()\n")
    for option in ("--help", "--version"):
        ratios = []
        for _ in range(max(9, args.runs)):
            bare = timed([sys.executable, str(empty), "--help"]).wall
            ratios.append(timed([*STEM, option]).wall / bare)
        show(f"stem {option} against an empty click program", f"{statistics.median(ratios):.2f}x", "<= 2x")


def separate(home: Path, args: argparse.Namespace) -> None:
    """A 4-minute MP3 into four FLAC stems."""
    song = four_minutes(home, args)
    seconds = seconds_of(song)
    command = [*STEM, "separate", str(song), "--format", "flac", "--force", "--output", str(home / "out")]
    runs = [timed(command) for _ in range(args.runs)]
    wall = statistics.median(run.wall for run in runs)
    show("4 min MP3, four FLAC stems, whole process", f"{seconds / wall:.1f}x", ">= 10x real time, stretch 20x")
    show("the same, peak memory", f"{max(run.peak_mib for run in runs):.0f} MiB", "<= 400 MB")


def judge(home: Path, args: argparse.Namespace) -> None:
    """What listening costs, on 4 minutes by the embedded engine."""
    song = four_minutes(home, args)
    command = [*STEM, "separate", str(song), "--format", "flac", "--engine", "builtin", "--force"]
    walls: dict[str, list[float]] = {"off": [], "quick": [], "full": []}
    for _ in range(args.runs):
        for level, found in walls.items():
            found.append(timed([*command, "--judge", level, "--output", str(home / level)]).wall)
    off, quick, full = (statistics.median(found) for found in walls.values())
    show(f"--judge quick, beside {off:.1f} s without", f"{quick / off - 1:+.1%}", "< 5 %")
    show("--judge full", f"{full / off - 1:+.1%}", "< 50 %")


def cache(home: Path, args: argparse.Namespace) -> None:
    """The same song again, into another folder."""
    song = four_minutes(home, args)
    timed([*STEM, "separate", str(song), "--output", str(home / "first")])
    walls = [
        timed([*STEM, "separate", str(song), "--output", str(home / f"again{turn}")]).wall for turn in range(args.runs)
    ]
    show("cache hit, 4 min song, 24-bit WAV", f"{statistics.median(walls):.2f} s", "<= 1.0 s")


def memory(home: Path, args: argparse.Namespace) -> None:  # noqa: ARG001
    """An hour against a minute."""
    peaks = {}
    for minutes in (1, 60):
        song = render(home / f"m{minutes}.flac", minutes * 60)
        command = [
            *STEM,
            "separate",
            str(song),
            "--format",
            "flac",
            "--cache-limit-gb",
            "0",
            "--output",
            str(home / "m"),
        ]
        cost = timed(command)
        peaks[minutes] = cost.peak_mib
        show(
            f"{minutes} min FLAC, peak memory ({minutes * 60 / cost.wall:.0f}x real time)",
            f"{cost.peak_mib:.0f} MiB",
            "",
        )
        song.unlink()
    show("60 min against 1 min, peak memory", f"{peaks[60] - peaks[1]:+.0f} MiB", "<= 100 MiB")


def many(home: Path, args: argparse.Namespace) -> None:  # noqa: ARG001
    """A hundred short files in one process: memory after each is read from the process itself."""
    songs = [render(home / f"short{index}.wav", 5, seed=3) for index in range(2)]
    program = (
        "import sys, json, pathlib\n"
        "from stem_cli import settings\n"
        "from stem_cli.engines import Request\n"
        "from stem_cli.separation import Order, open_shop, separate\n"
        "from stem_cli.track import open_track\n"
        "here = settings.load(output=sys.argv[1], cache_limit_gb=0).settings\n"
        "sizes = []\n"
        "with open_shop(here) as shop:\n"
        "    for turn in range(100):\n"
        "        track = open_track(pathlib.Path(sys.argv[2 + turn % 2]), shop.database.fingerprint)\n"
        "        separate(shop, track, Order(Request(), here, force=True))\n"
        "        status = pathlib.Path('/proc/self/status').read_text()\n"
        "        sizes.append(int(status.split('VmRSS:')[1].split()[0]))\n"
        "print(json.dumps(sizes))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(home / "many"), *map(str, songs)],
        capture_output=True,
        text=True,
        check=True,
    )
    sizes = json.loads(done.stdout)
    show("100 short files in one process, memory after 100 / 5", f"{sizes[99] / sizes[4]:.3f}", "<= 1.10")


def long(home: Path, args: argparse.Namespace) -> None:  # noqa: ARG001
    """Eight hours, once."""
    song = render(home / "long.flac", 8 * 3600)
    command = [*STEM, "separate", str(song), "--format", "flac", "--cache-limit-gb", "0", "--output", str(home / "l")]
    cost = timed(command)
    show(f"8 h FLAC ({8 * 3600 / cost.wall:.0f}x real time), peak memory", f"{cost.peak_mib:.0f} MiB", "<= 1 GiB")


if __name__ == "__main__":
    main()
