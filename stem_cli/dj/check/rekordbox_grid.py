"""Grid, cues and loops of a track in a rekordbox.xml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stem_cli.cues import FASTEST, SLOWEST
from stem_cli.dj.check.finding import FAULT, WARNING, Finding
from stem_cli.dj.rekordbox_values import FLOAT, number

HINT = "Write it anew with stem organize --for rekordbox."


def fault(rule: str, what: str, hint: str = HINT, fixable: bool = False) -> Finding:
    """A fault of a rekordbox.xml."""
    return Finding(FAULT, f"rb.{rule}", what, hint, fixable)


def judge_grid(track: Any, who: str) -> Iterator[Finding]:
    """What is wrong with the tempos of a TRACK. who: how the track is called in what is told."""
    last = -1.0
    for tempo in track.findall("TEMPO"):
        start, bpm = tempo.get("Inizio", ""), tempo.get("Bpm", "")
        bar = re.fullmatch("([1-9][0-9]?)/[1-9][0-9]?", tempo.get("Metro", ""))
        beat = tempo.get("Battito", "")
        if not FLOAT.fullmatch(start) or not FLOAT.fullmatch(bpm) or not SLOWEST <= float(bpm) <= FASTEST:
            fixable = "," in start + bpm and None not in (number(start), number(bpm))
            yield fault("tempo", f"{who}: a tempo of {bpm!r} BPM at {start!r} s", fixable=fixable)
        elif float(start) < last:
            yield fault("tempo", f"{who}: its tempos do not stand in the order of their times")
        elif not bar or not re.fullmatch("[0-9]{1,2}", beat) or not 1 <= int(beat) <= int(bar[1]):
            yield fault("tempo", f"{who}: beat {beat!r} of {tempo.get('Metro')!r}")
        else:
            last = float(start)


def judge_mark(mark: Mapping[str, str], who: str) -> Iterator[Finding]:
    """What is wrong with one POSITION_MARK: a cue or a loop."""
    start, end = mark.get("Start", ""), mark.get("End", "")
    if mark.get("Type") not in ("0", "1", "2", "3", "4") or not FLOAT.fullmatch(start) or float(start) < 0:
        what = f"{who}: a cue of kind {mark.get('Type')!r} at {start!r} s"
        yield fault("cue", what, fixable="," in start and number(start) is not None)
        return
    if not re.fullmatch("-1|[0-7]", mark.get("Num", "")):
        yield fault("cue", f"{who}: a cue on pad {mark.get('Num')!r}; there are 0-7, and -1 for none")
    if mark["Type"] == "4" and (not FLOAT.fullmatch(end) or float(end) <= float(start)):
        fixable = "," in end and number(end) is not None
        yield fault("cue", f"{who}: a loop from {start} s to {end!r} s", fixable=fixable)
    if mark["Type"] != "4" and "End" in mark:
        yield Finding(WARNING, "rb.cue.end", f"{who}: a cue that is no loop has an end", HINT)
    colours = [mark[name] for name in ("Red", "Green", "Blue") if name in mark]
    if not all(re.fullmatch("[0-9]{1,3}", value) and int(value) < 256 for value in colours):
        yield fault("cue", f"{who}: a cue of colour {', '.join(colours)}")
