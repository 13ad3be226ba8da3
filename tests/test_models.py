"""Files of models: where they lie, and whether they are whole."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from weights import BODY, NAME, OTHER, left, sha256

from stem_cli.errors import EngineError
from stem_cli.models import ModelFile, check, digest, find, memory_of, places

# where they lie


def test_our_folder_comes_first_and_pytorchs_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    ours, below = tmp_path / "models", Path("hub", "checkpoints")
    assert places(ours) == (ours, tmp_path / ".cache" / "torch" / below)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert places(ours) == (ours, tmp_path / "xdg" / "torch" / below)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert places(ours) == (ours, tmp_path / "torch" / below)


def test_a_file_is_found_in_either_place_and_ours_wins(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    file, theirs = ModelFile(NAME, ""), tmp_path / "torch" / "hub" / "checkpoints" / NAME
    assert find(file, folder) is None
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(BODY)
    assert find(file, folder) == theirs
    (folder / NAME).mkdir(parents=True)  # a folder of that name is no file
    assert find(file, folder) == theirs
    (folder / NAME).rmdir()
    (folder / NAME).write_bytes(BODY)
    assert find(file, folder) == folder / NAME


def test_pytorchs_cache_is_only_read(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    theirs = tmp_path / "torch" / "hub" / "checkpoints" / NAME
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(BODY)
    before = (theirs.stat().st_mtime_ns, theirs.parent.stat().st_mtime_ns)
    found = find(ModelFile(NAME, ""), folder)
    assert found is not None
    check(found, sha256(BODY)[:8], memory_of(folder))
    assert (theirs.stat().st_mtime_ns, theirs.parent.stat().st_mtime_ns) == before
    assert [path.name for path in theirs.parent.iterdir()] == [NAME]


# whether they are whole


@pytest.mark.parametrize("digits", [64, 8, 0])
def test_a_whole_file_passes_with_as_many_digits_as_are_known(tmp_path: Path, digits: int) -> None:
    path = tmp_path / NAME
    path.write_bytes(BODY)
    known = sha256(BODY)
    assert check(path, known[:digits].upper(), tmp_path / "memory.json", "htdemucs", len(BODY)) == known


@pytest.mark.parametrize(
    ("body", "size"), [(OTHER, None), (OTHER, len(BODY)), (BODY[:-1], None), (BODY[:-1], 3_000_000)]
)
def test_a_wrong_or_cut_file_is_refused_with_what_to_delete_and_to_type(
    tmp_path: Path, body: bytes, size: int | None
) -> None:
    path = tmp_path / NAME
    path.write_bytes(body)
    with pytest.raises(EngineError) as caught:
        check(path, sha256(BODY)[:8], tmp_path / "memory.json", "htdemucs", size)
    assert caught.value.exit_code == 4
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "(half-downloaded or damaged)" in text
    assert text.endswith("Delete this file and type `stem engines download htdemucs`.")
    assert path.read_bytes() == body


def test_a_cut_file_is_refused_by_its_size_where_no_checksum_is_known(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(BODY[:-1])
    with pytest.raises(EngineError, match="2,999,999 bytes instead of 3,000,000"):
        check(path, "", tmp_path / "memory.json", size=len(BODY))


def test_a_file_that_cannot_be_read_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        digest(tmp_path / "none.th", tmp_path / "memory.json")
    (tmp_path / "folder.th").mkdir()
    with pytest.raises(EngineError, match="cannot be read"):
        digest(tmp_path / "folder.th", tmp_path / "memory.json")


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path, memory = tmp_path / NAME, tmp_path / "deep" / "memory.json"
    path.write_bytes(BODY)
    assert digest(path, memory) == sha256(BODY)
    rows = json.loads(memory.read_text("utf-8"))
    rows[str(path)][-1] = "f" * 64  # what only somebody who does not read the file can answer
    memory.write_text(json.dumps(rows), "utf-8")
    assert digest(path, memory) == "f" * 64
    rows[str(path)][-1] = "f" * 63
    memory.write_text(json.dumps(rows), "utf-8")
    assert digest(path, memory) == sha256(BODY)
    before = path.stat()
    time.sleep(0.02)  # past the clock of the file system
    path.write_bytes(OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # even where its date is set back
    assert digest(path, memory) == sha256(OTHER)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"x": 3}', '{"PATH": []}', '{"PATH": [1, 2]}', "\ufeff\x00"])
def test_a_damaged_memory_is_not_believed_and_made_anew(tmp_path: Path, text: str) -> None:
    path, memory = tmp_path / NAME, tmp_path / "memory.json"
    path.write_bytes(BODY)
    memory.write_text(text.replace("PATH", str(path).replace("\\", "\\\\")), "utf-8")
    assert digest(path, memory) == sha256(BODY)
    assert json.loads(memory.read_text("utf-8"))[str(path)][-1] == sha256(BODY)


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    for name in ("a.th", "b.th"):
        (tmp_path / name).write_bytes(BODY)
        digest(tmp_path / name, memory)
    (tmp_path / "a.th").unlink()
    (tmp_path / "b.th").write_bytes(OTHER[:9])
    digest(tmp_path / "b.th", memory)
    assert list(json.loads(memory.read_text("utf-8"))) == [str(tmp_path / "b.th")]
    assert left(tmp_path) == ["b.th", "cache", "data", "memory.json", "work"]


def test_where_nothing_can_be_remembered_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(BODY)
    (tmp_path / "file").touch()
    assert digest(path, tmp_path / "file" / "memory.json") == sha256(BODY)
