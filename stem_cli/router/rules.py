"""The rules by which an engine comes first: a table that the settings can reorder, cut short or replace.

`engine_rules` is a list of CONDITION=ENGINE, the first that holds counts most: "fast=builtin, large=cloud". Several
engines are written with a plus: "poor=uvr+cloud". What no rule says is said by `engine_order`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stem_cli import engines
from stem_cli.errors import UsageError

CONDITIONS: Mapping[str, str] = {
    "vip": "vocals of high priority",
    "fast": "--effort fast",
    "large": "a large file, not in a batch",
    "best": "--effort best",
    "batch": "one of a batch",
    "poor": "the vocals so far were judged poor",
}
"""When a rule holds, and how that is told. What makes each of them true: `rank._holds`."""

_HINT = "docs/engines.md explains engine_rules and engine_order."


@dataclass(frozen=True)
class Rule:
    """Where the condition holds, these engines come first, in this order."""

    condition: str
    engines: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """The user's rules and order. large_mb: from so many megabytes (10^6 bytes) on a file is large."""

    rules: tuple[Rule, ...] = ()
    order: tuple[str, ...] = ()
    large_mb: float = 50.0


def policy_of(rules: str, order: str, large_mb: float) -> Policy:
    """The rules and the order in two settings.

    Raises UsageError for words that are not known and for rules that contradict one another, and says which.
    """
    return Policy(_rules(rules), _engines(order, "engine_order"), large_mb)


def _rules(text: str) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        condition, is_rule, names = (word.strip() for word in part.partition("="))
        if not is_rule or condition not in CONDITIONS:
            raise UsageError(
                f"engine_rules: {part!r} is no rule", None, f"Conditions: {', '.join(CONDITIONS)}. {_HINT}"
            )
        rule = Rule(condition, _engines(names.replace("+", ","), f"engine_rules, {condition}"))
        if condition in found:
            one, other = ("+".join(which.engines) for which in (found[condition], rule))
            what = f"engine_rules: {condition}={one} and {condition}={other} contradict one another"
            raise UsageError(what, None, f"Leave one of them out, or write {condition}={one}+{other}.")
        found[condition] = rule
    return tuple(found.values())


def _engines(text: str, where: str) -> tuple[str, ...]:
    names = tuple(one.strip() for one in text.split(",") if one.strip())
    for name in names:
        if name not in engines.NAMES:
            raise UsageError(f"{where}: there is no engine {name!r}", None, f"There are: {', '.join(engines.NAMES)}.")
        if names.count(name) > 1:
            raise UsageError(f"{where}: {name} stands there twice, which contradicts itself", None, _HINT)
    if not names:
        raise UsageError(f"{where}: no engine is named", None, _HINT)
    return names
