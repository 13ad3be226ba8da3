"""Asking once before something is fetched or deleted."""

from __future__ import annotations

import sys

import click

from stem_cli.errors import UsageError


def agree(question: str, to: str, yes: bool) -> None:
    """Ask on the terminal, unless `yes`. to: what is agreed to, for the error.

    Raises UsageError where nobody can be asked, and Abort where the answer is no.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"nobody is here to agree to the {to}", None, "Add --yes.")
    click.confirm(question, err=True, abort=True)
