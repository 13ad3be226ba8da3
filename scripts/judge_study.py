"""How far the judge may be trusted, and the lines of quality/estimate.py: python scripts/judge_study.py CASES.json

Songs with known stems (stretches of the real multitracks of --tools, and rendered ones) go through engines of known
strength: the embedded engine, the same spoilt (its stems blended with the mix, or smeared in time), and oracles, which
see the true stems through noise. Each result is judged as `--judge full` would, and set beside the truth. That takes
a quarter of an hour and is kept in CASES.json; what follows is arithmetic:

the rank correlation (Spearman) of each measure with the true SI-SDR, and of the estimate, fitted without the song in
question; whether a second try, made where the first estimate is poor, gives better vocals; the lines themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.optimize import lsq_linear
from scipy.signal import istft, stft
from scipy.stats import spearmanr

from stem_cli import stems as table
from stem_cli.dsp import unmix
from stem_cli.quality import Watch, consistency, figures
from stem_cli.quality.estimate import COMPANY, FULL, QUICK, bounded
from stem_cli.quality.figures import power, ratio_db, si_sdr_db
from stem_cli.quality.verdict import CONSISTENCY

RATE = 44100
SECONDS = 24
EVERY_SECONDS = 30
TOOLS = Path(__file__).resolve().parent.parent.parent / "shared" / "tools"
POOR_DB = 7.0
SOFTEST_DB = -30.0
"""A true stem that is softer than this against the mix is left out: it does not play."""
WINDOW = {"nperseg": 4096, "noverlap": 3072}
Stems = dict[str, Any]
Engine = Callable[[Any, Stems], Stems]


def builtin(mix: Any, truth: Stems) -> Stems:  # noqa: ARG001
    """The embedded engine."""
    blocks = list(unmix.separate_blocks([mix], RATE, 2, 2))
    return {name: np.concatenate([block[name] for block in blocks], axis=1) for name in table.FOUR}


def blended(share: float) -> Engine:
    """The embedded engine, a share of each stem replaced by the mix."""

    def engine(mix: Any, truth: Stems) -> Stems:
        return {name: (1 - share) * stem + share / 4 * mix for name, stem in builtin(mix, truth).items()}

    return engine


def smeared(frames: int) -> Engine:
    """The embedded engine, its masks averaged over so many frames of 23 ms."""

    def engine(mix: Any, truth: Stems) -> Stems:
        sizes = {name: np.abs(stft(stem, **WINDOW)[2]) for name, stem in builtin(mix, truth).items()}
        return _masked(mix, {name: uniform_filter1d(size, frames, axis=-1) for name, size in sizes.items()})

    return engine


def oracle(noise: float) -> Engine:
    """Masks of the true stems, each bin off by a factor of exp(noise) in either direction."""

    def engine(mix: Any, truth: Stems) -> Stems:
        random = np.random.default_rng(0)
        sizes = {name: np.abs(stft(stem, **WINDOW)[2]) for name, stem in truth.items()}
        return _masked(mix, {n: s * np.exp(noise * random.standard_normal(s.shape)) for n, s in sizes.items()})

    return engine


def _masked(mix: Any, sizes: Stems) -> Stems:
    spectrum, total = stft(mix, **WINDOW)[2], np.add.reduce(list(sizes.values())) + 1e-9
    made = {name: istft(spectrum * size / total, **WINDOW)[1] for name, size in sizes.items()}
    return {name: sound[:, : mix.shape[1]].astype(np.float32) for name, sound in made.items()}


ENGINES: dict[str, Engine] = {
    "builtin": builtin,
    **{f"blended {share:g}": blended(share) for share in (0.2, 0.4, 0.6)},
    **{f"smeared {frames}": smeared(frames) for frames in (15, 60)},
    **{f"oracle {noise}": oracle(noise) for noise in (0, 1, 2, 3)},
}


def songs(tools: Path) -> Iterator[tuple[str, Stems]]:
    """Stretches with their true stems, by the song that they are of."""
    sys.path.insert(0, str(tools))
    import multitrack

    for song in json.loads((multitrack.HOME / "stems.json").read_text("utf-8")):
        whole = multitrack.stems_of(song, 0, None, False)
        last = whole["vocals"].shape[1] // RATE - SECONDS
        for start in range(EVERY_SECONDS, last, EVERY_SECONDS):
            cut = slice(start * RATE, (start + SECONDS) * RATE)
            yield song["song"], {name: whole[name][:, cut] for name in table.FOUR}
    from stem_cli.synth import compose, render

    for style in ("house", "techno", "dnb"):
        for seed in (11, 12):
            yield f"rendered {style} {seed}", dict(render(compose(style=style, seed=seed, seconds=SECONDS)))


def judged(truth: Stems, engine: Engine) -> Iterator[dict[str, Any]]:
    """What the judge hears of an engine's stems, and the truth."""
    mix = np.add.reduce([stem.astype(np.float32) for stem in truth.values()])
    made = {name: stem.astype(np.float32) for name, stem in engine(mix, truth).items()}
    watch = Watch(RATE)
    for at in range(0, mix.shape[1], 65536):
        watch.add({name: stem[:, at : at + 65536] for name, stem in made.items()})
    stretch = watch.stretch()
    assert stretch is not None
    rolled = consistency.remix(stretch.stems, RATE)[1]
    heard = figures(watch, lambda sound: engine(sound, rolled))
    for name in table.FOUR:
        if CONSISTENCY in heard[name] and ratio_db(power(truth[name]), power(mix)) > SOFTEST_DB:
            yield {"stem": name, "true": max(-20.0, si_sdr_db(truth[name], made[name])), **heard[name]}


