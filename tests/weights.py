"""A file of weights that a host has, the folder that it is loaded into, and what is left there."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web import Web

from stem_cli.models import ModelFile

NAME = "955717e8-8726e21a.th"
BODY = random.Random(0).randbytes(3_000_000)
OTHER = random.Random(1).randbytes(3_000_000)
WITHOUT = "Without it: --engine builtin."
KEPT = "What was loaded is kept, and the same command goes on from there."


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def file_of(web: Web, body: bytes = BODY, page: str = "model", **changes: Any) -> ModelFile:
    """A file that the server has."""
    return replace(ModelFile(NAME, web.url(page), sha256(body), len(body)), **changes)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def no_pauses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before a connection is taken up again, but in tests that ask for `pauses`."""
    if "pauses" not in request.fixturenames:
        monkeypatch.setattr(sys.modules["stem_cli.models.download"], "_PAUSE_SECONDS", 0.0)


@pytest.fixture
def pauses() -> None:
    """The program's own pauses before a connection is taken up again."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where models go. It is not there yet."""
    return tmp_path / "data" / "models"


def left(folder: Path) -> list[str]:
    """What lies in a folder, but for locks."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")
