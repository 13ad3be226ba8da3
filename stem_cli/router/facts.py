"""What the router knows: of the machine, of the song, of what the user allows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from stem_cli.engines.runtime import available_bytes, free_gpu_bytes, hardware
from stem_cli.router.rules import Policy, policy_of
from stem_cli.settings import Settings

_GIGABYTE = 1e9


@dataclass(frozen=True)
class Machine:
    """What this machine has. cpus: cores this process may use. ram_gb: free now. backend: "cuda", "mps" or "cpu".

    vram_gb: free memory of the GPU; 0 where there is none, or where nobody tells (then it is tried).
    """

    cpus: int = 2
    ram_gb: float = 16.0
    backend: str = "cpu"
    vram_gb: float = 0.0


@dataclass(frozen=True)
class Facts:
    """Of one song, and what the user allows for it.

    seconds, megabytes: of the file. batch: one of many that run unattended. priority: "normal" or "high".
    cloud_minutes: of a service that may still be paid for without its being named. licences: "any", "known" (the
    weights have a licence that somebody told) or "free" (one that allows any use). hours: the longest work that is
    tried, 0 is any.
    """

    seconds: float = 240.0
    megabytes: float = 10.0
    batch: bool = False
    priority: str = "normal"
    cloud_minutes: float = 0.0
    licences: str = "any"
    hours: float = 0.0
    policy: Policy = field(default_factory=Policy)


def facts_of(
    settings: Settings, seconds: float, megabytes: float = 0.0, batch: bool = False, minutes_paid: float = 0.0
) -> Facts:
    """What the settings allow, for a song. minutes_paid: of a service, by this command so far. Raises UsageError."""
    return Facts(
        seconds=seconds,
        megabytes=megabytes,
        batch=batch,
        priority=settings.priority,
        cloud_minutes=max(0.0, settings.cloud_minutes - minutes_paid),
        licences=settings.licences,
        hours=settings.time_limit_hours,
        policy=policy_of(settings.engine_rules, settings.engine_order, settings.large_file_mb),
    )


def this_machine(device: str = "auto") -> Machine:
    """What this machine has. device: what the user asks for; "cpu" leaves its GPU out."""
    count = getattr(os, "sched_getaffinity", None)
    cpus = len(count(0)) if count else os.cpu_count() or 1
    here = Machine(cpus, available_bytes() / _GIGABYTE)
    if device == "cpu" or hardware().device == "cpu":
        return here
    return replace(here, backend=hardware().device, vram_gb=free_gpu_bytes() / _GIGABYTE)
