"""Draw docs/images/analysis.svg: what `stem analyze` finds in a song made by stem_cli/synth.

Above the whole song: how loud each stem is, bars, sections. Below its first bars: what is new in the drums, and beats.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import songs_with_truth

from stem_cli.analysis import Analysis, Heard, Hints, analyse, listen
from stem_cli.dsp.beats import BeatGrid
from stem_cli.folder.foreign import stem_files
from stem_cli.synth import compose

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "analysis.svg"
_COLOURS = {"vocals": "#ff94a6", "drums": "#1aff2f", "bass": "#5480e4", "other": "#ffa529"}
_TINTS = ("#3a3a44", "#2f3a3a")
_LEFT, _WIDTH, _ROW, _TOP = 70, 900, 34, 60
_ZOOM_TOP, _ZOOM_HEIGHT = 260, 100
_POINTS = 450
_BARS = 4
_SPREAD_DB = 40.0


def main() -> None:
    song = songs_with_truth.with_pickup(compose("house", seed=5, seconds=62, bpm=125.37, key="Am"), 1)
    with tempfile.TemporaryDirectory() as home:
        songs_with_truth.write(songs_with_truth.later(song, 1.3), Path(home))
        heard = listen(stem_files(Path(home)))
    PICTURE.write_text(picture(heard, analyse(heard, Hints())), "utf-8")
    print(PICTURE)


def picture(heard: Heard, found: Analysis) -> str:
    """The analysis of a song as SVG."""
    assert found.grid is not None
    assert found.key is not None
    height = _ZOOM_TOP + _ZOOM_HEIGHT + 40
    title = (
        f"{found.grid.bpm:.6g} BPM, {found.grid.beats_per_bar}/{found.grid.beat_unit}, first downbeat at "
        f"{found.grid.first_downbeat:.3f} s, {found.key.key.name} ({found.key.key.camelot}), {found.lufs:.1f} LUFS"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 20} {height}"',
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="100%" height="{height}" fill="#222"/>',
        f'<text x="10" y="22" fill="#fff">{title}</text>',
        *_song(heard, found),
        *_zoom(heard, found.grid),
    ]
    return "\n".join([*parts, "</svg>", ""])


def _song(heard: Heard, found: Analysis) -> list[str]:
    """Sections, a line a bar, and the level of each stem."""
    assert found.grid is not None
    scale, bottom = _WIDTH / heard.seconds, _TOP + _ROW * len(_COLOURS)
    made = []
    for number, section in enumerate(found.sections):
        x, width = _LEFT + section.start * scale, (section.end - section.start) * scale
        tint = _TINTS[number % 2]
        made.append(
            f'<rect x="{x:.1f}" y="{_TOP - 22}" width="{width:.1f}" height="{bottom - _TOP + 26}" fill="{tint}"/>'
        )
        made.append(f'<text x="{x + 4:.1f}" y="{_TOP - 7}" fill="#ddd">{section.name}</text>')
    for beat in found.grid.downbeats:
        x = _LEFT + beat * scale
        made.append(f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="#777" stroke-width=".5"/>')
    for row, (name, colour) in enumerate(_COLOURS.items()):
        power = _shrunk(heard.bands[name].power.sum(axis=1), _POINTS)
        tall = np.clip(1 + 10 * np.log10(power / power.max() + 1e-9) / _SPREAD_DB, 0, 1)
        made.append(f'<text x="10" y="{_TOP + row * _ROW + 22}" fill="{colour}">{name}</text>')
        made.append(_area(tall, _LEFT, _TOP + row * _ROW + 2, _ROW - 4, colour))
    return made


def _zoom(heard: Heard, grid: BeatGrid) -> list[str]:
    """The first bars: novelty, beats, and downbeats by number."""
    end = grid.downbeats[_BARS]
    curve = heard.drums.curve[: round(end * heard.drums.rate)]
    scale, bottom = _WIDTH / end, _ZOOM_TOP + _ZOOM_HEIGHT
    made = [
        f'<text x="10" y="{_ZOOM_TOP - 26}" fill="#fff">New in the drums, the first {end:.1f} s, and the beats</text>',
        _area(np.sqrt(_shrunk(curve, 2 * _POINTS) / curve.max()), _LEFT, _ZOOM_TOP, _ZOOM_HEIGHT, _COLOURS["drums"]),
    ]
    for number, downbeat in enumerate(grid.downbeats[:_BARS], 1):
        made.append(f'<text x="{_LEFT + downbeat * scale + 4:.1f}" y="{bottom + 18}" fill="#fff">bar {number}</text>')
    for beat in (one for one in grid.beats if one < end):
        colour, more = ("#fff", 20) if beat in grid.downbeats else ("#999", 8)
        x = _LEFT + beat * scale
        made.append(f'<path d="M{x:.1f} {_ZOOM_TOP - 6}V{bottom + more}" stroke="{colour}"/>')
    return made


def _area(tall: np.ndarray, left: int, top: int, height: int, colour: str) -> str:
    """A filled curve of values from 0 to 1."""
    places = np.linspace(left, left + _WIDTH, len(tall))
    line = " ".join(f"{x:.1f},{top + height * (1 - y):.1f}" for x, y in zip(places, tall, strict=True))
    base = top + height
    return f'<polygon points="{left},{base} {line} {left + _WIDTH},{base}" fill="{colour}" fill-opacity=".8"/>'


def _shrunk(values: np.ndarray, points: int) -> np.ndarray:
    """The most of every stretch, so many stretches."""
    firsts = np.linspace(0, len(values), min(points, len(values)), endpoint=False).astype(int)
    return np.asarray(np.maximum.reduceat(values, firsts))


if __name__ == "__main__":
    main()
