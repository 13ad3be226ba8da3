"""Where and how networks run: on which device, in which precision, by OpenVINO or by torch.

Everything here is found out without importing torch or OpenVINO, so that stems that are made already come at once.
"""

import os

from stem_cli.engines.runtime.machine import (
    Hardware,
    available_bytes,
    device_for,
    free_gpu_bytes,
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
    "free_gpu_bytes",
    "hardware",
    "installed",
    "notes",
    "precision_for",
    "torch_remedy",
]

# onnxruntime, which audio-separator imports as well, looks for its makers' host as soon as it is imported, unless told
# not to; its own function for that comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
