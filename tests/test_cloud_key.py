"""The key of an account: where it comes from, and what is said of one that cannot be one."""

from __future__ import annotations

import sys
import types

import pytest
from lalal_runs import cloud

from stem_cli.engines import Missing
from stem_cli.engines.cloud.key import key_of

VARIABLE = "STEM_LALAL_KEY"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], object]:
    """A keyring with the interface of the package keyring; an exception in it is raised."""
    held: dict[tuple[str, str], object] = {}
    module, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")

    class KeyringError(Exception):
        """As in the package."""

    def get_password(service: str, user: str) -> object:
        found = held.get((service, user))
        if isinstance(found, str) and found.startswith("raise "):
            raise {"locked": KeyringError, "no desktop": RuntimeError}[found.removeprefix("raise ")]
        return found

    module.get_password, errors.KeyringError = get_password, KeyringError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return held


def problem(text: str | None) -> str:
    """What is said of a key in the environment."""
    found = key_of(cloud.LALAL, {} if text is None else {VARIABLE: text})
    assert isinstance(found, Missing)
    assert found.remedy
    assert found.broken is (text is not None)
    assert not text or not text.strip() or text.strip() not in found.reason + found.remedy
    return found.reason


@pytest.mark.parametrize("pasted", ["abc123", "abc123\n", "abc123\r\n", "  abc123 ", "\tabc123", "\nabc123\n\n"])
def test_what_comes_along_when_a_key_is_pasted_is_cut_off(pasted: str) -> None:
    assert key_of(cloud.LALAL, {VARIABLE: pasted}) == "abc123"


@pytest.mark.parametrize("pasted", ["abc\n123", "abc 123", "abc\r\nX-Evil: 1", "abc\t123", "one\x0btwo"])
def test_a_key_with_a_line_end_inside_is_refused(pasted: str) -> None:
    assert problem(pasted).endswith("has a space or a line end in the middle: more than the key was pasted")


@pytest.mark.parametrize("pasted", ["", " ", "\n", "\r\n\t"])
def test_an_empty_key_is_refused(pasted: str) -> None:
    assert problem(pasted) == "the key of LALAL.AI in STEM_LALAL_KEY is empty"


@pytest.mark.parametrize("pasted", ["schlüssel", "abc\x00def", "“abc”", "abc\x1b[31m"])
def test_a_key_of_odd_characters_is_refused(pasted: str) -> None:
    assert problem(pasted).endswith("holds characters that no key has")


def test_without_a_key_it_is_said_where_to_put_it() -> None:
    assert problem(None) == "there is no key for LALAL.AI"
    missing = key_of(cloud.LALAL, {})
    assert isinstance(missing, Missing)
    assert "STEM_LALAL_KEY" in missing.remedy
    assert "keyring set stem-cli lalal" in missing.remedy


def test_the_keyring_is_asked_where_the_environment_says_nothing(keyring: dict[tuple[str, str], object]) -> None:
    keyring["stem-cli", "lalal"] = "from-the-ring\n"
    assert key_of(cloud.LALAL, {}) == "from-the-ring"
    assert key_of(cloud.LALAL, {VARIABLE: "named"}) == "named"
    assert isinstance(key_of(cloud.LALAL, {VARIABLE: ""}), Missing)


@pytest.mark.parametrize("held", [None, "", " ", "raise locked", "raise no desktop"])
def test_a_keyring_that_holds_nothing_or_is_locked(keyring: dict[tuple[str, str], object], held: object) -> None:
    keyring["stem-cli", "lalal"] = held
    assert problem(None) == "there is no key for LALAL.AI"


def test_a_bad_key_in_the_keyring_is_told_as_such(keyring: dict[tuple[str, str], object]) -> None:
    keyring["stem-cli", "lalal"] = "two words"
    found = key_of(cloud.LALAL, {})
    assert isinstance(found, Missing)
    assert found.broken
    assert "in the system's keyring has a space" in found.reason
