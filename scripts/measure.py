"""What the benches measure with: whole processes, as a user starts them, and songs to give them.

Nothing large is imported here: a child's peak memory on Linux begins with that of its parent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RATE = 44100
STEM = [sys.executable, "-m", "stem_cli.cli"]
_PEAK_UNIT = 1 << (0 if sys.platform == "darwin" else 10)  # what ru_maxrss counts in


@dataclass(frozen=True)
class Cost:
    """Of one process and its children: seconds, processor seconds, the most memory one of them held at a time."""

    wall: float
    cpu: float
    peak_mib: float

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_mib, other.peak_mib))


def timed(command: Sequence[object]) -> Cost:
    """Run a command to its end. Ends the script where it fails."""
    words = [str(word) for word in command]
    begin = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(words)}")
    wall = time.monotonic() - begin
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _PEAK_UNIT / (1 << 20))


def show(what: str, result: str, goal: str) -> None:
    """One row of a table."""
    print(f"{what:52} {result:>14}  {goal}", flush=True)


def own_folders(home: Path) -> None:
    """Every command started from here on keeps its data, its cache and its settings in this folder."""
    os.environ.update(STEM_DATA_DIR=str(home / "data"), STEM_CACHE_DIR=str(home / "cache"), STEM_CONFIG=str(home / "x"))


def render(path: Path, seconds: float, seed: int = 1) -> Path:
    """A song of any length, made by a process of its own."""
    subprocess.run([sys.executable, __file__, str(path), str(seconds), str(seed)], check=True)
    return path


def _render_here(path: Path, seconds: float, seed: int) -> None:
    """Written block by block: a rendered minute, over and over, a little louder or softer."""
    import numpy as np
    import soundfile

    from stem_cli.synth import compose
    from stem_cli.synth import render as rendered

    minute = sum(rendered(compose(style="house", seed=seed, seconds=60)).values()).T.astype("float32")
    with soundfile.SoundFile(path, "w", RATE, 2, subtype=None if path.suffix != ".wav" else "PCM_16") as file:
        left, turn = round(seconds * RATE), 0
        while left > 0:
            file.write(minute[:left] * np.float32(0.9 + 0.1 * np.sin(turn)))
            left, turn = left - len(minute), turn + 1


def multitrack(tools: Path, song: str, start: float, seconds: float, path: Path) -> Path:
    """A stretch of a real song as 16-bit WAV; tools: the folder with multitrack.py."""
    parts = path.with_suffix("")
    command = [sys.executable, tools / "multitrack.py", song, parts, "--start", str(start), "--seconds", str(seconds)]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    copy = "import sys, soundfile; soundfile.write(sys.argv[2], *soundfile.read(sys.argv[1]), subtype='PCM_16')"
    subprocess.run([sys.executable, "-c", copy, str(parts / "mix.wav"), str(path)], check=True)
    return path


def seconds_of(song: Path) -> float:
    """Length of a song, asked in a process of its own."""
    ask = "import sys, soundfile; print(soundfile.info(sys.argv[1]).duration)"
    done = subprocess.run([sys.executable, "-c", ask, str(song)], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    _render_here(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
