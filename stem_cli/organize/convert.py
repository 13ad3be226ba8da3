"""Stems in another format, depth or rate than they lie there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from stem_cli.audio import Mix, open_sink
from stem_cli.dsp.resample import resample
from stem_cli.folder import exact
from stem_cli.organize.plan import Item, rate_of


def convert(items: Sequence[Item], targets: Mapping[str, Path]) -> None:
    """Write stems of one song anew, each to the path of its kind.

    Those that add up to the song are rounded together, so that they still do; those of other tools, which never did,
    each by itself. Raises InputError, OutputError.
    """
    folder = items[0].song.folder
    there = folder.paths()
    parts = [name for name in folder.record.song.parts if name in there]
    if parts:
        _together(items, targets, parts)
        return
    for item in items:
        mix = Mix.open(there[item.kind])
        rate = rate_of(folder, item.kind)
        lane = (exact.to_ints(block, item.depth)[0] for block in resample(mix.blocks(), rate, item.rate))
        _write([item], targets, {item.kind: mix}, ({item.kind: block} for block in lane))


def _together(items: Sequence[Item], targets: Mapping[str, Path], parts: Sequence[str]) -> None:
    folder = items[0].song.folder
    names = dict.fromkeys((*parts, *(item.kind for item in items)))
    mixes = {name: Mix.open(folder.paths()[name]) for name in names}
    blocks = _settled(mixes, parts, folder.record.source.rate, items[0].rate, items[0].depth)
    _write(items, targets, mixes, blocks)


def _write(
    items: Sequence[Item],
    targets: Mapping[str, Path],
    mixes: Mapping[str, Mix],
    blocks: Iterator[dict[str, np.ndarray]],
) -> None:
    with ExitStack() as stack:
        sinks = {}
        for item in items:
            mix = mixes[item.kind]
            frames = round(mix.frames * item.rate / mix.rate)
            sink = open_sink(targets[item.kind], item.form, item.rate, mix.channels, item.depth, frames)
            stack.callback(sink.abandon)
            sinks[item.kind] = sink
        for block in blocks:
            for kind, sink in sinks.items():
                sink.write(block[kind])
        for sink in sinks.values():
            sink.close()


def _settled(
    mixes: Mapping[str, Mix], parts: Sequence[str], old_rate: int, rate: int, depth: str
) -> Iterator[dict[str, np.ndarray]]:
    lanes = {name: resample(mix.blocks(), old_rate, rate) for name, mix in mixes.items()}
    while True:
        blocks = {name: next(lane, None) for name, lane in lanes.items()}
        there = {name: block for name, block in blocks.items() if block is not None}
        if len(there) < len(blocks):
            return
        song = np.add.reduce([there[name] for name in parts], dtype=np.float32)
        balance = exact.settle(song, {name: there[name] for name in parts}, depth)
        others = {name: exact.to_ints(block, depth)[0] for name, block in there.items() if name not in parts}
        yield {**balance.parts, **others}
