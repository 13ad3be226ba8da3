"""A warped clip: a whole file, where its beats are, and how Live stretches it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from stem_cli import stems
from stem_cli.ableton.metre import Metre
from stem_cli.ableton.warp import Warp
from stem_cli.ableton.xml import leaf, leaves, node

_BEATS, _TONES, _COMPLEX, _COMPLEX_PRO = 0, 1, 4, 6
WARPS: dict[str, dict[str, int]] = {
    "remix": {"drums": _BEATS, "vocals": _COMPLEX_PRO, "": _COMPLEX},
    "neutral": {"bass": _TONES, "": _BEATS},
}
"""Live's warp modes by family of stems, "" for all others. Beats and Tones play a clip at its own tempo bit by bit."""

_IN_PROJECT = 3
_WINDOWS, _ELSEWHERE = 1, 2


@dataclass(frozen=True)
class Sample:
    """A sound file in the project.

    path: where it lies. relative: the same below the project's folder. size: bytes. crc: of its first 16 KiB, as Live
    counts it. modified: seconds since 1970.
    """

    path: Path
    relative: str
    size: int
    crc: int
    modified: int
    frames: int
    rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


@dataclass(frozen=True)
class Clip:
    """A whole file as a clip. warp: its markers. origin: where its beat 0 lies in the arrangement, beats.

    launch: the beat of its own that it starts at in the session.
    """

    name: str
    colour: int
    mode: int
    sample: Sample
    warp: Warp
    origin: float
    metre: Metre
    launch: float = 0.0

    @property
    def begin(self) -> float:
        """The beat that the file begins at: 0 or less, where something comes before the first downbeat."""
        return self.warp.beat(0.0)

    @property
    def end(self) -> float:
        """The beat that the file ends at."""
        return self.warp.beat(self.sample.seconds)


def mode_for(warp: str, name: str) -> int:
    """Live's number of the warp mode of a stem. warp: of WARPS."""
    stem = stems.TABLE.get(name)
    return WARPS[warp].get(stem.family if stem else "", WARPS[warp][""])


def in_arrangement(clip: Clip) -> Element:
    """The whole file, where it lies in the arrangement."""
    start = max(0.0, clip.origin + clip.begin)
    return _clip(clip, clip.begin, start, time=start)


def in_session(clip: Clip) -> Element | None:
    """The same for a slot, from where its song is launched; None where it has ended by then."""
    first = max(clip.begin, clip.launch)
    return _clip(clip, first, first, time=0.0) if first < clip.end else None


def launch_of(begin: float, ends: Sequence[float], bar: float) -> float:
    """The beat at which all clips of a song start in the session, so that they are in time with each other.

    The first downbeat. Where a stem ends before it, the first bar line of the song, if that stem reaches it. begin: of
    all its files. ends: of each.

    >>> launch_of(-1.5, [90.0, 88.0], 4.0), launch_of(-9.0, [90.0, -2.0], 4.0), launch_of(-9.0, [90.0, -8.5], 4.0)
    (0.0, -8.0, 0.0)
    """
    line = bar * math.ceil(begin / bar)
    if max(ends) <= 0:
        return begin
    return line if line < min(ends) <= 0 else 0.0


def _clip(clip: Clip, first: float, start: float, time: float) -> Element:
    """A clip that plays from beat `first` of its content, from `start` on."""
    return node(
        "AudioClip",
        leaves(LomId=0, LomIdView=0, CurrentStart=start, CurrentEnd=start + clip.end - first),
        _loop(clip, first),
        leaves(Name=clip.name, Annotation="", Color=clip.colour, LaunchMode=0, LaunchQuantisation=0),
        _signature(clip.metre),
        node("Envelopes", node("Envelopes")),
        node("ScrollerTimePreserver", leaves(LeftTime=clip.begin, RightTime=clip.end)),
        node("TimeSelection", leaves(AnchorTime=0, OtherTime=0)),
        leaves(Legato=False, Ram=False),
        node("GrooveSettings", leaf("GrooveId", -1)),
        leaves(Disabled=False, VelocityAmount=0),
        follow_action(),
        grid(20),
        leaves(FreezeStart=0, FreezeEnd=0, IsWarped=True, TakeId=1),
        _sample_ref(clip.sample),
        node("Onsets", node("UserOnsets"), leaf("HasUserOnsets", False)),
        _sound(clip),
        _markers(clip.warp),
        node("SavedWarpMarkersForStretched"),
        leaves(MarkersGenerated=True, IsSongTempoMaster=False),
        Id=0,
        Time=time,
    )


