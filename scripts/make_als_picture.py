"""Draw docs/images/ableton.svg: the arrangement of a set, as it is read from the set. No screenshot of Live."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import make_als_golden

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "ableton.svg"
_COLOURS = {0: "ff94a6", 1: "ffa529", 9: "5480e4", 12: "e553a0", 13: "ffffff", 19: "3dc300", 27: "d0d0d0"}
_LEFT, _ROW, _TOP, _BEAT = 170, 34, 60, 9.0


def picture(xml: bytes) -> str:
    """The arrangement of a set as SVG."""
    live = ElementTree.fromstring(xml)[0]
    tracks = live.findall("Tracks/*")
    end = max(float(_value(clip, "CurrentEnd")) for clip in live.iter("AudioClip"))
    height, width = _TOP + _ROW * len(tracks) + 10, _LEFT + end * _BEAT + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}"',
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{width:.0f}" height="{height}" fill="#2b2b2b"/>',
        f'<text x="10" y="22" fill="#fff">{_value(live, "MasterTrack/DeviceChain/Mixer/Tempo/Manual")} BPM</text>',
    ]
    for beat in range(0, int(end) + 1, 4):
        x = _LEFT + beat * _BEAT
        parts.append(f'<line x1="{x}" y1="{_TOP - 14}" x2="{x}" y2="{height - 10}" stroke="#444"/>')
    for locator in live.findall("Locators/Locators/Locator"):
        x = _LEFT + float(_value(locator, "Time")) * _BEAT
        parts.append(f'<path d="M{x} 28l8 6l-8 6z" fill="#ffb000"/>')
        parts.append(f'<text x="{x + 11}" y="39" fill="#ddd">{escape(_value(locator, "Name"))}</text>')
    for row, track in enumerate(tracks):
        parts += _track(track, _TOP + row * _ROW)
    return "\n".join([*parts, "</svg>", ""])


def _track(track: ElementTree.Element, y: int) -> list[str]:
    colour = _COLOURS[int(_value(track, "Color"))]
    heard = _value(track, "DeviceChain/Mixer/Speaker/Manual") == "true"
    inset = 22 if _value(track, "TrackGroupId") != "-1" else 8
    name = escape(_value(track, "Name/EffectiveName")) + ("" if heard else " (muted)")
    made = [
        f'<rect x="{inset}" y="{y}" width="{_LEFT - inset - 8}" height="{_ROW - 4}" rx="2" fill="#{colour}"/>',
        f'<text x="{inset + 6}" y="{y + 20}" fill="#111">{name}</text>',
    ]
    for clip in track.findall("DeviceChain/MainSequencer/Sample/ArrangerAutomation/Events/AudioClip"):
        start, end = (float(_value(clip, which)) for which in ("CurrentStart", "CurrentEnd"))
        first = float(_value(clip, "Loop/LoopStart"))
        x, width = _LEFT + start * _BEAT, (end - start) * _BEAT
        made.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 4}" rx="2" fill="#{colour}" '
            f'fill-opacity="{0.8 if heard else 0.35}"/>'
        )
        for marker in clip.findall("WarpMarkers/WarpMarker")[:-1]:
            at = x + (float(marker.get("BeatTime", "0")) - first) * _BEAT
            made.append(f'<path d="M{at - 5:.1f} {y}h10l-5 8z" fill="#ffe000" stroke="#111" stroke-width=".6"/>')
    return made


def _value(element: ElementTree.Element, path: str) -> str:
    found = element.find(path)
    assert found is not None, path
    return found.attrib["Value"]


if __name__ == "__main__":
    PICTURE.write_text(picture(make_als_golden.pictured()), "utf-8")
    print(PICTURE)
