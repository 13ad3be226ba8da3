"""Which engine to take for a song, and why."""

from stem_cli.router.explain import lines, rows
from stem_cli.router.facts import Facts, Machine, facts_of, this_machine
from stem_cli.router.rank import Choice, NobodyMakes, Ranking, after_poor, hours_for, promises_more, rank
from stem_cli.router.rules import Policy, policy_of

__all__ = [
    "Choice",
    "Facts",
    "Machine",
    "NobodyMakes",
    "Policy",
    "Ranking",
    "after_poor",
    "facts_of",
    "hours_for",
    "lines",
    "policy_of",
    "promises_more",
    "rank",
    "rows",
    "this_machine",
]