def _loop(clip: Clip, first: float) -> Element:
    values = leaves(LoopStart=first, LoopEnd=clip.end, StartRelative=0, LoopOn=False)
    return node("Loop", values, leaves(OutMarker=clip.end, HiddenLoopStart=clip.begin, HiddenLoopEnd=clip.end))


def _signature(metre: Metre) -> Element:
    values = leaves(Numerator=metre.numerator, Denominator=metre.denominator, Time=0)
    return node("TimeSignature", node("TimeSignatures", node("RemoteableTimeSignature", values, Id=0)))


def follow_action() -> Element:
    """What comes after a clip or a scene: nothing."""
    chances = leaves(FollowActionA=4, FollowActionB=0, FollowChanceA=100, FollowChanceB=0)
    ends = leaves(JumpIndexA=1, JumpIndexB=1, FollowActionEnabled=False)
    return node("FollowAction", leaves(FollowTime=4, IsLinked=True, LoopIterations=1), chances, ends)


def grid(pixels: int) -> Element:
    """The lines of an editor: as wide apart as they come."""
    values = leaves(FixedNumerator=1, FixedDenominator=16, GridIntervalPixel=pixels)
    return node("Grid", values, leaves(Ntoles=2, SnapToGrid=True, Fixed=False))


def _sample_ref(sample: Sample) -> Element:
    path = _text(sample.path)
    kind = _WINDOWS if path[1:2] == ":" else _ELSEWHERE
    reference = node(
        "FileRef",
        leaves(RelativePathType=_IN_PROJECT, RelativePath=sample.relative, Path=path, Type=kind),
        leaves(LivePackName="", LivePackId="", OriginalFileSize=sample.size, OriginalCrc=sample.crc),
    )
    return node(
        "SampleRef",
        reference,
        leaf("LastModDate", sample.modified),
        node("SourceContext"),
        leaves(SampleUsageHint=0, DefaultDuration=sample.frames, DefaultSampleRate=sample.rate),
    )


def _text(path: Path) -> str:
    """With slashes; what is no UTF-8 in it cannot be written, but the relative path finds the file."""
    return path.as_posix().encode("utf-8", "replace").decode("utf-8")


def _sound(clip: Clip) -> list[Element]:
    """How it is stretched, and nothing else: no fade, no transposition, 0 dB."""
    fades = node(
        "Fades",
        leaves(FadeInLength=0, FadeOutLength=0, ClipFadesAreInitialized=True, CrossfadeInState=0),
        leaves(FadeInCurveSkew=0, FadeInCurveSlope=0, FadeOutCurveSkew=0, FadeOutCurveSlope=0),
        leaves(IsDefaultFadeIn=True, IsDefaultFadeOut=True),
    )
    return [
        *leaves(WarpMode=clip.mode, GranularityTones=30, GranularityTexture=65, FluctuationTexture=25),
        *leaves(TransientResolution=6, TransientLoopMode=2, TransientEnvelope=100),
        *leaves(ComplexProFormants=100, ComplexProEnvelope=128, Sync=True, HiQ=True, Fade=False),
        fades,
        *leaves(PitchCoarse=0, PitchFine=0, SampleVolume=1, MarkerDensity=2, AutoWarpTolerance=4),
    ]


def _markers(warp: Warp) -> Element:
    """Numbered from 0."""
    found = [node("WarpMarker", Id=n, SecTime=second, BeatTime=beat) for n, (second, beat) in enumerate(warp.written)]
    return node("WarpMarkers", found)
