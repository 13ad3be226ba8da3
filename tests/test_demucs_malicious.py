"""Files of Demucs models that want to run something: refused, and nothing is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
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


class Payload:
    """Pickles as a call; whoever unpickles it makes the call."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def test_a_fraction_that_would_take_hours_is_told(altered: Callable[..., Path], found: Callable[..., Located]) -> None:
    altered(kwargs={"segment": Payload(Fraction, "1e999999999")})
    with pytest.raises(EngineError, match="not a whole Demucs model"):
        described(found("altered"))


PAYLOADS = {
    "os.system": lambda: Payload(os.system, "echo > ran"),
    "eval": lambda: Payload(eval, "open('ran', 'w').close()"),
    "exec": lambda: Payload(exec, "open('ran', 'w').close()"),
    "subprocess": lambda: Payload(subprocess.call, [sys.executable, "-c", "open('ran', 'w')"]),
    "nested": lambda: Payload(getattr, Payload(__import__, "os"), "system"),
    "nested in data": lambda: {"a": [({"b": Payload(os.mkdir, "ran")},)]},
    "path": lambda: Payload(Path.touch, Path("ran")),
}


@pytest.mark.parametrize("place", ["klass", "args", "kwargs", "state", "training_args", "metrics"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_file_that_wants_to_run_something_is_refused_and_nothing_is_run(
    payload: str, place: str, altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    value = PAYLOADS[payload]()
    changes = {"kwargs": {"kwargs": {"t_layers": value}}, "args": {"args": (value,)}}.get(place, {place: value})
    path = altered(**changes)
    for attempt in (described, opened):
        with pytest.raises(EngineError, match=r"wants to run .*refused, nothing was run.*Delete it") as failure:
            attempt(found("altered"))
        assert failure.value.path == path
    assert not Path("ran").exists()


def test_the_payloads_of_these_tests_do_run_where_nobody_looks(altered: Callable[..., Path], torch: ModuleType) -> None:
    """Else the tests above would pass for nothing."""
    path = altered(metrics=PAYLOADS["eval"]())
    torch.load(path, weights_only=False)
    assert Path("ran").exists()


def test_the_refusal_names_what_the_file_wants_to_run(
    altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    altered(metrics=[PAYLOADS["os.system"](), PAYLOADS["eval"]()])
    with pytest.raises(
        EngineError, match=rf"wants to run (__builtin__|builtins)\.eval, {os.system.__module__}\.system"
    ):
        described(found("altered"))


def test_an_order_of_the_environment_to_trust_every_file_changes_nothing(
    altered: Callable[..., Path], found: Callable[..., Located], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    altered(metrics=PAYLOADS["eval"]())
    with pytest.raises(EngineError, match="refused"):
        described(found("altered"))
    assert not Path("ran").exists()


def test_the_unpickler_refuses_even_what_the_first_look_does_not_see(
    altered: Callable[..., Path], torch: ModuleType, found: Callable[..., Located], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.serialization, "get_unsafe_globals_in_checkpoint", lambda _: [])
    altered(metrics=PAYLOADS["eval"]())
    with pytest.raises(EngineError, match="not a whole Demucs model"):
        described(found("altered"))
    assert not Path("ran").exists()


def test_a_class_outside_of_the_list_is_refused(
    altered: Callable[..., Path], torch: ModuleType, found: Callable[..., Located]
) -> None:
    altered(klass=torch.nn.Linear)
    with pytest.raises(EngineError, match=r"torch\.nn\.modules\.linear\.Linear.*nothing was run"):
        described(found("altered"))


@pytest.mark.parametrize("klass", ["demucs.htdemucs.HTDemucs", Fraction, 5, None])
def test_a_class_that_is_none_of_demucs_is_told(
    klass: object, altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    altered(klass=klass)
    with pytest.raises(EngineError, match="not a whole Demucs model"):
        described(found("altered"))


def test_a_file_cannot_make_a_network_by_itself(
    altered: Callable[..., Path], torch: ModuleType, found: Callable[..., Located]
) -> None:
    from demucs.htdemucs import HTDemucs

    altered(metrics=Payload(HTDemucs, ["drums"]))
    with pytest.raises(EngineError, match="not a whole Demucs model"):
        described(found("altered"))


RAW = {
    "by the oldest opcodes": b"cos\nsystem\n(S'echo > ran'\ntR.",
    "by INST": b"(S'echo > ran'\nios\nsystem\n.",
    "by a name from the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0aecho > ran\x85R.",
    "by an extension": b"\x80\x02\x82\x01.",
    "cut off": b"\x80\x02}q\x00(X",
    "nothing": b"",
    "a memory that is not there": b"\x80\x02h\x05.",
    "a number": b"\x80\x02K\x01.",
    "a list": b"\x80\x02]q\x00.",
}


@pytest.mark.parametrize("raw", RAW)
def test_a_pickle_made_by_hand_is_refused_and_nothing_is_run(
    raw: str, altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    rewritten(altered(), lambda _: RAW[raw])
    with pytest.raises(EngineError):
        described(found("altered"))
    assert not Path("ran").exists()


@pytest.mark.parametrize("klass", ["os.system", "builtins.eval", "torch.nn.Linear", "HTDemucs", ""])
def test_safetensors_of_another_class_are_refused(
    klass: str, torch: ModuleType, tmp_path: Path, found: Callable[..., Located]
) -> None:
    safetensors_of(tmp_path, klass=klass, args='["echo > ran"]')
    with pytest.raises(EngineError, match=f"wants to run {klass}.*nothing was run"):
        opened(found("one"))
    assert not Path("ran").exists()


def test_safetensors_whose_structure_names_a_class_outside_of_the_list_are_refused(
    torch: ModuleType, tmp_path: Path, found: Callable[..., Located]
) -> None:
    structure = {"_dict": [["__quantized", True], ["meta", {"_dict": [["klass", {"_class": "os.system"}]]}]]}
    safetensors_of(tmp_path, structure=json.dumps(structure))
    with pytest.raises(EngineError, match=r"wants to run os\.system"):
        opened(found("one"))


@pytest.mark.parametrize(
    "facts",
    [
        {"klass": None},
        {"args": "{"},
        {"kwargs": "[]"},
        {"kwargs": "3"},
        {"kwargs": '{"segment": {"_type": "fraction", "numerator": 1, "denominator": 0}}'},
        {"kwargs": '{"segment": {"_type": "fraction"}}'},
        {"kwargs": "[" * 100_000},
        {"structure": '{"_dict": [["a", {"_tensor": "gone"}]]}'},
        {"structure": '{"_what": 3}'},
        {"structure": "[]"},
        {"structure": "{"},
    ],
)
def test_safetensors_with_odd_facts_are_told(
    facts: dict[str, str | None], torch: ModuleType, tmp_path: Path, found: Callable[..., Located]
) -> None:
    safetensors_of(tmp_path, **facts)
    with pytest.raises(EngineError):
        opened(found("one"))


def safetensors_of(tmp_path: Path, **facts: str | None) -> Path:
    """A file of the hub's form with one tensor and these facts; None leaves one out."""
    from safetensors.numpy import save_file

    settings = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": '{"sources": ["drums"]}', **facts}
    path = tmp_path / "models" / "one.safetensors"
    path.parent.mkdir()
    known = {name: value for name, value in settings.items() if value is not None}
    save_file({"weight": np.zeros(3, "float32")}, path, metadata=known)
    return path


def test_a_file_in_torchs_format_of_before_2020_says_so(
    altered: Callable[..., Path], torch: ModuleType, found: Callable[..., Located]
) -> None:
    path = altered()
    content = torch.load(path, weights_only=False)
    torch.save({**content, "metrics": PAYLOADS["eval"]()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(EngineError, match=r"no file of torch\.save of version 1\.6 or later"):
        described(found("altered"))
    assert not Path("ran").exists()


@quick
@given(data=st.data())
def test_a_malicious_pickle_with_any_bytes_changed_never_runs(
    data: st.DataObject, altered: Callable[..., Path], found: Callable[..., Located]
) -> None:
    """Whether what comes out can be read or not: the call inside is not made."""
    path = altered(metrics=PAYLOADS["eval"]())

    def change(whole: bytes) -> bytes:
        spoiled = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            spoiled[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        return bytes(spoiled)

    rewritten(path, change)
    with suppress(EngineError):
        opened(found("altered"))
    assert not Path("ran").exists()
