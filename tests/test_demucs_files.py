"""The files of Demucs models: found, checked, opened, and never run."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import music
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stem_cli import stems
from stem_cli.engines.demucs import models
from stem_cli.engines.demucs.bag import Located, locate
from stem_cli.errors import EngineError

SCRIPT = Path(__file__).parent.parent / "scripts" / "make_random_demucs.py"
INSTALL = 'needs demucs and torch: pip install "stem-cli[demucs]"'
KINDS = {"tiny": 1, "tiny_6s": 1, "tiny_ft": 4, "tiny_hdemucs": 1, "tiny_mdx": 2}


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model of the machine's own caches is found by chance."""
    for name in ("TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "caches" / name))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that makes random models, as a module."""
    specification = importlib.util.spec_from_file_location("make_random_demucs", SCRIPT)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    pytest.importorskip("demucs", reason=INSTALL)
    module: ModuleType = pytest.importorskip("torch", reason=INSTALL)
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="module")
def tinies(torch: ModuleType, script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every tiny model, in the real format. Tests only read it."""
    folder = tmp_path_factory.mktemp("tinies")
    for name in KINDS:
        script.make(name, folder)
    return folder


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., Located]:
    """`locate` in a folder, by default that of this test."""

    def find(name: str, folder: Path = tmp_path / "models") -> Located:
        return locate(name, folder, tmp_path / "digests.json")

    return find


@pytest.fixture
def altered(torch: ModuleType, tinies: Path, tmp_path: Path) -> Callable[..., Path]:
    """Save a tiny model with other contents as `altered.th` in the models folder of this test."""

    def save(kind: str = "tiny", **changes: Any) -> Path:
        (file,) = tinies.glob(f"{kind}-*.th")
        content = torch.load(file, weights_only=False)
        content["kwargs"] = {**content["kwargs"], **changes.pop("kwargs", {})}
        path = tmp_path / "models" / "altered.th"
        path.parent.mkdir(exist_ok=True)
        torch.save({**content, **changes}, path)
        return path

    return save


def opened(located: Located) -> Any:
    from stem_cli.engines.demucs import checkpoint

    return checkpoint.load(located)


def described(located: Located) -> Any:
    from stem_cli.engines.demucs import checkpoint

    return checkpoint.describe(located)


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


# What the script makes


def test_the_demucs_command_loads_what_the_script_makes(tinies: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", music(2.0), 44100, subtype="PCM_16")
    command = [sys.executable, "-m", "demucs", "-n", "tiny", "--repo", str(tinies), "--shifts", "0", "-o", "out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path / "song.wav")], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in models.FOUR:
        sound, rate = soundfile.read(tmp_path / "out" / "tiny" / "song" / f"{name}.wav")
        assert (sound.shape, rate) == ((88200, 2), 44100)
        assert np.abs(sound).max() > 0.001


@pytest.mark.parametrize("kind", KINDS)
def test_ours_and_demucs_load_the_same_networks(
    kind: str, tinies: Path, torch: ModuleType, found: Callable[..., Located]
) -> None:
    from demucs.apply import BagOfModels
    from demucs.pretrained import get_model

    theirs = get_model(kind, tinies)
    networks = opened(found(kind, tinies))
    bag = described(found(kind, tinies))
    assert len(networks) == KINDS[kind]
    expected = list(theirs.models) if isinstance(theirs, BagOfModels) else [theirs]
    mix = torch.randn(1, 2, 30_000, generator=torch.Generator().manual_seed(1))
    for index, (one, other) in enumerate(zip(networks, expected, strict=True)):
        assert type(one) is type(other)
        assert not one.training
        assert one.segment == other.segment
        assert {value.dtype for value in one.state_dict().values()} == {torch.float32}
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
        with torch.no_grad():
            assert index > 1 or torch.equal(one(mix), other(mix))
    assert list(bag.stems) == theirs.sources
    assert (bag.rate, bag.channels) == (theirs.samplerate, theirs.audio_channels)
    if isinstance(theirs, BagOfModels):
        assert [list(row) for row in bag.weights] == theirs.weights


@pytest.mark.parametrize("kind", ["tiny", "tiny_hdemucs", "tiny_mdx"])
def test_random_models_are_about_as_loud_as_the_song(
    kind: str, tinies: Path, torch: ModuleType, found: Callable[..., Located]
) -> None:
    song = torch.from_numpy(music(3.0).T.astype("float32"))[None]
    song *= 10 ** (-15 / 20) / song.std()
    for network in opened(found(kind, tinies)):
        with torch.no_grad():
            out = network(song)[0]
        for stem in out:
            assert -25 < 20 * math.log10(stem.std()) < -5
            assert abs(stem.mean()) < 0.05


def test_every_branch_of_a_random_model_counts(tinies: Path, found: Callable[..., Located]) -> None:
    (network,) = opened(found("tiny", tinies))
    scales = [value for name, value in network.state_dict().items() if name.endswith(".scale")]
    assert scales
    assert all(0.04 < float(scale.min()) < float(scale.max()) < 0.51 for scale in scales)


def test_the_same_seed_makes_the_same_file(script: ModuleType, tinies: Path, tmp_path: Path) -> None:
    assert script.make("tiny", tmp_path)[0].name == next(iter(tinies.glob("tiny-*.th"))).name
    assert script.make("tiny", tmp_path / "other", seed=1)[0].name != next(iter(tinies.glob("tiny-*.th"))).name


def test_the_script_leaves_another_file_of_that_signature_alone(script: ModuleType, torch: Any, tmp_path: Path) -> None:
    real = tmp_path / "tiny-12345678.th"
    real.write_bytes(b"real weights")
    with pytest.raises(SystemExit, match="holds another tiny already"):
        script.make("tiny", tmp_path)
    assert list(tmp_path.glob("*.th")) == [real]
    assert real.read_bytes() == b"real weights"


@pytest.mark.parametrize("kind", ["tiny", "tiny_mdx"])
def test_safetensors_hold_the_same_networks(
    kind: str, script: ModuleType, tinies: Path, tmp_path: Path, torch: ModuleType, found: Callable[..., Located]
) -> None:
    from demucs.hf import load_safetensors_model

    script.make(kind, tmp_path / "models", safetensors=True)
    pairs = zip(opened(found(kind)), opened(found(kind, tinies)), found(kind).files, strict=True)
    for ours, pickled, path in pairs:
        theirs = load_safetensors_model(path)
        for name, value in ours.state_dict().items():
            assert torch.equal(value, pickled.state_dict()[name])
            assert torch.equal(value, theirs.state_dict()[name])
        assert ours.segment == pickled.segment
    assert described(found(kind)).stems == described(found(kind, tinies)).stems
    assert found(kind).digest != found(kind, tinies).digest


def test_safetensors_are_described_without_torch(
    script: ModuleType, torch: ModuleType, tmp_path: Path, found: Callable[..., Located]
) -> None:
    script.make("tiny_6s", tmp_path / "models", safetensors=True)
    program = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['demucs'] = None\n"
        "from pathlib import Path\n"
        "from stem_cli.engines.demucs import bag, checkpoint\n"
        "print(*checkpoint.describe(bag.locate('tiny_6s', Path('models'), Path('digests.json'))).stems)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == list(models.SIX), done.stderr


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


# Files that want to run something


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


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """The same zip with another pickle in it."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records.items():
            archive.writestr(name, change(data) if name.endswith("/data.pkl") else data)


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


def test_a_file_in_torchs_format_of_before_2020_says_so(
    altered: Callable[..., Path], torch: ModuleType, found: Callable[..., Located]
) -> None:
    path = altered()
    content = torch.load(path, weights_only=False)
    torch.save({**content, "metrics": PAYLOADS["eval"]()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(EngineError, match=r"no file of torch\.save of version 1\.6 or later"):
        described(found("altered"))
    assert not Path("ran").exists()


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


quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


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
