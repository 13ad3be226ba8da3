"""What `--effort` means for Demucs, where the single options are not given."""

from __future__ import annotations

from dataclasses import dataclass

from stem_cli.engines import Request


@dataclass(frozen=True)
class Effort:
    """overlap: share of a segment. shifts: 0 is none. precision: "auto" is what is fast here. models: best first."""

    overlap: float
    shifts: int
    precision: str
    models: tuple[str, ...]


_LIGHT_FIRST = ("htdemucs", "htdemucs_ft", "hdemucs_mmi", "mdx_extra", "mdx", "mdx_extra_q", "mdx_q", "htdemucs_6s")
_BEST_FIRST = ("htdemucs_ft", "htdemucs", "hdemucs_mmi", "mdx_extra", "mdx", "mdx_extra_q", "mdx_q", "htdemucs_6s")

EFFORTS = {
    "fast": Effort(overlap=0.03, shifts=0, precision="auto", models=_LIGHT_FIRST),
    "normal": Effort(overlap=0.1, shifts=0, precision="auto", models=_LIGHT_FIRST),
    "best": Effort(overlap=0.25, shifts=2, precision="f32", models=_BEST_FIRST),
}
"""Its authors call an overlap of 0.1 a fair trade for 0.25; a shift is one more pass; `fast` keeps 0.23 s for a joint.
Models: published SDR, and four networks' work for htdemucs_ft."""


def effort_of(request: Request) -> Effort:
    """The effort's settings, with what the request says in place of them."""
    effort = EFFORTS[request.effort]
    return Effort(
        overlap=effort.overlap if request.overlap is None else request.overlap,
        shifts=effort.shifts if request.shifts is None else request.shifts,
        precision=effort.precision if request.precision == "auto" else request.precision,
        models=(request.model,) if request.model else effort.models,
    )
