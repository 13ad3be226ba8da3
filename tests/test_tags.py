"""Tags: what is read out of every kind of song, and what is written into our files without touching the sound."""

import base64
import hashlib
import logging
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zlib
from dataclasses import replace
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, TXXX, Frames
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from tinytag import TinyTag

from stem_cli import tags
from stem_cli.errors import InputError, OutputError
from stem_cli.tags import Cover, Tags, fields

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


def _encode(
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
    "aac": lambda path: _encode(path, "aac", "ipod"),
    "alac": lambda path: _encode(path, "alac", "ipod"),
    "adts": lambda path: _encode(path, "aac", "adts"),
    "mp4": lambda path: _encode(path, "aac", "mp4", video=True),
    "mkv": lambda path: _encode(path, "flac", "matroska"),
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
    _encode(path, "flac", "matroska", metadata=metadata | {"track": "3/12"})


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


def _chunks(path: Path, order: str = "<") -> list[tuple[bytes, bytes]]:
    data, at, found = path.read_bytes(), 12, []
    while at < len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, at)
        size = min(size, len(data)) if name != b"data" or size != 0xFFFFFFFF else struct.unpack_from("<Q", data, 28)[0]
        found.append((name, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _sound(path: Path) -> str:
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


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", PUTTERS)
def test_a_field_is_read_from_every_container(filled, name, field):
    assert getattr(filled[name], field) == getattr(SONG, field)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_file_without_tags_has_none_and_no_warning(blanks, caplog, kind):
    assert tags.read(blanks[kind]) == Tags()
    assert caplog.text == ""


def test_an_id3v1_tag_is_the_last_resort(blank):
    path = blank("mp3")
    old = b"TAG" + b"Song".ljust(30, b"\0") + b"Somebody".ljust(30, b"\0") + bytes(30) + b"1999" + bytes(30) + b"\x11"
    path.write_bytes(path.read_bytes() + old)
    assert tags.read(path) == Tags(title="Song", artist="Somebody", year="1999", genre="Rock")


def _list_info(entries: dict[bytes, bytes]) -> bytes:
    body = b"INFO" + b"".join(
        name + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2) for name, text in entries.items()
    )
    return b"LIST" + struct.pack("<I", len(body)) + body


def _insert_list(path: Path, entries: dict[bytes, bytes], at: int | None = None) -> None:
    data = bytearray(path.read_bytes())
    where = len(data) if at is None else at
    data[where:where] = _list_info(entries)
    data[4:8] = struct.pack("<I", len(data) - 8)
    path.write_bytes(data)


INFO = {b"INAM": "Lied é".encode(), b"IART": "Sigur Rós\0".encode("cp1252"), b"ICRD": b"2001", b"ISRC": b"my tape"}


@pytest.mark.parametrize("at", [12, None])
def test_a_wav_without_id3_is_read_from_its_info_list(blank, at):
    path = blank("wav")
    _insert_list(path, INFO, at)
    assert tags.read(path) == Tags(title="Lied é", artist="Sigur Rós", year="2001")


def test_the_info_list_fills_what_id3_leaves_out(blank):
    path = blank("wav")
    song = WAVE(path)
    song.add_tags()
    song.tags.add(Frames["TIT2"](encoding=3, text="From ID3"))
    song.save()
    _insert_list(path, INFO)
    assert tags.read(path) == Tags(title="From ID3", artist="Sigur Rós", year="2001")


def test_mp4_without_a_free_tempo_gives_the_whole_one(blank):
    path = blank("aac")
    song = MP4(path)
    song["tmpo"] = [124]
    song.save()
    assert tags.read(path).bpm == 124.0


def test_the_gain_of_opus_becomes_replaygain(blank):
    path = blank("opus")
    song = OggOpus(path)
    song["R128_TRACK_GAIN"] = "-2944"  # -11.5 dB to -23 LUFS
    song["R128_ALBUM_GAIN"] = "nonsense"
    song.save()
    assert tags.read(path) == Tags(replaygain_track_gain="-6.50 dB")


def test_a_kind_without_a_table_is_left_to_ffmpeg(tmp_path):
    path = tmp_path / "song.wv"
    _encode(path, "wavpack", "wv", metadata={"title": SONG.title, "artist": SONG.artist, "BPM": "124.5"})
    assert tags.read(path) == Tags(title=SONG.title, artist=SONG.artist, bpm=124.5)


def test_a_song_with_a_wrong_suffix_is_read(blanks, tmp_path):
    for kind, (_, put) in (("flac", PUTTERS["flac"]), ("aac", PUTTERS["m4a aac"])):
        path = Path(shutil.copy(blanks[kind], tmp_path / f"{kind}.mp3"))
        put(path)
        assert tags.read(path).title == SONG.title


def test_a_path_in_a_tag_stays_text_and_control_characters_go(blank):
    path = blank("flac")
    song = FLAC(path)
    song.update(
        {"TITLE": "../../etc/passwd", "ARTIST": "A\0B\x1b[31m\u0085C", "ALBUM": " \0\x07 ", "COMMENT": "a\r\nb\0"}
    )
    song["GENRE"] = "x" * 1_000_000
    song.save()
    found = tags.read(path)
    assert found == Tags(title="../../etc/passwd", artist="A B [31m C", comment="a\nb", genre="x" * fields.LONGEST)


def test_a_picture_that_decks_cannot_show_is_left_out(blank):
    path = blank("mp3")
    frames = ID3()
    frames.add(APIC(encoding=0, mime="image/webp", type=3, desc="", data=b"RIFF\0\0\0\0WEBPVP8 "))
    frames.add(APIC(encoding=0, mime="image/jpeg", type=4, desc="back", data=JPEG))
    frames.save(path)
    assert tags.read(path).cover == Cover(JPEG, "image/jpeg")


def test_a_file_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        tags.read(tmp_path / "none.mp3")


def test_tagging_a_file_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be opened"):
        tags.write(tmp_path / "none.wav", SONG)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"fLaC\x84\xff\xff\xff", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"text"]
)
def test_garbage_gives_no_tags_and_a_warning(tmp_path, caplog, data):
    path = tmp_path / "song.wav"
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING, logger="stem_cli.tags"):
        assert tags.read(path) == Tags()
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize("name", PUTTERS)
def test_damage_never_raises(blanks, tmp_path, name):
    kind, put = PUTTERS[name]
    path = Path(shutil.copy(blanks[kind], tmp_path / blanks[kind].name))
    put(path)
    whole = path.read_bytes()
    chance = random.Random(5)
    for turn in range(25):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(min(len(damaged), 3000) if turn % 2 else len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(len(damaged))] if turn % 5 == 0 else damaged)
        assert isinstance(tags.read(path), Tags)


