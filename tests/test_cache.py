"""Stems that are kept: found again, the same bytes as made anew, never in anybody's way, never without bounds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import music
from workshop import files, integers, opened, rounded, run, total

from stem_cli.artifacts import span_text
from stem_cli.cache import GIGABYTE, Cache, key_of
from stem_cli.errors import BusyError
from stem_cli.separation import Result, Shop

RATE = 44100
DAY = 86400


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def loud_song(tmp_path: Path) -> Path:
    """24 bits, driven into clipping: stems of it reach full scale and spill over."""
    path = tmp_path / "work" / "loud.wav"
    soundfile.write(path, np.clip(music(1.2) * 9, -1, 1), RATE, subtype="PCM_24")
    return path


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A short song, as nothing here depends on its sound."""
    return write_song(tmp_path / "work", 0, 1.0)


def write_song(folder: Path, seed: int, seconds: float = 0.5) -> Path:
    path = folder / f"song{seed}.wav"
    soundfile.write(path, music(seconds, seed=seed), RATE, subtype="PCM_16")
    return path


def cold(tmp_path: Path, path: Path, name: str, **options: Any) -> Result:
    """Made by a shop that knows nothing."""
    with opened(tmp_path / f"cold {name}", cache_limit_gb=0.0) as empty:
        result = run(empty, path, tmp_path / "cold" / name, **options)
    assert result.status == "made"
    return result


def same_bytes(one: Result, other: Result) -> bool:
    left, right = files(one), files(other)
    return list(left) == list(right) and all(left[name].read_bytes() == right[name].read_bytes() for name in left)


# ------------------------------------------------------------------------------------------------ what comes out of it


@pytest.mark.parametrize("output", ["wav", "flac", "aiff", "alac"])
@pytest.mark.parametrize("depth", ["16", "24"])
def test_a_hit_gives_the_bytes_of_a_cold_run(
    shop: Shop, loud_song: Path, tmp_path: Path, output: str, depth: str
) -> None:
    options = {"format": output, "bit_depth": depth}
    assert run(shop, loud_song, tmp_path / "first", **options).status == "made"
    hit = run(shop, loud_song, tmp_path / "second", **options)
    assert hit.status == "cached"
    assert same_bytes(hit, cold(tmp_path, loud_song, "run", **options))


@pytest.mark.parametrize("output", ["wav", "flac"])
@pytest.mark.parametrize(("kept", "wanted"), [("24", "16"), ("float", "24"), ("float", "16"), ("float", "float")])
def test_an_entry_serves_lower_depths_with_the_bytes_of_a_cold_run(
    shop: Shop, loud_song: Path, tmp_path: Path, output: str, kept: str, wanted: str
) -> None:
    output = "wav" if wanted == "float" else output
    run(shop, loud_song, tmp_path / "first", bit_depth=kept)
    hit = run(shop, loud_song, tmp_path / "second", bit_depth=wanted, format=output)
    assert hit.status == "cached"
    assert same_bytes(hit, cold(tmp_path, loud_song, "run", bit_depth=wanted, format=output))


@pytest.mark.parametrize("depth", ["16", "24", "float"])
def test_a_song_without_a_stem_out_of_the_cache_is_the_one_of_a_cold_run(
    shop: Shop, loud_song: Path, tmp_path: Path, depth: str
) -> None:
    run(shop, loud_song, tmp_path / "first", bit_depth=depth)
    hit = run(shop, loud_song, tmp_path / "second", bit_depth=depth, two_stems="vocals")
    assert hit.status == "cached"
    assert same_bytes(hit, cold(tmp_path, loud_song, "run", bit_depth=depth, two_stems="vocals"))


def test_lower_depths_out_of_the_cache_add_up_to_the_song(shop: Shop, loud_song: Path, tmp_path: Path) -> None:
    run(shop, loud_song, tmp_path / "first", bit_depth="24")
    hit = run(shop, loud_song, tmp_path / "second", bit_depth="16", also=("instrumental",))
    song = rounded(soundfile.read(loud_song, dtype="float32", always_2d=True)[0], "16")
    made = files(hit)
    instrumental = made.pop("instrumental")
    assert np.array_equal(total(made, "16"), song)
    assert np.array_equal(integers(instrumental, "16") + integers(made["vocals"], "16"), song)


def test_what_a_hit_says_of_the_song_is_what_a_cold_run_says(shop: Shop, loud_song: Path, tmp_path: Path) -> None:
    """Digests, clipped samples, levels; not the times."""
    run(shop, loud_song, tmp_path / "first", bit_depth="24")
    for depth in ("16", "24"):
        hit = run(shop, loud_song, tmp_path / f"hit {depth}", bit_depth=depth).folder
        made = cold(tmp_path, loud_song, depth, bit_depth=depth).folder
        assert hit is not None
        assert made is not None
        assert hit.record.song == made.record.song
        assert hit.record.source == made.record.source
        assert [file.samples_sha256 for file in hit.record.files] == [file.samples_sha256 for file in made.record.files]
        assert [file.sha256 for file in hit.record.files] == [file.sha256 for file in made.record.files]


