"""AIFF, FLAC, MP3 and M4A as decks take them."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from conftest import music
from decks import faults, rules

from stem_cli.dj.check import check
from stem_cli.errors import InputError


@pytest.mark.parametrize(("kind", "rate", "found"), [("flac", 44100, {"sound.flac"}), ("aiff", 96000, {"sound.rate"})])
def test_other_sound(tmp_path: Path, kind: str, rate: int, found: set[str]) -> None:
    path = tmp_path / f"a.{kind}"
    soundfile.write(path, music(0.1, rate), rate)
    assert rules(path, "cdj") == found
    path.write_bytes(b"fLaC")
    assert faults(path) == {"sound.parse"}


def test_a_missing_file_is_an_error_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        list(check(tmp_path / "missing.wav"))
