"""The table of UVR models and the list of VR networks: known stems, honest files, figures of one board."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from stem_cli import stems
from stem_cli.engines.demucs import models as demucs
from stem_cli.engines.uvr.models import MDX23C, ROFORMER, TABLE, VR, UvrModel
from stem_cli.engines.uvr.vr_facts import bands
from stem_cli.models import ModelFile

KNOWN = {*stems.TABLE, *stems.COMPLEMENTS}
every_model = pytest.mark.parametrize("model", TABLE.values(), ids=lambda model: model.name)


def files_of(model: UvrModel) -> tuple[ModelFile, ...]:
    return (model.weights, *([model.config] if model.config else []))


def test_the_default_is_the_one_of_a_clear_licence() -> None:
    assert next(iter(TABLE)) == "vocals_mel_band_roformer"
    assert TABLE["vocals_mel_band_roformer"].licence == "MIT"


def test_every_row_of_the_file_is_in_the_table() -> None:
    """Two of one name would be one in the table."""
    text = (resources.files("stem_cli.engines.uvr") / "table.toml").read_text("utf-8")
    assert len(tomllib.loads(text)["model"]) == len(TABLE)
    weights = [model.weights.name for model in TABLE.values()]
    assert len(set(weights)) == len(weights)


@every_model
def test_a_model_makes_stems_that_we_know_each_once(model: UvrModel) -> None:
    assert model.makes
    assert set(model.makes) <= KNOWN
    assert len(set(model.makes)) == len(model.makes)
    assert model.title
    assert model.licence


@every_model
def test_a_model_has_what_its_kind_needs(model: UvrModel) -> None:
    assert model.kind in (ROFORMER, MDX23C, VR)
    assert model.weights.name.endswith(".pth" if model.kind == VR else ".ckpt")
    assert model.name == Path(model.weights.name).stem
    assert (model.config is None) == (model.kind == VR) == (model.vr is not None)
    if model.vr is not None:
        assert len(model.makes) == 1
        assert model.vr.accompaniment == (model.makes[0] in stems.COMPLEMENTS)


@every_model
def test_a_models_files_are_told_honestly(model: UvrModel) -> None:
    for file in files_of(model):
        assert Path(file.name).name == file.name
        assert file.url == "" or re.fullmatch(r"https://[\w./-]+", file.url)
        assert re.fullmatch(r"(?:[0-9a-f]{64})?", file.sha256)
        assert file.bytes is None or file.bytes > 0


@every_model
def test_figures_have_a_source_and_are_of_stems_that_it_makes(model: UvrModel) -> None:
    assert bool(model.sdr) == bool(model.sdr_source)
    assert set(model.sdr) <= set(model.makes)


def test_all_figures_are_of_one_board_that_of_demucs() -> None:
    """The board stands before the comma; `stem engines list` ranks those of one and the same text with one another."""
    sources = {model.sdr_source for model in TABLE.values() if model.sdr}
    assert {source.partition(",")[0] for source in sources} == {demucs.MULTISONG.partition(",")[0]}
    assert TABLE["vocals_mel_band_roformer"].sdr_source == demucs.MULTISONG


def test_files_of_one_name_are_one_file() -> None:
    files = {file.name: file for model in TABLE.values() for file in files_of(model)}
    assert all(files[file.name] == file for model in TABLE.values() for file in files_of(model))


def test_the_parameters_of_vr_networks_are_known_to_audio_separator() -> None:
    pytest.importorskip("audio_separator", reason='pip install "stem-cli[uvr]"')
    text = (resources.files("stem_cli.engines.uvr") / "vr_networks.toml").read_text("utf-8")
    rows = tomllib.loads(text)
    assert all(re.fullmatch("[0-9a-f]{32}", mark) for mark in rows)
    assert {row["stem"] for row in rows.values()} <= KNOWN
    named = {row["bands"] for row in rows.values()} | {model.vr.bands for model in TABLE.values() if model.vr}
    assert named <= set(bands())


def test_what_the_table_says_of_a_vr_network_is_in_the_list_too() -> None:
    """A file that was renamed is known by its checksum as the same network."""
    text = (resources.files("stem_cli.engines.uvr") / "vr_networks.toml").read_text("utf-8")
    rows = [(row["bands"], row.get("nout"), row.get("nout_lstm"), row["stem"]) for row in tomllib.loads(text).values()]
    for model in TABLE.values():
        if model.vr is not None:
            assert (model.vr.bands, model.vr.nout, model.vr.nout_lstm, model.makes[0]) in rows