def test_a_deeper_wish_than_what_is_kept_is_made_anew(shop: Shop, loud_song: Path, tmp_path: Path) -> None:
    run(shop, loud_song, tmp_path / "first", bit_depth="16")
    assert run(shop, loud_song, tmp_path / "second", bit_depth="24").status == "made"
    assert run(shop, loud_song, tmp_path / "third", bit_depth="24").status == "cached"
    assert len(shop.cache.entries()) == 1


def test_stretches_are_kept_apart(shop: Shop, song: Path, tmp_path: Path) -> None:
    spans = [(0.2, 0.6), (0.2, None), None, (0.2, 0.7), (0.23456, 0.6), (0.23458, 0.6)]
    for number, span in enumerate(spans):
        assert run(shop, song, tmp_path / str(number), span=span).status == "made", span
    assert len(shop.cache.entries()) == len(spans)


def test_stretches_late_in_a_long_recording_are_kept_apart() -> None:
    """A tenth of a second in the tenth hour, and a sample at 192 kHz."""
    texts = {span_text(span) for span in ((35999.8, None), (35999.9, None), (35999.8, 35999.9), (35999.800005, None))}
    assert len(texts) == 4


def test_the_same_stretch_is_found_again_whatever_its_digits(shop: Shop, song: Path, tmp_path: Path) -> None:
    third = (1 / 3, 2 / 3)
    assert run(shop, song, tmp_path / "stems", span=third).status == "made"
    assert run(shop, song, tmp_path / "stems", span=third).status == "there"


def test_a_song_is_found_under_another_name_and_with_other_tags(shop: Shop, tmp_path: Path) -> None:
    import mutagen.flac

    first, second = tmp_path / "first.flac", tmp_path / "second.flac"
    soundfile.write(first, music(1.0), RATE, subtype="PCM_16")
    second.write_bytes(first.read_bytes())
    tagged = mutagen.flac.FLAC(second)
    tagged["title"] = "Another"
    tagged.save()
    run(shop, first, tmp_path / "one")
    hit = run(shop, second, tmp_path / "two")
    assert hit.status == "cached"
    assert mutagen.flac.FLAC(second)["title"] == ["Another"]
    assert hit.track.title == "Another"


def test_entries_hold_no_tags_of_a_song(shop: Shop, tmp_path: Path) -> None:
    import mutagen.flac

    path = tmp_path / "song.flac"
    soundfile.write(path, music(1.0), RATE, subtype="PCM_16")
    tagged = mutagen.flac.FLAC(path)
    tagged["title"], tagged["artist"] = "Nobody Should Know", "Somebody"
    tagged.save()
    run(shop, path, tmp_path / "stems")
    for entry in shop.cache.entries():
        for stem in entry.folder.paths().values():
            assert b"Nobody Should Know" not in stem.read_bytes()
            assert b"id3 " not in stem.read_bytes()[:200]


def test_writing_into_a_stem_reaches_neither_the_cache_nor_another_folder(
    shop: Shop, song: Path, tmp_path: Path
) -> None:
    run(shop, song, tmp_path / "first")
    second = files(run(shop, song, tmp_path / "second"))
    before = {path: path.read_bytes() for entry in shop.cache.entries() for path in entry.folder.paths().values()}
    with second["vocals"].open("r+b") as file:
        file.seek(1000)
        file.write(b"\xaa" * 5000)
    assert all(path.read_bytes() == data for path, data in before.items())
    third = files(run(shop, song, tmp_path / "third"))
    assert third["vocals"].read_bytes() != second["vocals"].read_bytes()


def test_link_gives_the_kept_file_itself(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "first")
    made = files(run(shop, song, tmp_path / "second", link=True))
    kept = shop.cache.entries()[0].folder.paths()
    assert all(made[name].samefile(kept[name]) for name in made)


def test_force_separates_again(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "first")
    assert run(shop, song, tmp_path / "second", force=True).status == "made"


def test_an_entry_with_a_missing_file_is_not_used(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "first")
    shop.cache.entries()[0].folder.paths()["bass"].unlink()
    assert run(shop, song, tmp_path / "second").status == "made"


def test_an_entry_with_damaged_metadata_is_not_used(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "first")
    shop.cache.entries()[0].folder.place.metadata.write_text("{")
    assert run(shop, song, tmp_path / "second").status == "made"
    assert run(shop, song, tmp_path / "third").status == "cached"


