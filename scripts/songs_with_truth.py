"""Render a song of any style: its four true stems as FLAC (16 bits, 44.1 kHz), and truth.json.

::

    python scripts/songs_with_truth.py hiphop 190 /tmp/songs/hiphop92 --bpm 92

truth.json is the score: bpm, tempi, beats, downbeats, key, sections, chords, every hit and note, times in seconds.
The sum of the stems is the song. The same arguments give the same files.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

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
    asked = parser.parse_args()
    write(compose(asked.style, asked.seed, asked.seconds, bpm=asked.bpm, key=asked.key), asked.out)


def write(song: Song, out: Path) -> None:
    """The stems and the truth of a song, into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for name, stem in render(song, RATE).items():
        soundfile.write(out / f"{name}.flac", pcm16(stem).T, RATE, subtype="PCM_16")
    (out / "truth.json").write_text(json.dumps(song.to_dict()), encoding="utf-8")


if __name__ == "__main__":
    main()
