"""The XML of sets does not change unseen: golden files, written by scripts/make_als_golden.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import make_als_golden
import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from live_sets import CHECKER, checked

from stem_cli.ableton import colours
from stem_cli.ableton.clip import WARPS
from stem_cli.ableton.samples import crc_of
from stem_cli.ableton.xml import document, leaf, node, packed, written
from stem_cli.stems import COMPLEMENTS, TABLE

GOLDEN = Path(__file__).resolve().parent / "golden" / "ableton"
REAL = SHARED / "data" / "als"


@pytest.mark.parametrize("name", sorted(make_als_golden.files()))
def test_golden_sets_stay_the_same(name: str) -> None:
    assert (GOLDEN / name).read_bytes() == make_als_golden.files()[name]


def test_golden_sets_pass_the_checker() -> None:
    for name, songs, but in (("one", 1, []), ("two", 2, ["stems: warp markers agree with the tempo: 'Vocals'"])):
        path = Path(f"{name}.als")
        path.write_bytes(packed((GOLDEN / f"{name}.xml").read_bytes()))
        # the checker looks for the tempo of a song at the place of the first
        checked(path, "--no-files", "--songs", songs, but=but)


@pytest.mark.shared
@pytest.mark.skipif(not REAL.is_dir(), reason="the project's shared files are not here")
@pytest.mark.parametrize("path", sorted(REAL.glob("*.als")), ids=lambda path: path.name)
def test_sets_that_live_saved_pass_the_same_checker(path: Path) -> None:
    done = subprocess.run([sys.executable, str(CHECKER), "--quiet", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_each_stem_has_a_colour_of_its_family() -> None:
    """Against the values of Live's palette: the hue of each family as the issue names it."""
    hues = {"vocals": (310, 356), "drums": (70, 150), "bass": (195, 245), "other": (15, 45)}
    rgb = {12: 0xE553A0, 0: 0xFF94A6, 19: 0x3DC300, 61: 0x539F31, 47: 0x7DB04D, 18: 0x87FF67, 5: 0x1AFF2F, 34: 0x9BC48D,
           33: 0xBAD074, 9: 0x5480E4, 8: 0x8BC5FF, 15: 0xF66C03, 2: 0xCC9927, 1: 0xFFA529, 30: 0xD3AD71}  # fmt: skip
    for name, stem in [*TABLE.items(), *((rest, TABLE[stem]) for rest, stem in COMPLEMENTS.items())]:
        family = "other" if name == "instrumental" else stem.family
        low, high = hues[family]
        assert low <= hue(rgb[colours.colour_of(name)]) <= high, name


def hue(rgb: int) -> float:
    import colorsys

    return colorsys.rgb_to_hsv(*((rgb >> shift & 255) / 255 for shift in (16, 8, 0)))[0] * 360


def test_every_family_has_a_warp_mode_that_live_has() -> None:
    assert {mode for modes in WARPS.values() for mode in modes.values()} <= {0, 1, 2, 3, 4, 6}
    assert not {4, 6} & set(WARPS["neutral"].values())


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_plain_decimals_that_read_back(number: float) -> None:
    text = written(number)
    assert "e" not in text.lower()
    assert float(text) == number


@settings(deadline=None)
@given(st.text())
def test_every_name_can_be_written_and_read(text: str) -> None:
    from xml.etree import ElementTree

    read = ElementTree.fromstring(document(node("Set", leaf("Name", text))))[0].get("Value")
    assert read is not None
    assert set(text) - set(read) <= {chr(code) for code in (*range(32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)}


def test_the_check_sum_is_the_one_that_was_found_on_lives_own_files(tmp_path: Path) -> None:
    """CRC-16/BUYPASS: the published check value of "123456789" with this polynomial, order and start is FEE8."""
    path = tmp_path / "nine"
    path.write_bytes(b"123456789")
    assert crc_of(path) == 0xFEE8
    path.write_bytes(bytes(16384) + b"more")
    assert crc_of(path) == 0
