"""What `verify` finds: every sample that is not what was written, and nothing else."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.id3 import TIT2
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.wave import WAVE
from workshop import files, floats, opened, run

from stem_cli import verify
from stem_cli.folder import StemFolder, find_folders, open_folder
from stem_cli.separation import Shop

RATE = 44100
SUFFIXES = {"wav": ".wav", "flac": ".flac", "aiff": ".aiff", "alac": ".m4a", "aac": ".m4a", "mp3": ".mp3"}
EXACT = ("wav", "flac", "aiff", "alac")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("verify")) as made:
        yield made


@pytest.fixture(scope="module")
def pristine(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of stems in each format, made once; tests work on copies."""
    home = tmp_path_factory.mktemp("pristine")
    soundfile.write(home / "song.wav", music(1.0), RATE, subtype="PCM_16")
    return {
        name: open_parent(files(run(shop, home / "song.wav", home / name, format=name, also=("instrumental",))))
        for name in SUFFIXES
    }


def open_parent(paths: dict[str, Path]) -> Path:
    return next(iter(paths.values())).parent


def copy(pristine: dict[str, Path], tmp_path: Path, name: str = "wav") -> StemFolder:
    shutil.copytree(pristine[name], tmp_path / name)
    return open_folder(tmp_path / name)


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def data_bits(path: Path) -> range:
    """The bits of a WAV's samples."""
    data = path.read_bytes()
    at = data.index(b"data")
    size = struct.unpack("<I", data[at + 4 : at + 8])[0]
    return range(8 * (at + 8), 8 * (at + 8 + size))


@pytest.mark.parametrize("name", SUFFIXES)
def test_a_fresh_folder_is_as_written(pristine: dict[str, Path], name: str) -> None:
    assert verify.check(open_folder(pristine[name])) == []


def test_a_flipped_bit_of_a_sample_is_always_found(pristine: dict[str, Path], tmp_path: Path) -> None:
    folder, random = copy(pristine, tmp_path), np.random.default_rng(1)
    paths = list(folder.paths().values())
    for _ in range(50):
        path = paths[random.integers(len(paths))]
        bits = data_bits(path)
        bit = bits[random.integers(len(bits))]
        flip(path, bit)
        faults = [finding for finding in verify.check(folder) if finding.fault]
        assert path in {fault.path for fault in faults}, f"bit {bit} of {path}"
        flip(path, bit)
    assert verify.check(folder) == []


@pytest.mark.parametrize("name", ["flac", "aiff", "alac", "mp3", "aac"])
def test_a_flipped_bit_anywhere_in_a_file_is_found_and_is_a_fault_where_it_is_heard(
    pristine: dict[str, Path], tmp_path: Path, name: str
) -> None:
    """A flip in a tag, or in bits that no decoder looks at, is a note: another decoder must then hear no difference."""
    folder, random = copy(pristine, tmp_path, name), np.random.default_rng(2)
    path = folder.paths()["drums"]
    whole, heard = path.read_bytes(), floats(path)
    faults = 0
    for _ in range(15):
        bit = int(random.integers(8 * len(whole)))
        flip(path, bit)
        findings = [finding for finding in verify.check(folder) if finding.path == path]
        assert findings, f"bit {bit}"
        if any(finding.fault for finding in findings):
            faults += 1
        else:
            assert np.array_equal(floats(path), heard), f"bit {bit}"
        path.write_bytes(whole)
    assert faults > 5


@pytest.mark.parametrize(("what", "at"), [("channels", 22), ("rate", 24), ("bits a sample", 34), ("format tag", 20)])
def test_a_header_that_makes_other_sound_of_the_same_bytes_is_a_fault(
    pristine: dict[str, Path], tmp_path: Path, what: str, at: int
) -> None:
    folder = copy(pristine, tmp_path)
    path = folder.paths()["vocals"]
    assert path.read_bytes()[12:16] == b"fmt "
    for bit in (0, 1, 3):
        flip(path, 8 * at + bit)
        assert any(finding.fault and finding.path == path for finding in verify.check(folder)), (what, bit)
        flip(path, 8 * at + bit)


@pytest.mark.parametrize("name", SUFFIXES)
def test_a_missing_file_is_found(pristine: dict[str, Path], tmp_path: Path, name: str) -> None:
    folder = copy(pristine, tmp_path, name)
    folder.paths()["bass"].unlink()
    found = verify.check(folder)
    assert [(one.path, one.what, one.fault) for one in found] == [(folder.paths()["bass"], "the file is gone", True)]


