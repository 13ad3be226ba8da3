"""Draw docs/stems.svg: the demo song and the four stems that `stem demo` made of it.

Usage: make_picture.py FOLDER   (the folder that `stem demo --output` was given)
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

from stem_cli import stems
from stem_cli.folder import find_folders

OUT = Path(__file__).resolve().parent.parent / "docs" / "stems.svg"
WIDTH, ROW, LEFT, POINTS = 900, 64, 110, 390


def main() -> None:
    """Read the song and its stems, write the picture."""
    home = Path(sys.argv[1])
    song = next(home.glob("*.flac"))
    rows = [("your song", "#444444", song)]
    rows += [(name, stems.TABLE[name].colour, path) for name, path in find_folders(home)[0].paths().items()]
    height = ROW * len(rows) + 20
    style = 'font-family="sans-serif" font-size="16"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {style}>']
    parts.append(f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>')
    for index, (name, colour, path) in enumerate(rows):
        middle = 10 + ROW * index + ROW // 2
        parts.append(f'<text x="10" y="{middle + 5}" fill="#222222">{name}</text>')
        parts.append(f'<path d="{_outline(path, middle)}" fill="{colour}"/>')
    OUT.write_text("\n".join([*parts, "</svg>"]) + "\n", "utf-8")


def _outline(path: Path, middle: int) -> str:
    """The peaks of a file as one closed shape around the middle line."""
    mono = np.abs(soundfile.read(path, always_2d=True)[0]).max(axis=1)
    peaks = [float(part.max()) * (ROW / 2 - 4) for part in np.array_split(mono, POINTS)]
    step = (WIDTH - LEFT - 10) / POINTS
    top = [f"{LEFT + at * step:.0f} {middle - peak - 0.5:.1f}" for at, peak in enumerate(peaks)]
    bottom = [f"{LEFT + at * step:.0f} {middle + peak + 0.5:.1f}" for at, peak in reversed(list(enumerate(peaks)))]
    return "M" + "L".join([*top, *bottom]) + "Z"


if __name__ == "__main__":
    main()
