"""Which engine comes first, by the song, the machine and the user's wishes, as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from conftest import Stem

from stem_cli.engines import Engine, Missing, Model, Request, load
from stem_cli.errors import EngineError, UsageError
from stem_cli.router import Facts, Machine, after_poor, policy_of, promises_more, rank
from stem_cli.settings import Settings
from stem_cli.stems import FOUR, SIX

DEFAULT = policy_of(Settings().engine_rules, Settings().engine_order, Settings().large_file_mb)
GIGABYTE = 1e9
ANYTHING, HERE = Request(), Machine()


def engine(name: str, stems: tuple[str, ...] = FOUR, **changes: Any) -> Engine:
    """An engine that is ready, with one model of these stems. vocals: its published figure."""
    quality = {"vocals": changes.pop("vocals")} if "vocals" in changes else {}
    model = Model(f"{name}-model", name, stems, changes.pop("licence", "MIT"), quality=quality, source="here")
    facts = {"speed": 2.0, "pays": False, "memory": lambda request, seconds: GIGABYTE, **changes}
    return replace(
        load("builtin"),
        name=name,
        models=(model,),
        unavailable=lambda request: None,
        find=lambda request: model,
        **facts,
    )


BUILTIN = engine("builtin", speed=15.0, vocals=3.8)
DEMUCS = engine("demucs", licence="research only", networks=True, vocals=8.2)
ONNX = engine("onnx", networks=True)
ONNX_VOCALS = engine("onnx", ("vocals", "instrumental"), networks=True)
UVR_SIX = engine("uvr", SIX, licence="unknown: yours to judge", speed=0.3, networks=True, vocals=11.0)
UVR_VOCALS = engine("uvr", ("vocals", "instrumental"), speed=0.3, networks=True, vocals=11.0)
UVR_LEAD = engine("uvr", ("lead_vocals", "no_lead_vocals"), networks=True)
CLOUD = engine("cloud", speed=4.0, pays=True, minutes=lambda request, seconds: seconds / 60 * 3)
ABSENT = replace(DEMUCS, unavailable=lambda request: Missing("torch is not installed", "Type: pip ..."))
HUGE = engine("demucs", memory=lambda request, seconds: 9 * GIGABYTE, networks=True)
LOCAL = (BUILTIN, DEMUCS, ONNX, UVR_SIX)
ALL = (*LOCAL, CLOUD)


@dataclass(frozen=True)
class Row:
    """engines are ready; the first ones tried are `first`, and of `passed` a word is told why they are not."""

    engines: Sequence[Engine]
    first: tuple[str, ...]
    request: Request = ANYTHING
    facts: dict[str, Any] = field(default_factory=dict)
    machine: Machine = HERE
    passed: dict[str, str] = field(default_factory=dict)
    why: str = ""


LARGE, PAYS = {"megabytes": 50.0}, {"cloud_minutes": 60.0}
VOCALS = Request(stems=("vocals",))
ROWS = {
    "nothing but the embedded engine": Row((BUILTIN,), ("builtin",)),
    "demucs before all others": Row(LOCAL, ("demucs", "onnx", "uvr", "builtin")),
    "onnx where torch is not there": Row((BUILTIN, ABSENT, ONNX), ("onnx", "builtin"), passed={"demucs": "torch"}),
    "a model of vocals only is no four stems": Row((BUILTIN, ONNX_VOCALS), ("builtin", "onnx")),
    "a model of vocals only is enough for vocals": Row((BUILTIN, ONNX_VOCALS), ("onnx", "builtin"), VOCALS),
    "six stems come from who makes them": Row(ALL[:4], ("uvr",), Request(stems=SIX)),
    "small file, cloud allowed": Row(ALL, ("demucs",), facts=PAYS),
    "49.9 MB are small": Row(ALL, ("demucs",), facts={**PAYS, "megabytes": 49.9}),
    "50 MB go to the cloud": Row(ALL, ("cloud", "demucs"), facts={**PAYS, **LARGE}, why="a large file"),
    "50 MB, and no minutes": Row(ALL, ("demucs",), facts=LARGE, passed={"cloud": "--cloud-minutes"}),
    "50 MB, too few minutes": Row(ALL, ("demucs",), facts={**LARGE, "cloud_minutes": 11}, passed={"cloud": "12.0 "}),
    "50 MB, and minutes to the dot": Row(ALL, ("cloud",), facts={**LARGE, "cloud_minutes": 12.0}),
    "50 MB in a batch": Row(ALL, ("demucs",), facts={**PAYS, **LARGE, "batch": True}),
    "50 MB, cloud not allowed": Row(LOCAL, ("demucs", "onnx"), facts=LARGE),
    "best effort": Row(LOCAL, ("uvr", "demucs"), Request(effort="best"), why="--effort best"),
    "best effort, where uvr makes vocals only": Row((BUILTIN, DEMUCS, UVR_VOCALS), ("demucs",), Request(effort="best")),
    "best effort for vocals": Row((BUILTIN, DEMUCS, UVR_VOCALS), ("uvr",), replace(VOCALS, effort="best")),
    "fast": Row(LOCAL, ("builtin", "demucs"), Request(effort="fast"), why="--effort fast"),
    "fast, but six stems": Row(LOCAL, ("uvr",), Request(stems=SIX, effort="fast")),
    "vocals of high priority": Row(ALL, ("cloud", "demucs"), VOCALS, {**PAYS, "priority": "high"}, why="high priority"),
    "vocals of high priority, no minutes": Row(ALL, ("demucs",), VOCALS, {"priority": "high"}),
    "four stems of high priority": Row(ALL, ("demucs",), facts={**PAYS, "priority": "high"}),
    "drums of high priority": Row(ALL, ("demucs",), Request(stems=("drums",)), {**PAYS, "priority": "high"}),
    "high priority beats fast": Row(ALL, ("cloud",), replace(VOCALS, effort="fast"), {**PAYS, "priority": "high"}),
    "too little memory": Row((BUILTIN, HUGE), ("builtin",), machine=Machine(ram_gb=8.9), passed={"demucs": "9.0 GB"}),
    "just enough memory": Row((BUILTIN, HUGE), ("demucs",), machine=Machine(ram_gb=9.0)),
    "memory of a GPU is its own": Row((BUILTIN, HUGE), ("demucs",), machine=Machine(ram_gb=4.0, backend="cuda")),
    "a GPU that is large enough": Row(
        (BUILTIN, HUGE), ("demucs",), machine=Machine(ram_gb=4.0, backend="cuda", vram_gb=9.0), why="the best that"
    ),
    "too large for the GPU": Row(
        (BUILTIN, HUGE), ("demucs",), machine=Machine(ram_gb=9.0, backend="cuda", vram_gb=8.9),
        why="does not fit the GPU's 8.9 GB: it would run on the processor",
    ),
    "too large for the GPU and the machine": Row(
        (BUILTIN, HUGE), ("builtin",), machine=Machine(ram_gb=8.0, backend="cuda", vram_gb=4.0),
        passed={"demucs": "does not fit the GPU's 4.0 GB, and it needs about 9.0 GB of memory, 8.0 GB are free"},
    ),
    "too large for the GPU, too long on the processor": Row(
        (BUILTIN, HUGE), ("builtin",), facts={"seconds": 36000.0, "hours": 1.0},
        machine=Machine(backend="cuda", vram_gb=4.0), passed={"demucs": "and on the processor it would take about 5 h"},
    ),
    "on the GPU it would not be too long": Row(
        (BUILTIN, HUGE), ("demucs",), facts={"seconds": 36000.0, "hours": 1.0},
        machine=Machine(backend="cuda", vram_gb=10.0),
    ),
    "what has no networks does not mind the GPU": Row(
        (engine("builtin", memory=lambda request, seconds: 9 * GIGABYTE),), ("builtin",),
        machine=Machine(backend="cuda", vram_gb=4.0), why="the best that is ready on this machine",
    ),
    "too long": Row(
        (BUILTIN, UVR_SIX), ("builtin",), facts={"seconds": 36000.0, "hours": 12.0}, passed={"uvr": "33 hours"}
    ),
    "on sixteen cores it is not": Row(
        (BUILTIN, UVR_SIX), ("uvr",), facts={"seconds": 36000.0, "hours": 12.0}, machine=Machine(cpus=16)
    ),
    "no limit of time": Row((BUILTIN, UVR_SIX), ("uvr",), facts={"seconds": 36000.0}),
    "licences that are known": Row(LOCAL, ("demucs",), facts={"licences": "known"}, passed={"uvr": "yours to judge"}),
    "licences for any use": Row(LOCAL, ("onnx", "builtin"), facts={"licences": "free"}, passed={"demucs": "research"}),
    "only a service makes it": Row((BUILTIN, engine("cloud", ("lead_vocals",), pays=True)), ("cloud",),
                                   Request(stems=("lead_vocals",)), passed={"builtin": "makes none of what is wanted"}),
    "who makes none of it is not tried": Row((ONNX_VOCALS, UVR_SIX), ("uvr",), Request(stems=("piano",)),
                                             passed={"onnx": "makes none of what is wanted, but vocals"}),
    "who makes some of it is tried": Row((BUILTIN, UVR_SIX), ("uvr", "builtin"), Request(stems=("piano", "drums"))),
    "a service never comes by itself": Row((BUILTIN, CLOUD), ("builtin",)),
    "an engine that is named is alone": Row(ALL, ("onnx",), Request(engine="onnx", effort="fast"), why="as asked"),
    "a model that is named is alone": Row(ALL, ("uvr",), Request(model="uvr-model"), {**PAYS, **LARGE}, why="as asked"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_the_router_ranks(row: Row) -> None:
    facts = Facts(**{"policy": DEFAULT, **row.facts})
    found = rank(row.engines, row.request, facts, row.machine)
    names = tuple(choice.engine.name for choice in found.choices)
    assert names[: len(row.first)] == row.first
    assert all(choice.why for choice in found.choices)
    assert row.why in found.best.why
    for name, word in row.passed.items():
        assert name not in names
        assert word in found.passed[name]
    assert rank(row.engines, row.request, facts, row.machine) == found


def test_the_settings_reorder_the_rules() -> None:
    facts = Facts(megabytes=80, cloud_minutes=60, policy=policy_of("large=onnx", "uvr, demucs, onnx, builtin", 80))
    assert [one.engine.name for one in rank(ALL, Request(), facts).choices][:3] == ["onnx", "uvr", "demucs"]
    assert rank(ALL, Request(), replace(facts, megabytes=79)).best.engine.name == "uvr"
    assert rank(ALL, Request(effort="fast"), replace(facts, megabytes=1)).best.engine.name == "uvr"


def test_without_any_rule_the_order_is_all() -> None:
    facts = Facts(megabytes=80, cloud_minutes=60, policy=policy_of("", "builtin, demucs", 50))
    assert [one.engine.name for one in rank(ALL, Request(effort="best"), facts).choices][:2] == ["builtin", "demucs"]


@pytest.mark.parametrize(
    ("rules", "order", "word"),
    [
        ("large=cloud, large=demucs", "demucs", "large=cloud and large=demucs contradict"),
        ("large=cloud+cloud", "demucs", "cloud stands there twice"),
        ("huge=cloud", "demucs", "'huge=cloud' is no rule"),
        ("large", "demucs", "'large' is no rule"),
        ("large=", "demucs", "no engine is named"),
        ("large=magic", "demucs", "no engine 'magic'"),
        ("large=cloud", "demucs, onnx, demucs", "demucs stands there twice"),
        ("large=cloud", "", "no engine is named"),
    ],
)
def test_rules_that_make_no_sense_say_which(rules: str, order: str, word: str) -> None:
    with pytest.raises(UsageError, match=r"engine_(rules|order)") as told:
        policy_of(rules, order, 50)
    assert word in str(told.value)
    assert told.value.hint


def test_where_nothing_fits_all_reasons_are_told() -> None:
    with pytest.raises(EngineError, match=r"no engine may or can be used.*demucs: it needs about 9\.0 GB"):
        rank((HUGE,), Request(), Facts(policy=DEFAULT), Machine(ram_gb=1))


@pytest.mark.parametrize("options", [(), ("--engine", "builtin")])
def test_explain_refuses_what_the_run_refuses(stem: Stem, song: Any, tmp_path: Any, options: tuple[str, ...]) -> None:
    asked = ("separate", song, "--stems", "piano", "--models-dir", tmp_path / "none", *options)
    run, explained = (stem(*asked, *way, code=4).stderr for way in ((), ("--explain",)))
    assert run == explained
    assert ("no engine that is ready makes piano" if not options else "builtin makes none of the stems") in run


def test_after_a_poor_voice_uvr_comes_then_the_cloud_then_the_others() -> None:
    facts = Facts(policy=DEFAULT, cloud_minutes=60)
    choices = rank((*LOCAL, CLOUD), Request(), facts).choices[1:]
    assert [one.engine.name for one in after_poor(choices, Request(), facts)] == ["uvr", "cloud", "onnx", "builtin"]


def test_after_a_poor_voice_only_who_makes_all_that_is_wanted_is_tried() -> None:
    facts = Facts(policy=DEFAULT)
    choices = rank((DEMUCS, UVR_LEAD, BUILTIN), Request(), facts).choices[1:]
    assert [one.engine.name for one in after_poor(choices, Request(), facts)] == ["builtin"]


def test_a_model_known_to_be_no_better_is_not_tried() -> None:
    by_name = {one.engine.name: one for one in rank(LOCAL, Request(), Facts(policy=DEFAULT)).choices}
    assert promises_more(by_name["builtin"], 3.0)
    assert not promises_more(by_name["builtin"], 4.0)
    assert promises_more(by_name["onnx"], 6.9)


def test_explain_tells_the_ranking_and_makes_nothing(stem: Stem, song: Any) -> None:
    done = stem("separate", song, "--explain")
    assert " 1. builtin dsp" in done.stdout
    assert "demucs" in done.stdout
    assert "not ready" in done.stdout
    assert not (song.parent / "stems").exists()
    told = json.loads(stem("separate", song, "--explain", "--json").stdout)
    assert told["engines"][0] == {
        "place": 1, "engine": "builtin", "model": "dsp", "why": "the best that is ready on this machine",
    }  # fmt: skip
    assert {row["engine"] for row in told["engines"]} == {"builtin", "demucs", "onnx", "uvr", "cloud"}


def test_contradicting_rules_of_the_settings_end_the_command(stem: Stem, song: Any, tmp_path: Any) -> None:
    (tmp_path / "stem.toml").write_text('engine_rules = "fast=builtin, fast=demucs"\n')
    done = stem("separate", song, code=2)
    assert "fast=builtin and fast=demucs contradict one another" in done.stderr
    assert not (song.parent / "stems").exists()
