"""Slips in the files of the models' folder: each is told, with the file, and no other model suffers from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Stem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stem_cli.engines.demucs import bag
from stem_cli.engines.onnx import manifest
from stem_cli.engines.uvr import config, vr_facts
from stem_cli.errors import EngineError

pytest.importorskip("yaml", reason='pip install "stem-cli[demucs]"')

DEEP, LONG = "[" * 4000, "0x" + "f" * 8000
YAML = [
    "a: !!int ''", "a: !!int '-'", "a: !!float ''", "a: !!bool foo", "a: !!timestamp x", "a: 2020-99-99", "{[a]: 1}",
    "? {a: 1}\n: 2", "a: " + "9" * 5000, "models: [a]\nsegment: " + LONG, DEEP, "",
    "training: {instruments: [vocals]}\nmodel: {num_bands: 60, stereo: true, depth: " + LONG + "}",
]  # fmt: skip
TOML = {
    "list": 'stem = ["vocals"]\nbands = "4band_v3"', "table": 'stem = { a = "vocals" }\nbands = "4band_v3"',
    "bands": 'stem = "vocals"\nbands = ["4band_v3"]', "long": f'stem = {LONG}\nbands = "4band_v3"',
    "long bands": f'stem = "vocals"\nbands = {LONG}', "digits": "nout = " + "9" * 5000, "deep": "a = " + DEEP,
}  # fmt: skip
WHOLE = 'name = "mine"\nkind = "waveform"\nfile = "mine.onnx"\n'
MANIFESTS = {
    "nested": 'stems = [["vocals"]]', "tables": "stems = [{ a = 1 }]", "long": f'stems = ["vocals"]\nrate = {LONG}',
    "digits": "rate = " + "9" * 5000, "deep": "stems = " + DEEP, "a table": 'stems = ["vocals"]\nquality = { a = [] }',
}  # fmt: skip


def told(read: Callable[[], Any], path: Path) -> None:
    with pytest.raises(EngineError) as error:
        read()
    assert error.value.path == path
    assert error.value.hint


@pytest.mark.parametrize("text", YAML, ids=range(len(YAML)))
def test_a_slip_in_a_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    told(lambda: config.read(path), path)
    told(lambda: bag.locate("mine", tmp_path, tmp_path / "digests"), path)


@pytest.mark.parametrize("slip", TOML)
def test_a_slip_in_the_toml_of_a_vr_network(tmp_path: Path, slip: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML[slip], "utf-8")
    told(lambda: vr_facts.facts_of(tmp_path / "mine.pth"), path)


@pytest.mark.parametrize("slip", MANIFESTS)
def test_a_slip_in_a_manifest(tmp_path: Path, slip: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE + MANIFESTS[slip], "utf-8")
    told(lambda: manifest.read(path), path)


TAGS = ("int", "float", "bool", "timestamp", "binary", "set", "omap", "pairs", "null", "seq", "map", "str", "merge")
VALUES = st.one_of(
    st.text("-+:_.0123456789eExXTZyn ", max_size=12), st.sampled_from(["[1]", "{a: 1}", "*a", "&a [*a]"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TAGS), VALUES), min_size=1, max_size=4))
def test_any_type_of_any_value_in_a_yaml(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "mine.yaml"
    lines = [f"key{place}: !!{tag} {value}" for place, (tag, value) in enumerate(rows)]
    path.write_text("\n".join(lines), "utf-8")
    told(lambda: config.read(path), path)
    told(lambda: bag.locate("mine", tmp_path, tmp_path / "digests"), path)


@pytest.mark.slow
def test_models_with_slips_are_passed_over(stem: Stem, song: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "converted").mkdir(parents=True)
    for number, text in enumerate(YAML):
        (folder / f"y{number}.yaml").write_text(text, "utf-8")
        (folder / f"y{number}.ckpt").write_bytes(b"weights")
        (folder / f"bag{number}.yaml").write_text(text, "utf-8")
    for number, text in enumerate([*TOML.values(), *(WHOLE + one for one in MANIFESTS.values())]):
        (folder / f"t{number}.toml").write_text(text, "utf-8")
        (folder / f"t{number}.pth").write_bytes(b"weights")
    for name in (".digests.json", "converted/htdemucs.json", "converted/y1.uvr.json"):
        (folder / name).write_text("[" * 100_000, "utf-8")
    done = stem("separate", song, "--models-dir", folder, "--json")
    assert json.loads(done.stdout)["record"]["made"]["engine"] == "builtin"
    assert "Traceback" not in stem("engines", "--models-dir", folder).stderr
