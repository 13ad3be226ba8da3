"""What lies where stems should go, a user's files or other stems: never lost, and named if it is in the way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Stem
from refusals import QUIET, all_failed, below, refused, results_of, small_song, tells, whole

from stem_cli.track import open_track


def home_of(song: Path) -> Path:
    """The folder that a song's stems will be put into."""
    return Path("stems") / f"{song.stem}_{open_track(song).digest[:8]}"


FORCE = pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has few links")
@FORCE
def test_what_is_not_ours_and_in_the_way_of_a_folder_stays(
    stem: Stem, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    songs = [small_song(f"{name}.wav", seed) for seed, name in enumerate(("file", "folder", "link"))]
    Path("stems").mkdir()
    home_of(songs[0]).write_text("mine", "utf-8")
    home_of(songs[1]).mkdir()
    (home_of(songs[1]) / "vocals.wav").write_text("mine", "utf-8")
    home_of(songs[2]).symlink_to("nowhere")
    untouched()
    done = stem("separate", *songs, *force, *QUIET, code=6)
    all_failed(done, songs, 5, "--output")
    words = ("a file is in the way", "this folder is not ours", "a file is in the way")
    for song, what in zip(songs, words, strict=True):
        tells(results_of(done)[str(song)]["error"], home_of(song), what)


@FORCE
def test_a_file_that_is_not_ours_stays_in_the_flat_layout(
    stem: Stem, force: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    Path("stems").mkdir()
    mine = Path("stems/song_Drums.wav")
    mine.write_text("mine", "utf-8")
    song = small_song()
    untouched()
    refused(stem("separate", song, "--layout", "flat", *force, code=5), mine, "not ours")


@pytest.mark.parametrize("where", ["taken", "taken/below"])
def test_an_output_folder_that_is_a_file_is_an_output_error(
    stem: Stem, where: str, untouched: Callable[[], None]
) -> None:
    song = small_song()
    Path("taken").write_text("mine", "utf-8")
    untouched()
    done = stem("separate", song, "--output", where, code=5)
    assert done.stdout == ""
    assert "taken" in done.stderr
    assert "--output" in done.stderr


@pytest.mark.parametrize("more", [(), ("--layout", "flat")], ids=["folder", "flat"])
def test_files_that_a_user_put_among_stems_survive_force(stem: Stem, more: tuple[str, ...]) -> None:
    song = small_song()
    made = Path(stem("separate", song, "--stems", "drums", *more).stdout.strip())
    mine = {"notes.txt": "mine", "set/live.als": "mine too", "song.wav.asd": "by Live", "old/lock": "mine as well"}
    for name, text in mine.items():
        (made.parent / name).parent.mkdir(exist_ok=True)
        (made.parent / name).write_text(text, "utf-8")
    stem("separate", song, *more, "--force", "--format", "flac", "--stems", "bass,vocals")
    assert {name: (made.parent / name).read_text("utf-8") for name in mine} == mine
    whole("stems", 1)


@FORCE
def test_a_users_file_with_the_name_of_a_stem_that_is_added_stays(stem: Stem, force: tuple[str, ...]) -> None:
    song = small_song()
    made = Path(stem("separate", song, "--stems", "drums").stdout.strip())
    mine = made.with_name("vocals.wav")
    mine.write_text("mine", "utf-8")
    before = below(made.parent)
    refused(stem("separate", song, "--stems", "vocals", *force, code=5), mine, "this file is not ours")
    assert below(made.parent) == before


@pytest.mark.slow
def test_stems_of_another_format_are_replaced_only_by_force(stem: Stem) -> None:
    song = small_song()
    made = Path(stem("separate", song).stdout.splitlines()[0]).parent
    before = below(made)
    refused(stem("separate", song, "--format", "flac", code=5), made, "--force")
    assert below(made) == before
    stem("separate", song, "--format", "flac", "--force")
    assert {path.suffix for path in made.iterdir()} == {".flac", ".json"}


@FORCE
def test_metadata_that_was_damaged_is_an_error_that_harms_nothing(stem: Stem, force: tuple[str, ...]) -> None:
    song = small_song()
    home = home_of(song)
    home.mkdir(parents=True)
    (home / "metadata.json").write_text('{"schema": 1', "utf-8")
    (home / "vocals.wav").write_text("perhaps mine", "utf-8")
    before = below(home)
    done = stem("separate", song, *force, code=3)
    refused(done, (home / "metadata.json").absolute(), "its metadata is damaged", "Move its folder")
    assert below(home) == before


@pytest.mark.slow
def test_another_song_of_the_same_name_does_not_take_the_place_of_the_first(stem: Stem) -> None:
    song = small_song()
    Path("b").mkdir()
    other = small_song("b/song.wav", seed=7)
    stem("separate", song, "--layout", "flat")
    before = below(Path("stems"))
    stem("separate", other, "--layout", "flat")
    after = below(Path("stems"))
    assert before.items() <= after.items()
    assert len(after) == 2 * len(before)
    stem("separate", song, other, "--layout", "flat", "--force")
    assert below(Path("stems")).keys() == after.keys()
    whole("stems", 2)
