"""Where and how networks run: on which device, in which precision, by OpenVINO or by torch.

Everything here is found out without importing torch or OpenVINO, so that stems that are made already come at once.
"""

from stem_cli.engines.runtime.machine import (
    Hardware,
    available_bytes,
    device_for,
    hardware,
    installed,
    notes,
    precision_for,
    torch_remedy,
)

__all__ = [
    "Hardware",
    "available_bytes",
    "device_for",
    "hardware",
    "installed",
    "notes",
    "precision_for",
    "torch_remedy",
]
