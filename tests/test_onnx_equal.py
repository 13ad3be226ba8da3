"""MDX-Nets give what audio-separator's `demix` gives, at any level: the table that docs/engines.md shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "compare_uvr.py"
_LARGEST_ERROR_DB = -80.0


def test_an_mdx_net_equals_audio_separators_demix() -> None:
    """Noise of peak 0.5: audio-separator's own command would multiply its stem by that."""
    pytest.importorskip("onnx", reason='pip install "stem-cli[uvr]"')
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "--small"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    errors = [
        float(found[1]) for line in done.stdout.splitlines() if (found := re.match(r"\| [\d.]+ s \| (-\d+) ", line))
    ]
    assert len(errors) == 4
    assert max(errors) <= _LARGEST_ERROR_DB
