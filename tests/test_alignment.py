"""The promise of alignment: every stem is as long as the decoded song and lies on it to the sample, in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import music
from workshop import files, floats, frame_bytes, lag, opened, rounded, run, total, write_alac

from stem_cli import stems as table
from stem_cli.audio import Mix
from stem_cli.separation import Shop
from stem_cli.track import open_track

RATE = 44100
IMPULSES = (3000, 20011, 44100, 70007)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("alignment"), cache_limit_gb=0.0) as made:
        yield made


# ------------------------------------------------------------------------------------------------------ making songs


def by_soundfile(subtype: str, **options: object) -> Callable[[Path, np.ndarray, int], None]:
    def write(path: Path, sound: np.ndarray, rate: int) -> None:
        soundfile.write(path, sound, rate, subtype=subtype, **options)

    return write


def without_header(write: Callable[[Path, np.ndarray, int], None]) -> Callable[[Path, np.ndarray, int], None]:
    """An MP3 whose first frame, which holds the Xing or Info header, is taken out."""

    def shorter(path: Path, sound: np.ndarray, rate: int) -> None:
        write(path, sound, rate)
        data = path.read_bytes()
        path.write_bytes(data[frame_bytes(data) :])

    return shorter


def by_av(codec: str, video: float = 0.0, **options: str) -> Callable[[Path, np.ndarray, int], None]:
    """By FFmpeg's encoder, beside so many seconds of moving pictures."""

    def write(path: Path, sound: np.ndarray, rate: int) -> None:
        layout = "mono" if sound.shape[1] == 1 else "stereo"
        with av.open(str(path), "w", options=options) as box:
            if video:
                pictures = box.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
            stream = box.add_stream(codec, rate=rate, layout=layout)
            stream.codec_context.open()
            kind, size = stream.codec_context.format.name, stream.codec_context.frame_size
            if video:
                for number in range(round(video * 10)):
                    picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number % 250, np.uint8), format="rgb24")
                    box.mux(pictures.encode(picture))
                box.mux(pictures.encode(None))
            samples = sound.astype(np.float32) if kind == "fltp" else rounded(sound, "16").astype(np.int16)
            for at in range(0, len(samples), size):
                piece = np.ascontiguousarray(
                    samples[at : at + size].T if kind.endswith("p") else samples[at : at + size]
                )
                piece = piece if kind.endswith("p") else piece.reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(piece, format=kind, layout=layout)
                frame.sample_rate, frame.pts = rate, at
                box.mux(stream.encode(frame))
            box.mux(stream.encode(None))

    return write


def alac(path: Path, sound: np.ndarray, rate: int) -> None:
    write_alac(path, (rounded(sound, "16") << 16).astype(np.int32), rate, "16")


