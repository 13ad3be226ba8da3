"""Which song of a batch comes first, and why, as a table."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest
from conftest import Stem
from hypothesis import given
from hypothesis import strategies as some

from stem_cli.batch.conditions import CONDITIONS
from stem_cli.batch.rules import NO_RULE, needs_vocals, ordered, place, rules_of, unused, vocals_decide
from stem_cli.errors import UsageError
from stem_cli.library import VOCALS, Song
from stem_cli.settings import Settings

DEFAULT = Settings().batch_rules
TODAY = date(2024, 3, 10)
PLAIN = Song(Path("/music/a.mp3"))


@dataclass(frozen=True)
class Row:
    """A song, and where these rules put it. place: -1 is behind all rules."""

    song: Song
    place: int
    why: str
    rules: str = DEFAULT
    named: tuple[str, ...] = field(default=())


def song(**facts: object) -> Song:
    """A song of which only this is known."""
    return replace(PLAIN, **facts)  # type: ignore[arg-type]


STEM_ME, GIG = song(crates=("Old", "Stem Me")), song(crates=("Gigs/Saturday",))
ROWS = {
    "a named crate": Row(STEM_ME, 0, "in Stem Me", named=("Stem Me",)),
    "a crate that was not named": Row(STEM_ME, -1, NO_RULE, named=("Other",)),
    "no crate was named": Row(STEM_ME, -1, NO_RULE),
    "a named folder of crates": Row(GIG, 0, "in Gigs/Saturday", named=("gigs",)),
    "the end of a crate's name is not its name": Row(GIG, -1, NO_RULE, named=("Saturday",)),
    "the beginning of a crate's name is not its folder": Row(GIG, -1, NO_RULE, named=("Gig",)),
    "a house genre": Row(song(genre="Deep House"), 1, "genre Deep House"),
    "a genre in other letters": Row(song(genre="TECH HOUSE"), 1, "genre TECH HOUSE"),
    "another genre": Row(song(genre="Techno"), -1, NO_RULE),
    "fast": Row(song(bpm=126.0), 2, "126 BPM"),
    "a bit too fast": Row(song(bpm=120.01), 2, "120.01 BPM"),
    "just not fast": Row(song(bpm=120.0), -1, NO_RULE),
    "of no tempo": Row(song(bpm=None), -1, NO_RULE),
    "with vocals": Row(song(vocals="yes"), 3, "vocals"),
    "without vocals": Row(song(vocals="no"), -1, NO_RULE),
    "vocals unknown": Row(song(), -1, NO_RULE),
    "the first rule that holds": Row(song(genre="House", bpm=128.0, vocals="yes"), 1, "genre House"),
    "reordered": Row(song(genre="House", bpm=128.0), 0, "128 BPM", "bpm above 120; genre contains House"),
    "no rules": Row(song(genre="House"), -1, NO_RULE, ""),
    "a crate by name": Row(STEM_ME, 0, "in Stem Me", "crate in Stem Me"),
    "one of two crates": Row(GIG, 0, "in Gigs/Saturday", "crate in Stem Me | Gigs/Saturday"),
    "a crate or any named": Row(STEM_ME, 0, "in Old", "crate in Gigs | *", ("Old",)),
    "a crate with signs in its name": Row(song(crates=("a;b|c",)), 0, "in a;b|c", 'crate in "a;b|c"'),
    "a crate in another Unicode form": Row(
        song(crates=(unicodedata.normalize("NFD", "Fête"),)),
        0,
        unicodedata.normalize("NFD", "in Fête"),
        "crate in FÊTE",
    ),
    "slow": Row(song(bpm=92.5), 0, "92.5 BPM", "bpm below 100"),
    "just not slow": Row(song(bpm=100.0), -1, NO_RULE, "bpm below 100"),
    "a tempo of 0 is none": Row(song(bpm=0.0), -1, NO_RULE, "bpm below 100"),
    "an artist": Row(song(artist="Beyoncé & Jay-Z"), 0, "artist Beyoncé & Jay-Z", "artist contains JAY-Z"),
    "one of two words in a title": Row(
        song(title="Song (Edit)"), 0, "title Song (Edit)", "title contains remix | edit"
    ),
    "vocals wanted not": Row(song(vocals="no"), 0, "no vocals", "vocals no"),
    "vocals nobody knows": Row(song(), 0, "vocals unknown", "vocals unknown"),
    "added today": Row(song(added="2024-03-10"), 0, "added 2024-03-10", "added within 30d"),
    "added on the last day": Row(song(added="2024-02-09"), 0, "added 2024-02-09", "added within 30d"),
    "added a day before": Row(song(added="2024-02-08"), -1, NO_RULE, "added within 30d"),
    "added within weeks": Row(song(added="2024-02-26"), 0, "added 2024-02-26", "added within 2w"),
    "added tomorrow, elsewhere on earth": Row(song(added="2024-03-11"), 0, "added 2024-03-11", "added within 1"),
    "added by a wrong clock": Row(song(added="2038-01-19"), -1, NO_RULE, "added within 30d"),
    "added on no day": Row(song(added="yesterday"), -1, NO_RULE, "added within 30d"),
    "four stars": Row(song(rating=4), 0, "4 of 5 stars", "rating at least 4"),
    "three stars": Row(song(rating=3), -1, NO_RULE, "rating at least 4"),
    "no stars told": Row(song(), -1, NO_RULE, "rating at least 1"),
    "words in any letters and spaces": Row(song(bpm=130.0), 0, "130 BPM", " ; BPM   Above\n 120 ;; "),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_song_gets_its_place_and_the_reason(row: Row) -> None:
    rules = rules_of(row.rules)
    wanted = len(rules) if row.place < 0 else row.place
    assert place(row.song, rules, row.named, TODAY) == (wanted, row.why)


def test_the_table_tries_every_condition() -> None:
    tried = {rule.kind for row in ROWS.values() for rule in rules_of(row.rules)}
    assert tried == set(CONDITIONS)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_an_example_is_a_rule_of_its_kind(kind: str) -> None:
    (rule,) = rules_of(CONDITIONS[kind].example)
    assert rule.kind == kind


BAD = {
    "bpm over 120": ("bpm over 120", "bpm above 120"),
    "bpm above fast": ("bpm above fast", "bpm above 120"),
    "bpm above": ("bpm above", "bpm below 100"),
    "bpm above -3": ("bpm above -3",),
    "bpm above 5000": ("bpm above 5000",),
    "bpm above nan": ("bpm above nan",),
    "genre contains House; colour blue": ("colour blue", "genre contains House", "rating at least"),
    "genre contains": ("genre contains",),
    "genre contains House |": ("House |",),
    "crate in | A": ("crate in | A",),
    "crate in A | a": ("crate in A | a",),
    'crate in "A': ("quote",),
    "vocals maybe": ("vocals maybe", "vocals yes"),
    "added within 0d": ("added within 0d", "30d"),
    "added within 3 months": ("added within 3 months",),
    "rating at least 6": ("rating at least 6",),
    "rating at least 3.5": ("rating at least 3.5",),
    "genre contains House, BPM above 120": ("two rules", "semicolons"),
    "genre contains House; genre contains  house": ("repeats",),
    "bpm above 120; vocals yes; bpm above 120.0": ("'bpm above 120.0' repeats 'bpm above 120'",),
    "bpm above 100; bpm above 120": ("'bpm above 120' can never hold, as 'bpm above 100'",),
    "bpm below 100; bpm below 90": ("can never hold",),
    "genre contains House; genre contains Deep House | Tech House": ("can never hold",),
    "crate in Gigs; crate in Gigs/Saturday": ("can never hold",),
    "added within 4w; added within 7d": ("can never hold",),
    "rating at least 3; rating at least 5": ("can never hold",),
    "vocals yes; vocals yes": ("repeats",),
}


@pytest.mark.parametrize("text", BAD)
def test_rules_that_make_no_sense_are_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of(text)
    told = str(caught.value)
    assert told.startswith("batch_rules: ")
    assert all(word in told for word in BAD[text]), told


GOOD = (
    "bpm above 120; bpm above 100",
    "bpm above 120; bpm below 130",
    "genre contains Deep House; genre contains House",
    "crate in Gigs/Saturday; crate in Gigs; crate in *",
    "crate in Gigs; crate in Gigs | Stem Me",
    "vocals yes; vocals no; vocals unknown",
    "rating at least 5; rating at least 3; added within 7d; added within 30d",
)


@pytest.mark.parametrize("text", GOOD)
def test_rules_that_only_overlap_are_no_contradiction(text: str) -> None:
    assert len(rules_of(text)) == text.count(";") + 1


def test_rules_that_hold_for_no_song_are_told_and_no_error() -> None:
    songs = [song(genre="House", bpm=128.0), song(bpm=90.0)]
    rules = rules_of("crate in *; genre contains Huose; bpm above 120; vocals yes; genre contains House")
    assert [rule.text for rule in unused(rules, songs, (), TODAY)] == ["genre contains Huose", "vocals yes"]
    assert unused(rules, songs, ("Stem Me",), TODAY)[0].text == "crate in *"
    assert unused((), songs, (), TODAY) == ()


def test_a_look_for_vocals_is_needed_only_where_it_decides() -> None:
    assert needs_vocals(rules_of(DEFAULT))
    assert not needs_vocals(rules_of("bpm above 120"))
    rules = rules_of("genre contains House; vocals yes; bpm above 120")
    assert vocals_decide(song(bpm=128.0), rules, (), TODAY)
    assert not vocals_decide(song(genre="House"), rules, (), TODAY)
    assert not vocals_decide(song(vocals="no"), rules, (), TODAY)
    assert not vocals_decide(song(), rules_of("bpm above 120"), (), TODAY)


# ------------------------------------------------------------------------------------------------------- what must hold

RULES = some.lists(some.sampled_from([one.example for one in CONDITIONS.values()]), unique=True).map("; ".join)
SONGS = some.lists(
    some.builds(
        Song,
        path=some.integers(0, 10**9).map(lambda number: Path(f"/music/{number}")),
        genre=some.sampled_from(["", "House", "Deep House", "Techno"]),
        artist=some.text(max_size=5),
        bpm=some.none() | some.floats(0, 300),
        rating=some.none() | some.integers(0, 5),
        added=some.text(max_size=3) | some.dates().map(str),
        vocals=some.sampled_from(VOCALS),
        crates=some.lists(some.sampled_from(["Stem Me", "Gigs", "Gigs/Saturday"]), unique=True).map(tuple),
    ),
    unique_by=lambda one: one.path,
)


@given(SONGS, RULES, some.lists(some.sampled_from(["Stem Me", "Gigs"]), unique=True))
def test_every_song_appears_once_in_an_order_that_is_always_the_same(
    songs: list[Song], text: str, named: list[str]
) -> None:
    rules = rules_of(text)
    found = ordered(songs, rules, named, TODAY)
    assert found == ordered(iter(songs), rules_of(text), tuple(named), TODAY)
    assert sorted(one.song.path for one in found) == sorted(one.path for one in songs)
    places = [one.place for one in found]
    assert places == sorted(places)
    assert all((one.why == NO_RULE) == (one.place == len(rules)) for one in found)
    for number in set(places):
        here = [one.song for one in found if one.place == number]
        assert here == sorted(here, key=songs.index)


LIKE_RULES = some.text(alphabet='abc ;|"*', max_size=30).map(lambda text: f"crate in {text}")


@given(some.text() | LIKE_RULES)
def test_any_text_is_rules_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        rules = rules_of(text)
        assert rules == rules_of("; ".join(rule.text for rule in rules))


# ----------------------------------------------------------------------------------------------------- the command line


def test_config_set_refuses_rules_that_make_no_sense(stem: Stem, tmp_path: Path) -> None:
    told = stem("config", "set", "batch_rules", "bpm over 9000", code=2).stderr
    assert "'bpm over 9000'" in told
    assert not (tmp_path / "stem.toml").exists()
    stem("config", "set", "batch_rules", "crate in Stem Me | Gigs/Saturday; rating at least 4")
    stem("config", "set", "batch_rules", "")