# --- writing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WRITTEN)
def test_all_fields_come_back(written, kind):
    assert tags.read(written[kind]) == SONG


@pytest.mark.parametrize("kind", WRITTEN)
def test_tagging_leaves_the_sound_alone(blanks, written, kind):
    assert _sound(written[kind]) == _sound(blanks[kind])


@pytest.mark.parametrize("kind", ["wav", "wav24", "rf64", "aiff"])
def test_tagging_leaves_all_other_chunks_alone(blanks, written, kind):
    order = ">" if kind == "aiff" else "<"
    before, after = _chunks(blanks[kind], order), _chunks(written[kind], order)
    assert [one for one in after[:-1] if one[0] != b"ds64"] == [one for one in before if one[0] != b"ds64"]
    assert after[-1][0].lower() == b"id3 "


@pytest.mark.parametrize("kind", ["alac", "aac", "mp4"])
def test_tagging_leaves_the_mdat_alone(blanks, written, kind):
    def mdat(path: Path) -> bytes:
        data, at = path.read_bytes(), 0
        while data[at + 4 : at + 8] != b"mdat":
            at += struct.unpack_from(">I", data, at)[0]
        return data[at : at + struct.unpack_from(">I", data, at)[0]]

    assert mdat(written[kind]) == mdat(blanks[kind])


@pytest.mark.parametrize("kind", ["wav", "wav24"])
def test_a_wav_stays_plain_and_its_sizes_are_right(written, kind):
    data = written[kind].read_bytes()
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert len(data) % 2 == 0
    assert struct.unpack_from("<4sIH", data, 12) == (b"fmt ", 16, 1)
    assert b"LIST" not in [name for name, _ in _chunks(written[kind])]


def test_an_rf64_keeps_its_large_sizes_right(written):
    data = written["rf64"].read_bytes()
    assert data[:8] == b"RF64\xff\xff\xff\xff"
    assert struct.unpack_from("<Q", data, 20)[0] == len(data) - 8


def test_old_tags_of_a_wav_go_without_moving_its_sound(blank):
    path = blank("wav")
    _insert_list(path, INFO, 36)
    _insert_list(path, INFO)
    place = path.read_bytes().index(b"data")
    tags.write(path, Tags(album="New"))
    assert path.read_bytes().index(b"data") == place
    assert tags.read(path) == Tags(album="New")
    assert [name for name, _ in _chunks(path)] == [b"fmt ", b"JUNK", b"data", b"id3 "]


