"""`stem` with a clock at its networks: python scripts/instrumented.py REPORT BEGAN COMMAND...

REPORT gets JSON, all in seconds: `network`, how long networks ran; `first_network` and `first_block`, when the first
one was called and the engine gave its first block, counted from BEGAN (`time.time()` where the process was started).
What runs beside a network (decoding ahead, writing) is not counted as time outside of it: it does not lengthen the run.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from stem_cli import cli
from stem_cli.engines import StemBlock
from stem_cli.engines import demucs as engine
from stem_cli.engines.demucs.core import CoreNetwork
from stem_cli.engines.runtime.torch import Runner


def main() -> None:
    """Run the command and write the report, whatever came of it."""
    report, began = Path(sys.argv[1]), float(sys.argv[2])
    spans: list[tuple[float, float]] = []
    blocks: list[float] = []
    CoreNetwork.forward = _clocked(CoreNetwork.forward, spans)  # type: ignore[method-assign]
    Runner.__call__ = _clocked(Runner.__call__, spans)  # type: ignore[method-assign]
    engine.ENGINE = replace(engine.ENGINE, separate=_noting(engine.ENGINE.separate, blocks))
    sys.argv = ["stem", *sys.argv[3:]]
    try:
        cli.main()
    finally:
        told = {
            "network": sum(end - start for start, end in spans),
            "first_network": spans[0][0] - began if spans else 0.0,
            "first_block": blocks[0] - began if blocks else 0.0,
        }
        report.write_text(json.dumps(told))


def _clocked(call: Callable[..., Any], spans: list[tuple[float, float]]) -> Callable[..., Any]:
    def clocked(*given: Any) -> Any:
        start = time.time()
        try:
            return call(*given)
        finally:
            spans.append((start, time.time()))

    return clocked


def _noting(separate: Callable[..., Iterator[StemBlock]], blocks: list[float]) -> Callable[..., Iterator[StemBlock]]:
    def noting(*given: Any) -> Iterator[StemBlock]:
        for block in separate(*given):
            if not blocks:
                blocks.append(time.time())
            yield block

    return noting


if __name__ == "__main__":
    main()