def test_keys_tell_songs_engines_and_stretches_apart() -> None:
    keys = {key_of(*parts) for parts in (("a", "b", "c"), ("a", "b", ""), ("a", "", "c"), ("ab", "", "c"))}
    assert len(keys) == 4


# ----------------------------------------------------------------------------------------------------------- its size


def test_nothing_is_kept_with_a_limit_of_0(tmp_path: Path, song: Path) -> None:
    with opened(tmp_path, cache_limit_gb=0.0) as shop:
        assert run(shop, song, tmp_path / "first").status == "made"
        assert run(shop, song, tmp_path / "second").status == "made"
        assert shop.cache.entries() == []


def test_the_longest_unused_go_when_the_limit_is_reached(tmp_path: Path) -> None:
    """Each song of half a second keeps 4 x 88 kB; a hit counts as use."""
    songs = [write_song(tmp_path, seed) for seed in range(4)]
    with opened(tmp_path, cache_limit_gb=1.2e6 / GIGABYTE) as shop:
        for number, path in enumerate(songs[:3]):
            run(shop, path, tmp_path / "stems")
            age(shop.cache, number)
        assert len(shop.cache.entries()) == 3
        assert run(shop, songs[0], tmp_path / "again").status == "cached"
        run(shop, songs[3], tmp_path / "stems")
        assert sum(entry.bytes for entry in shop.cache.entries()) <= 1.2e6
        statuses = [
            run(shop, path, tmp_path / f"look {path.name}", dry_run=False).status for path in (songs[0], songs[3])
        ]
        assert statuses == ["cached", "cached"]
        assert run(shop, songs[1], tmp_path / "gone").status == "made"


def age(cache: Cache, number: int) -> None:
    """The newest entry was used so many days after a day long ago."""
    newest = cache.entries()[-1]
    when = time.time() - (100 - number) * DAY
    os.utime(newest.folder.place.metadata, (when, when))


def test_a_song_larger_than_the_whole_cache_is_not_kept_and_pushes_nothing_out(tmp_path: Path) -> None:
    small, large = write_song(tmp_path, 1), write_song(tmp_path, 2, seconds=3.0)
    with opened(tmp_path, cache_limit_gb=5e5 / GIGABYTE) as shop:
        run(shop, small, tmp_path / "one")
        run(shop, large, tmp_path / "two")
        assert len(shop.cache.entries()) == 1
        assert run(shop, small, tmp_path / "three").status == "cached"


# ------------------------------------------------------------------------------------------------------------- locks


class Slow:
    """A listener that holds a separation up until it may go on."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def begin(self, track: object, engine: str, why: str, frames: int) -> None:
        self.begun.set()

    def advance(self, frames: int) -> None:
        assert self.may_go_on.wait(30)

    def note(self, text: str) -> None:
        pass


def test_a_running_separation_holds_its_entry(tmp_path: Path, song: Path) -> None:
    slow, results = Slow(), []
    other = write_song(tmp_path, 9)

    def work() -> None:
        with opened(tmp_path) as mine:
            results.append(run(mine, song, tmp_path / "stems", listener=slow))

    with opened(tmp_path) as shop:
        run(shop, other, tmp_path / "other")
        thread = threading.Thread(target=work)
        thread.start()
        try:
            assert slow.begun.wait(30)
            held = [path.stem for path in (tmp_path / "cache" / "locks").iterdir() if is_held(shop.cache, path.stem)]
            assert held
            assert len(shop.cache.clear()) == 1, "only the other song's"
        finally:
            slow.may_go_on.set()
            thread.join()
        assert results[0].status == "made"
        assert run(shop, song, tmp_path / "again").status == "cached"


def is_held(cache: Cache, key: str) -> bool:
    try:
        with cache.lock(key, wait=False):
            return False
    except BusyError:
        return True


def test_an_entry_in_use_stays(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "stems")
    entry = shop.cache.entries()[0]
    with shop.cache.lock(entry.key):
        assert shop.cache.clear() == []
    assert len(shop.cache.clear()) == 1


def test_two_at_once_make_a_song_once(tmp_path: Path, song: Path) -> None:
    """The second waits for the first and takes what it kept."""
    slow, results = Slow(), []

    def work(name: str, listener: Slow | None) -> None:
        with opened(tmp_path) as mine:
            results.append(run(mine, song, tmp_path / name, listener=listener))

    first = threading.Thread(target=work, args=("one", slow))
    first.start()
    assert slow.begun.wait(30)
    second = threading.Thread(target=work, args=("two", None))
    second.start()
    time.sleep(0.3)
    slow.may_go_on.set()
    first.join()
    second.join()
    assert [result.status for result in results] == ["made", "cached"]