def test_a_wav_that_has_no_room_left_keeps_its_sound(blank, caplog, monkeypatch):
    path = blank("wav")
    before = path.read_bytes()
    monkeypatch.setattr("stem_cli.tags.riff._LARGEST_RIFF", len(before))
    tags.write(path, SONG)
    assert path.read_bytes() == before
    assert "4 GiB" in caplog.text


def test_a_wav_that_ends_too_soon_is_refused_untouched(blank):
    path = blank("wav")
    path.write_bytes(path.read_bytes()[:-1000])
    before = path.read_bytes()
    with pytest.raises(OutputError, match="ends before its audio"):
        tags.write(path, SONG)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["mp3", "wav", "aiff"])
def test_id3_is_version_2_3(written, kind):
    data = written[kind].read_bytes()
    at = data.index(b"ID3\x03\x00")
    frames = ID3(written[kind], translate=False) if kind == "mp3" else mutagen.File(written[kind]).tags
    assert data.count(b"ID3\x04") == 0
    assert b"TYER" in data[at:]
    assert b"TDAT" in data[at:]
    assert b"TDRC" not in data[at:]
    assert frames.getall("COMM")[0].lang == "eng"
    assert frames.getall("COMM")[0].desc == ""


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_same_tags_give_the_same_bytes_whatever_was_there_before(blanks, written, tmp_path, kind):
    path = Path(shutil.copy(blanks[kind], tmp_path / blanks[kind].name))
    tags.write(path, Tags(title="Something longer " * 200, cover=Cover(JPEG * 30, "image/jpeg")))
    tags.write(path, SONG)
    assert path.read_bytes() == written[kind].read_bytes()
    tags.write(path, SONG)
    assert path.read_bytes() == written[kind].read_bytes()


@pytest.mark.parametrize("kind", WRITTEN)
def test_writing_replaces_all_tags(written, tmp_path, kind):
    path = Path(shutil.copy(written[kind], tmp_path / written[kind].name))
    tags.write(path, Tags(title="Only this"))
    assert tags.read(path) == Tags(title="Only this")


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_file_in_the_making_is_known_by_its_content(blank, kind):
    path = blank(kind, f".Song (Vocals).{kind}.partial")
    tags.write(path, SONG)
    assert tags.read(path) == SONG


@pytest.mark.parametrize("kind", ["wav", "wav24", "aiff", "flac", "alac", "aac", "mp3", "mp4"])
def test_another_reader_sees_the_same(written, kind):
    seen = TinyTag.get(written[kind], image=True)
    other = {name: "; ".join(map(str, texts)) for name, texts in seen.other.items()}
    assert (seen.title, seen.artist, seen.album) == (SONG.title, SONG.artist, SONG.album)
    assert (seen.albumartist, seen.genre, seen.composer) == (SONG.album_artist, SONG.genre, SONG.composer)
    assert str(seen.year)[:4] == "2019"
    assert SONG.comment in seen.comment
    assert (seen.track, seen.track_total, seen.disc, seen.disc_total) == (3, 12, 1, 2)
    assert other["isrc"] == SONG.isrc
    assert float(other["bpm"].split(";")[0]) == pytest.approx(124.5, abs=0.5)
    assert other["initial_key"] == "8A"
    assert seen.images.any.data == PNG


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not here")
@pytest.mark.parametrize("kind", WRITTEN)
def test_ffprobe_sees_the_same(written, kind):
    asked = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "default=nw=1", written[kind]]
    seen = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    for text in (SONG.title, SONG.artist, SONG.album, SONG.comment, SONG.key, SONG.stem_engine):
        assert f"={text}\n" in seen
    assert "=3/12\n" in seen or "=3\n" in seen
    assert "=124.5\n" in seen or kind in ("alac", "aac", "mp4")


def test_mp4_keeps_the_box_of_a_stem_file(blank):
    path = blank("alac")
    data = path.read_bytes()
    at = data.index(b"moov") - 4
    size = struct.unpack_from(">I", data, at)[0]
    assert at + size == len(data)  # nothing behind it moves
    stem = b'{"version":1}'
    box = struct.pack(">I4sI4s", 16 + len(stem), b"udta", 8 + len(stem), b"stem") + stem
    path.write_bytes(data[:at] + struct.pack(">I", size + len(box)) + data[at + 4 :] + box)
    sound = _sound(path)
    tags.write(path, SONG)
    assert struct.pack(">I4s", 8 + len(stem), b"stem") + stem in path.read_bytes()
    assert tags.read(path) == SONG
    assert _sound(path) == sound


