"""Our command beside audio-separator's: python scripts/bench.py uvr [--kinds mel bs mdx23c] [--seconds 24] ...

Whole processes, one after the other, with the same file of random weights of the real size (Kim's Mel-Band RoFormer,
BS-RoFormer ep_317, MDX23C InstVoc HQ; speed does not depend on the weights) and the same rendered song. Wall time,
processor time and peak memory, as theirs / ours = ratio, and the power of the difference of the stems against theirs in
dB. Ours is converted first; that is told by itself. The load of the machine stands in each row: a machine that does
other work gives no figures, but its processor times are worth something.

The rows of float32 are to reach 1.8 and -60 dB, those of bfloat16, where the CPU has it, 4 and -40 dB. Needs ffmpeg and
the extras uvr and fast. --uvr-models keeps the weights and what they were converted to. --small tries it out: its
figures mean nothing. Last comes the memory of a long song beside that of a short one, with small networks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measure import STEM, Cost, render, timed

HERE = Path(__file__).resolve().parent
LISTS = (
    "vr_download_list", "mdx_download_list", "mdx_download_vip_list", "demucs_download_list", "mdx23c_download_list",
    "mdx23c_download_vip_list", "roformer_download_list", "other_network_list", "other_network_list_new",
)  # fmt: skip
DIFFERENCE = """
import sys, numpy, soundfile
found, wanted = (soundfile.read(path, dtype="float32")[0].astype("float64") for path in sys.argv[1:])
lost = ((found - wanted) ** 2).sum() / (wanted**2).sum()
print(10 * numpy.log10(lost + 1e-20))
"""
QUIET = """
import sys, soundfile
sound, rate = soundfile.read(sys.argv[1])
soundfile.write(sys.argv[1], sound * (0.25 / abs(sound).max()), rate, subtype="FLOAT")
"""
"""audio-separator scales what is loud."""


def model(kind: str, folder: Path, small: bool) -> str:
    """Weights and yaml in the folder, and the lists that keep audio-separator from asking its hosts; the name."""
    name = f"random_{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"{name}.ckpt").exists():
        make = [sys.executable, "-W", "ignore", HERE / "make_random_uvr.py", kind, folder, *(["--small"] * small)]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    lists: dict[str, object] = {key: {} for key in LISTS}
    known = folder / "download_checks.json"
    before = json.loads(known.read_text("utf-8"))["roformer_download_list"] if known.exists() else {}
    lists["roformer_download_list"] = {**before, name: {f"{name}.ckpt": f"{name}.yaml"}}
    known.write_text(json.dumps(lists), "utf-8")
    for other in ("mdx_model_data.json", "vr_model_data.json"):
        (folder / other).write_text("{}", "utf-8")
    return name


def theirs(song: Path, name: str, folder: Path, into: Path) -> Cost:
    """audio-separator's command."""
    command = Path(sys.executable).with_name("audio-separator")
    options = ["--output_format", "WAV", "--use_soundfile", "--output_dir", into, "--model_file_dir", folder]
    return timed([command, song, "-m", f"{name}.ckpt", *options])


def ours(song: Path, name: str, folder: Path, into: Path, precision: str) -> Cost:
    """Our command, with nothing in the cache."""
    asked = ["--model", name, "--models-dir", folder, "--precision", precision, "--bit-depth", "float"]
    return timed([*STEM, "separate", song, "--output", into, "--force", *asked])


def difference_db(one: Path, two: Path) -> float:
    """Of the vocals in two folders."""
    (found,) = [path for path in one.rglob("*.wav") if "vocals" in path.name.lower()]
    (wanted,) = [path for path in two.rglob("*.wav") if "vocals" in path.name.lower()]
    done = subprocess.run([sys.executable, "-c", DIFFERENCE, found, wanted], check=True, capture_output=True, text=True)
    return float(done.stdout)


def rows(kind: str, given: argparse.Namespace, home: Path) -> None:
    """The rows of one model."""
    folder = given.uvr_models or home / "models"
    name = model(kind, folder, given.small)
    song = render(home / "song.wav", given.seconds)
    subprocess.run([sys.executable, "-c", QUIET, song], check=True)
    convert = timed([*STEM, "engines", "convert", name, "--models-dir", folder, "--quiet"])
    print(
        f"| {kind}: convert | {convert.wall:.0f} s | {convert.cpu:.0f} s | {convert.peak_mib:.0f} MiB | |", flush=True
    )
    begin = os.getloadavg()[0]
    one = theirs(song, name, folder, home / f"theirs_{kind}")
    for precision in given.precisions:
        into = home / f"{kind}_{precision}"
        two = ours(song, name, folder, into, precision)
        load = max(begin, os.getloadavg()[0])
        print(
            f"| {kind}, {precision} | {ratio(one.wall, two.wall)} s | {ratio(one.cpu, two.cpu)} s "
            f"| {ratio(one.peak_mib, two.peak_mib)} MiB | {difference_db(into, home / f'theirs_{kind}'):.0f} dB "
            f"| load {load:.1f} |",
            flush=True,
        )
        shutil.rmtree(into)


def ratio(one: float, two: float) -> str:
    """Theirs, ours, and how many times ours fits into theirs."""
    return f"{one:.0f} / {two:.0f} = {one / two:.2f}"


def memory(kind: str, home: Path) -> None:
    """The peak of a song of ten minutes beside that of one of two, with a small network."""
    folder, peaks = home / "small", []
    name = model(kind, folder, small=True)
    timed([*STEM, "engines", "convert", name, "--models-dir", folder, "--quiet"])
    for minutes in (2, 10):
        song = render(home / f"{minutes}.flac", minutes * 60)
        asked = ["--model", name, "--models-dir", folder, "--format", "flac", "--cache-limit-gb", "0"]
        peaks.append(timed([*STEM, "separate", song, "--output", home / f"{kind}_{minutes}", *asked]).peak_mib)
    print(f"memory, {kind}, small: {peaks[0]:.0f} MiB at 2 min, {peaks[1]:.0f} MiB at 10 min", flush=True)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench.py uvr`."""
    group = parser.add_argument_group("uvr")
    group.add_argument("--kinds", nargs="+", default=["mel", "bs", "mdx23c"])
    group.add_argument("--precisions", nargs="+", default=["f32", "bf16"])
    group.add_argument("--seconds", type=float, default=24.0, help="more than 10: shorter songs, theirs cuts otherwise")
    group.add_argument("--uvr-models", type=Path)
    group.add_argument("--small", action="store_true")


def uvr(home: Path, args: argparse.Namespace) -> None:
    """All rows."""
    print("\naudio-separator / ours = ratio")
    print("| model | wall | processor | peak memory | difference | machine |\n|---|---|---|---|---|---|")
    for kind in args.kinds:
        rows(kind, args, home)
    for kind in args.kinds:
        memory(kind, home)
