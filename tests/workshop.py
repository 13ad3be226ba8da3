"""Separations in this process, and readers of sound that share no code with the program's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

from stem_cli.engines import Request
from stem_cli.separation import Listener, Order, Result, Shop, open_shop, separate
from stem_cli.settings import Settings
from stem_cli.track import open_track

FFMPEG = shutil.which("ffmpeg")
DEPTHS = ("16", "24")
"""Bits of the samples that are integers."""
BITRATES = {  # kbit/s, ISO 11172-3 table 2.4.2.3, layer III
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}

_ORDER = ("names", "also", "two_stems", "force", "dry_run", "tolerant")
_REQUEST = ("engine", "seed", "span")


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Shop]:
    """A shop whose database and cache lie in the folder."""
    with open_shop(Settings(data_dir=str(folder / "data"), cache_dir=str(folder / "cache"), **settings)) as shop:
        yield shop


def run(shop: Shop, path: Path, output: Path, listener: Listener | None = None, **options: Any) -> Result:
    """Separate one song. Options are fields of Order, of Request or of Settings."""
    order = {name: options.pop(name) for name in _ORDER if name in options}
    request = Request(order.get("names", ()), **{name: options.pop(name) for name in _REQUEST if name in options})
    settings = Settings(**{**vars(shop.settings), "output": str(output), **options})
    return separate(shop, open_track(path, shop.database.fingerprint), Order(request, settings, **order), listener)


def files(result: Result) -> dict[str, Path]:
    """The files that were made, by name."""
    assert result.folder is not None
    return result.folder.paths()


def integers(path: Path, depth: str) -> np.ndarray:
    """The samples of an exact file as int64 [frames, channels], by soundfile or, for ALAC, by FFmpeg."""
    if path.suffix == ".m4a":
        wide = _by_ffmpeg(path) if FFMPEG else _by_av(path)
    else:
        wide = soundfile.read(path, dtype="int32", always_2d=True)[0]
    shifted = wide.astype(np.int64) >> (32 - int(depth))
    assert np.array_equal(shifted << (32 - int(depth)), wide), f"{path} holds more than {depth} bits"
    return shifted


def floats(path: Path) -> np.ndarray:
    """The sound of any file as float32 [frames, channels], by FFmpeg's library, all packets and their trimming."""
    with av.open(str(path)) as box:
        to_float = av.AudioResampler(format="flt")
        frames = [out for frame in box.decode(audio=0) for out in to_float.resample(frame)]
        channels = box.streams.audio[0].channels
        return np.concatenate([frame.to_ndarray().reshape(-1, channels) for frame in frames])


def rounded(sound: np.ndarray, depth: str) -> np.ndarray:
    """Float samples as integers of the depth, clipped at full scale; ties go to the even number."""
    top = 2.0 ** (int(depth) - 1)
    return np.clip(np.rint(sound.astype(np.float64) * top), -top, top - 1).astype(np.int64)


def write_alac(path: Path, wide: np.ndarray, rate: int, depth: str) -> None:
    """An ALAC file by FFmpeg's encoder; `wide` is int32 [frames, channels], left-justified."""
    layout = "mono" if wide.shape[1] == 1 else "stereo"
    kind, samples = ("s16p", (wide >> 16).astype(np.int16)) if depth == "16" else ("s32p", wide)
    with av.open(str(path), "w", format="ipod", options={"movie_timescale": str(rate)}) as box:
        stream = box.add_stream("alac", rate=rate, layout=layout, format=kind)
        for at in range(0, len(samples), 4096):
            piece = np.ascontiguousarray(samples[at : at + 4096].T)
            frame = av.AudioFrame.from_ndarray(piece, format=kind, layout=layout)
            frame.sample_rate, frame.pts = rate, at
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))


def total(paths: dict[str, Path], depth: str) -> np.ndarray:
    """The sum of files, in integers."""
    return sum(integers(path, depth) for path in paths.values())


def lag(one: np.ndarray, other: np.ndarray, most: int = 4000) -> int:
    """By how many frames `one` comes after `other`, from the peak of the cross-correlation of their first channels."""
    size = 2 ** int(np.ceil(np.log2(len(one) + len(other))))
    product = np.fft.irfft(np.fft.rfft(one[:, 0], size) * np.conj(np.fft.rfft(other[:, 0], size)), size)
    near = np.concatenate([product[-most:], product[: most + 1]])
    return int(np.argmax(near)) - most


def frame_bytes(data: bytes, at: int = 0) -> int:
    """The length of the MPEG layer III frame that starts here."""
    assert data[at] == 0xFF, "no frame starts here"
    assert data[at + 1] & 0xE0 == 0xE0, "no frame starts here"
    version = data[at + 1] >> 3 & 3
    rate = (44100, 48000, 32000)[data[at + 2] >> 2 & 3] // {3: 1, 2: 2, 0: 4}[version]
    kbits = BITRATES[3 if version == 3 else 2][data[at + 2] >> 4]
    return (144 if version == 3 else 72) * kbits * 1000 // rate + (data[at + 2] >> 1 & 1)


def _by_ffmpeg(path: Path) -> np.ndarray:
    command = [FFMPEG, "-v", "error", "-i", path, "-f", "s32le", "-c:a", "pcm_s32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    with av.open(str(path)) as box:
        channels = box.streams.audio[0].channels
    return np.frombuffer(done.stdout, "<i4").reshape(-1, channels)


def _by_av(path: Path) -> np.ndarray:
    with av.open(str(path)) as box:
        to_wide = av.AudioResampler(format="s32")
        frames = [out for frame in box.decode(audio=0) for out in to_wide.resample(frame)]
        return np.concatenate([frame.to_ndarray().reshape(-1, box.streams.audio[0].channels) for frame in frames])
