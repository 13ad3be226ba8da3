"""What DJ programs are given does not change unseen: golden files, written by scripts/make_dj_golden.py."""

from __future__ import annotations

from pathlib import Path

import make_dj_golden
import pytest

from stem_cli.dj.check import check

GOLDEN = Path(__file__).resolve().parent / "golden" / "dj"


@pytest.mark.parametrize("name", sorted(make_dj_golden.files()))
def test_golden_files_stay_the_same(name: str) -> None:
    assert (GOLDEN / name).read_bytes() == make_dj_golden.files()[name]


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_golden_files_pass_the_check(path: Path) -> None:
    assert list(check(path)) == []
