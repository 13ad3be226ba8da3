"""Small files of every kind, and their tags: put in by others, and by us."""

from __future__ import annotations

import base64
import hashlib
import shutil
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, TXXX, Frames
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from stem_cli import tags
from stem_cli.tags import Cover, Tags

RATE = 44100
NOISE = (np.random.default_rng(7).standard_normal((RATE // 5, 2)) * 0.1).clip(-1, 1)


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    + _png_chunk(b"IDAT", zlib.compress(bytes(14), 9))
    + _png_chunk(b"IEND", b"")
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(range(256)) + b"\xff\xd9"

SONG = Tags(
    title="Über den Wölfen 🎧",
    artist="坂本 龍一; AC/DC",
    album="Альбом № 1",
    album_artist="Various Artists",
    genre="Drum & Bass",
    year="2019-05-03",
    bpm=124.5,
    key="8A",
    comment="8A - Energy 7",
    isrc="DEUM71900001",
    label="Ninja Tüne",
    grouping="Peak time / närt",
    composer="Jóhann Jóhannsson",
    track_number="3/12",
    disc_number="1/2",
    remixer="Ωmega",
    replaygain_track_gain="-6.48 dB",
    replaygain_track_peak="0.988553",
    replaygain_album_gain="-7.03 dB",
    replaygain_album_peak="1.000000",
    cover=Cover(PNG, "image/png"),
    stem="vocals",
    stem_source="sha256:00ff",
    stem_engine="demucs/htdemucs@1",
)
FIELDS = tuple(field for field in Tags.__dataclass_fields__ if not field.startswith("stem"))


# --- small files of every kind, made without the product ---------------------------------------------------------


def encode(
    path: Path, codec: str, container: str | None = None, video: bool = False, metadata: dict | None = None
) -> None:
    """A file made by FFmpeg's libraries, with a picture of one colour if it is a video."""
    with av.open(path, "w", format=container) as out:
        out.metadata.update(metadata or {})
        stream = out.add_stream(codec, rate=RATE, layout="stereo")
        films = [out.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")] if video else []
        if container == "matroska" and metadata:
            out.add_attachment("cover.png", "image/png", PNG)
        for film in films:
            for time in range(2):
                frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8))
                frame.pts = time
                out.mux(film.encode(frame))
            out.mux(film.encode())
        layout = stream.codec_context.format.name
        samples = np.ascontiguousarray((NOISE.T * 32767).astype(np.int16))
        sound = av.AudioFrame.from_ndarray(samples, format="s16p", layout="stereo")
        sound.rate = RATE
        fifo = av.AudioFifo()
        for part in av.AudioResampler(format=layout, layout="stereo", rate=RATE).resample(sound):
            fifo.write(part)
        size = stream.codec_context.frame_size or 1024
        while part := fifo.read(size, partial=True):
            out.mux(stream.encode(part))
        out.mux(stream.encode())


def _wav24(path: Path) -> None:
    soundfile.write(path, NOISE[:4411, :1], RATE, subtype="PCM_24", format="WAV")  # odd number of bytes


MAKERS = {
    "wav": lambda path: soundfile.write(path, NOISE, RATE, subtype="PCM_16", format="WAV"),
    "wav24": _wav24,
    "rf64": lambda path: soundfile.write(path, NOISE, RATE, subtype="PCM_24", format="RF64"),
    "aiff": lambda path: soundfile.write(path, NOISE, RATE, subtype="PCM_24", format="AIFF"),
    "flac": lambda path: soundfile.write(path, NOISE, RATE, subtype="PCM_24", format="FLAC"),
    "mp3": lambda path: soundfile.write(path, NOISE, RATE, format="MP3"),
    "ogg": lambda path: soundfile.write(path, NOISE, RATE, format="OGG", subtype="VORBIS"),
    "opus": lambda path: soundfile.write(path, NOISE, 48000, format="OGG", subtype="OPUS"),
    "aac": lambda path: encode(path, "aac", "ipod"),
    "alac": lambda path: encode(path, "alac", "ipod"),
    "adts": lambda path: encode(path, "aac", "adts"),
    "mp4": lambda path: encode(path, "aac", "mp4", video=True),
    "mkv": lambda path: encode(path, "flac", "matroska"),
}
SUFFIX = {"wav24": "wav", "rf64": "wav", "aac": "m4a", "alac": "m4a", "adts": "aac"}


@pytest.fixture(scope="session")
def blanks(tmp_path_factory):
    """One untagged file of every kind."""
    folder = tmp_path_factory.mktemp("blanks")
    paths = {kind: folder / f"{kind}.{SUFFIX.get(kind, kind)}" for kind in MAKERS}
    for kind, path in paths.items():
        MAKERS[kind](path)
    return paths


@pytest.fixture
def blank(blanks, tmp_path):
    """A fresh untagged file of a kind."""

    def copy(kind: str, name: str | None = None) -> Path:
        return Path(shutil.copy(blanks[kind], tmp_path / (name or blanks[kind].name)))

    return copy


def sound_of(path: Path) -> str:
    """A digest of the packets and of the decoded sound of all streams."""
    digest = hashlib.sha256()
    with av.open(path) as container:
        streams = [stream for stream in container.streams if not stream.disposition & stream.disposition.attached_pic]
        for packet in container.demux(streams):
            digest.update(f"{packet.stream.index} {packet.pts} {packet.dts} {packet.duration}".encode())
            digest.update(bytes(packet))
            for frame in packet.decode():
                digest.update(frame.to_ndarray().tobytes())
    return digest.hexdigest()


# --- tags put in by mutagen and FFmpeg, not by us ----------------------------------------------------------------


GAINS = ("replaygain_track_gain", "replaygain_track_peak", "replaygain_album_gain", "replaygain_album_peak")
ID3_FRAMES = {
    "TIT2": SONG.title,
    "TPE1": ["坂本 龍一", "AC/DC"],
    "TALB": SONG.album,
    "TPE2": SONG.album_artist,
    "TCON": SONG.genre,
    "TDRC": SONG.year,
    "TBPM": "124.50",
    "TKEY": SONG.key,
    "TSRC": SONG.isrc,
    "TPUB": SONG.label,
    "TIT1": SONG.grouping,
    "TCOM": SONG.composer,
    "TRCK": SONG.track_number,
    "TPOS": SONG.disc_number,
    "TPE4": SONG.remixer,
}


def _id3(version: int = 4) -> ID3:
    frames = ID3()
    for name, text in ID3_FRAMES.items():
        frames.add(Frames[name](encoding=1, text=text))
    if version == 3:
        frames["TPE1"].text = [SONG.artist]  # mutagen would join them by a slash
    for gain in GAINS:
        frames.add(TXXX(encoding=1, desc=gain.upper(), text=getattr(SONG, gain)))
    frames.add(COMM(encoding=1, lang="eng", desc="iTunNORM", text=" 000003E8 000003E8"))
    frames.add(COMM(encoding=1, lang="eng", desc="", text=SONG.comment))
    frames.add(APIC(encoding=0, mime="image/jpeg", type=4, desc="back", data=JPEG))
    frames.add(APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=PNG))  # names the wrong type on purpose
    if version == 3:
        frames.update_to_v23()
    return frames


def _put_id3(kind: type, version: int):
    def put(path: Path) -> None:
        song = kind(path)
        if song.tags is None:
            song.add_tags()
        song.tags.update(_id3(version))
        song.save(
            v2_version=version,
        )

    return put


def _frame22(name: str, data: bytes) -> bytes:
    return name.encode() + len(data).to_bytes(3, "big") + data


def _put_id3_22(path: Path) -> None:
    """ID3v2.2, which mutagen cannot write: three-letter frames, by hand."""
    names = {"TIT2": "TT2", "TPE1": "TP1", "TALB": "TAL", "TPE2": "TP2", "TCON": "TCO", "TBPM": "TBP", "TKEY": "TKE",
             "TSRC": "TRC", "TPUB": "TPB", "TIT1": "TT1", "TCOM": "TCM", "TRCK": "TRK", "TPOS": "TPA",
             "TPE4": "TP4"}  # fmt: skip
    body = b""
    for new, old in names.items():
        text = ID3_FRAMES[new]
        joined = "\0".join(text) if isinstance(text, list) else text
        body += _frame22(old, b"\x01" + joined.encode("utf-16"))
    body += _frame22("TYE", b"\x002019") + _frame22("TDA", b"\x000305")
    body += _frame22("COM", b"\x00eng\x00" + SONG.comment.encode())
    body += b"".join(_frame22("TXX", b"\0" + gain.encode() + b"\0" + getattr(SONG, gain).encode()) for gain in GAINS)
    body += _frame22("PIC", b"\0PNG\x03\0" + PNG)
    size = bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x02\x00\x00" + size + body + path.read_bytes())


VORBIS = {
    "TITLE": [SONG.title],
    "Artist": ["坂本 龍一", "AC/DC"],
    "ALBUM": [SONG.album],
    "ALBUM ARTIST": [SONG.album_artist],
    "GENRE": [SONG.genre],
    "DATE": [SONG.year],
    "BPM": ["124,5"],
    "INITIALKEY": [SONG.key],
    "COMMENT": [SONG.comment],
    "ISRC": [SONG.isrc],
    "ORGANIZATION": [SONG.label],
    "GROUPING": [SONG.grouping],
    "COMPOSER": [SONG.composer],
    "TRACKNUMBER": ["3"],
    "TRACKTOTAL": ["12"],
    "DISCNUMBER": ["1/2"],
    "REMIXER": [SONG.remixer],
    **{gain: [getattr(SONG, gain)] for gain in GAINS},
}


def _picture() -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", PNG
    return picture


def _put_flac(path: Path) -> None:
    song = FLAC(path)
    song.update(VORBIS)
    song.add_picture(_picture())
    song.save()


def _put_ogg(kind: type):
    def put(path: Path) -> None:
        song = kind(path)
        song.update(VORBIS)
        song["METADATA_BLOCK_PICTURE"] = base64.b64encode(_picture().write()).decode()
        song.save()

    return put


def _put_mp4(path: Path) -> None:
    song = MP4(path)
    if song.tags is None:
        song.add_tags()
    free = {"BPM": "124.5", "initialkey": SONG.key, "ISRC": SONG.isrc, "LABEL": SONG.label, "REMIXER": SONG.remixer}
    free |= {gain: getattr(SONG, gain) for gain in GAINS}
    song.tags.update({f"----:com.apple.iTunes:{name}": [MP4FreeForm(text.encode())] for name, text in free.items()})
    song.tags.update(
        {"©nam": [SONG.title], "©ART": ["坂本 龍一", "AC/DC"], "©alb": [SONG.album], "aART": [SONG.album_artist],
         "©gen": [SONG.genre], "©day": [SONG.year], "©cmt": [SONG.comment], "©grp": [SONG.grouping], "tmpo": [124],
         "©wrt": [SONG.composer], "trkn": [(3, 12)], "disk": [(1, 2)], "covr": [MP4Cover(PNG, MP4Cover.FORMAT_PNG)]}
    )  # fmt: skip
    song.save()


def _put_mkv(path: Path) -> None:
    metadata = {name: "; ".join(texts) for name, texts in VORBIS.items() if name not in ("TRACKNUMBER", "TRACKTOTAL")}
    encode(path, "flac", "matroska", metadata=metadata | {"track": "3/12"})


PUTTERS = {
    "wav id3v2.4": ("wav", _put_id3(WAVE, 4)),
    "wav24 id3v2.3": ("wav24", _put_id3(WAVE, 3)),
    "aiff": ("aiff", _put_id3(AIFF, 3)),
    "flac": ("flac", _put_flac),
    "mp3 id3v2.2": ("mp3", _put_id3_22),
    "mp3 id3v2.3": ("mp3", _put_id3(MP3, 3)),
    "mp3 id3v2.4": ("mp3", _put_id3(MP3, 4)),
    "m4a aac": ("aac", _put_mp4),
    "m4a alac": ("alac", _put_mp4),
    "mp4 video": ("mp4", _put_mp4),
    "ogg": ("ogg", _put_ogg(OggVorbis)),
    "opus": ("opus", _put_ogg(OggOpus)),
    "mkv": ("mkv", _put_mkv),
}
WRITTEN = ("wav", "wav24", "rf64", "aiff", "flac", "alac", "aac", "mp3", "mp4")


@pytest.fixture(scope="session")
def filled(blanks, tmp_path_factory):
    """One file of every container with all fields, tagged by others, and what we read."""
    folder = tmp_path_factory.mktemp("filled")
    found = {}
    for name, (kind, put) in PUTTERS.items():
        path = Path(shutil.copy(blanks[kind], folder / f"{name.replace(' ', '-')}{blanks[kind].suffix}"))
        put(path)
        found[name] = tags.read(path)
    return found


@pytest.fixture(scope="session")
def written(blanks, tmp_path_factory):
    """One file of every kind we write, tagged by us."""
    folder = tmp_path_factory.mktemp("written")
    paths = {kind: Path(shutil.copy(blanks[kind], folder / blanks[kind].name)) for kind in WRITTEN}
    for path in paths.values():
        tags.write(path, SONG)
    return paths
