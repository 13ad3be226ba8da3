"""The table of Demucs models: files, how a bag is mixed, licence, published quality. Data only.

Bags and file names: package demucs 4.1.0, `remote/*.yaml` and `remote/files.txt`. Sizes and full SHA-256: a public lock
file of verified downloads; where only the eight digits of the file's name are known, those stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stem_cli.models.files import ModelFile

RATE = 44100
CHANNELS = 2
FOUR = ("drums", "bass", "other", "vocals")
"""The order in which the networks give their stems: theirs, not that of our table (`SOURCES` in `pretrained.py`)."""
SIX = (*FOUR, "guitar", "piano")

LICENCE = "research only: not under the MIT licence of the code, provided for scientific purposes"
LICENCE_SOURCE = "the author, in facebookresearch/demucs issues 327 (2022-05-23) and 508 (2023-08-02, of version 4)"
MULTISONG = "MVSep Multisong, from ZFTurbo/Music-Source-Separation-Training, docs/pretrained_models.md"
"""Never in one column with medians or with figures on MUSDB."""

_ROOT = "https://dl.fbaipublicfiles.com/demucs/"
_MDX = "mdx_final/"
_TRANSFORMER = "hybrid_transformer/"


@dataclass(frozen=True)
class Model:
    """One model, as `--model` names it: a bag of one or more networks.

    files: one a network, `signature-digits.th`. weights: one row a network, one column a stem; () is all equal.
    segment: seconds, in place of the networks' own; None keeps theirs. stems: in the networks' order.
    sdr: dB by stem, measured where `sdr_source` says; {} where nothing comparable is published. note: what to know.
    hub: the repository that package demucs fetches the same weights from, as `SIGNATURE.safetensors`.
    """

    name: str
    title: str
    files: tuple[ModelFile, ...]
    hub: str
    weights: tuple[tuple[float, ...], ...] = ()
    segment: float | None = None
    stems: tuple[str, ...] = FOUR
    sdr: Mapping[str, float] = field(default_factory=dict)
    sdr_source: str = ""
    note: str = ""
    needs_diffq: bool = False
    licence: str = LICENCE
    licence_source: str = LICENCE_SOURCE

    @property
    def signatures(self) -> tuple[str, ...]:
        """What package demucs calls each network: the name of its file without the digits."""
        return tuple(signature(file) for file in self.files)

    @property
    def bytes(self) -> int | None:
        """Size of all files together, None where one is unknown."""
        sizes = [file.bytes for file in self.files if file.bytes is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


def signature(file: ModelFile) -> str:
    """`955717e8` of `955717e8-8726e21a.th`."""
    return file.name.partition("-")[0]


def by_signature(wanted: str) -> ModelFile | None:
    """The table's file of one network, None where it is not ours."""
    for model in TABLE.values():
        for file in model.files:
            if signature(file) == wanted:
                return file
    return None


def _file(folder: str, name: str, size: int | None = None, sha256: str = "") -> ModelFile:
    digits = name.removesuffix(".th").partition("-")[2]
    return ModelFile(name, f"{_ROOT}{folder}{name}", sha256 or digits, size)


_UNIT = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
"""Four specialists: the first gives the drums, the second the bass, then other and vocals."""
_MDX_WEIGHTS = ((1.0, 1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 1.0), (1.0, 0.0, 1.0, 1.0))
_SEEN_THE_TEST = "trained on the test songs of MUSDB too, so its figures on MUSDB mean nothing"