def study(tools: Path, into: Path) -> None:
    """Make all cases."""
    rows: list[dict[str, Any]] = []
    for place, (song, truth) in enumerate(songs(tools)):
        loudest = np.abs(np.add.reduce(list(truth.values()))).max()
        if loudest < 0.01:
            continue
        scaled = {name: (stem / loudest * 0.9).astype(np.float32) for name, stem in truth.items()}
        for name, engine in ENGINES.items():
            rows += [{"song": song, "place": place, "engine": name, **row} for row in judged(scaled, engine)]
        into.write_text(json.dumps(rows))
        print(song, len(rows), file=sys.stderr, flush=True)


def inputs(rows: list[dict[str, Any]], measures: tuple[str, ...]) -> Any:
    """What the lines take."""
    return np.array([[1.0, *(bounded(row[measure]) for measure in measures)] for row in rows])


def fitted(rows: list[dict[str, Any]], measures: tuple[str, ...]) -> Any:
    """The line of least squares, its slopes kept small by a hundredth of each measure's variance, and of the sign that
    makes sense: whatever is good for one song is bad for none."""
    heard, truth = inputs(rows, measures), np.array([row["true"] for row in rows])
    small = np.diag([0.0, *np.sqrt((heard[:, 1:].var(axis=0) + 1e-9) * len(rows) / 100)])
    low = [-np.inf, *(-np.inf if one == COMPANY else 0.0 for one in measures)]
    high = [np.inf, *(0.0 if one == COMPANY else np.inf for one in measures)]
    system, wanted = np.concatenate([heard, small]), np.concatenate([truth, np.zeros(len(small))])
    return lsq_linear(system, wanted, (low, high)).x


def without_its_song(rows: list[dict[str, Any]], measures: tuple[str, ...]) -> Any:
    """The estimate of each case by lines that were fitted to the other songs."""
    found = np.zeros(len(rows))
    for song in {row["song"] for row in rows}:
        rest = [row for row in rows if row["song"] != song]
        own = [place for place, row in enumerate(rows) if row["song"] == song]
        found[own] = inputs([rows[place] for place in own], measures) @ fitted(rest, measures)
    return found


