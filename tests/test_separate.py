"""What `stem separate` makes, where it lies, and what it leaves as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from workshop import files, integers, opened, run, total

from stem_cli import errors, stems, verify
from stem_cli.folder import open_folder
from stem_cli.separation import Shop

RATE = 44100


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below a folder: when it was changed, its inode and what it holds."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with opened(tmp_path) as made:
        yield made


def test_a_dry_run_writes_nothing(stem: Stem, song: Path, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "work")
    told = stem("separate", song, "--dry-run")
    assert told.stdout.startswith("stems/song_")
    assert "would be separated" in told.stdout
    assert snapshot(tmp_path / "work") == before
    assert not Path("stems").exists()
    assert list((tmp_path / "cache").rglob("*.wav")) == []


def test_the_same_command_twice_says_there_and_does_nothing(stem: Stem, song: Path) -> None:
    first = json.loads(stem("separate", song, "--json").stdout)
    before = snapshot(Path("stems"))
    second = json.loads(stem("separate", song, "--json").stdout)
    assert (first["status"], second["status"]) == ("made", "there")
    assert first["stems"] == second["stems"]
    assert snapshot(Path("stems")) == before


@pytest.mark.parametrize("output", ["wav", "mp3", "alac"])
def test_the_song_and_its_folder_stay_as_they_are(shop: Shop, song: Path, tmp_path: Path, output: str) -> None:
    (tmp_path / "music").mkdir()
    inside = song.rename(tmp_path / "music" / "song.wav")
    (tmp_path / "music" / "notes.txt").write_text("mine")
    before = snapshot(tmp_path / "music")
    times = (tmp_path / "music").stat().st_mtime_ns
    run(shop, inside, tmp_path / "stems", format=output)
    assert snapshot(tmp_path / "music") == before
    assert (tmp_path / "music").stat().st_mtime_ns == times


@pytest.mark.parametrize(
    ("span", "first", "end"),
    [
        ((1.0, 2.5), 44100, 110250),
        ((0.0, 0.3333), 0, 14699),
        ((3.5, None), 154350, 176400),
        ((3.9, 99.0), 171990, 176400),
    ],
)
def test_a_stretch_adds_up_to_that_stretch(
    shop: Shop, song: Path, tmp_path: Path, span: tuple[float, float | None], first: int, end: int
) -> None:
    made = run(shop, song, tmp_path / "stems", span=span)
    assert np.array_equal(total(files(made), "16"), integers(song, "16")[first:end])
    assert made.folder is not None
    assert made.folder.record.span == span


def test_time_on_the_command_line_cuts_the_song(stem: Stem, song: Path) -> None:
    printed = stem("separate", song, "--quiet", "--time", "0:01-2.5").stdout.splitlines()
    assert np.array_equal(total({name: Path(name) for name in printed}, "16"), integers(song, "16")[44100:110250])


def test_a_stretch_outside_of_the_song_is_an_input_error(shop: Shop, song: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="lies outside"):
        run(shop, song, tmp_path / "stems", span=(60.0, 120.0))


def test_stems_that_are_ordered_one_by_one_come_together_in_one_folder(shop: Shop, song: Path, tmp_path: Path) -> None:
    for name in stems.FOUR:
        made = run(shop, song, tmp_path / "stems", names=(name,))
    assert list(files(made)) == list(stems.FOUR)
    assert np.array_equal(total(files(made), "16"), integers(song, "16"))
    assert len(list((tmp_path / "stems").iterdir())) == 1
    assert made.folder is not None
    assert made.folder.record.song.parts == stems.FOUR
    at_once = run(shop, song, tmp_path / "at once").folder
    assert at_once is not None
    assert made.folder.record.quality == at_once.record.quality
    assert run(shop, song, tmp_path / "stems").status == "there"


def test_stems_that_came_together_are_as_their_record_says(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "stems", names=("vocals",))
    folder = run(shop, song, tmp_path / "stems", names=("drums",)).folder
    assert folder is not None
    assert {path.name for path in folder.place.home.iterdir()} == {"vocals.wav", "drums.wav", "metadata.json"}
    assert list(open_folder(folder.place.home).paths()) == ["vocals", "drums"]
    assert verify.check(folder) == []


def test_another_format_needs_force_and_then_replaces(shop: Shop, song: Path, tmp_path: Path) -> None:
    folder = run(shop, song, tmp_path / "stems").place.home
    (folder / "my notes.txt").write_text("mine")
    before = snapshot(folder)
    with pytest.raises(errors.OutputError, match="--force"):
        run(shop, song, tmp_path / "stems", format="flac")
    assert snapshot(folder) == before
    run(shop, song, tmp_path / "stems", format="flac", force=True)
    names = {path.name for path in folder.iterdir()}
    assert names == {*(f"{name}.flac" for name in stems.FOUR), "metadata.json", "my notes.txt"}
    assert (folder / "my notes.txt").read_text() == "mine"


def test_force_makes_the_same_bytes_anew(shop: Shop, song: Path, tmp_path: Path) -> None:
    first = run(shop, song, tmp_path / "stems")
    before = snapshot(tmp_path / "stems")
    second = run(shop, song, tmp_path / "stems", force=True)
    assert second.status == "made"
    after = snapshot(tmp_path / "stems")
    for path in files(first).values():
        name = str(path.relative_to(tmp_path / "stems"))
        assert before[name][1] != after[name][1], "a new file"
        assert before[name][2] == after[name][2], "of the same bytes"


def test_a_missing_stem_is_made_again(shop: Shop, song: Path, tmp_path: Path) -> None:
    paths = files(run(shop, song, tmp_path / "stems"))
    whole = paths["bass"].read_bytes()
    paths["bass"].unlink()
    assert run(shop, song, tmp_path / "stems").status == "cached"
    assert paths["bass"].read_bytes() == whole


def test_output_same_puts_stems_next_to_the_song(shop: Shop, song: Path, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    inside = song.rename(tmp_path / "music" / "song.wav")
    assert run(shop, inside, Path("same")).place.home.parent == tmp_path / "music"


def test_mirror_repeats_the_tree(shop: Shop, song: Path, tmp_path: Path) -> None:
    deep = tmp_path / "music" / "House" / "2024"
    deep.mkdir(parents=True)
    inside = song.rename(deep / "song.wav")
    made = run(shop, inside, tmp_path / "stems", mirror=str(tmp_path / "music"))
    assert made.place.home.parent == tmp_path / "stems" / "House" / "2024"
    with pytest.raises(errors.UsageError, match="does not lie under"):
        run(shop, inside, tmp_path / "stems", mirror=str(tmp_path / "cache"))
    with pytest.raises(errors.UsageError, match="--mirror needs a folder"):
        run(shop, inside, Path("same"), mirror=str(tmp_path / "music"))


def test_the_flat_layout_names_files_after_the_song_and_opens_by_its_record(
    shop: Shop, song: Path, tmp_path: Path
) -> None:
    made = files(run(shop, song, tmp_path / "stems", layout="flat", also=("instrumental",)))
    names = [f"song_{name}.wav" for name in ("Vocals", "Drums", "Bass", "Other", "Instrumental")]
    assert [path.name for path in made.values()] == names
    assert open_folder(tmp_path / "stems" / "song.stems.json").paths() == made
    assert {path.name for path in (tmp_path / "stems").iterdir()} == {*names, "song.stems.json"}


def test_two_songs_of_one_name_do_not_meet(shop: Shop, song: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "song.wav"
    other.parent.mkdir()
    soundfile.write(other, music(1.0, seed=9), RATE, subtype="PCM_16")
    for layout in ("folder", "flat"):
        one = files(run(shop, song, tmp_path / layout, layout=layout))
        two = files(run(shop, other, tmp_path / layout, layout=layout))
        assert set(one.values()).isdisjoint(two.values())
        assert np.array_equal(total(one, "16"), integers(song, "16"))
        assert np.array_equal(total(two, "16"), integers(other, "16"))


def test_a_name_template_gives_the_name(shop: Shop, song: Path, tmp_path: Path) -> None:
    made = run(shop, song, tmp_path / "stems", name_template="{engine}/{name} by us")
    assert made.place.home == tmp_path / "stems" / "builtin" / "song by us"


def test_many_songs_are_made_by_one_command(stem: Stem, song: Path) -> None:
    names = []
    for seed in range(3):
        names.append(f"song{seed}.flac")
        soundfile.write(names[-1], music(0.5, seed=seed), RATE)
    told = stem("separate", *names, "--quiet", "--two-stems", "drums")
    assert len(told.stdout.splitlines()) == 6
    assert [Path(line).stem for line in told.stdout.splitlines()[:2]] == ["drums", "no_drums"]


def test_a_tilde_in_quotes_is_the_home_folder(stem: Stem, song: Path) -> None:
    environment = {**os.environ, "HOME": str(song.parent), "USERPROFILE": str(song.parent)}
    assert stem("separate", "~/song.wav", "--dry-run", env=environment).returncode == 0
    assert "no such file" in stem("separate", "~/gone.wav", "--dry-run", env=environment, code=3).stderr
