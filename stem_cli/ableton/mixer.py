"""Parts that every track shares: parameters, the head of a device, the mixer, the routings."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from stem_cli.ableton.xml import Ids, leaf, leaves, node, wrapper

_VOLUME_RANGE = (0.0003162277571, 1.99526238)  # linear gain: -70 and +6 dB
_MASTER, _GROUP, _SOUND_CARD = "AudioOut/Master", "AudioOut/GroupTrack", "AudioOut/External/S0"
OUTPUTS = {"master": (_MASTER, "Master", ""), "group": (_GROUP, "Group", ""), "card": (_SOUND_CARD, "Ext. Out", "1/2")}
"""Where a track plays to: target, and the two lines that Live shows of it."""


def target(tag: str, ids: Ids) -> Element:
    """Something that automation or modulation may point at."""
    return node(tag, leaf("LockEnvelope", 0), Id=next(ids))


def dial(tag: str, value: float, low: float, high: float, ids: Ids) -> Element:
    """A parameter that turns."""
    ends = node("MidiControllerRange", leaves(Min=low, Max=high))
    return node(
        tag, leaves(LomId=0, Manual=value), ends, target("AutomationTarget", ids), target("ModulationTarget", ids)
    )


def switch(tag: str, on: bool, ids: Ids) -> Element:
    """A parameter that is on or off."""
    thresholds = node("MidiCCOnOffThresholds", leaves(Min=64, Max=127))
    return node(tag, leaves(LomId=0, Manual=on), target("AutomationTarget", ids), thresholds)


def choice(tag: str, value: int, ids: Ids) -> Element:
    """A parameter with a few values."""
    return node(tag, leaves(LomId=0, Manual=value), target("AutomationTarget", ids))


def device_head(ids: Ids) -> list[Element]:
    """What every device begins with; a mixer and a player of clips are devices too."""
    return [
        *leaves(LomId=0, LomIdView=0, IsExpanded=True),
        switch("On", True, ids),
        leaf("ModulationSourceCount", 0),
        wrapper("ParametersListWrapper"),
        node("Pointee", Id=next(ids)),
        *leaves(LastSelectedTimeableIndex=0, LastSelectedClipEnvelopeIndex=0),
        node("LastPresetRef", node("Value")),
        node("LockedScripts"),
        *leaves(IsFolded=False, ShouldShowPresetName=False, UserName="", Annotation=""),
        node("SourceContext", node("Value")),
    ]


def mixer(ids: Ids, *more: Element, heard: bool = True) -> Element:
    """A track's mixer at 0 dB, in the middle. heard: False mutes the track. more: what only the master's has."""
    return node(
        "Mixer",
        device_head(ids),
        node("Sends"),
        switch("Speaker", heard, ids),
        leaves(SoloSink=False, PanMode=0),
        dial("Pan", 0, -1, 1, ids),
        dial("SplitStereoPanL", -1, -1, 1, ids),
        dial("SplitStereoPanR", 1, -1, 1, ids),
        dial("Volume", 1, *_VOLUME_RANGE, ids),
        leaf("ViewStateSesstionTrackWidth", 93),  # Live's own spelling
        choice("CrossFadeState", 1, ids),
        wrapper("SendsListWrapper"),
        *more,
    )


def routings(output: str) -> list[Element]:
    """Where a track listens and plays. output: of OUTPUTS."""
    ends = (
        ("AudioInputRouting", "AudioIn/External/S0", "Ext. In", "1/2"),
        ("MidiInputRouting", "MidiIn/External.All/-1", "Ext: All Ins", ""),
        ("AudioOutputRouting", *OUTPUTS[output]),
        ("MidiOutputRouting", "MidiOut/None", "None", ""),
    )
    return [
        node(tag, leaves(Target=to, UpperDisplayString=upper, LowerDisplayString=lower))
        for tag, to, upper, lower in ends
    ]
