"""Render a song of any style: its four true stems as FLAC (16 bits, 44.1 kHz), and truth.json.

::

    python scripts/songs_with_truth.py hiphop 190 /tmp/songs/hiphop92 --bpm 92
    python scripts/songs_with_truth.py house 190 /tmp/songs/late --silence 3.7 --noise -50 --pickup 1

truth.json is the score: bpm, tempi, beats, downbeats, key, sections, chords, every hit and note, times in seconds.
The sum of the stems is the song. The same arguments give the same files.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from stem_cli.synth import STYLES, Song, compose, pcm16, render

RATE = 44100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("style", choices=list(STYLES))
    parser.add_argument("seconds", type=float)
    parser.add_argument("out", type=Path, help="a folder; what it holds of these five names is written anew")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bpm", type=float, help="beats a minute; chosen by the seed where not given")
    parser.add_argument("--key", help="such as Am or Eb; chosen by the seed where not given")
    parser.add_argument("--silence", type=float, default=0.0, metavar="SECONDS", help="before the song begins")
    parser.add_argument("--noise", type=float, metavar="DB", help="of this level, dBFS, in every stem")
    parser.add_argument("--pickup", type=int, default=0, metavar="BEATS", help="played before the first downbeat")
    asked = parser.parse_args()
    song = compose(asked.style, asked.seed, asked.seconds, bpm=asked.bpm, key=asked.key)
    write(later(with_pickup(song, asked.pickup), asked.silence), asked.out, asked.noise)


def with_pickup(song: Song, beats: int) -> Song:
    """The song with so many beats before its first bar, in which the last ones of a bar in its middle are played."""
    if not beats:
        return song
    bar = len(song.downbeats) // 2
    last = song.beats_per_bar * bar
    start, end = song.beats[last - beats], song.beats[last]
    shifted = later(song, end - start)
    hits = tuple(replace(hit, start=hit.start - start) for hit in song.hits if start - 0.02 <= hit.start < end - 0.02)
    notes = tuple(
        replace(note, start=note.start - start, seconds=min(note.seconds, end - note.start))
        for note in song.notes
        if start - 0.02 <= note.start < end - 0.02
    )
    return replace(
        shifted,
        beats=(*(beat - start for beat in song.beats[last - beats : last]), *shifted.beats),
        hits=tuple(replace(hit, start=max(0.0, hit.start)) for hit in (*hits, *shifted.hits)),
        notes=tuple(replace(note, start=max(0.0, note.start)) for note in (*notes, *shifted.notes)),
    )


def later(song: Song, by: float) -> Song:
    """The song after so many seconds of silence."""
    parts = {
        name: tuple(replace(one, start=one.start + by) for one in getattr(song, name))
        for name in ("tempi", "hits", "notes")
    }
    spans = {
        name: tuple(replace(one, start=one.start + by, end=one.end + by) for one in getattr(song, name))
        for name in ("chords", "sections")
    }
    times = {name: tuple(time + by for time in getattr(song, name)) for name in ("beats", "downbeats")}
    return replace(song, seconds=song.seconds + by, **parts, **spans, **times)


def write(song: Song, out: Path, noise: float | None = None) -> None:
    """The stems and the truth of a song, into a folder. noise: its level in each stem, dBFS."""
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(song.seed)
    for name, stem in render(song, RATE).items():
        if noise is not None:
            stem = stem + 10 ** (noise / 20) * random.standard_normal(stem.shape)
        soundfile.write(out / f"{name}.flac", pcm16(stem).T, RATE, subtype="PCM_16")
    (out / "truth.json").write_text(json.dumps(song.to_dict()), encoding="utf-8")


if __name__ == "__main__":
    main()
