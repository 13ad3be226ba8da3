"""Files of UVR models that are damaged, belong to something else, or want to run code: told, and nothing is run."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Stem
from uvr_models import INSTALL, copied_uvr

from stem_cli.engines.uvr import checkpoint, config
from stem_cli.errors import EngineError

pytest.importorskip("audio_separator", reason=INSTALL)
pytestmark = pytest.mark.usefixtures("own_caches", "one_thread")
Change = Callable[[dict[str, Any]], object]


class Payload:
    """Pickles as a call; whoever unpickles it makes the call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.fixture
def folder(uvr_models: Path, tmp_path: Path) -> Path:
    """A folder with the model `small_bs`, to be harmed."""
    return copied_uvr(uvr_models, tmp_path / "models", "small_bs", "small_mel", "small_mdx23c")


def opened(folder: Path, name: str = "small_bs") -> Any:
    path = folder / f"{name}.yaml"
    return checkpoint.open_network(config.read(path), folder / f"{name}.ckpt", path)


# weights


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _holed(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[-3000:-1000] = bytes(2000)
    path.write_bytes(body)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": _cut,
    "holed": _holed,
    "empty": lambda path: path.write_bytes(b""),
    "a web page": lambda path: path.write_text("<!doctype html>" * 100_000),
    "noise": lambda path: path.write_bytes(os.urandom(2_000_000)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_weights_are_told(folder: Path, damage: str) -> None:
    DAMAGE[damage](folder / "small_bs.ckpt")
    with pytest.raises(EngineError, match=r"no whole weights|is empty|million numbers") as told:
        opened(folder)
    assert told.value.path == folder / "small_bs.ckpt"
    assert told.value.hint


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux memory is measured and limited like this")
@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
def test_memory_that_is_short_is_not_told_as_damage(tmp_path: Path, ending: str) -> None:
    """In a process that may take but little more: the file is whole, of a gigabyte that is not even on the disk."""
    path, size = tmp_path / f"large{ending}", 1 << 30
    code = (
        "import resource, sys, torch, safetensors; from pathlib import Path\n"
        "from stem_cli.engines.uvr import checkpoint\n"
        "from stem_cli.errors import EngineError\n"
        "pages = int(Path('/proc/self/statm').read_text().split()[0])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + (1 << 28),) * 2)\n"
        "try:\n checkpoint.read_state(Path(sys.argv[1]))\n"
        "except EngineError as error:\n print(error)"
    )
    if ending == ".ckpt":
        import torch

        torch.save({"a": torch.zeros(size // 4)}, path)
    else:
        header = json.dumps({"a": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        os.truncate(path, 8 + len(header) + size)
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert "there is not enough memory for this model" in done.stdout, done.stdout + done.stderr
    path.unlink()


def test_weights_of_another_network_are_told(folder: Path) -> None:
    shutil.copy(folder / "small_mel.ckpt", folder / "small_bs.ckpt")
    with pytest.raises(EngineError, match=r"not those of a network as small_bs.yaml describes it"):
        opened(folder)


def test_weights_of_other_sizes_are_told(folder: Path) -> None:
    altered(folder, lambda found: found["model"].update(dim=24))
    with pytest.raises(EngineError, match="not those of a network as"):
        opened(folder)


def test_a_yaml_of_a_huge_network_is_told_before_it_is_built(folder: Path) -> None:
    altered(folder, lambda found: found["model"].update(dim=4096, depth=64))
    with pytest.raises(EngineError, match="million numbers"):
        opened(folder)


@pytest.mark.parametrize("within", ["", "state_dict", "model"])
def test_weights_may_lie_within_a_checkpoint(folder: Path, within: str) -> None:
    import torch

    state = torch.load(folder / "small_bs.ckpt", weights_only=True)
    torch.save({within: state, "epoch": 3} if within else state, folder / "small_bs.ckpt")
    assert sum(one.numel() for one in opened(folder).parameters()) > 1000


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("place", ["alone", "beside the weights"])
def test_code_in_a_checkpoint_is_named_and_not_run(folder: Path, place: str, old: bool) -> None:
    import torch

    state: Any = torch.load(folder / "small_bs.ckpt", weights_only=True)
    held = Payload() if place == "alone" else {"state_dict": dict(state), "hyper_parameters": Payload()}
    torch.save(held, folder / "small_bs.ckpt", _use_new_zipfile_serialization=not old)
    with pytest.raises(EngineError, match=r"wants to run posix.mkdir.*nothing was run"):
        checkpoint.read_state(folder / "small_bs.ckpt")
    assert not Path("ran").exists()


def test_a_bare_pickle_is_not_run(folder: Path) -> None:
    (folder / "small_bs.ckpt").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(EngineError):
        checkpoint.read_state(folder / "small_bs.ckpt")
    assert not Path("ran").exists()


def test_a_file_that_holds_something_else_is_told(folder: Path) -> None:
    import torch

    torch.save({"a": 1}, folder / "small_bs.ckpt")
    with pytest.raises(EngineError, match="holds no weights"):
        checkpoint.read_state(folder / "small_bs.ckpt")


# yaml


def altered(folder: Path, change: Change, name: str = "small_bs") -> Path:
    """The yaml of a model after a change, by audio-separator's own way to read it."""
    path = folder / f"{name}.yaml"
    found = yaml.load(path.read_text("utf-8"), yaml.FullLoader)
    change(found)
    path.write_text(yaml.dump(found), "utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("model: !!python/object/apply:os.mkdir ['ran']", "object/apply:os.mkdir"),
        ("model: !!python/object/new:os.system ['echo > ran']", "object/new:os.system"),
        ("training: {instruments: !!python/name:os.system }", "name:os.system"),
        ("audio: !!python/module:os", "module:os"),
    ],
)
def test_an_object_of_python_in_a_yaml_is_named_and_not_made(folder: Path, text: str, named: str) -> None:
    path = folder / "small_bs.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(EngineError, match=r"wants to make the Python object .*nothing was run") as told:
        config.read(path)
    assert named in told.value.what
    assert not Path("ran").exists()


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh"))  # noqa: B905


@pytest.mark.parametrize(
    "text",
    ["", "[]", "just words", "model: [", "model: {}\ntraining: {}", "\0", "a: *b", "[" * 5000, "x" * 300_000, BOMB],
    ids=["empty", "list", "words", "cut", "bare", "binary", "no anchor", "deep", "long", "bomb"],
)
def test_a_yaml_that_is_none_is_told(folder: Path, text: str) -> None:
    path = folder / "small_bs.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(EngineError) as told:
        config.read(path)
    assert told.value.hint


WRONG: dict[str, tuple[str, Change, str]] = {
    "no model": ("small_bs", lambda found: found.pop("model"), "no section 'model'"),
    "of two kinds": ("small_bs", lambda found: found["model"].update(num_bands=60), "2 kinds at once"),
    "of no kind": ("small_bs", lambda found: found["model"].pop("freqs_per_bands"), "none of a BS-RoFormer"),
    "bands that miss bins": ("small_bs", lambda found: found["model"].update(freqs_per_bands=(2, 3)), "instead of 513"),
    "bands of words": ("small_bs", lambda found: found["model"].update(freqs_per_bands="many"), "freqs_per_bands"),
    "mono": ("small_bs", lambda found: found["model"].update(stereo=False), "not stereo"),
    "a depth of words": ("small_bs", lambda found: found["model"].update(depth="deep"), "model.depth is 'deep'"),
    "absurdly deep": ("small_bs", lambda found: found["model"].update(depth=10**9), "model.depth is 1000000000"),
    "absurdly long": ("small_bs", lambda found: found["inference"].update(dim_t=10**6), "segments have"),
    "too short": ("small_bs", lambda found: found["inference"].update(dim_t=3), "segments have"),
    "no overlap": ("small_bs", lambda found: found["inference"].update(num_overlap=0), "num_overlap is 0"),
    "other stems": ("small_bs", lambda found: found["model"].update(num_stems=3), "3 stems, and 1 are named"),
    "no instruments": ("small_mel", lambda found: found["training"].update(instruments=[]), "training.instruments"),
    "odd columns": ("small_mdx23c", lambda found: found["inference"].update(dim_t=65), "cannot be halved"),
    "no scale": ("small_mdx23c", lambda found: found["model"].update(scale=2), "model.scale is 2"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_yaml_that_makes_no_sense_says_why(folder: Path, wrong: str) -> None:
    name, change, why = WRONG[wrong]
    with pytest.raises(EngineError, match=why):
        config.read(altered(folder, change, name))


def test_stems_that_we_do_not_know_are_named(folder: Path) -> None:
    change = {"instruments": ["kazoo", "other"], "target_instrument": "kazoo"}
    with pytest.raises(EngineError, match="stems that we do not know: 'kazoo'") as told:
        config.read(altered(folder, lambda found: found["training"].update(change)))
    assert "vocals" in told.value.hint


def test_a_table_knows_the_stems_better_than_the_yaml(folder: Path) -> None:
    assert config.read(folder / "small_bs.yaml", ("lead_vocals",)).makes == ("lead_vocals",)
    with pytest.raises(EngineError, match="it names 1 stems, this model makes 2"):
        config.read(folder / "small_bs.yaml", ("lead_vocals", "backing_vocals"))


def test_a_yaml_of_the_training_says_its_segment_in_frames(folder: Path) -> None:
    path = altered(folder, lambda found: found["inference"].pop("dim_t"))
    assert config.read(path).layout.segment == 38400


# from the command line


def test_without_a_yaml_the_command_says_what_is_missing(stem: Stem, song: Path, folder: Path) -> None:
    (folder / "small_bs.yaml").unlink()
    done = stem("separate", song, "--models-dir", folder, "--model", "small_bs", code=4)
    assert "the yaml that describes this model is missing" in done.stderr
    assert "small_bs.yaml" in done.stderr


def test_of_two_engines_the_one_whose_model_it_is_tells_the_fault(stem: Stem, song: Path, folder: Path) -> None:
    """A bag of Demucs models is a yaml too."""
    (folder / "small_bs.yaml").write_text("model: !!python/object/apply:os.mkdir ['ran']", "utf-8")
    done = stem("separate", song, "--models-dir", folder, "--model", "small_bs", code=4)
    assert "uvr is not ready" in done.stderr
    assert "os.mkdir" in done.stderr
    assert not Path("ran").exists()


@pytest.mark.slow
def test_a_damaged_checkpoint_ends_the_command_in_one_line(stem: Stem, song: Path, folder: Path) -> None:
    _cut(folder / "small_bs.ckpt")
    done = stem("separate", song, "--models-dir", folder, "--model", "small_bs", code=4)
    assert "Traceback" not in done.stderr
    assert "no whole weights" in done.stderr
    assert not list(Path("stems").glob("*"))
