"""`stem batch`: which song comes next, and how many of them."""

from __future__ import annotations

import json
from pathlib import Path

import mutagen
import pytest
import soundfile
from batches import (
    MUSIC,
    assert_each_once,
    done,
    lines,
    name_of,
    states,
    write_songs,
)
from conftest import SHARED, Stem, music
from processes import OUTPUT


@pytest.fixture
def tagged_songs() -> dict[str, Path]:
    """Songs whose tags fall under different rules."""
    MUSIC.mkdir()
    facts = {"a": {}, "b": {"bpm": "128"}, "c": {"genre": "Deep House"}, "d": {"bpm": "100"}, "e": {}}
    songs = {name: MUSIC / f"{name}.flac" for name in facts}
    for seed, (name, path) in enumerate(songs.items()):
        soundfile.write(path, music(1.0, 22050, seed=seed), 22050, subtype="PCM_16")
        tags = mutagen.File(path)
        tags.update(facts[name])
        tags.save()
    return songs


def planned(stem: Stem, *arguments: object) -> list[tuple[str, object]]:
    plan = json.loads(stem("batch", *arguments, "--plan", "--json").stdout)
    return [(name_of(one["file"]), one["why"]) for one in plan["plan"]]


def test_the_plan_is_the_order_and_tells_why(stem: Stem, tagged_songs: dict[str, Path]) -> None:
    Path("set.m3u8").write_text("music/e.flac\nmusic/gone.flac\nmusic/d.flac\n", "utf-8")
    order = planned(stem, "set.m3u8", MUSIC)
    assert [name for name, _ in order] == ["e.flac", "d.flac", "c.flac", "b.flac", "a.flac"]
    whys = [str(why) for _, why in order]
    assert "set" in whys[0]
    assert "House" in whys[2]
    assert "128" in whys[3]
    assert whys[4] == "no rule"
    text = stem("batch", "set.m3u8", MUSIC, "--plan")
    assert [line.split("/")[-1].split(" ")[0] for line in text.stdout.splitlines()] == [name for name, _ in order]
    assert not OUTPUT.exists()
    assert states() == {}
    stem("batch", "set.m3u8", MUSIC, "--jobs", "1")
    assert done() == [name for name, _ in order]


def test_the_user_can_set_the_rules(stem: Stem, tagged_songs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEM_BATCH_RULES", "bpm below 110; genre contains Polka")
    told = stem("batch", MUSIC, "--plan")
    assert told.stdout.splitlines()[0].endswith("d.flac  (100 BPM is below 110)") or "d.flac" in told.stdout
    assert "'genre contains Polka' holds for none" in told.stderr
    monkeypatch.setenv("STEM_BATCH_RULES", "bpm around 110")
    assert "is no rule" in stem("batch", MUSIC, "--plan", code=2).stderr


def test_a_crate_of_serato_is_done_where_its_drive_is_mounted_here(stem: Stem, tmp_path: Path) -> None:
    crate = SHARED / "data" / "dj" / "serato" / "seratotools_TestCrate.crate"
    if not crate.exists():
        pytest.skip("the project's shared test material is not here")
    from stem_cli.library import lists_of

    (listed,) = lists_of(crate)
    paths = [str(entry.path) for entry in listed.entries]
    first = next(part for part in Path(paths[0]).parts if part != "/")
    home = tmp_path / "usb"
    for seed, path in enumerate(paths):
        place = home / Path(path.lstrip("/")).relative_to(first)
        place.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(place, music(1.0, 22050, seed=seed), 22050, format="WAV", subtype="PCM_16")
    old = paths[0][: paths[0].index(first) + len(first)]
    order = planned(stem, crate, "--map", f"{old}={home}")
    assert [name for name, _ in order] == [name_of(path) for path in paths]
    stem("batch", crate, "--map", f"{old}={home}")
    assert_each_once(len(paths))


def test_limit_begins_no_more_than_so_many_and_the_rest_waits(stem: Stem) -> None:
    write_songs(3)
    first = stem("batch", MUSIC, "--limit", "2", "--json")
    assert (lines(first.stdout)[-1]["summary"], lines(first.stdout)[-1]["left"]) == ({"done": 2}, 1)
    assert sorted(states().values()) == ["done", "done", "queued"]
    stem("batch", MUSIC)
    assert_each_once(3)


def test_a_spent_time_budget_begins_no_song_even_where_the_queue_is_paused(stem: Stem) -> None:
    write_songs(2)
    stem("queue", "pause")
    done = stem("batch", MUSIC, "--time-budget", "1s", "--json")
    assert lines(done.stdout)[-1]["left"] == 2
    stem("queue", "resume")
    stem("batch", MUSIC)
    assert_each_once(2)


def test_a_folder_may_be_its_own_output_and_one_without_songs_is_told(stem: Stem) -> None:
    write_songs(1)
    for _ in range(2):
        stem("batch", MUSIC, "--output", Path("..") / "work" / MUSIC)
    assert_each_once(1, MUSIC)
    Path("empty").mkdir()
    Path("list.m3u8").write_text("music/00.wav\ngone.wav\n", "utf-8")
    assert "there is no song here" in stem("batch", "empty").stderr
    told = "1 song of the lists is not there"
    assert told in stem("batch", "list.m3u8", "--output", MUSIC).stderr
    planned = stem("batch", "list.m3u8", "--plan", "--json")
    assert (told in planned.stderr, json.loads(planned.stdout)["missing"]) == (True, 1)
    Path("lost.m3u8").write_text("gone.wav\na: b.wav\n", "utf-8")
    lost = stem("batch", "lost.m3u8", code=3).stderr
    assert "2 songs of the lists are not there" in lost
    assert "there is no song here" in lost


def test_a_report_takes_no_other_files_place(stem: Stem) -> None:
    (song,) = write_songs(1)
    before = song.read_bytes()
    for place in (song, MUSIC):
        refused = stem("batch", MUSIC, "--report", place, code=5)
        assert "is no report of a batch" in refused.stderr
    assert song.read_bytes() == before
    assert states() == {}
    for _ in range(2):
        stem("batch", MUSIC, "--report", "new/report.html")
    assert "All tracks" in Path("new/report.html").read_text("utf-8")
