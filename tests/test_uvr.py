"""RoFormers and MDX23C through the command line, as a user has them: a folder with weights and a yaml."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import Stem, music
from uvr_models import INSTALL, copied_uvr

from stem_cli import stems, verify
from stem_cli.engines import NotHere, Request, uvr
from stem_cli.engines.uvr import models, names, shelf
from stem_cli.engines.uvr.models import ROFORMER, UvrModel
from stem_cli.errors import EngineError, UsageError
from stem_cli.folder import find_folders
from stem_cli.models import ModelFile
from stem_cli.models.files import sha256_of

pytest.importorskip("audio_separator", reason=INSTALL)
pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')
pytestmark = pytest.mark.usefixtures("own_caches", "one_thread")

CONVERTING = "used for the first time"


def separated(stem: Stem, song: Path, folder: Path, model: str, *options: object) -> Any:
    done = stem("separate", song, "--models-dir", folder, "--model", model, "--json", *options)
    return json.loads(done.stdout)


def assert_whole(result: Any) -> None:
    (folder,) = find_folders(Path(result["folder"]))
    assert not [finding for finding in verify.check(folder) if finding.fault]


# from the command line


@pytest.mark.parametrize(
    ("rate", "channels", "name"), [(44100, 2, "song.wav"), (48000, 1, "song.flac"), (44100, 2, "song.mp3")]
)
def test_vocals_and_the_rest_add_up_to_the_song(
    stem: Stem, uvr_ready: Path, rate: int, channels: int, name: str
) -> None:
    soundfile.write(name, music(3.0, rate, channels), rate)
    result = separated(stem, Path(name), uvr_ready, "small_bs")
    assert tuple(result["stems"]) == ("vocals", "instrumental")
    assert_whole(result)
    assert result["record"]["made"]["engine"] == "uvr"


@pytest.mark.slow
def test_a_model_is_converted_at_its_first_song_and_not_at_its_second(
    stem: Stem, song: Path, uvr_models: Path, tmp_path: Path
) -> None:
    folder = copied_uvr(uvr_models, tmp_path / "models", "small_bs6")
    done = stem("separate", song, "--models-dir", folder, "--model", "small_bs6", "--json")
    first = json.loads(done.stdout)
    assert CONVERTING in done.stderr
    assert tuple(first["stems"]) == ("vocals", "drums", "bass", "guitar", "piano", "other")
    assert_whole(first)
    again = stem("separate", song, "--models-dir", folder, "--model", "small_bs6", "--output", "two", "--force")
    assert CONVERTING not in again.stderr


@pytest.mark.parametrize("seconds", [0.001, 0.1, 1.0])
def test_short_songs(stem: Stem, uvr_ready: Path, seconds: float) -> None:
    soundfile.write("short.wav", music(seconds), 44100)
    result = separated(stem, Path("short.wav"), uvr_ready, "small_bs")
    assert soundfile.info(result["stems"]["vocals"]).frames == round(seconds * 44100)


def test_a_converted_model_needs_neither_the_weights_nor_their_packages(
    stem: Stem, song: Path, uvr_ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from demucs_shelf import site
    from test_demucs_installed import TAKE_AWAY

    shutil.copytree(uvr_ready / "converted", tmp_path / "models" / "converted")
    site(tmp_path, monkeypatch, TAKE_AWAY.format(names=("torch", "audio_separator", "librosa", "yaml")))
    result = separated(stem, song, tmp_path / "models", "small_bs")
    assert tuple(result["stems"]) == ("vocals", "instrumental")
    assert_whole(result)


def test_convert_prints_the_files(stem: Stem, uvr_ready: Path) -> None:
    told = json.loads(stem("engines", "convert", "small_bs", "--models-dir", uvr_ready, "--json").stdout)
    assert {Path(name).suffix for name in told["files"]} == {".json", ".xml", ".bin"}
    assert told["stems"] == ["vocals"]


@pytest.mark.slow
def test_a_converted_model_that_is_damaged_is_made_anew(
    stem: Stem, song: Path, uvr_ready: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(uvr_ready, tmp_path / "models")
    (core,) = (folder / "converted").glob("*.bin")
    core.write_bytes(core.read_bytes()[:-100])
    done = stem("separate", song, "--models-dir", folder, "--model", "small_bs", "--json")
    assert "damaged: making it anew" in done.stderr
    assert_whole(json.loads(done.stdout))


def test_models_of_the_users_own_are_listed(stem: Stem, uvr_models: Path) -> None:
    rows = json.loads(stem("engines", "--models-dir", uvr_models, "--json").stdout)
    (row,) = [row for row in rows if row["name"] == "uvr"]
    ready = {model["name"] for model in row["models"] if model["ready"]}
    assert {"small_bs", "small_bs6", "small_mel", "small_mdx23c"} <= ready


# which model is meant


@pytest.mark.parametrize("ending", [".ckpt", ".pth", ".th"])
@pytest.mark.parametrize("config", ["own.yaml", "config_own.yaml"])
@pytest.mark.parametrize("asked", ["own", "own{}"])
def test_any_file_is_found_by_its_name(uvr_models: Path, tmp_path: Path, ending: str, config: str, asked: str) -> None:
    shutil.copy(uvr_models / "small_mel.ckpt", tmp_path / f"own{ending}")
    shutil.copy(uvr_models / "small_mel.yaml", tmp_path / config)
    request = Request(model=asked.format(ending), models_dir=tmp_path)
    model = uvr.ENGINE.find(request)
    assert model.name == request.model
    assert model.title == "a model of your own"
    assert model.stems == ("vocals", "instrumental")
    assert uvr.ENGINE.identify(request).model == "own"
    assert [one.name for one in uvr.ENGINE.added(tmp_path)] == ["own"]


def test_weights_without_pickle_are_read(uvr_models: Path, tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason=INSTALL)
    import torch
    from safetensors.torch import save_file

    from stem_cli.engines.uvr import checkpoint

    state = torch.load(uvr_models / "small_mdx23c.ckpt", weights_only=True)
    save_file(state, tmp_path / "own.safetensors")
    shutil.copy(uvr_models / "small_mdx23c.yaml", tmp_path / "own.yaml")
    found = checkpoint.read_state(shelf.locate("own", tmp_path).weights or tmp_path)
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_two_files_of_a_name_are_told_apart_by_their_endings(uvr_models: Path, tmp_path: Path) -> None:
    for ending in (".ckpt", ".pth"):
        shutil.copy(uvr_models / "small_bs.ckpt", tmp_path / f"own{ending}")
    shutil.copy(uvr_models / "small_bs.yaml", tmp_path / "own.yaml")
    with pytest.raises(EngineError, match=r"own can be own.ckpt and own.pth"):
        shelf.locate("own", tmp_path)
    assert shelf.locate("own.pth", tmp_path).weights == tmp_path / "own.pth"


@pytest.mark.parametrize("name", ["nothing", "../own", "", "a/b.ckpt", "nul\0"])
def test_a_model_that_is_nowhere_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "own.ckpt").write_bytes(b"x")
    with pytest.raises(NotHere, match="there is no UVR model"):
        shelf.locate(name, tmp_path / "models")


def test_without_a_name_the_first_that_makes_what_is_wanted_is_taken(uvr_models: Path) -> None:
    assert uvr.ENGINE.find(Request(stems=("piano",), models_dir=uvr_models)).name == "small_bs6"
    assert uvr.ENGINE.find(Request(stems=("vocals",), models_dir=uvr_models)).name == "small_bs"


@pytest.fixture
def table(uvr_models: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., UvrModel]:
    """Puts `small_mel` into the table, under the name `known`."""

    def put(**changes: Any) -> UvrModel:
        weights, config = (
            ModelFile(name, f"https://models.test/{name}", sha256_of(uvr_models / source))
            for name, source in (("known.ckpt", "small_mel.ckpt"), ("known.yaml", "small_mel.yaml"))
        )
        facts = {"makes": ("lead_vocals",), "licence": "MIT", "sdr": {}} | changes
        model = UvrModel("known", "Known", ROFORMER, weights, config, **facts)
        monkeypatch.setattr(models, "TABLE", {"known": model})
        return model

    return put


def test_a_model_of_the_table_is_checked_and_has_its_own_stems(
    uvr_models: Path, tmp_path: Path, table: Callable[..., UvrModel]
) -> None:
    table()
    with pytest.raises(NotHere, match="not on this machine yet") as told:
        shelf.locate("known", tmp_path)
    assert told.value.hint == "Type `stem engines download known`."
    for ending in (".ckpt", ".yaml"):
        shutil.copy(uvr_models / f"small_mel{ending}", tmp_path / f"known{ending}")
    request = Request(models_dir=tmp_path)
    assert uvr.ENGINE.find(request).stems == ("lead_vocals", "no_lead_vocals")
    assert uvr.ENGINE.identify(request).settings["makes"] == "lead_vocals"
    (tmp_path / "known.ckpt").write_bytes((tmp_path / "known.ckpt").read_bytes()[:-1])
    with pytest.raises(EngineError, match="its checksum is wrong"):
        shelf.locate("known", tmp_path)


@pytest.mark.parametrize(
    ("instruments", "target", "makes", "all_stems"),
    [
        (["vocals", "other"], "vocals", ("vocals",), ("vocals", "instrumental")),
        (["Vocals", "Instrumental"], "Instrumental", ("instrumental",), ("vocals", "instrumental")),
        (["vocals", "other"], "other", ("instrumental",), ("vocals", "instrumental")),
        (["Vocals", "Instrumental"], None, ("vocals", "instrumental"), ("vocals", "instrumental")),
        (["karaoke", "other"], "karaoke", ("lead_vocals",), ("lead_vocals", "no_lead_vocals")),
        (["drums", "other"], "drums", ("drums",), ("drums", "no_drums")),
        (["drums", "bass", "other", "vocals"], None, ("drums", "bass", "other", "vocals"), stems.FOUR),
        (["drums", "bass"], None, ("drums", "bass"), ("drums", "bass", "other")),
        (["Reverb", "Noise"], None, (None, None), None),
        (["Kick", "Snare", "Toms", "HH"], None, ("kick", "snare", "toms", "hats"), ("kick", "snare", "toms", "hats")),
    ],
)
def test_instruments_have_our_names(
    instruments: list[str], target: str | None, makes: tuple[str | None, ...], all_stems: tuple[str, ...] | None
) -> None:
    assert names.stems_of(instruments, target) == makes
    if all_stems is not None:
        assert names.told([name for name in makes if name]) == all_stems


# lengths and joints


def test_the_yaml_says_how_far_apart_segments_are_unless_the_request_does(uvr_models: Path) -> None:
    def stride(**request: Any) -> str:
        asked = Request(model="small_bs", models_dir=uvr_models, **request)
        return str(uvr.ENGINE.identify(asked).settings["stride"])

    assert stride() == str(38400 // 2)
    assert stride(overlap=0.75) == str(38400 // 4)
    assert stride(effort="fast") == str(int(38400 * 0.9))
    assert stride(segment_seconds=2.0, overlap=0.5) == str(256 * round(2 * 44100 / 256) // 2)


def test_a_roformer_takes_other_segments_and_an_mdx23c_does_not(
    uvr_models: Path, stem: Stem, song: Path, tmp_path: Path
) -> None:
    result = separated(stem, song, uvr_models, "small_bs", "--segment", "0.5", "--precision", "f32")
    assert_whole(result)
    with pytest.raises(UsageError, match="no other length"):
        uvr.ENGINE.identify(Request(model="small_mdx23c", models_dir=uvr_models, segment_seconds=0.5))
    with pytest.raises(UsageError, match="make no sense"):
        uvr.ENGINE.identify(Request(model="small_bs", models_dir=uvr_models, segment_seconds=0.01))


def test_bfloat16_is_only_taken_by_itself_where_it_is_exact_enough(uvr_ready: Path) -> None:
    from stem_cli.engines.runtime import hardware
    from stem_cli.engines.runtime.accuracy import exact_enough
    from stem_cli.engines.uvr import converted

    facts = converted.read("small_bs", uvr_ready)
    assert facts is not None
    assert exact_enough(facts.errors_db, "f32")
    rounded = hardware().bf16 and exact_enough(facts.errors_db, "bf16")
    asked = Request(model="small_bs", models_dir=uvr_ready)
    assert uvr.ENGINE.identify(asked).settings["precision"] == ("bf16" if rounded else "f32")