@pytest.mark.parametrize("name", SUFFIXES)
def test_swapped_stems_are_found(pristine: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Their sum is still the song."""
    folder = copy(pristine, tmp_path, name)
    drums, bass = folder.paths()["drums"], folder.paths()["bass"]
    drums.rename(tmp_path / "aside")
    bass.rename(drums)
    (tmp_path / "aside").rename(bass)
    assert {finding.path for finding in verify.check(folder) if finding.fault} == {drums, bass}


@pytest.mark.parametrize("name", SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.97])
def test_a_file_that_was_cut_off_is_found(pristine: dict[str, Path], tmp_path: Path, name: str, share: float) -> None:
    """It is a fault, but where only tags at the end are gone and another decoder hears all of the sound."""
    folder = copy(pristine, tmp_path, name)
    path = folder.paths()["vocals"]
    heard = floats(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    found = [finding for finding in verify.check(folder) if finding.path == path]
    assert found
    if not any(finding.fault for finding in found):
        assert share == 0.97
        assert np.array_equal(floats(path), heard)


def test_a_flipped_bit_in_the_delay_of_an_mp3_is_a_fault(pristine: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(pristine, tmp_path, "mp3")
    path = folder.paths()["drums"]
    at = path.read_bytes().index(b"LAME3") + 21
    for bit in (4, 5, 8 + 7, 16 + 3):
        heard = len(soundfile.read(path)[0])
        flip(path, 8 * at + bit)
        findings = [finding for finding in verify.check(folder) if finding.path == path]
        assert findings
        assert any(one.fault for one in findings) or len(soundfile.read(path)[0]) == heard, bit
        flip(path, 8 * at + bit)


def test_a_stem_with_sound_added_at_its_end_is_found(pristine: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(pristine, tmp_path)
    path = folder.paths()["vocals"]
    sound, rate = soundfile.read(path, dtype="int16")
    soundfile.write(path, np.concatenate([sound, sound[:100]]), rate, subtype="PCM_16")
    assert any(finding.fault and finding.path == path for finding in verify.check(folder))


def test_a_sum_that_is_not_the_song_is_found(pristine: dict[str, Path], tmp_path: Path) -> None:
    """The files are as their record says, but the song's own digest in the record is another."""
    folder = copy(pristine, tmp_path)
    record = json.loads(folder.place.metadata.read_text())
    record["song"]["samples_sha256"] = "0" * 64
    folder.place.metadata.write_text(json.dumps(record))
    found = verify.check(open_folder(folder.place.metadata))
    assert [finding.what for finding in found if finding.fault] == ["the stems do not add up to the song"]


def retag(path: Path) -> None:
    """A new title, written as a tagger would."""
    kind = mutagen.File(path)
    assert kind is not None
    if isinstance(kind, WAVE | AIFF | MP3):
        kind.tags.add(TIT2(3, text=["Retagged" * 50]))
    elif isinstance(kind, MP4):
        kind["\xa9nam"] = ["Retagged" * 50]
    else:
        assert isinstance(kind, FLAC)
        kind["title"] = ["Retagged" * 50]
    kind.save()


@pytest.mark.parametrize("name", SUFFIXES)
def test_a_retagged_file_is_a_note_and_no_fault(pristine: dict[str, Path], tmp_path: Path, name: str) -> None:
    folder = copy(pristine, tmp_path, name)
    retag(folder.paths()["vocals"])
    found = verify.check(folder)
    assert [(one.path, one.fault) for one in found] == [(folder.paths()["vocals"], False)]
    assert "tags" in found[0].what


def test_one_copy_in_another_format_does_not_pass_for_the_stem(pristine: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(pristine, tmp_path)
    path = folder.paths()["vocals"]
    sound, rate = soundfile.read(path)
    soundfile.write(path, sound, rate, format="WAV", subtype="PCM_U8")
    assert any(finding.fault and finding.path == path for finding in verify.check(folder))


# ---------------------------------------------------------------------------------------------------- by command line


@pytest.fixture
def many(pristine: dict[str, Path], tmp_path: Path) -> Path:
    """Ten folders of stems in one."""
    for number in range(10):
        shutil.copytree(pristine["wav"], tmp_path / "many" / f"song {number}")
    return tmp_path / "many"


def test_all_is_well_ends_with_0(stem: Stem, many: Path) -> None:
    done = stem("verify", many)
    assert done.stdout.splitlines()[-1] == "folders read: 10, left out: 0, faults: 0"
    assert done.stderr == ""


def test_faults_end_with_exit_code_9_and_name_the_file(stem: Stem, many: Path) -> None:
    flip(many / "song 3" / "bass.wav", data_bits(many / "song 3" / "bass.wav")[12345])
    done = stem("verify", many, code=9)
    assert f"{many / 'song 3' / 'bass.wav'}: FAULT: its samples are not what was written" in done.stdout
    assert done.stderr.startswith("stem: ")
    assert stem("verify", many / "song 2").stdout


def test_json_tells_the_findings(stem: Stem, many: Path) -> None:
    (many / "song 5" / "drums.wav").unlink()
    retag(many / "song 6" / "vocals.wav")
    told = json.loads(stem("verify", many, "--json", code=9).stdout)
    assert (told["folders"], told["skipped"], told["faults"]) == (10, 0, 1)
    assert {(Path(one["path"]).parent.name, one["fault"]) for one in told["findings"]} == {
        ("song 5", True),
        ("song 6", False),
    }


def test_quiet_says_it_with_the_exit_code_alone(stem: Stem, many: Path) -> None:
    (many / "song 5" / "drums.wav").unlink()
    assert stem("verify", many, "--quiet", code=9).stdout == ""
    assert stem("verify", many / "song 1", "--quiet").stdout == ""


def test_a_subset_reads_its_share(stem: Stem, many: Path) -> None:
    assert stem("verify", many, "--subset", "30%").stdout.splitlines()[-1].startswith("folders read: 3, left out: 7")
    assert stem("verify", many, "--subset", "0.01").stdout.splitlines()[-1].startswith("folders read: 1, left out: 9")


def test_a_subset_is_drawn_at_random(many: Path) -> None:
    seen = set()
    for _ in range(6):
        verify.verify(find_folders(many), 0.1, None, lambda folder, _found: seen.add(folder.place.home))
    assert len(seen) > 1


def test_max_duration_begins_no_further_folder(stem: Stem, many: Path) -> None:
    assert (
        stem("verify", many, "--max-duration", "0").stdout.splitlines()[-1].startswith("folders read: 0, left out: 10")
    )
    assert stem("verify", many, "--max-duration", "1h").stdout.splitlines()[-1].startswith("folders read: 10")


@pytest.mark.parametrize("wrong", [("--subset", "0%"), ("--subset", "200%"), ("--max-duration", "x")])
def test_shares_and_times_that_make_no_sense_are_refused(stem: Stem, wrong: tuple[str, str], many: Path) -> None:
    assert wrong[1] in stem("verify", many, *wrong, code=2).stderr


def test_a_folder_without_stems_is_an_input_error(stem: Stem, tmp_path: Path) -> None:
    assert "no stems of ours" in stem("verify", tmp_path, code=3).stderr
    assert "no stems of ours" in stem("verify", tmp_path / "nowhere", code=3).stderr


def test_damaged_metadata_is_told_and_not_passed_over(stem: Stem, many: Path) -> None:
    (many / "song 4" / "metadata.json").write_text('{"schema": 1')
    assert "song 4" in stem("verify", many, code=3).stderr


def test_files_of_other_programs_are_passed_over(stem: Stem, many: Path) -> None:
    (many / "a").mkdir()
    for place, text in ((many, '{"$schema": "x"}'), (many / "a", "no JSON"), (many / "a" / "b", "[1]")):
        place.mkdir(exist_ok=True)
        (place / "metadata.json").write_text(text)
    assert len(find_folders(many)) == 10
    (many / "a" / "metadata.json").write_text('{"schema": "x"}')
    assert "damaged" in stem("verify", many, code=3).stderr


def test_stems_of_the_flat_layout_are_verified(shop: Shop, stem: Stem, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "flat", layout="flat")
    assert stem("verify", tmp_path / "flat").stdout.splitlines()[-1] == "folders read: 1, left out: 0, faults: 0"
    flip(tmp_path / "flat" / "song_Bass.wav", data_bits(tmp_path / "flat" / "song_Bass.wav")[777])
    stem("verify", tmp_path / "flat" / "song.stems.json", code=9)
