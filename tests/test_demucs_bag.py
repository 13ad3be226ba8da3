"""Which files a Demucs model is made of: the table of the published ones, and finding them."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from demucs_files import INSTALL

from stem_cli import stems
from stem_cli.engines.demucs import models
from stem_cli.engines.demucs.bag import Located, locate
from stem_cli.errors import EngineError

pytestmark = pytest.mark.usefixtures("own_caches")


# The table


def test_the_table_says_what_the_package_says(torch: ModuleType) -> None:
    """Names, digits, bags, weights and segments are those of the package demucs that is installed."""
    import demucs
    import yaml

    remote = Path(demucs.__file__).parent / "remote"
    places = dict(re.findall(r"^(\w{8})-(\w{8})\.th$", (remote / "files.txt").read_text(), re.MULTILINE))
    assert set(models.TABLE) == {path.stem for path in remote.glob("*.yaml") if not path.stem.startswith("repro_")}
    for name, model in models.TABLE.items():
        bag = yaml.safe_load((remote / f"{name}.yaml").read_text())
        assert list(model.signatures) == bag["models"]
        assert [list(row) for row in model.weights] == bag.get("weights", [])
        assert model.segment == bag.get("segment")
        for file in model.files:
            assert file.name == f"{models.signature(file)}-{places[models.signature(file)]}.th"
            assert file.sha256.startswith(places[models.signature(file)])


def test_the_urls_are_those_the_package_downloads_from(torch: ModuleType) -> None:
    from demucs.hf import hf_repo_name
    from demucs.pretrained import REMOTE_ROOT, _parse_remote_files

    urls = _parse_remote_files(REMOTE_ROOT / "files.txt")
    for model in models.TABLE.values():
        assert [file.url for file in model.files] == [urls[one] for one in model.signatures]
        assert model.hub == f"adefossez/{hf_repo_name(model.name)}"


@pytest.mark.parametrize("model", models.TABLE.values(), ids=models.TABLE)
def test_each_row_of_the_table_makes_sense(model: models.Model) -> None:
    assert set(model.stems) <= set(stems.TABLE)
    assert set(model.sdr) <= set(model.stems)
    assert bool(model.sdr) == bool(model.sdr_source)
    assert model.licence
    for file in model.files:
        assert re.fullmatch(r"[0-9a-f]{8}([0-9a-f]{56})?", file.sha256)
    assert model.weights == () or np.all(np.sum(model.weights, axis=0) > 0)
    assert len(model.weights) in (0, len(model.files))
    assert model.needs_diffq == model.name.endswith("_q")


def test_what_a_bag_weighs_is_known_where_all_its_files_are() -> None:
    assert models.TABLE["htdemucs_ft"].bytes == 4 * 84_141_271
    assert models.TABLE["mdx"].bytes is None


# Finding


def model_file(folder: Path, name: str, content: bytes = b"weights", digits: bool = True) -> Path:
    """A file named as the package names its own; finding looks at its digest, not inside."""
    sha = hashlib.sha256(content).hexdigest()[:8]
    path = folder / (f"{name}-{sha}.th" if digits else f"{name}.th")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_network_is_found_by_its_signature_with_and_without_digits(
    tmp_path: Path, found: Callable[..., Located]
) -> None:
    with_digits, without = (
        model_file(tmp_path / "models", "one"),
        model_file(tmp_path / "models", "two", b"x", digits=False),
    )
    assert found("one").files == (with_digits,)
    assert found("two").files == (without,)
    assert found("two").digests == (hashlib.sha256(b"x").hexdigest(),)


def test_safetensors_are_taken_before_a_pickle_of_the_same_name(tmp_path: Path, found: Callable[..., Located]) -> None:
    model_file(tmp_path / "models", "one")
    safe = tmp_path / "models" / "one.safetensors"
    safe.write_bytes(b"safe")
    assert found("one").files == (safe,)


def test_a_bag_is_found_with_its_weights_and_segment(tmp_path: Path, found: Callable[..., Located]) -> None:
    pytest.importorskip("yaml", reason=INSTALL)
    files = tuple(model_file(tmp_path / "models", name, name.encode()) for name in ("a", "b"))
    (tmp_path / "models" / "mine.yaml").write_text("models: [a, b]\nweights: [[1, 0], [0.5, 2]]\nsegment: 12.5\n")
    located = found("mine")
    assert located.files == files
    assert located.weights == ((1.0, 0.0), (0.5, 2.0))
    assert located.segment == 12.5


def test_the_digest_of_a_model_changes_with_all_that_its_sound_depends_on(
    tmp_path: Path, found: Callable[..., Located]
) -> None:
    pytest.importorskip("yaml", reason=INSTALL)
    for name in "abc":
        model_file(tmp_path / "models", name, name.encode())
    bags = ("models: [a, b]", "models: [b, a]", "models: [a, c]", "models: [a, b]\nweights: [[1, 0], [0, 1]]",
            "models: [a, b]\nsegment: 5")  # fmt: skip
    digests = []
    for text in bags:
        (tmp_path / "models" / "mine.yaml").write_text(text)
        digests.append(found("mine").digest)
    assert len(set(digests)) == len(bags)
    (tmp_path / "models" / "mine.yaml").rename(tmp_path / "models" / "yours.yaml")
    assert found("yours").digest == digests[-1]


def test_two_files_of_one_signature_are_an_error(tmp_path: Path, found: Callable[..., Located]) -> None:
    model_file(tmp_path / "models", "one", b"1")
    model_file(tmp_path / "models", "one", b"2")
    with pytest.raises(EngineError, match="two files hold the network one"):
        found("one")


def test_digits_that_are_not_those_of_the_file_are_an_error(tmp_path: Path, found: Callable[..., Located]) -> None:
    path = model_file(tmp_path / "models", "one")
    path.write_bytes(b"half of th")
    with pytest.raises(EngineError, match=r"checksum is wrong.*Delete this file") as failure:
        found("one")
    assert failure.value.path == path


def test_the_tables_own_file_must_have_its_whole_digest(tmp_path: Path, found: Callable[..., Located]) -> None:
    path = tmp_path / "models" / "955717e8-8726e21a.th"
    path.parent.mkdir()
    path.write_bytes(b"<html>Please log in</html>")
    with pytest.raises(EngineError, match="stem engines download htdemucs"):
        found("htdemucs")


def test_a_model_that_is_not_there_says_how_to_get_it(found: Callable[..., Located]) -> None:
    with pytest.raises(EngineError, match="Type `stem engines download htdemucs_ft`"):
        found("htdemucs_ft")


def test_an_unknown_model_names_those_there_are(tmp_path: Path, found: Callable[..., Located]) -> None:
    model_file(tmp_path / "models", "mine")
    with pytest.raises(EngineError, match=r"no Demucs model 'hdemucs'.*htdemucs, .*, mine\."):
        found("hdemucs")


def test_a_models_folder_that_is_not_there_is_an_empty_one(tmp_path: Path, found: Callable[..., Located]) -> None:
    with pytest.raises(EngineError, match="not on this machine yet"):
        found("htdemucs", tmp_path / "nowhere")


def table_of(monkeypatch: pytest.MonkeyPatch, content: bytes) -> models.Model:
    """A table of one model whose file has that content."""
    sha = hashlib.sha256(content).hexdigest()
    file = models.ModelFile(f"5167a7e0-{sha[:8]}.th", "", sha, len(content))
    model = models.Model("ours", "Ours", (file,), "somebody/Ours", segment=44.0)
    monkeypatch.setattr(models, "TABLE", {"ours": model})
    return model


def test_a_tables_model_is_found_in_torchs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Callable[..., Located]
) -> None:
    model = table_of(monkeypatch, b"whole")
    cached = tmp_path / "caches" / "TORCH_HOME" / "hub" / "checkpoints" / model.files[0].name
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"whole")
    assert found("ours").files == found("5167a7e0").files == (cached,)
    assert (found("ours").segment, found("5167a7e0").segment) == (44.0, None)
    cached.write_bytes(b"whOle")
    with pytest.raises(EngineError, match=r"checksum is wrong.*stem engines download ours"):
        found("ours")


def test_a_tables_model_is_found_in_the_hubs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Callable[..., Located]
) -> None:
    table_of(monkeypatch, b"whole")
    repository = tmp_path / "caches" / "HF_HOME" / "hub" / "models--somebody--Ours"
    blob = repository / "blobs" / hashlib.sha256(b"safe").hexdigest()
    link = repository / "snapshots" / "abc" / "5167a7e0.safetensors"
    for path in (blob, link):
        path.parent.mkdir(parents=True)
    blob.write_bytes(b"safe")
    try:
        link.symlink_to(blob)
    except OSError:
        pytest.skip("only on systems that allow links")
    assert found("ours").files == (link,)
    blob.write_bytes(b"half")
    with pytest.raises(EngineError, match="checksum is wrong"):
        found("ours")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("models: [a, gone]", "wants a network 'gone' that is not there"),
        ("models: ['../a']", "wants a network '../a' that is not there"),
        ("models: []", "names no list of models"),
        ("models: a", "names no list of models"),
        ("models: [12345678]", "names no list of models in quotes"),
        ("[a, b]", "names no list of models"),
        ("", "names no list of models"),
        ("models: [a, b]\nweights: [[1, 0]]", "its weights need 2 rows"),
        ("models: [a, b]\nweights: [[1, 0], [1]]", "differ in length"),
        ("models: [a, b]\nweights: [[1, 0], [1, 0]]", "stem 2 add up to 0"),
        ("models: [a, b]\nweights: [[1, x], [1, 0]]", "not rows of numbers"),
        ("models: [a, b]\nweights: [[1, .nan], [1, 0]]", "not rows of numbers"),
        ("models: [a, b]\nweights: [[], []]", "not rows of numbers"),
        ("models: [a]\nsegment: -1", "segment is -1"),
        ("models: [a]\nsegment: long", "segment is 'long'"),
        ("models: [a]\nsegment: true", "segment is True"),
        ("models: [a\n", "not a bag of models"),
        ("models: !!python/object/apply:os.system ['touch ran']", "could not determine a constructor"),
        ("models: !!python/object/new:os.system ['touch ran']", "could not determine a constructor"),
        ("[" * 10_000, "not a bag of models"),
        ("\0", "not a bag of models"),
        ("models: [a] #" + "x" * 200_000, "far too long"),
    ],
)
def test_a_bag_that_makes_no_sense_is_told(tmp_path: Path, found: Callable[..., Located], text: str, why: str) -> None:
    pytest.importorskip("yaml", reason=INSTALL)
    for name in ("a", "b"):
        model_file(tmp_path / "models", name, name.encode())
    (tmp_path / "models" / "mine.yaml").write_text(text)
    with pytest.raises(EngineError, match=re.escape(why)):
        found("mine")
    assert not Path("ran").exists()


def test_a_bag_of_bytes_that_are_no_text_is_told(tmp_path: Path, found: Callable[..., Located]) -> None:
    pytest.importorskip("yaml", reason=INSTALL)
    model_file(tmp_path / "models", "mine.yaml", digits=False).rename(tmp_path / "models" / "mine.yaml")
    (tmp_path / "models" / "mine.yaml").write_bytes(b"\xff\xfe\x80models")
    with pytest.raises(EngineError, match="not a bag of models"):
        found("mine")


def test_a_model_is_found_and_identified_without_torch(tmp_path: Path) -> None:
    """A converted model serves a machine that has neither torch nor demucs, nor yaml for models of the table."""
    model_file(tmp_path / "models", "one")
    program = (
        "import sys\n"
        "for name in ('torch', 'demucs', 'yaml', 'safetensors'):\n"
        "    sys.modules[name] = None\n"
        "from pathlib import Path\n"
        "from stem_cli.engines.demucs.bag import locate\n"
        "print(locate('one', Path('models'), Path('digests.json')).digest)\n"
        "import stem_cli.engines.demucs.checkpoint, stem_cli.engines.demucs.models\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == locate("one", tmp_path / "models", tmp_path / "digests.json").digest
