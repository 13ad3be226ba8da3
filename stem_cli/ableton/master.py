"""The master track: tempo and time signature, each with the envelope that Live reads it from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from stem_cli.ableton.metre import Metre
from stem_cli.ableton.mixer import choice, dial, mixer
from stem_cli.ableton.track import chain_head, head, no_devices, no_transform, sequencer
from stem_cli.ableton.xml import Ids, Value, leaf, leaves, node

BEFORE_SONG = -63072000
"""The time of every envelope's first event."""
_COLOUR = 13


@dataclass(frozen=True)
class Clock:
    """How fast the set goes, and in which bars.

    tempo: from the beginning, beats a minute. tempos: later ones, (beat, tempo), held until the next. metres likewise.
    """

    tempo: float
    metre: Metre
    tempos: tuple[tuple[float, float], ...] = ()
    metres: tuple[tuple[float, Metre], ...] = ()


def master_track(clock: Clock, ids: Ids) -> Element:
    """The master, with no effects on it."""
    own = (
        dial("Tempo", clock.tempo, 60, 200, ids),  # of the MIDI mapping: the same in every set
        choice("TimeSignature", clock.metre.number, ids),
        dial("GlobalGrooveAmount", 100, 0, 131.25, ids),
        dial("CrossFade", 0, -1, 1, ids),
        *leaves(TempoAutomationViewBottom=60, TempoAutomationViewTop=200),
    )
    frozen = node("FreezeSequencer", sequencer("AudioSequencer", [], ids, Id=0))
    chain = node("DeviceChain", chain_head("card"), mixer(ids, *own), frozen, no_devices())
    metres = [(beat, metre.number) for beat, metre in clock.metres]
    envelopes = [
        _envelope(0, own[1], "EnumEvent", [(BEFORE_SONG, clock.metre.number), *metres]),
        _envelope(1, own[0], "FloatEvent", [(BEFORE_SONG, clock.tempo), *_stepped(clock)]),
    ]
    return node("MasterTrack", head("Master", _COLOUR, envelopes=envelopes), chain)


def _stepped(clock: Clock) -> list[tuple[float, float]]:
    """Live draws a line between two events: a step is two of them at one time, the old tempo and the new."""
    events, now = [], clock.tempo
    for beat, tempo in clock.tempos:
        if tempo != now:
            events += [(beat, now), (beat, tempo)]
        now = tempo
    return events


def _envelope(number: int, parameter: Element, tag: str, events: Sequence[tuple[float, Value]]) -> Element:
    aim = parameter.find("AutomationTarget")
    pointee = aim.get("Id", "") if aim is not None else ""
    made = [node(tag, Id=place, Time=time, Value=value) for place, (time, value) in enumerate(events)]
    automation = node("Automation", node("Events", made), no_transform())
    return node("AutomationEnvelope", node("EnvelopeTarget", leaf("PointeeId", pointee)), automation, Id=number)
