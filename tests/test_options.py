"""Options: the words they take, and usage errors that name what makes no sense."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from conftest import Stem
from refusals import small_song

from stem_cli.cli import program
from stem_cli.errors import StemError
from stem_cli.options import Duration, NameList, Number, Share, Size, Span


def given(kind: click.ParamType, text: str) -> object:
    return kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:30-1:45", (30.0, 105.0)),
        ("90-", (90.0, None)),
        ("-60", (0.0, 60.0)),
        ("1:00:00-1:00:00.5", (3600.0, 3600.5)),
        ("1.25-2", (1.25, 2.0)),
        ("-", (0.0, None)),
    ],
)
def test_stretches_of_time(text: str, seconds: tuple[float, float | None]) -> None:
    assert given(Span(), text) == seconds


@pytest.mark.parametrize("text", ["", "5", "2-1", "1-1", "a-b", "1:2:3:4-", "-0", "--5", "1-2-3", "1e3-"])
def test_stretches_that_are_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no stretch of time"):
        given(Span(), text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration(), "45s", 45.0),
        (Duration(), "10m", 600.0),
        (Duration(), "6h", 21600.0),
        (Duration(), "30d", 2592000.0),
        (Duration(), "1.5", 1.5),
        (Size(), "500M", 500_000_000),
        (Size(), "20GB", 20_000_000_000),
        (Size(), "1024", 1024),
        (Size(), "1.5k", 1500),
        (Share(), "5%", 0.05),
        (Share(), "0.05", 0.05),
        (Share(), "100%", 1.0),
        (NameList(("a", "b")), "b,a,b", ("b", "a")),
        (NameList(("a", "b")), " a , b ", ("a", "b")),
    ],
)
def test_words_for_durations_sizes_shares_and_names(kind: click.ParamType, text: str, value: object) -> None:
    assert given(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Duration(), "soon"),
        (Duration(), "-5s"),
        (Size(), "5X"),
        (Size(), "-1"),
        (Share(), "0"),
        (Share(), "101%"),
        (Share(), "half"),
        (NameList(("a",)), "b"),
        (NameList(("a",)), ","),
    ],
)
def test_words_that_make_no_sense(kind: click.ParamType, text: str) -> None:
    with pytest.raises(click.BadParameter):
        given(kind, text)


@pytest.mark.parametrize(
    "options",
    [
        ("--stems", "kazoo"),
        ("--stems", ""),
        ("--two-stems", "kazoo"),
        ("--also", "kazoo"),
        ("--format", "wma"),
        ("--bit-depth", "12"),
        ("--engine", "kazoo"),
        ("--damaged", "maybe"),
        ("--time", "2-1"),
        ("--seed", "-1"),
        ("--threads", "-1"),
        ("--no-such-option",),
        ("--stems", "vocals", "--two-stems", "drums"),
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_usage_errors_that_name_them(options: tuple[str, ...]) -> None:
    with pytest.raises((click.ClickException, StemError)) as caught:
        program.main(["separate", "song.wav", *options], standalone_mode=False)
    assert caught.value.exit_code == 2
    message = caught.value.format_message() if isinstance(caught.value, click.ClickException) else str(caught.value)
    assert options[0] in message


@pytest.mark.parametrize(
    "options",
    [
        ("--stems", "kazoo"),
        ("--format", "flac", "--bit-depth", "float"),
        ("--name-template", "{nothing}"),
        ("--mirror", "elsewhere"),
    ],
    ids=" ".join,
)
def test_usage_errors_end_with_2_and_make_nothing(
    stem: Stem, options: tuple[str, ...], untouched: Callable[[], None]
) -> None:
    song = small_song()
    untouched()
    done = stem("separate", song, *options, code=2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in options)


@pytest.mark.parametrize("option", ["--overlap", "--segment", "--cloud-minutes", "--cache-limit-gb"])
def test_what_is_no_number_is_told_of_the_option(stem: Stem, option: str) -> None:
    done = stem("separate", small_song(), option, "nan", code=2)
    assert option in done.stderr
    assert "'nan' is no number" in done.stderr


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "one"])
def test_numbers_are_finite(text: str) -> None:
    with pytest.raises(click.BadParameter):
        given(Number(), text)


def test_no_file_at_all_is_a_usage_error(stem: Stem) -> None:
    assert "Missing argument" in stem("separate", code=2).stderr


@pytest.mark.parametrize("text", [b"format = 'wma'", b"no_such_setting = 1", b"format = ", b"\xff"])
def test_settings_that_make_no_sense_are_usage_errors_that_name_their_file(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "stem.toml").write_bytes(text)
    with pytest.raises(StemError, match=re.escape(str(tmp_path / "stem.toml"))) as caught:
        program.main(["separate", str(small_song())], standalone_mode=False)
    assert caught.value.exit_code == 2
    assert caught.value.hint