def spearman(one: Any, other: Any) -> float:
    """Rank correlation."""
    return float(spearmanr(one, other)[0])


def correlations(rows: list[dict[str, Any]]) -> None:
    """The table of docs/quality.md."""
    print("\n| stem | cases | consistency | quick | full | full, real songs | error, dB | full, within builtin |")
    print("|---|---|---|---|---|---|---|---|")
    for stem in table.FOUR:
        mine = [row for row in rows if row["stem"] == stem]
        truth = np.array([row["true"] for row in mine])
        by_quick, by_full = (without_its_song(mine, measures) for measures in (QUICK, FULL))
        real = np.array([not row["song"].startswith("rendered") for row in mine])
        one = np.array([row["engine"] == "builtin" for row in mine])
        alone = spearman([row[CONSISTENCY] for row in mine], truth)
        cells = [alone, spearman(by_quick, truth), spearman(by_full, truth), spearman(by_full[real], truth[real])]
        told = " | ".join(f"{cell:.2f}" for cell in cells)
        error, within = np.abs(by_full - truth).mean(), spearman(by_full[one], truth[one])
        print(f"| {stem} | {len(mine)} | {told} | {error:.1f} | {within:.2f} |")


def retries(rows: list[dict[str, Any]]) -> None:
    """What a second try is worth: for each engine that is tried second, over all that may come before it."""
    mine = [row for row in rows if row["stem"] == "vocals"]
    told = dict(zip(((row["engine"], row["place"]) for row in mine), without_its_song(mine, FULL), strict=True))
    truth = {(row["engine"], row["place"]): row["true"] for row in mine}
    means = {name: np.mean([true for (engine, _), true in truth.items() if engine == name]) for name in ENGINES}
    print("\n| second engine | fires | second kept | better | of the fires | worse |\n|---|---|---|---|---|---|")
    sums = np.zeros(4, int)
    for second in ENGINES:
        counts = np.zeros(4, int)
        for first, place in told:
            key = (second, place)
            poor = told[first, place] < POOR_DB and means[second] > told[first, place]
            if first != second and poor and key in told:
                kept = told[key] > told[first, place]
                gain = truth[key] - truth[first, place]
                counts += [1, kept, kept and gain > 0, kept and gain < 0]
        sums += counts
        if counts[0]:
            print(f"| {second} | {counts[0]} | {counts[1]} | {counts[2]} | {counts[2] / counts[0]:.0%} | {counts[3]} |")
    print(f"| all | {sums[0]} | {sums[1]} | {sums[2]} | {sums[2] / sums[0]:.0%} | {sums[3]} |")


def lines(rows: list[dict[str, Any]]) -> None:
    """For stem_cli/quality/estimate.py."""
    for name, measures in (("FULL", FULL), ("QUICK", QUICK)):
        print(f"\n{name}: {measures}")
        for stem in table.FOUR:
            found = fitted([row for row in rows if row["stem"] == stem], measures)
            print(f'    "{stem}": ({", ".join(f"{value:.2f}" for value in found)}),')


def by_engine(rows: list[dict[str, Any]]) -> None:
    """How strong the engines are."""
    print("\n| true SI-SDR, mean | " + " | ".join(table.FOUR) + " |\n|---|---|---|---|---|")
    for name in ENGINES:
        own: Mapping[str, list[float]] = {
            stem: [row["true"] for row in rows if row["engine"] == name and row["stem"] == stem] for stem in table.FOUR
        }
        print(f"| {name} | " + " | ".join(f"{np.mean(own[stem]):.1f}" for stem in table.FOUR) + " |")


def main() -> None:
    """Make the cases where they are not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--tools", type=Path, default=TOOLS, help="the folder with multitrack.py")
    given = parser.parse_args()
    if not given.cases.exists():
        study(given.tools, given.cases)
    rows = json.loads(given.cases.read_text())
    by_engine(rows)
    correlations(rows)
    retries(rows)
    lines(rows)


if __name__ == "__main__":
    main()
