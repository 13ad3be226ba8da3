"""Tracks: a stem, the group of a song, the master and the cue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from stem_cli.ableton.clip import Clip, in_arrangement, in_session
from stem_cli.ableton.mixer import device_head, mixer, routings, target
from stem_cli.ableton.xml import Ids, leaf, leaves, node, wrapper

NO_GROUP = -1
_MONITOR_AUTO = 1
_FAR_DOWN = -1073741824  # Live's scroll position of an envelope that nobody has looked at


@dataclass(frozen=True)
class Strip:
    """An audio track. scene: the row of the session that its clip lies in. heard: False is muted."""

    name: str
    colour: int
    clip: Clip
    scene: int
    heard: bool = True


def head(
    name: str, colour: int, group: int = NO_GROUP, envelopes: Sequence[Element] = (), note: str = ""
) -> list[Element]:
    """What every track begins with."""
    shown = name.replace("#", "＃")  # Live puts the number of the track in the place of a plain one
    names = leaves(EffectiveName=shown, UserName=shown, Annotation=note, MemorizedFirstClipName="")
    return [
        *leaves(LomId=0, LomIdView=0, IsContentSelectedInDocument=False, PreferredContentViewMode=0),
        node("TrackDelay", leaves(Value=0, IsValueSampleBased=False)),
        node("Name", names),
        leaf("Color", colour),
        node("AutomationEnvelopes", node("Envelopes", envelopes)),
        *leaves(TrackGroupId=group, TrackUnfolded=True),
        wrapper("DevicesListWrapper"),
        wrapper("ClipSlotsListWrapper"),
        leaf("ViewData", "{}"),
        node("TakeLanes", node("TakeLanes"), leaf("AreTakeLanesFolded", True)),
        leaf("LinkedTrackGroupId", -1),
    ]


def audio_track(strip: Strip, number: int, group: int, scenes: int, ids: Ids) -> Element:
    """A stem: its clip in the arrangement and in one slot. number: its own. scenes: rows of the session."""
    slots = [in_session(strip.clip) if scene == strip.scene else None for scene in range(scenes)]
    chain = node(
        "DeviceChain",
        chain_head("master" if group == NO_GROUP else "group"),
        mixer(ids, heard=strip.heard),
        sequencer("MainSequencer", slots, ids, [in_arrangement(strip.clip)]),
        sequencer("FreezeSequencer", [None] * scenes, ids),
        no_devices(),
    )
    return node(
        "AudioTrack",
        head(strip.name, strip.colour, group),
        leaves(SavedPlayingSlot=-1, SavedPlayingOffset=0, Freeze=False, VelocityDetail=0),
        leaves(NeedArrangerRefreeze=True, PostProcessFreezeClips=0),
        chain,
        Id=number,
    )


def group_track(name: str, colour: int, note: str, number: int, scenes: int, ids: Ids) -> Element:
    """The group of a song. note: shown when the mouse rests on it."""
    chain = node("DeviceChain", chain_head("master"), mixer(ids), no_devices(), sequencer("FreezeSequencer", [], ids))
    slots = [node("GroupTrackSlot", leaf("LomId", 0), Id=scene) for scene in range(scenes)]
    return node("GroupTrack", head(name, colour, note=note), node("Slots", slots), chain, Id=number)


def cue_track(ids: Ids) -> Element:
    """The track that previews are heard on."""
    chain = node("DeviceChain", chain_head("card"), mixer(ids), no_devices())
    return node("PreHearTrack", head("Master", -1), chain)


def chain_head(output: str) -> list[Element]:
    """Views of a track's envelopes, and its routings."""
    lane = leaves(SelectedDevice=0, SelectedEnvelope=0, IsContentSelectedInDocument=False, LaneHeight=68)
    lanes = node("AutomationLanes", node("AutomationLane", lane, Id=0))
    chooser = leaves(SelectedDevice=0, SelectedEnvelope=0, PreferModulationVisible=False)
    return [
        node("AutomationLanes", lanes, leaf("AreAdditionalAutomationLanesFolded", False)),
        node("ClipEnvelopeChooserViewState", chooser),
        *routings(output),
    ]


def no_devices() -> Element:
    """The chain of a track's effects: none."""
    return node("DeviceChain", node("Devices"), node("SignalModulations"))


def sequencer(
    tag: str, slots: Sequence[Element | None], ids: Ids, clips: Sequence[Element] = (), **attributes: int
) -> Element:
    """What plays clips. slots: what lies in each row of the session. clips: of the arrangement."""
    names = ("Volume", "Transposition", "GrainSize", "Flux", "SampleOffset")
    return node(
        tag,
        device_head(ids),
        node("ClipSlotList", [_slot(number, clip) for number, clip in enumerate(slots)]),
        leaf("MonitoringEnum", _MONITOR_AUTO),
        node("Sample", node("ArrangerAutomation", node("Events", clips), no_transform())),
        [target(f"{name}ModulationTarget", ids) for name in names],
        leaves(PitchViewScrollPosition=_FAR_DOWN, SampleOffsetModulationScrollPosition=_FAR_DOWN),
        node("Recorder", leaves(IsArmed=False, TakeCounter=1)),
        **attributes,
    )


def _slot(number: int, clip: Element | None) -> Element:
    inside = node("ClipSlot", node("Value", [] if clip is None else clip))
    return node("ClipSlot", leaf("LomId", 0), inside, leaves(HasStop=True, NeedRefreeze=True), Id=number)


def no_transform() -> Element:
    """Behind every list of events."""
    return node("AutomationTransformViewState", leaf("IsTransformPending", False), node("TimeAndValueTransforms"))
