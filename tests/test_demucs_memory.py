"""How much memory a Demucs model needs, and the segment that is advised where it is too much."""

from __future__ import annotations

import doctest

import pytest

from stem_cli.engines.demucs import memory
from stem_cli.engines.demucs.memory import Need, Size, need, too_much

GB = 10**9


def test_the_documented_example() -> None:
    assert doctest.testmod(memory).failed == 0


@pytest.mark.parametrize(
    ("klass", "channels", "openvino", "seconds", "measured"),
    [
        ("HTDemucs", 48, False, 7.8, 1.13),
        ("HTDemucs", 48, True, 7.8, 1.13),
        ("HDemucs", 48, False, 5, 1.06),
        ("HDemucs", 48, False, 20, 2.48),
        ("HDemucs", 48, False, 44, 4.14),
        ("Demucs", 64, False, 5, 1.23),
        ("Demucs", 64, False, 20, 2.41),
        ("Demucs", 64, False, 44, 4.33),
    ],
)
def test_the_estimate_is_near_what_was_measured(
    klass: str, channels: int, openvino: bool, seconds: float, measured: float
) -> None:
    """GB of peak memory with the real sizes; see `memory`."""
    estimate = need([Size(klass, channels)], 4, openvino).of(int(seconds * 44100)) / GB
    assert 0.75 * measured < estimate < 1.3 * measured


def test_a_bag_of_four_needs_more_than_one() -> None:
    one, four = (need([Size("HTDemucs", 48)] * count, 4, openvino=True).of(343_980) / GB for count in (1, 4))
    assert 0.9 * 3.44 < four < 1.3 * 3.44  # measured
    assert four > 2.5 * one


def test_the_advice_is_a_segment_that_fits() -> None:
    for available in range(GB, 5 * GB, GB // 7):
        wanted = need([Size("HDemucs", 48)], 4, openvino=False)
        error = too_much(wanted, 44 * 44100, 44100, available)
        if error is None:
            assert wanted.of(44 * 44100) <= available
        elif "--segment" in error.hint:
            seconds = int(error.hint.partition("--segment ")[2].partition(",")[0])
            assert seconds >= memory.LEAST_SECONDS
            later = int(memory.ADVISED * available)  # something else has taken a little meanwhile
            assert too_much(wanted, seconds * 44100, 44100, later + 1) is None
            assert too_much(wanted, (seconds + 1) * 44100, 44100, later) is not None


def test_a_network_of_whole_segments_is_not_advised_a_shorter_one() -> None:
    error = too_much(need([Size("HTDemucs", 48)], 4, openvino=False), 343_980, 44100, GB // 2)
    assert error is not None
    assert error.what.startswith("this model needs about 1.1 GB for segments of 7.8 s, 0.5 GB are free")
    assert "--segment" not in error.hint
    assert "--engine builtin" in error.hint


def test_what_is_too_little_for_any_segment_gets_no_advice_of_one() -> None:
    error = too_much(Need(2.0 * GB, 100.0, free=True), 44 * 44100, 44100, GB)
    assert error is not None
    assert "--segment" not in error.hint
