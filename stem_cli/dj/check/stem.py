"""`.stem.mp4` as Traktor and Mixxx want it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from stem_cli.dj.check.finding import FAULT, WARNING, Finding, Target, names_of
from stem_cli.dj.ni_stem import ORDER, RATES, SUFFIX
from stem_cli.dj.ni_stem_reader import AAC_LC, StemInfo, StemTrack

_CODECS = ("mp4a", "alac")
_ANEW = "Make it anew with stem organize --for traktor."
_LEAST_CLOCK = 8000
"""Ticks a second of a movie below which edit lists are rounded audibly; that of the sample rate is exact."""
_ROLES = {
    "drums": ("drums", "drum", "kick", "beat", "beats", "percussion"),
    "bass": ("bass", "bassline", "subbass"),
    "other": ("other", "melody", "synths", "synth", "instruments", "music", "inst"),
    "vocals": ("vocals", "vocal", "vox", "voice", "voices", "acapella"),
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words}
_COMPRESSOR = ("ratio", "output_gain", "release", "attack", "input_gain", "threshold", "hp_cutoff", "dry_wet")
DSP = {"compressor": _COMPRESSOR, "limiter": ("release", "threshold", "ceiling")}


def judge(info: StemInfo, targets: Sequence[Target]) -> Iterator[Finding]:
    """What these programs would stumble over."""
    name = info.path.name.lower()
    if name.endswith(".stem.m4a"):
        yield Finding(WARNING, "stem.name", "the specification asks for .stem.mp4", f"Rename it to end with {SUFFIX}.")
    elif not name.endswith(SUFFIX):
        yield _fault("name", f"its name does not end with {SUFFIX}", "Rename it.")
    if info.first != "ftyp":
        yield _fault("ftyp", f"it begins with {info.first!r}")
    if len(info.tracks) == 1 + len(ORDER):
        yield from _tracks(info, targets)
    else:
        yield _fault("tracks", f"it has {len(info.tracks)} tracks of sound; the song and four stems are five")
    yield from _json(info)


def _fault(rule: str, what: str, hint: str = _ANEW, fixable: bool = False) -> Finding:
    return Finding(FAULT, f"stem.{rule}", what, hint, fixable)


def _tracks(info: StemInfo, targets: Sequence[Target]) -> Iterator[Finding]:
    song, stems = info.tracks[0], info.tracks[1:]
    yield from _codecs(info.tracks, targets)
    if any(track.channels != 2 for track in info.tracks):
        yield _fault("stereo", f"its tracks have {_listed(track.channels for track in info.tracks)} channels")
    if len({track.rate for track in stems}) > 1:
        yield _fault("rates", f"its stems have rates of {_listed(track.rate for track in stems)} Hz")
    elif song.rate != stems[0].rate or stems[0].rate not in RATES:
        what = f"the song has {song.rate} Hz, the stems {stems[0].rate} Hz"
        yield Finding(WARNING, "stem.rate", what, "44100 and 48000 Hz play everywhere.")
    if not song.enabled:
        yield _fault("enabled.song", "its first track is not enabled, so other players are silent", fixable=True)
    if any(track.enabled for track in stems):
        what = "a stem is enabled, so other players may play it in place of the song"
        yield _fault("enabled.stems", what, fixable=True)
    yield from _lengths(info)
    if any(track.outside for track in info.tracks):
        yield _fault("offsets", "parts of its sound lie outside of it: its tables were not corrected")
    if not all(track.sound for track in info.tracks):
        yield _fault("tables", "its tables do not agree with one another")


def _codecs(tracks: Sequence[StemTrack], targets: Sequence[Target]) -> Iterator[Finding]:
    codecs = {track.codec for track in tracks}
    if len({track.codec for track in tracks[1:]}) > 1:
        yield _fault("codecs", f"its stems are of several codecs ({_listed(codecs)})")
    if not codecs <= set(_CODECS):
        yield _fault("codec", f"it holds {_listed(codecs - set(_CODECS))}, where AAC or ALAC belong")
        return
    kinds = {track.object_type for track in tracks} - {0, AAC_LC}
    if kinds:
        what = f"its AAC is of type {_listed(kinds)}; only LC (type {AAC_LC}) plays everywhere"
        yield Finding(WARNING, "stem.aac", what, _ANEW)
    refusing = [target for target in targets if target.stems and not codecs <= set(target.stems)]
    if refusing:
        what = f"{names_of(refusing)} cannot open ALAC"
        only = all(not target.stems or target in refusing for target in targets)
        yield Finding(FAULT if only else WARNING, "stem.alac", what, "Make it with stem organize --codec aac.")


def _lengths(info: StemInfo) -> Iterator[Finding]:
    tracks = info.tracks
    if len({track.coded for track in tracks}) > 1 or len({track.frames for track in tracks}) > 1:
        yield _fault(
            "lengths", f"its tracks are of several lengths ({_listed(track.frames for track in tracks)} frames)"
        )
    if len({(track.priming, track.empty) for track in tracks}) > 1:
        yield _fault("edit", "its tracks do not begin at the same time")
    if tracks[0].codec == "mp4a" and tracks[0].priming is None:
        what = "nothing says where its sound begins: it plays some 25-50 ms late against its song's grid"
        yield Finding(WARNING, "stem.priming", what, _ANEW)
    elif info.clock < _LEAST_CLOCK and tracks[0].priming is not None:
        yield Finding(WARNING, "stem.clock", f"its clock of {info.clock} Hz rounds where its sound begins", _ANEW)


def _json(info: StemInfo) -> Iterator[Finding]:
    if info.fault or not isinstance(info.told, dict):
        yield _fault("atom", f"it does not say what its stems are ({info.fault or 'its stem box holds no object'})")
        return
    version = info.told.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        yield _fault("version", f"the version in its stem box is {version!r}, not 1", fixable=True)
    if len(info.names) != len(ORDER) or not all(info.names):
        yield _fault("names", f"its stem box names {_listed(info.names) or 'nothing'}")
    else:
        yield from _order(info.names)
    if not all(re.fullmatch("#[0-9A-Fa-f]{6}", colour) for colour in info.colours):
        yield _fault("colours", f"its colours are {_listed(info.colours)}", fixable=True)
    yield from _mastering(info.told.get("mastering_dsp"))


def _order(names: Sequence[str]) -> Iterator[Finding]:
    roles = [_ROLE_OF.get(name.strip().lower()) for name in names]
    if all(roles) and tuple(roles) != ORDER:
        yield _fault("order", f"its stems are {_listed(names)}; decks expect drums, bass, other, vocals")


def _mastering(told: Any) -> Iterator[Finding]:
    for block, names in DSP.items():
        held = told.get(block) if isinstance(told, dict) else None
        if not isinstance(held, dict) or not isinstance(held.get("enabled"), bool):
            yield _fault("dsp", f"its stem box lacks the {block}", fixable=True)
            continue
        wrong = [
            name for name in names if isinstance(held.get(name), bool) or not isinstance(held.get(name), int | float)
        ]
        if wrong:
            yield _fault("dsp", f"its {block} lacks {_listed(wrong)}", fixable=True)
        if held["enabled"]:
            what = f"its {block} is on: Traktor applies it and Mixxx does not, and the stems do not add up to the song"
            yield Finding(WARNING, "stem.dsp.enabled", what, _ANEW)


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)
