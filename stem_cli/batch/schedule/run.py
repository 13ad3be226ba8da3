"""Asking a scheduler's own program."""

from __future__ import annotations

import os
import subprocess

from stem_cli.errors import OutputError

_SECONDS = 60.0


def run(*command: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """What it answers. Raises OutputError where it is not there or does not answer at all."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(
            command, input=given if given is not None else b"", capture_output=True, timeout=_SECONDS, env=environment
        )
    except FileNotFoundError as error:
        raise OutputError(f"there is no {command[0]} on this machine", None, "Choose another --kind.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutputError(f"{command[0]} does not answer ({error})", None, "Try it in a terminal.") from error


def ask(*command: str, hint: str, given: bytes | None = None) -> bytes:
    """What it prints. Raises OutputError with its own words where it fails."""
    done = run(*command, given=given)
    if done.returncode:
        raise OutputError(f"`{' '.join(command)}` failed: {said(done)}", None, hint)
    return done.stdout


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Its complaint on one line."""
    words = (done.stderr or done.stdout).decode("utf-8", "replace").split()
    return " ".join(words).rstrip(".") or f"exit code {done.returncode}"
