"""A whole Live set, in the schema of Live 11.0, which 11 and 12 open: every member, in Live's order.

Live 11 fills what is missing with defaults and may lose clips over it; Live 12 refuses the set. Hence all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from stem_cli.ableton import colours
from stem_cli.ableton.clip import follow_action, grid
from stem_cli.ableton.master import Clock, master_track
from stem_cli.ableton.track import NO_GROUP, Strip, audio_track, cue_track, group_track
from stem_cli.ableton.xml import Ids, leaf, leaves, node, wrapper
from stem_cli.dsp.key import Key

_MADE_BY = "stem-cli"
_UNSET = -(2**31)
_TRACK_IDS = 8  # where Live's own numbers of tracks begin


@dataclass(frozen=True)
class Group:
    """A song: its stems in a group, the original beside it. note: its tempo and key, in words.

    own: the tempo and time signature that its scene sets when it is launched, None leaves those of the set.
    """

    name: str
    stems: tuple[Strip, ...]
    original: Strip | None = None
    note: str = ""
    own: Clock | None = None


@dataclass(frozen=True)
class LiveSet:
    """What a set holds. locators: (beat, name) in the arrangement. key: of the set, None is not known."""

    clock: Clock
    groups: tuple[Group, ...]
    locators: tuple[tuple[float, str], ...] = ()
    key: Key | None = None


def build(live_set: LiveSet) -> Element:
    """The set as the root element of its document. The same set gives the same elements."""
    ids: Ids = itertools.count(1)
    tracks = _tracks(live_set.groups, ids)
    master, cue = master_track(live_set.clock, ids), cue_track(ids)
    inner = node(
        "LiveSet",
        leaf("NextPointeeId", max(next(ids) + _highest_track(tracks), 1 + _highest((*tracks, master)))),
        leaves(OverwriteProtectionNumber=2816, LomId=0, LomIdView=0),
        node("Tracks", tracks),
        master,
        cue,
        node("SendsPre"),
        node("Scenes", [_scene(number, group, live_set.clock) for number, group in enumerate(live_set.groups)]),
        _transport(),
        _editing(live_set.key),
        _views_of_editors(),
        node("Locators", node("Locators", [_locator(n, *one) for n, one in enumerate(live_set.locators)])),
        _lists(),
        _behaviour(),
        _windows(),
    )
    version = {"MajorVersion": "5", "MinorVersion": "11.0_433", "SchemaChangeCount": "6"}
    return node("Ableton", inner, **version, Creator="Ableton Live 11.0.12", Revision="")


def _tracks(groups: Sequence[Group], ids: Ids) -> list[Element]:
    """Each group, its stems straight behind it, then the song itself."""
    numbers, made = itertools.count(_TRACK_IDS), []
    for group in groups:
        home = next(numbers)
        made.append(group_track(group.name, colours.GROUP, group.note, home, len(groups), ids))
        made += [audio_track(strip, next(numbers), home, len(groups), ids) for strip in group.stems]
        if group.original is not None:
            made.append(audio_track(group.original, next(numbers), NO_GROUP, len(groups), ids))
    return made


def _highest(elements: Sequence[Element]) -> int:
    """Of all ids within: the markers of one clip may be more than all else that is counted."""
    return max((int(one.get("Id", "0")) for element in elements for one in element.iter()), default=0)


def _highest_track(tracks: Sequence[Element]) -> int:
    return max((int(track.get("Id", "0")) for track in tracks), default=0)


def _scene(number: int, group: Group, of_set: Clock) -> Element:
    clock, sets = group.own or of_set, group.own is not None
    values = leaves(Tempo=clock.tempo, IsTempoEnabled=sets, TimeSignatureId=clock.metre.number)
    more = leaves(IsTimeSignatureEnabled=sets, LomId=0)
    first = [follow_action(), *leaves(Name=group.name, Annotation="", Color=-1)]
    return node("Scene", first, values, more, wrapper("ClipSlotsListWrapper"), Id=number)


def _locator(number: int, beat: float, name: str) -> Element:
    return node("Locator", leaves(LomId=0, Time=beat, Name=name, Annotation="", IsSongStart=False), Id=number)


def _transport() -> Element:
    loop = leaves(PhaseNudgeTempo=10, LoopOn=False, LoopStart=0, LoopLength=16, LoopIsSongStart=False)
    return node(
        "Transport", loop, leaves(CurrentTime=0, PunchIn=False, PunchOut=False, MetronomeTickDuration=0, DrawMode=False)
    )


def _editing(key: Key | None) -> list[Element]:
    scale = leaves(RootNote=0 if key is None else key.tonic, Name="Major" if key is None else key.mode.title())
    zoom = node("BeatTimeHelper", leaf("CurrentZoom", 0.05))
    return [
        node("SongMasterValues", node("SessionScrollerPos", X=0, Y=0)),
        node("SignalModulations"),
        *leaves(GlobalQuantisation=4, AutoQuantisation=0),
        grid(20),
        node("ScaleInformation", scale),
        *leaves(InKey=key is not None, SmpteFormat=0),
        node("TimeSelection", leaves(AnchorTime=0, OtherTime=0)),
        node("SequencerNavigator", zoom, node("ScrollerPos", X=0, Y=0), node("ClientSize", X=1138, Y=766)),
        *leaves(ViewStateExtendedClipProperties=False, IsContentSplitterOpen=True, IsExpressionSplitterOpen=True),
    ]


def _views_of_editors() -> list[Element]:
    lanes = [_lane(number, number, 41, number > 1) for number in range(4)]
    content = [_lane(0, 4, 41, False), _lane(1, 5, 25, True)]
    return [
        node("ExpressionLanes", lanes),
        node("ContentLanes", content),
        *leaves(ViewStateFxSlotCount=4, ViewStateSessionMixerHeight=120),
    ]


def _lane(number: int, kind: int, size: int, small: bool) -> Element:
    return node("MidiEditorLaneModel", leaves(Type=kind, Size=size, IsMinimized=small), Id=number)


def _lists() -> list[Element]:
    names = ("Tracks", "VisibleTracks", "ReturnTracks", "Scenes", "CuePoints")
    return [node("DetailClipKeyMidis"), *(wrapper(f"{name}ListWrapper") for name in names)]


def _behaviour() -> list[Element]:
    """How the set behaves: what Live saves for a new one. ChooserBar 0 opens the arrangement."""
    return [
        *leaves(ChooserBar=0, Annotation=_MADE_BY, SoloOrPflSavedValue=True, SoloInPlace=True, CrossfadeCurve=2),
        *leaves(LatencyCompensation=2, HighlightedTrackIndex=0),
        node("GroovePool", leaf("LomId", 0), node("Grooves")),
        *leaves(AutomationMode=False, SnapAutomationToGrid=True, ArrangementOverdub=False, ColorSequenceIndex=0),
        node("AutoColorPickerForPlayerAndGroupTracks", leaf("NextColorIndex", 0)),
        node("AutoColorPickerForReturnAndMasterTracks", leaf("NextColorIndex", 0)),
        *leaves(ViewData="{}", ResetNonautomatedMidiControllersOnClipStarts=True),
    ]


def _windows() -> list[Element]:
    rectangle = node("VideoWindowRect", Top=_UNSET, Left=_UNSET, Bottom=_UNSET, Right=_UNSET)
    session = leaves(SessionIO=1, SessionSends=1, SessionReturns=1, SessionMixer=1, SessionTrackDelay=0)
    more = leaves(SessionCrossFade=0, SessionShowOverView=0, ArrangerIO=1, ArrangerReturns=1, ArrangerMixer=1)
    return [
        *leaves(MidiFoldIn=False, MidiFoldMode=0, MultiClipFocusMode=False, MultiClipLoopBarHeight=0),
        leaf("MidiPrelisten", False),
        node("LinkedTrackGroups"),
        *leaves(AccidentalSpellingPreference=3, PreferFlatRootNote=False, UseWarperLegacyHiQMode=False),
        rectangle,
        *leaves(ShowVideoWindow=True, TrackHeaderWidth=93, ViewStateArrangerHasDetail=True),
        *leaves(ViewStateSessionHasDetail=True, ViewStateDetailIsSample=True),
        node("ViewStates", session, more, leaves(ArrangerTrackDelay=0, ArrangerShowOverView=1)),
    ]