def test_mp4_keeps_where_the_sound_begins(blank):
    path = blank("aac")
    song = MP4(path)
    song["----:com.apple.iTunes:iTunSMPB"] = [MP4FreeForm(b" 00000000 00000840")]
    song["©too"] = ["Somebody"]
    song.save()
    tags.write(path, SONG)
    assert MP4(path)["----:com.apple.iTunes:iTunSMPB"] == [b" 00000000 00000840"]
    assert "©too" not in MP4(path)
    assert MP4(path)["tmpo"] == [125]


def test_a_year_and_a_number_that_a_format_cannot_hold_are_left_out(blank):
    odd = Tags(title="T", year="late 1978?", track_number="A1")
    mp3, m4a, flac = blank("mp3"), blank("aac"), blank("flac")
    for path in (mp3, m4a, flac):
        tags.write(path, odd)
    assert tags.read(mp3) == replace(odd, year="1978")
    assert tags.read(m4a) == replace(odd, track_number=None)
    assert tags.read(flac) == odd


def test_a_file_of_another_kind_is_refused_untouched(blanks, tmp_path):
    path = Path(shutil.copy(blanks["mkv"], tmp_path / "a.mkv"))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="takes no tags from us"):
        tags.write(path, SONG)
    assert path.read_bytes() == before


def test_a_damaged_file_is_an_output_error(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC\x84\xff\xff\xff")
    with pytest.raises(OutputError, match="cannot be written"):
        tags.write(path, SONG)


# --- stems --------------------------------------------------------------------------------------------------------


def test_a_stem_carries_the_tags_of_its_song():
    made = tags.of_stem(SONG, "backing_vocals", "sha256:aa", "uvr/x@2")
    changed = {"title", "comment", "stem", "stem_source", "stem_engine"}
    assert made.title == "Über den Wölfen 🎧 (Backing Vocals)"
    assert made.comment == "8A - Energy 7 - Backing Vocals stem"
    assert (made.stem, made.stem_source, made.stem_engine) == ("backing_vocals", "sha256:aa", "uvr/x@2")
    assert all(getattr(made, field) == getattr(SONG, field) for field in FIELDS if field not in changed)


def test_a_stem_of_a_song_without_tags_has_no_title_of_its_own():
    made = tags.of_stem(Tags(), "instrumental", "d", "e")
    assert made == Tags(comment="Instrumental stem", stem="instrumental", stem_source="d", stem_engine="e")


# --- cleaning -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("124.50", 124.5), ("124,5", 124.5), ("128 BPM", 128.0), ("128bpm", 128.0), (" 90 ", 90.0), ("128.", 128.0)]
    + [
        (text, None)
        for text in ("abc", "", "0", "-1", "nan", "inf", "1e9", "1000000000", "0.2", "124-128", "１２８", "1_0")
    ],
)
def test_a_tempo_is_read_as_people_write_it(text, value):
    assert fields.bpm(text) == value


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_tempo_survives_as_text(value):
    text = fields.bpm_text(value)
    assert fields.bpm(text) == (pytest.approx(value, abs=0.0051) if text else None)
    assert bool(text) == (1 <= value <= 999)


@given(st.text())
def test_any_text_as_a_tempo_is_a_sane_number_or_none(text):
    value = fields.bpm(text)
    assert value is None or 1 <= value <= 999


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_a_cleaned_text_can_be_written_and_stays_as_it_is(text):
    for clean in (fields.line, fields.lines):
        cleaned = clean(text)
        assert clean(cleaned) == cleaned
        assert cleaned.encode("utf-16").decode("utf-16") == cleaned
        assert not any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in cleaned)


@pytest.mark.parametrize("kind", ["wav", "flac", "aac", "mp3"])
def test_any_text_comes_back(blanks, kind):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(blanks[kind], folder))

        @settings(max_examples=40, deadline=None)
        @given(st.text(), st.text(), st.text())
        def check(title, comment, stem):
            tags.write(path, Tags(title=title, comment=comment, stem=stem))
            found = tags.read(path)
            assert found.title == (fields.line(title) or None)
            assert found.comment == (fields.lines(comment) or None)
            assert found.stem == (fields.line(stem) or None)

        check()


def test_importing_tags_loads_no_library():
    code = "import sys, stem_cli.tags; assert not {'mutagen', 'music_tag', 'av', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