CBR = by_soundfile("MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.5)
VBR = by_soundfile("MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.5)


@dataclass(frozen=True)
class Kind:
    """A container to come from. gapless: it tells a decoder where the song starts. ends: and where it ends."""

    name: str
    write: Callable[[Path, np.ndarray, int], None]
    rate: int = RATE
    gapless: bool = True
    ends: bool = True


KINDS = {
    kind.name: kind
    for kind in (
        Kind("wav16.wav", by_soundfile("PCM_16")),
        Kind("wav24.wav", by_soundfile("PCM_24")),
        Kind("extensible.wav", by_soundfile("PCM_24", format="WAVEX")),
        Kind("aiff.aiff", by_soundfile("PCM_16")),
        Kind("flac.flac", by_soundfile("PCM_24")),
        Kind("cbr.mp3", CBR),
        Kind("vbr.mp3", VBR),
        Kind("bare.mp3", without_header(CBR), gapless=False, ends=False),
        Kind("bare_vbr.mp3", without_header(VBR), gapless=False, ends=False),
        Kind("aac.m4a", by_av("aac"), ends=False),
        Kind("alac.m4a", alac),
        Kind("flac.mkv", by_av("flac")),
        Kind("vorbis.ogg", by_soundfile("VORBIS")),
        Kind("opus.opus", by_soundfile("OPUS", format="OGG"), rate=48000),
        Kind("video.mp4", by_av("aac", video=3.0), ends=False),
        Kind("video.mkv", by_av("aac", video=3.0), ends=False),
        Kind("video_opus.webm.mkv", by_av("libopus", video=3.0), rate=48000, ends=False),
    )
}


def song_with_impulses(rate: int) -> np.ndarray:
    """Music, with four clicks in all channels at known frames."""
    sound = music(3.0, rate) * 0.5
    for place in IMPULSES:
        sound[place - 400 : place + 400] *= 0.02
        sound[place] = 0.95
    return sound


@dataclass(frozen=True)
class Made:
    """A song in a container: as it went in, as an independent decoder reads it, and the sum of its stems."""

    kind: Kind
    path: Path
    original: np.ndarray
    decoded: np.ndarray
    summed: np.ndarray
    lengths: dict[str, int]
    depth: str


@pytest.fixture(scope="module", params=list(KINDS))
def made(request: pytest.FixtureRequest, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Made:
    kind = KINDS[request.param]
    folder = tmp_path_factory.mktemp("song")
    path = folder / kind.name
    original = song_with_impulses(kind.rate)
    kind.write(path, original, kind.rate)
    result = run(shop, path, folder / "stems")
    assert result.folder is not None
    paths, depth = files(result), result.folder.record.depth
    lengths = {name: soundfile.info(stem).frames for name, stem in paths.items()}
    return Made(kind, path, original, decoded(path), total(paths, depth), lengths, depth)


def decoded(path: Path) -> np.ndarray:
    """The song by a decoder on its own: libsndfile where it reads the length right, else FFmpeg."""
    if path.suffix in (".m4a", ".mp4", ".mkv") or path.name.startswith("bare"):
        return floats(path)
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


# ----------------------------------------------------------------------------------------------------------- songs in


def test_every_stem_is_as_long_as_the_decoded_song(made: Made) -> None:
    assert made.lengths == dict.fromkeys(table.FOUR, len(made.decoded))


def test_an_independent_decoder_finds_the_same_length(made: Made) -> None:
    """FFmpeg's library, on every container; Opus and Vorbis too."""
    assert len(made.summed) == len(floats(made.path))


def test_no_part_of_the_song_is_missing(made: Made) -> None:
    """A container that knows its length gives it exactly; the others add no more than the codec's own padding."""
    extra = len(made.decoded) - len(made.original)
    assert extra == 0 if made.kind.ends else 0 <= extra < 4000


def test_the_sum_of_the_stems_is_the_decoded_song(made: Made) -> None:
    assert np.array_equal(made.summed, rounded(made.decoded, made.depth))


def test_the_sum_lies_on_the_decoded_song(made: Made) -> None:
    assert lag(made.summed, made.decoded) == 0


def test_the_sum_lies_on_what_was_encoded(made: Made) -> None:
    """Where the container says where the song starts. Where it does not, every decoder gives the same delay."""
    shift = lag(made.summed, made.original)
    assert shift == 0 if made.kind.gapless else 0 < shift < 2500


def test_impulses_are_where_they_were(made: Made) -> None:
    shift = 0 if made.kind.gapless else lag(made.decoded, made.original)
    for place in (one + shift for one in IMPULSES):
        near = slice(place - 300, place + 300)
        found = int(np.argmax(np.abs(made.summed[near, 0])))
        assert found == int(np.argmax(np.abs(made.decoded[near, 0]))) == 300


def test_the_song_is_not_called_damaged(made: Made) -> None:
    assert open_track(made.path).damage == ""


def stretch(made: Made, start: float, end: float | None) -> np.ndarray:
    """What engines would be given of this stretch."""
    return np.concatenate(list(Mix.open(made.path, (start, end)).blocks()), axis=1).T


def test_a_stretch_is_cut_from_the_decoded_song(made: Made) -> None:
    first, last = round(1.0 * made.kind.rate), round(2.5 * made.kind.rate)
    assert np.array_equal(stretch(made, 1.0, 2.5), made.decoded[first:last])
    assert np.array_equal(stretch(made, 1.0, None), made.decoded[first:])


def test_a_stretch_may_end_behind_the_songs_end(made: Made) -> None:
    assert np.array_equal(stretch(made, 2.0, 3600.0), made.decoded[2 * made.kind.rate :])


def test_a_stretch_up_to_the_songs_length_is_no_longer_than_that(made: Made) -> None:
    assert np.array_equal(stretch(made, 0.0, 3.0), made.decoded[: 3 * made.kind.rate])


@pytest.mark.parametrize("name", ["flac.flac", "cbr.mp3", "bare_vbr.mp3", "aac.m4a", "opus.opus"])
def test_the_stems_of_a_stretch_add_up_to_it(name: str, shop: Shop, tmp_path: Path) -> None:
    kind, path = KINDS[name], tmp_path / name
    kind.write(path, music(2.0, kind.rate), kind.rate)
    result = run(shop, path, tmp_path / "stems", span=(0.5, 1.25))
    assert result.folder is not None
    depth, span = result.folder.record.depth, slice(kind.rate // 2, kind.rate * 5 // 4)
    assert np.array_equal(total(files(result), depth), rounded(decoded(path)[span], depth))


def test_a_long_silence_in_front_does_not_hide_the_end_of_a_bare_vbr_mp3(shop: Shop, tmp_path: Path) -> None:
    """Without a header a length can only be guessed from the first frames; here the guess is far too long."""
    loud = np.random.default_rng(0).uniform(-0.9, 0.9, (RATE * 6, 2))
    for name, sound in (
        ("first", np.concatenate([np.zeros_like(loud), loud])),
        ("last", np.concatenate([loud, np.zeros_like(loud)])),
    ):
        path = tmp_path / f"{name}.mp3"
        KINDS["bare_vbr.mp3"].write(path, sound, RATE)
        result = run(shop, path, tmp_path / "stems")
        assert abs(len(total(files(result), "24")) - len(sound)) < 4000


@pytest.mark.parametrize("name", ["short_sound.mp4", "short_sound.mkv", "long_sound.mkv"])
def test_the_pictures_of_a_video_may_be_longer_or_shorter_than_its_sound(name: str, shop: Shop, tmp_path: Path) -> None:
    path, sound = tmp_path / name, music(4.0)
    by_av("aac", video=8.0 if name.startswith("short") else 1.0)(path, sound, RATE)
    result = run(shop, path, tmp_path / "stems")
    assert result.warnings == ()
    assert len(total(files(result), "24")) == len(floats(path))


def test_an_adts_stream_that_knows_no_length_is_read_to_its_end(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "song.aac"
    sound = np.concatenate([music(2.0), np.zeros((RATE * 8, 2))])  # its size says nothing about its length
    by_av("aac")(path, sound, RATE)
    assert len(total(files(run(shop, path, tmp_path / "stems")), "24")) == len(floats(path))


def test_a_mono_song_gives_mono_stems_in_place(shop: Shop, tmp_path: Path) -> None:
    path, sound = tmp_path / "mono.mp3", music(2.0, channels=1)
    CBR(path, sound, RATE)
    found = total(files(run(shop, path, tmp_path / "stems")), "24")
    assert found.shape == sound.shape
    assert lag(found, sound) == 0


# --------------------------------------------------------------------------------------------------------- stems out


@pytest.fixture(scope="module")
def exact_and_song(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], Path]:
    folder = tmp_path_factory.mktemp("out")
    path = folder / "song.wav"
    soundfile.write(path, song_with_impulses(RATE), RATE, subtype="PCM_16")
    return files(run(shop, path, folder / "exact")), path


@pytest.mark.parametrize("output", ["mp3", "aac"])
def test_lossy_stems_start_and_end_where_exact_ones_do(
    output: str, exact_and_song: tuple[dict[str, Path], Path], shop: Shop, tmp_path: Path
) -> None:
    """After a normal gapless decode, by two decoders for MP3."""
    exact, path = exact_and_song
    made = files(run(shop, path, tmp_path / "stems", format=output))
    for name, lossy in made.items():
        reference = soundfile.read(exact[name])[0]
        readings = [floats(lossy)] + ([soundfile.read(lossy)[0]] if output == "mp3" else [])
        for sound in readings:
            assert abs(lag(sound, reference)) <= 1, name
            assert 0 <= len(sound) - len(reference) < (1 if output == "mp3" else 1024), name


@pytest.mark.parametrize("output", ["wav", "flac", "aiff", "alac"])
def test_exact_stems_are_as_long_as_the_song(output: str, shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    soundfile.write(path, music(1.0)[:40961], RATE, subtype="PCM_16")
    for stem in files(run(shop, path, tmp_path / "stems", format=output)).values():
        assert len(floats(stem)) == 40961
