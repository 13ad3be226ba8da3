"""How exact the analysis is, song by song: python scripts/beat_study.py FOLDER... [--separated]

Each FOLDER holds the true stems of a song and its truth.json, as scripts/songs_with_truth.py writes them, or those of a
real one with "bpm", "key" and "beats_from_zero" in it. Told are the tempo, the worst and the 95th percentile of the
beats, the first downbeat, the metre, the key, and how many sections begin where they do. --separated: the same from
stems that the embedded engine makes of the mix; they are kept in the folder that --keep names, for the next time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from measure import STEM, timed

from stem_cli.analysis import Analysis, Hints, analyse, listen
from stem_cli.dsp.key import parsed
from stem_cli.folder import find_folders
from stem_cli.folder.foreign import stem_files

_NEAR_SECONDS = 0.05
_SECTION_SECONDS = 3.0
_COLUMNS = (
    "song            stems  BPM (true)               beats ms: worst, p95  downbeat  metre  key (true)    "
    "sections  CPU s"
)


def main() -> None:
    """Parse, and print a row a song."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--separated", action="store_true")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for separated stems")
    parser.add_argument("--genre", action="store_true", help="tell the genre, as a tag would")
    args = parser.parse_args()
    print(_COLUMNS)
    for folder in args.folders:
        truth = json.loads((folder / "truth.json").read_text())
        hints = Hints(genre=truth.get("genre", "") if args.genre else "")
        _show(folder.name, "true", stem_files(folder), truth, hints)
        if args.separated:
            with tempfile.TemporaryDirectory() as home:
                kept = args.keep / folder.name if args.keep else Path(home)
                _show(folder.name, "sep.", _separated(folder, kept), truth, hints)


def _separated(folder: Path, home: Path) -> dict[str, Path]:
    """Stems of the mix by the embedded engine."""
    home.mkdir(parents=True, exist_ok=True)
    done = find_folders(home / "out") if (home / "out").exists() else []
    if done:
        return done[0].paths()
    parts = [soundfile.read(path, dtype="float32") for path in stem_files(folder).values()]
    soundfile.write(home / "mix.wav", sum(sound for sound, _ in parts), parts[0][1], subtype="FLOAT")
    timed([*STEM, "separate", home / "mix.wav", "--engine", "builtin", "--output", home / "out", "--format", "flac"])
    return find_folders(home / "out")[0].paths()


def _show(name: str, kind: str, files: dict[str, Path], truth: dict[str, Any], hints: Hints) -> None:
    began = time.process_time()
    found = analyse(listen(files), hints)
    spent = time.process_time() - began
    print(f"{name:15} {kind:6} {_tempo(found, truth):24} {_beats(found, truth)}  {_key(found, truth):12}  "
          f"{_sections(found, truth):8}  {spent:.1f}", flush=True)  # fmt: skip


def _tempo(found: Analysis, truth: dict[str, Any]) -> str:
    if found.grid is None:
        return f"none ({truth['bpm']:g})"
    steady = "" if found.grid.constant else " drifts"
    return f"{found.grid.bpm:.4f} ({truth['bpm']:g}){steady}"


def _beats(found: Analysis, truth: dict[str, Any]) -> str:
    if found.grid is None:
        return f"{'-':21} {'-':9} {'-':5}"
    grid = found.grid
    beats = np.array(grid.beats)
    true = np.array(truth.get("beats") or _from_zero(truth["bpm"], beats))
    off = np.array([np.abs(beats - beat).min() for beat in true]) * 1000
    downbeats = np.array(truth.get("downbeats") or true[::4])
    right = np.abs(downbeats - grid.first_downbeat).min() < _NEAR_SECONDS
    metre = f"{grid.beats_per_bar}" + ("" if grid.beats_per_bar == truth.get("beats_per_bar", 4) else " WRONG")
    return f"{off.max():8.2f} {np.percentile(off, 95):8.2f}     {'right' if right else 'WRONG':9} {metre:6}"


def _from_zero(bpm: float, found: np.ndarray) -> np.ndarray:
    """The beats of a song that was made in a DAW from its first sample on, from the bar on in which it is heard."""
    true = np.arange(0, found[-1], 60 / bpm)
    return true[4 * round(float(found[0]) * bpm / 240) :]


def _key(found: Analysis, truth: dict[str, Any]) -> str:
    true = parsed(truth["key"])
    assert true is not None
    if found.key is None:
        return f"none ({true.name})"
    how = "" if found.key.key == true else " rel." if found.key.key.related(true) else " WRONG"
    return f"{found.key.key.name} ({true.name}){how}"


def _sections(found: Analysis, truth: dict[str, Any]) -> str:
    """Boundaries that were found within three seconds, of the true ones, and those that are none."""
    true = [one["start"] for one in truth.get("sections", ())][1:]
    told = [one.start for one in found.sections][1:]
    hit = sum(any(abs(one - other) < _SECTION_SECONDS for other in told) for one in true)
    more = sum(all(abs(one - other) >= _SECTION_SECONDS for other in true) for one in told)
    return f"{hit}/{len(true)} +{more}" if true else "-"


if __name__ == "__main__":
    main()
