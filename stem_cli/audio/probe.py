"""What a sound file is: container, codec, rate, channels, length, depth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stem_cli.audio import xing
from stem_cli.errors import InputError

_DEPTHS = {"PCM_16": "16", "PCM_24": "24", "FLOAT": "float", "DOUBLE": "float"}
_EXACT_SUBTYPES = ("PCM_", "ALAC_", "DPCM_", "FLOAT", "DOUBLE")
_NO_COUNT = "MPEG_LAYER_III"  # whoever encodes may pad it as he likes
_AV_DEPTHS = {"s16": "16", "s16p": "16", "s32": "24", "s32p": "24"}
_AV_EXACT = ("alac", "flac", "wavpack", "ape", "tta", "shorten")
_COUNTING = ("mov,mp4,m4a,3gp,3g2,mj2", "ape", "tta", "wv")  # containers that know their length to the frame
RATES = (8000, 192000)
"""Hz, the lowest and the highest."""
NO_HEADER = ("mp3", "aac")
"""Containers, by FFmpeg's names, that are mere streams of frames: their length is guessed from the first ones."""


@dataclass(frozen=True)
class Shape:
    """What one sound file is.

    reader: "soundfile" or "av". depth: "16", "24", "float", or "" where it has no such depth (lossy, 8 or
    32 bits). frames: of the sound; an estimate where `counted` is False. lossless: decoding gives back what went in.
    """

    path: Path
    reader: str
    container: str
    codec: str
    rate: int
    channels: int
    frames: int
    counted: bool
    depth: str
    lossless: bool

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate


def probe(path: Path) -> Shape:
    """What the file is, by soundfile where it can, by PyAV for the rest.

    Raises InputError for a missing file, a directory, an empty file, anything that holds no sound, and for sample rates
    outside of 8-192 kHz.
    """
    _check_file(path)
    shape = _by_soundfile(path) or _by_av(path)
    if not RATES[0] <= shape.rate <= RATES[1]:
        raise InputError(f"its sample rate is {shape.rate} Hz", path, "Rates from 8 to 192 kHz are supported.")
    return shape


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError("this is a folder, not a song", path, "Name the songs in it, for example with *.mp3.")
        if not path.exists():
            raise InputError("there is no such file", path, "Check the spelling, and quote names with spaces.")
        if not path.is_file():
            raise InputError("this is a pipe or a device, not a file", path, "Save the song as a file first.")
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError("the file is empty", path, "Copy or download it again.")
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its name and permissions.") from error


def native(path: Path) -> bytes | str:
    """The path as libsndfile takes it; soundfile refuses names that are no UTF-8, which Unix allows."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _by_soundfile(path: Path) -> Shape | None:
    import soundfile

    try:
        with soundfile.SoundFile(native(path)) as file:
            if file.subtype == _NO_COUNT and not xing.announces_length(path):
                return None
            exact = file.subtype.startswith(_EXACT_SUBTYPES)
            return Shape(
                path=path,
                reader="soundfile",
                container=file.format,
                codec=file.subtype,
                rate=file.samplerate,
                channels=file.channels,
                frames=file.frames,
                counted=file.subtype != _NO_COUNT,
                depth=_DEPTHS.get(file.subtype, ""),
                lossless=exact,
            )
    except soundfile.LibsndfileError:
        return None


def _by_av(path: Path) -> Shape:
    import av

    try:
        with av.open(str(path)) as box:
            if not box.streams.audio:
                raise InputError("there is no sound in it", path, "Choose a file with an audio track.")
            return _shape_of_stream(path, box, box.streams.audio[0])
    except av.FFmpegError as error:
        hint = "If it should be a song, it is damaged: copy or download it again."
        raise InputError("this is not a sound file we can read", path, hint) from error


def _shape_of_stream(path: Path, box: Any, stream: Any) -> Shape:
    if stream.codec_context is None:
        raise InputError("its sound is of an unknown kind", path, "Convert it to FLAC or WAV first.")
    codec = stream.codec_context.name
    rate, channels = stream.rate or 0, stream.channels
    if not rate or not channels:
        raise InputError(f"its sound ({codec}) cannot be decoded", path, "Convert it to FLAC or WAV first.")
    announced = stream.duration and box.format.name not in NO_HEADER
    seconds = float(stream.duration * stream.time_base) if announced else _walked(box, stream)
    lossless = codec in _AV_EXACT or codec.startswith("pcm_")
    return Shape(
        path=path,
        reader="av",
        container=box.format.name,
        codec=codec,
        rate=rate,
        channels=channels,
        frames=round(seconds * rate),
        counted=codec in _AV_EXACT and box.format.name in _COUNTING,
        depth=_AV_DEPTHS.get(stream.codec_context.format.name, "") if lossless else "",
        lossless=lossless,
    )


def _walked(box: Any, stream: Any) -> float:
    """Seconds from the first packet to the end of the last: the sound of a video may be shorter than its pictures."""
    start, end = None, 0.0
    for packet in box.demux(stream):
        if packet.size and packet.pts is not None:
            begin = float(packet.pts * packet.time_base)
            start = begin if start is None else start
            end = begin + float((packet.duration or 0) * packet.time_base)
    return end - (start or 0.0)