_MODELS = (
    Model(
        "htdemucs",
        "Hybrid Transformer Demucs",
        (
            _file(
                _TRANSFORMER,
                "955717e8-8726e21a.th",
                84_141_911,
                "8726e21a993978c7ba086d3872e7608d7d5bfca646ca4aca459ffda844faa8b4",
            ),
        ),
        "adefossez/HTDemucs",
        sdr={"drums": 10.88, "bass": 11.76, "other": 5.74, "vocals": 8.24},
        sdr_source=MULTISONG,
    ),
    Model(
        "htdemucs_ft",
        "Hybrid Transformer Demucs, one specialist a stem",
        (
            _file(
                _TRANSFORMER,
                "f7e0c4bc-ba3fe64a.th",
                84_141_271,
                "ba3fe64ae8ef66ac9a4857222ce48efbdc5eb3ad375cb79dd13debee5aaa4066",
            ),
            _file(
                _TRANSFORMER,
                "d12395a8-e57c48e6.th",
                84_141_271,
                "e57c48e6b0e38af4f7118d7bd08c49f0a0c0edf7d09143bdd902ea0d237303e6",
            ),
            _file(
                _TRANSFORMER,
                "92cfc3b6-ef3bcb9c.th",
                84_141_271,
                "ef3bcb9c8b40d14ae5d51b6db2587339cc12c6b77c0be151ce6d69002e087bf2",
            ),
            _file(
                _TRANSFORMER,
                "04573f0d-f3cf25b2.th",
                84_141_271,
                "f3cf25b222c4eed7cd49dd8b2c9597d50c18bd154090f7b919cfa5f93cf22c49",
            ),
        ),
        "adefossez/HTDemucs-ft",
        weights=_UNIT,
        sdr={"drums": 11.13, "bass": 11.96, "other": 5.85, "vocals": 8.38},
        sdr_source=MULTISONG,
        note="four networks: four times the work of htdemucs",
    ),
    Model(
        "htdemucs_6s",
        "Hybrid Transformer Demucs, six stems",
        (_file(_TRANSFORMER, "5c90dfd2-34c22ccb.th"),),
        "adefossez/HTDemucs-6s",
        stems=SIX,
        sdr={"drums": 10.22, "bass": 11.22, "vocals": 8.05},
        sdr_source=MULTISONG,
        note="experimental: its authors call the guitar okay and the piano not great",
    ),
    Model(
        "hdemucs_mmi",
        "Hybrid Demucs, version 3 trained anew",
        (
            _file(
                _TRANSFORMER,
                "75fc33f5-1941ce65.th",
                167_407_275,
                "1941ce654b11df4132b9f4eae408556b4c83fad6fe26b4bc0dbcb36b975befb3",
            ),
        ),
        "adefossez/Demucs-hdemucs_mmi",
        segment=44.0,
        sdr={"drums": 10.70, "bass": 11.17, "other": 5.42, "vocals": 8.22},
        sdr_source=MULTISONG,
    ),
    Model(
        "mdx",
        "Demucs of the MDX challenge, trained on MUSDB alone",
        tuple(
            _file(_MDX, name)
            for name in ("0d19c1c6-0f06f20e.th", "7ecf8ec1-70f50cc9.th", "c511e2ab-fe698775.th", "7d865c68-3d5dd56b.th")
        ),
        "adefossez/Demucs-mdx",
        weights=_MDX_WEIGHTS,
        segment=44.0,
    ),
    Model(
        "mdx_extra",
        "Demucs of the MDX challenge, trained on more songs",
        (
            _file(_MDX, "e51eebcc-c1b80bdd.th", 167_399_275),
            _file(_MDX, "a1d90b5c-ae9d2452.th", 167_391_595),
            _file(_MDX, "5d2d6c55-db83574e.th", 167_391_595),
            _file(_MDX, "cfa93e08-61801ae1.th", 167_399_275),
        ),
        "adefossez/Demucs-mdx_extra",
        segment=44.0,
        note=_SEEN_THE_TEST,
    ),
    Model(
        "mdx_q",
        "mdx, quantised",
        tuple(
            _file(_MDX, name)
            for name in ("6b9c2ca1-3fd82607.th", "b72baf4e-8778635e.th", "42e558d4-196e0e1b.th", "305bc58f-18378783.th")
        ),
        "adefossez/Demucs-mdx_q",
        weights=_MDX_WEIGHTS,
        segment=44.0,
        needs_diffq=True,
    ),
    Model(
        "mdx_extra_q",
        "mdx_extra, quantised",
        (
            _file(_MDX, "83fc094f-4a16d450.th", 50_756_993),
            _file(_MDX, "464b36d7-e5a9386e.th", 38_893_153),
            _file(_MDX, "14fc6a69-a89dd0ee.th", 38_491_885),
            _file(_MDX, "7fd6ef75-a905dd85.th", 39_436_529),
        ),
        "adefossez/Demucs-mdx_extra_q",
        segment=44.0,
        note=_SEEN_THE_TEST,
        needs_diffq=True,
    ),
)

TABLE: dict[str, Model] = {model.name: model for model in _MODELS}
DEFAULT = "htdemucs"
