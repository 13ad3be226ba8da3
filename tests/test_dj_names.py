"""Names for decks: whatever the song is called, they fit every stick and say which stem they are."""

from __future__ import annotations

import time
import unicodedata
from functools import partial
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stem_cli import stems
from stem_cli.dj.names import FIELDS, NAMINGS, PATH_UNITS, numbers, same, song_name, stem_name, units_for
from stem_cli.errors import UsageError

FORBIDDEN = set('<>:"/\\|?*\x7f') | {chr(code) for code in range(32)}
ANY = st.text(max_size=300)


def is_safe(name: str, longest: int = 255) -> None:
    assert name
    assert not FORBIDDEN & set(name)
    assert name == unicodedata.normalize("NFC", name)
    assert "%%" not in name
    assert not name.startswith((".", " ", "-"))
    assert not name.endswith((".", " "))
    assert len(name.encode("utf-16-le")) // 2 <= longest
    assert len(name.encode()) <= 255


@settings(deadline=None)  # long names take their time on a busy machine
@given(ANY, ANY, st.sampled_from(sorted(stems.TABLE)), st.integers(1, 120), st.sampled_from(sorted(NAMINGS)))
@example("", "", "backing_vocals", 1, "dj")
@example("CON", "NUL", "vocals", 2, "dj")
@example("a" * 300, "🎧" * 300, "backing_vocals", 99, "dj")
@example("%", "%", "vocals", 1, "classic")
def test_any_song_gives_a_name_that_says_its_stem(artist: str, title: str, stem: str, number: int, naming: str) -> None:
    fields = {"artist": artist, "title": title, "name": title or "track01", "stem": stem}
    name = stem_name(naming, fields, ".wav", number)
    is_safe(name, 120 + len(".wav"))
    title = stems.title(stem)
    ending = f"({title}).wav" if naming == "dj" else f"{title.replace(' ', '_')}.wav"
    assert name.endswith(ending)
    assert number == 1 or f"({number})" in name


@settings(deadline=None)
@given(ANY, ANY, st.integers(1, 120), st.integers(40, 120))
@example("", "\\", 2, 40)
@example("-", "/", 1, 40)
def test_any_song_gives_a_name_of_a_folder(artist: str, title: str, number: int, units: int) -> None:
    name = song_name(artist, title, "track01", number, units)
    is_safe(name, units)
    assert number == 1 or name.endswith(f" ({number})")


@pytest.mark.parametrize(
    ("naming", "expected"),
    [
        ("dj", "AC-DC - Söng - Live (feat. B) (Lead Vocals).aiff"),
        ("classic", "01 Song_Lead_Vocals.aiff"),
        ("{stem} - {title} [{bpm} {key}]", "Lead Vocals - Söng - Live (feat. B) [124.5 8A].aiff"),
    ],
)
def test_the_names_of_the_manual(naming: str, expected: str) -> None:
    fields = {"artist": "AC/DC", "title": "Söng: Live (feat. B)?", "name": "01 Song", "bpm": "124.5", "key": "8A"}
    assert stem_name(naming, {**fields, "stem": "lead_vocals"}, ".aiff") == expected


def test_names_without_an_artist_or_a_title() -> None:
    assert stem_name("dj", {"title": "Song", "stem": "drums"}, ".wav") == "Song (Drums).wav"
    assert stem_name("dj", {"artist": "A", "name": "01", "stem": "drums"}, ".wav") == "A - 01 (Drums).wav"
    assert stem_name("dj", {"title": "Song", "stem": "instrumental"}, ".wav") == "Song (Instrumental).wav"
    assert song_name("", "", "01 file") == "01 file"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{title}", "does not say which stem"),
        ("{stem} {mood}", "no field {mood}"),
        ("{stem", "is no template"),
        ("{stem:9999999}", "more than names"),
        ("{stem!r}", "more than names"),
        ("{stem.__class__}", "no field"),
        ("{stem}/{title}", "makes folders"),
        ("{stem}" + "x" * 300, "too long"),
    ],
)
def test_templates_that_are_none(template: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        stem_name(template, dict.fromkeys(FIELDS, "a"), ".wav")


SOME = st.sampled_from(
    ["Song", "SONG", "Söng", "So\u0308ng", "Song (2)", "song (3)", "ſong", "x" * 200, "x" * 119 + "y"]
)


@settings(deadline=None)  # long names take their time on a busy machine
@given(st.lists(SOME | ANY, max_size=12), st.lists(SOME, max_size=3))
def test_songs_of_one_name_are_told_apart(titles: list[str], taken: list[str]) -> None:
    named = [partial(song_name, "", title, "x") for title in titles]
    found = [name(number) for name, number in zip(named, numbers(named, taken), strict=True)]
    told = {same(name) for name in found}
    assert len(told) == len(titles)
    assert not told & {same(name) for name in taken}


@settings(deadline=None)  # long names take their time on a busy machine
@given(st.lists(SOME | ANY, max_size=8), st.sampled_from(["dj", "classic", "{stem} {bpm}"]))
def test_files_of_one_name_are_told_apart(titles: list[str], naming: str) -> None:
    named = [partial(_vocals, naming, title) for title in titles]
    found = [name(number) for name, number in zip(named, numbers(named), strict=True)]
    assert len({same(name) for name in found}) == len(titles)


def _vocals(naming: str, title: str, number: int) -> str:
    return stem_name(naming, {"title": title, "name": title, "stem": "vocals", "bpm": "124"}, ".wav", number)


def test_a_title_of_ten_thousand_letters_takes_no_time() -> None:
    fields = {"artist": "b", "title": "a" * 10_000, "stem": "vocals"}
    began = time.process_time()
    assert stem_name("dj", fields, ".wav").endswith("a (Vocals).wav")
    assert time.process_time() - began < 1


def test_a_thousand_songs_of_one_name() -> None:
    named = [partial(song_name, "", "Intro", "x")] * 1000
    assert numbers(named) == tuple(range(1, 1001))


@pytest.mark.parametrize("root", ["/Volumes/USB/Stems", "/a" * 60, "C:/" + "x" * 230])
def test_names_leave_room_for_the_path(root: str) -> None:
    units = units_for(PurePosixPath(root))
    folder = song_name("a" * 100, "b" * 200, "x", 12, units)
    fields = {"artist": "a" * 100, "title": "b" * 200, "stem": "backing_vocals"}
    name = stem_name("dj", fields, ".wav", 12, units + len(" (Backing Vocals)"))
    if units > 40:
        assert len(f"{root}/{folder}/{name}") <= PATH_UNITS
