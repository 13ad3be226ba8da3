"""Opening a Demucs model: what is good, what we cannot serve, what is damaged."""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from demucs_files import described, opened, quick, rewritten
from hypothesis import given
from hypothesis import strategies as st

from stem_cli.engines.demucs.bag import Located
from stem_cli.errors import EngineError

pytestmark = pytest.mark.usefixtures("own_caches")


# Opening what is good


def test_numbers_of_numpy_in_the_records_of_the_training_pass(
    altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    altered(metrics={"loss": np.float64(0.1), "best": [np.int32(3), np.array([1.0])], "old": {1: (2, None)}})
    assert opened(found("altered"))


def test_numbers_of_an_older_numpy_pass(altered: Callable[..., Path], found: Callable[..., Located]) -> None:
    path = altered(metrics={"loss": np.float64(0.1)})
    rewritten(path, lambda data: data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert opened(found("altered"))


def test_settings_of_another_version_are_left_out_with_a_note(
    altered: Callable[..., Path], found: Callable[..., Located], caplog: pytest.LogCaptureFixture
) -> None:
    altered(kwargs={"t_new_idea": 7})
    with caplog.at_level("INFO", logger="stem_cli"):
        assert opened(found("altered"))
    assert "t_new_idea" in caplog.text


def test_a_model_of_another_rate_is_described(altered: Callable[..., Path], found: Callable[..., Located]) -> None:
    altered(kwargs={"samplerate": 48000})
    assert described(found("altered")).rate == 48000


def test_stems_in_another_order_are_kept_as_the_model_has_them(
    altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    altered(kwargs={"sources": ["vocals", "other", "bass", "drums"]})
    assert described(found("altered")).stems == ("vocals", "other", "bass", "drums")


def test_stems_may_be_given_by_place(altered: Callable[..., Path], found: Callable[..., Located]) -> None:
    path = altered()
    import torch

    content = torch.load(path, weights_only=False)
    names = content["kwargs"].pop("sources")
    torch.save({**content, "args": (names,)}, path)
    assert described(found("altered")).stems == tuple(names)
    assert opened(found("altered"))[0].sources == names


def test_a_longer_segment_than_it_can_take_leaves_an_htdemucs_its_own(
    tinies: Path, tmp_path: Path, found: Callable[..., Located]
) -> None:
    from stem_cli.engines.demucs.checkpoint import open_network

    path = found("tiny", tinies).files[0]
    assert open_network(path, 44).segment == Fraction(39, 5)
    assert open_network(path, 5).segment == 5
    assert opened(found("tiny_hdemucs", tinies))[0].segment == 44


# What we cannot serve


@pytest.mark.parametrize(
    ("kwargs", "why"),
    [
        ({"sources": ["drums", "bass", "kazoo", "theremin"]}, "do not know: kazoo, theremin"),
        ({"sources": ["drums", "drums", "bass", "other"]}, "a stem twice"),
        ({"sources": []}, "does not say which stems"),
        ({"sources": "drums"}, "does not say which stems"),
        ({"audio_channels": 1}, "takes 1 channels"),
        ({"samplerate": "44100"}, "rate is '44100'"),
        ({"samplerate": 0}, "rate is 0"),
    ],
)
def test_a_model_that_we_cannot_serve_says_why(
    kwargs: dict[str, Any], why: str, altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    path = altered(kwargs=kwargs)
    for attempt in (described, opened):
        with pytest.raises(EngineError, match=why) as failure:
            attempt(found("altered"))
        assert failure.value.path == path


def test_a_bag_whose_networks_make_different_stems_is_refused(
    tinies: Path, tmp_path: Path, found: Callable[..., Located]
) -> None:
    folder = linked(tinies, tmp_path)
    (folder / "mixed.yaml").write_text("models: [tiny, tiny_6s]")
    with pytest.raises(EngineError, match=r"guitar, piano at 44100 Hz, but tiny-\w{8}\.th drums"):
        described(found("mixed", folder))


def test_a_bag_with_a_weight_for_a_stem_too_many_is_refused(
    tinies: Path, tmp_path: Path, found: Callable[..., Located]
) -> None:
    folder = linked(tinies, tmp_path)
    (folder / "wide.yaml").write_text("models: [tiny]\nweights: [[1, 1, 1, 1, 1]]")
    with pytest.raises(EngineError, match="weights for 5 stems"):
        described(found("wide", folder))


def linked(tinies: Path, tmp_path: Path) -> Path:
    """A folder of this test with the tiny networks in it."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in tinies.glob("*.th"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("changes", [{"channels": 6}, {"depth": 3}, {"t_layers": 2}, {"channels": "four"}])
def test_settings_that_do_not_fit_the_weights_are_told(
    changes: dict[str, Any], altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    altered(kwargs=changes)
    with pytest.raises(EngineError, match="another architecture than it says"):
        opened(found("altered"))


def test_weights_of_another_class_are_told(
    altered: Callable[..., Path], torch: ModuleType, found: Callable[..., Located]
) -> None:
    from demucs.hdemucs import HDemucs

    altered(klass=HDemucs)
    with pytest.raises(EngineError, match=r"another architecture than it says \(HDemucs\)"):
        opened(found("altered"))


@pytest.mark.parametrize("state", [{}, {"weight": 3}, {7: None}])
def test_weights_that_are_none_are_told(
    state: object, altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    altered(state=state)
    with pytest.raises(EngineError, match="another architecture"):
        opened(found("altered"))


# Quantised weights


def test_quantised_weights_say_what_to_install(
    altered: Callable[..., Path], found: Callable[..., Located], monkeypatch: pytest.MonkeyPatch
) -> None:
    altered(state={"__quantized": True})
    monkeypatch.setitem(sys.modules, "diffq", None)
    with pytest.raises(EngineError, match="Type `pip install diffq`"):
        opened(found("altered"))


def test_quantised_weights_are_restored(
    altered: Callable[..., Path], tinies: Path, torch: ModuleType, found: Callable[..., Located]
) -> None:
    diffq = pytest.importorskip("diffq", reason="only on machines with diffq: it comes as source and needs a compiler")
    (network,) = opened(found("tiny", tinies))
    quantiser = diffq.DiffQuantizer(network.requires_grad_(True), min_size=0.01)
    altered(state={**quantiser.get_quantized_state(), "__quantized": True})
    quantiser.restore_quantized_state(quantiser.get_quantized_state())
    (restored,) = opened(found("altered"))
    expected = {name: value for name, value in network.state_dict().items() if name in restored.state_dict()}
    assert len(expected) == len(restored.state_dict())
    assert all(torch.equal(value, restored.state_dict()[name]) for name, value in expected.items())


@pytest.mark.parametrize("klass", [None, 3, Fraction(1, 2), "demucs.htdemucs.HTDemucs"])
def test_a_quantiser_outside_of_the_list_is_never_made(
    klass: object, altered: Callable[..., Path], found: Callable[..., Located], monkeypatch: pytest.MonkeyPatch
) -> None:
    from demucs.htdemucs import HTDemucs

    altered(state={"__quantized": True, "meta": {"klass": HTDemucs if isinstance(klass, str) else klass}})
    made: list[object] = []
    diffq: Any = ModuleType("diffq")
    diffq.restore_quantized_state = lambda *state: made.append(state)
    monkeypatch.setitem(sys.modules, "diffq", diffq)
    with pytest.raises(EngineError, match="another architecture"):
        opened(found("altered"))
    assert not made


# Files that are damaged or something else


def spoilt(whole: bytes) -> dict[str, bytes]:
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    return {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "without its end": whole[:-50],
        "its first bytes": whole[:10],
        "a picture": png,
        "a login page": b"<!DOCTYPE html><title>Log in</title>",
        "an old pickle": pickle.dumps({"klass": "x"}),
        "a song": b"RIFF\x24\x00\x00\x00WAVEfmt ",
        "a zip of something else": b"",
    }


@pytest.mark.parametrize("suffix", [".th", ".safetensors"])
@pytest.mark.parametrize("fault", spoilt(b"whole"))
def test_a_file_that_is_damaged_or_something_else_is_told(
    fault: str, suffix: str, tinies: Path, tmp_path: Path, found: Callable[..., Located]
) -> None:
    path = tmp_path / "models" / f"one{suffix}"
    path.parent.mkdir()
    path.write_bytes(spoilt(next(iter(tinies.glob("tiny-*.th"))).read_bytes())[fault])
    if fault == "a zip of something else":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("song.txt", "la la la")
    for attempt in (described, opened):
        with pytest.raises(EngineError, match=r"Delete (it|this file) and get the model again") as failure:
            attempt(found("one"))
        assert failure.value.path == path


def test_a_file_of_torchscript_is_told(torch: ModuleType, tinies: Path, found: Callable[..., Located]) -> None:
    path = Path("models") / "one.th"
    path.parent.mkdir()
    path.write_bytes(next(iter(tinies.glob("tiny-*.th"))).read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{archive.namelist()[0].partition('/')[0]}/constants.pkl", b"\x80\x02).")
    with pytest.raises(EngineError, match="not a whole Demucs model"):
        described(found("one", path.parent))


def test_a_state_cut_out_of_the_zip_is_told(altered: Callable[..., Path], found: Callable[..., Located]) -> None:
    path = altered()
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/data/7")}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records.items():
            archive.writestr(name, data)
    with pytest.raises(EngineError, match="not a whole Demucs model"):
        opened(found("altered"))


@quick
@given(data=st.binary(max_size=400), start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02"]), safe=st.booleans())
def test_random_bytes_are_always_told(
    data: bytes, start: bytes, safe: bool, torch: ModuleType, tmp_path: Path, found: Callable[..., Located]
) -> None:
    path = tmp_path / "random" / f"one{'.safetensors' if safe else '.th'}"
    path.parent.mkdir(exist_ok=True)
    for old in path.parent.iterdir():
        old.unlink()
    path.write_bytes(start + data)
    with pytest.raises(EngineError):
        described(found("one", path.parent))
