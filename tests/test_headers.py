"""The headers of the MP3s and WAVs that we write: where the sound begins and ends, and files above 4 GiB."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import music
from workshop import files, frame_bytes, opened, run

from stem_cli.audio import Mix, open_sink, probe
from stem_cli.audio.sink import WAV_LIMIT
from stem_cli.separation import Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("headers"), cache_limit_gb=0.0) as made:
        yield made


def crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 0x8005 reflected, as LAME writes it."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


@dataclass(frozen=True)
class LameHeader:
    """What the first frame of an MP3 says."""

    word: bytes
    encoder: bytes
    frames: int
    bytes: int
    delay: int
    padding: int
    music_bytes: int
    music_crc: int
    header_crc: int
    true_music: bytes
    true_header_crc: int
    true_frames: int


def lame_header(path: Path) -> LameHeader:
    """Read it after the LAME tag specification, revision 1."""
    data = path.read_bytes()
    start = 0
    if data[:3] == b"ID3":
        size = data[6:10]
        start = 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    mpeg1, mono = data[start + 1] >> 3 & 3 == 3, data[start + 3] >> 6 == 3
    at = start + 4 + {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[mpeg1, mono]
    assert struct.unpack(">I", data[at + 4 : at + 8])[0] == 0xF, "frames, bytes, seek table and quality"
    lame = at + 120
    packed = int.from_bytes(data[lame + 21 : lame + 24], "big")
    end = len(data) - (128 if data[-128:-125] == b"TAG" else 0)
    music = data[start + frame_bytes(data, start) : end]
    count, place = 0, 0
    while place < len(music):
        place += frame_bytes(music, place)
        count += 1
    return LameHeader(
        word=data[at : at + 4],
        encoder=data[lame : lame + 9],
        frames=struct.unpack(">I", data[at + 8 : at + 12])[0],
        bytes=struct.unpack(">I", data[at + 12 : at + 16])[0],
        delay=packed >> 12,
        padding=packed & 0xFFF,
        music_bytes=struct.unpack(">I", data[lame + 28 : lame + 32])[0],
        music_crc=struct.unpack(">H", data[lame + 32 : lame + 34])[0],
        header_crc=struct.unpack(">H", data[lame + 34 : lame + 36])[0],
        true_music=music,
        true_header_crc=crc16(data[start : lame + 34]),
        true_frames=count,
    )


@pytest.fixture(scope="module", params=[(44100, 2), (44100, 1), (48000, 2), (22050, 2), (8000, 1)], ids=str)
def header(
    request: pytest.FixtureRequest, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> tuple[LameHeader, int]:
    """The header of an MP3 stem, tags and all, and the song's length."""
    rate, channels = request.param
    folder = tmp_path_factory.mktemp("mp3")
    soundfile.write(folder / "song.wav", music(2.0, rate, channels), rate, subtype="PCM_16")
    made = files(run(shop, folder / "song.wav", folder / "stems", format="mp3"))
    return lame_header(made["drums"]), 2 * rate


def test_an_mp3_stem_has_a_header_of_lame(header: tuple[LameHeader, int]) -> None:
    found, _ = header
    assert found.word == b"Info"  # constant bitrate
    assert found.encoder.startswith(b"LAME")


def test_delay_and_padding_of_an_mp3_stem_give_the_songs_length(header: tuple[LameHeader, int]) -> None:
    found, frames = header
    size = 1152 if frames // 2 > 24000 else 576
    assert 0 < found.delay < 3000
    assert found.frames == found.true_frames
    assert found.frames * size - found.delay - found.padding == frames


def test_the_checksum_of_an_mp3_stems_header_is_right(header: tuple[LameHeader, int]) -> None:
    """It covers all before it, 190 bytes of a stereo file. Decks that find it wrong play the delay: 26 ms too much."""
    found, _ = header
    assert found.header_crc == found.true_header_crc


def test_the_music_of_an_mp3_stem_is_as_long_as_its_header_says(header: tuple[LameHeader, int]) -> None:
    """The length counts the header's own frame, the checksum covers what follows it."""
    found, _ = header
    assert found.music_bytes == found.bytes
    assert found.bytes - len(found.true_music) in range(100, 1500)
    assert found.music_crc == crc16(found.true_music)


# ------------------------------------------------------------------------------------------------ the header of a WAV


def wav_chunks(path: Path) -> dict[bytes, bytes]:
    """The chunks of a WAV, the first 100 bytes of each."""
    data, at, chunks = path.read_bytes(), 12, {}
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        chunks[name] = data[at + 8 : at + 8 + min(size, 100)]
        at += 8 + size + size % 2
    return chunks


@pytest.mark.parametrize(("depth", "tag"), [("16", 1), ("24", 1), ("float", 3)])
@pytest.mark.parametrize("rate", [44100, 96000])
def test_a_wav_stem_is_plain_and_not_extensible(shop: Shop, depth: str, tag: int, rate: int, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, music(0.3, rate), rate, format="WAVEX", subtype="PCM_24")
    for stem in files(run(shop, path, tmp_path / "stems", bit_depth=depth)).values():
        assert stem.read_bytes()[:4] == b"RIFF"
        shape = struct.unpack("<HHIIHH", wav_chunks(stem)[b"fmt "][:16])
        width = 4 if depth == "float" else int(depth) // 8
        assert shape == (tag, 2, rate, rate * 2 * width, 2 * width, 8 * width)


@pytest.mark.parametrize(
    ("frames", "word"), [(1000, b"RIFF"), (WAV_LIMIT // 4, b"RIFF"), (WAV_LIMIT // 4 + 1, b"RF64"), (2**32, b"RF64")]
)
def test_a_wav_above_4_gib_is_rf64(frames: int, word: bytes, tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "long.wav", "wav", 44100, 2, "16", frames)
    sink.write(np.zeros((2, 100), np.int32))
    sink.close()
    assert (tmp_path / "long.wav").read_bytes()[:4] == word
    assert probe(tmp_path / "long.wav").frames == 100


@pytest.mark.slow
def test_a_real_file_above_4_gib_reads_back(tmp_path: Path) -> None:
    path, block = tmp_path / "long.wav", np.zeros((2, 1 << 22), np.int32)
    block[:, 0] = 12345
    count = WAV_LIMIT // (4 * block.shape[1]) + 1
    sink = open_sink(path, "wav", 192000, 2, "16", count * block.shape[1])
    try:
        for _ in range(count):
            sink.write(block)
        sink.close()
        assert path.stat().st_size > WAV_LIMIT
        assert probe(path).frames == soundfile.info(path).frames == count * block.shape[1]
        with soundfile.SoundFile(path) as file:
            file.seek((count - 1) * block.shape[1])
            assert file.read(1, dtype="int16").tolist() == [[12345, 12345]]
        mix = Mix.open(path, ((count - 1) * block.shape[1] / 192000, None))
        assert next(mix.blocks())[0, 0] == np.float32(12345 / 32768)
    finally:
        path.unlink()
