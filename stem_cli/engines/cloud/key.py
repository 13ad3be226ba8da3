"""The key of a user's account: from the environment or the system's keyring, and never anywhere else."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping

from stem_cli.engines import Missing
from stem_cli.engines.cloud.service import Service
from stem_cli.engines.runtime.machine import installed

_KEYRING = "stem-cli"
"""The name under which the keyring knows us; the user there is the service's name."""


def key_of(service: Service, environment: Mapping[str, str] = os.environ) -> str | Missing:
    """The key, without the spaces and line ends that come along when it is pasted; else why there is none."""
    named = environment.get(service.key_variable)
    if named is None:
        key, place = _from_keyring(service).strip(), "the system's keyring"
        if not key:
            return Missing(f"there is no key for {service.title}", _remedy(service))
    else:
        key, place = named.strip(), service.key_variable
    problem = _problem(key)
    if problem:
        return Missing(f"the key of {service.title} in {place} {problem}", _remedy(service), broken=True)
    return key


def _problem(key: str) -> str:
    """Never says what stands in it."""
    if not key:
        return "is empty"
    if any(character.isspace() for character in key):
        return "has a space or a line end in the middle: more than the key was pasted"
    if not key.isascii() or not key.isprintable():
        return "holds characters that no key has"
    return ""


def _remedy(service: Service) -> str:
    where = f"Copy it from {service.key_page}"
    install = "" if installed("keyring") else 'pip install "stem-cli[cloud]" and '
    return f"{where} into {service.key_variable}, or type: {install}keyring set {_KEYRING} {service.name}"


def _from_keyring(service: Service) -> str:
    """What the keyring holds, "" where there is none: it needs the package keyring."""
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError:
        return ""
    try:
        return str(keyring.get_password(_KEYRING, service.name) or "")
    except (errors.KeyringError, RuntimeError, OSError):  # locked, or no desktop to ask on
        return ""
