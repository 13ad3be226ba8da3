"""What `--effort` means for RoFormers and MDX23C, where the single options are not given."""

from __future__ import annotations

from dataclasses import dataclass

from stem_cli.engines import Request
from stem_cli.engines.uvr.config import ROFORMERS, Layout
from stem_cli.errors import UsageError

_FAST_OVERLAP = 0.1
"""Share of a segment; its yaml asks for 0.5 to 0.75 as a rule."""
_LEAST_WINDOWS, _LONGEST_SECONDS = 4, 60
"""Of a segment: it has at least so many windows of the Fourier transform, and is not longer."""


@dataclass(frozen=True)
class Effort:
    """stride: frames from one segment to the next, None is what the model's yaml says. precision: "auto" or a name."""

    overlap: float | None
    precision: str

    def stride(self, layout: Layout) -> int:
        """Frames from one segment to the next."""
        if self.overlap is None:
            return max(1, layout.segment // layout.windows)
        return max(1, int((1 - self.overlap) * layout.segment))


def effort_of(request: Request) -> Effort:
    """The effort's settings, with what the request says in place of them."""
    overlap = request.overlap
    if overlap is None and request.effort == "fast":
        overlap = _FAST_OVERLAP
    precision = "f32" if request.precision == "auto" and request.effort == "best" else request.precision
    return Effort(overlap, precision)


def columns_of(request: Request, layout: Layout) -> int:
    """How many columns a segment has. Raises UsageError for a length that the model does not take."""
    if request.segment_seconds is None:
        return layout.columns
    if layout.kind not in ROFORMERS:
        what = f"the segments of this model are {layout.segment / layout.rate:.3g} s, and no other length"
        raise UsageError(what, None, "Leave out --segment.")
    least = _LEAST_WINDOWS * layout.size / layout.rate
    if not least <= request.segment_seconds <= _LONGEST_SECONDS:
        what = f"segments of {request.segment_seconds:g} s make no sense for this model"
        raise UsageError(what, None, f"Choose --segment {least:.2g} to {_LONGEST_SECONDS}.")
    return round(request.segment_seconds * layout.rate / layout.hop) + 1
