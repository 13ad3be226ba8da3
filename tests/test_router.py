"""Which engine is taken, as a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Stem

from stem_cli.engines import Missing, Request, load
from stem_cli.errors import EngineError
from stem_cli.router import rank, this_machine
from stem_cli.separation import stems_needed

READY = load("builtin")
ABSENT = replace(
    READY, name="absent", unavailable=lambda request: Missing("its package is not installed", "Type: pip ...")
)
OTHER = replace(READY, name="other")
PAID = replace(READY, name="paid", pays=True)
PAID_LEAD = replace(PAID, find=lambda request: replace(READY.models[0], stems=("lead_vocals", "backing_vocals")))


@pytest.mark.parametrize(
    ("engines", "asked", "names"),
    [
        ((READY,), "auto", ["builtin"]),
        ((PAID, READY), "auto", ["builtin", "paid"]),
        ((READY, OTHER), "auto", ["builtin", "other"]),
        ((OTHER, READY), "auto", ["other", "builtin"]),
        ((ABSENT, READY), "auto", ["builtin"]),
        ((READY, OTHER), "other", ["other"]),
        ((ABSENT, READY), "builtin", ["builtin"]),
    ],
)
def test_ready_engines_come_in_order_and_a_named_one_alone(engines: tuple, asked: str, names: list[str]) -> None:
    ranked = rank(engines, Request(engine=asked)).choices
    assert [choice.engine.name for choice in ranked] == names
    assert all(choice.why for choice in ranked)


def test_what_costs_money_comes_first_only_where_nothing_else_makes_what_is_wanted() -> None:
    wanted = Request(stems=("lead_vocals",))
    assert [choice.engine.name for choice in rank((PAID_LEAD, READY), wanted).choices] == ["paid"]
    assert rank((PAID_LEAD, READY), Request(stems=("drums",))).best.engine.name == "builtin"


def test_a_named_engine_that_is_not_ready_says_what_to_type() -> None:
    with pytest.raises(EngineError, match=r"absent is not ready: its package is not installed.*pip"):
        rank((READY, ABSENT), Request(engine="absent"))


def test_an_unknown_engine_is_refused_with_those_there_are() -> None:
    with pytest.raises(EngineError, match=r"no engine 'magic'.*auto, builtin"):
        rank((READY,), Request(engine="magic"))


def test_without_any_engine_the_command_that_tells_why_is_named() -> None:
    with pytest.raises(EngineError, match=r"no engine is ready.*stem engines"):
        rank((ABSENT,), Request())


def test_this_machine_has_a_core() -> None:
    assert this_machine().cpus >= 1


def test_an_extra_file_asks_for_its_stem_beside_the_four() -> None:
    assert stems_needed((), "", ("instrumental", "no_drums")) == ()
    assert stems_needed((), "", ("no_guitar",)) == ("vocals", "drums", "bass", "other", "guitar")
    assert stems_needed((), "vocals", ()) == ("vocals",)
    assert stems_needed(("drums",), "", ("acapella",)) == ("drums", "vocals")


@pytest.mark.parametrize("name", ["banjo", "folder/banjo.ckpt", "banjo.onnx"])
def test_a_model_that_nobody_knows_is_told_as_that(stem: Stem, song: Path, name: str) -> None:
    told = stem("separate", song, "--model", name, code=4).stderr
    assert told == f"stem: there is no model {name!r}. `stem engines list` names those there are.\n"


def test_names_like_one_that_nobody_knows_are_told(stem: Stem, song: Path) -> None:
    told = stem("separate", song, "--model", "HTDemux", code=4).stderr
    assert "there is no model 'HTDemux'. Did you mean htdemucs" in told
    told = stem("separate", song, "--split-vocals", "--split-model", "uvr_mdxnet_kara", code=4).stderr
    assert "Did you mean UVR_MDXNET_KARA_2 " in told


def test_a_model_that_only_has_to_be_fetched_is_told_as_that(stem: Stem, song: Path, tmp_path: Path) -> None:
    for name, word in (("htdemucs", "engines download htdemucs"), ("lalal-drums-bass", "--allow-cloud")):
        assert word in stem("separate", song, "--model", name, "--models-dir", tmp_path, code=4).stderr
