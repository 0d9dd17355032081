"""Versions, CPU and threads that a run depended on."""

import platform
from importlib import metadata

import numba
import numpy as np
from llvmlite import binding

from sora_np.kernels.activations.relu import relu

VERSION = "0.1.0"  # of the package; a test compares it with setup.cfg


def versions() -> dict[str, str]:
    """Return name -> value, for reports of runs and of bugs.

    >>> list(versions())[:5]
    ['sora_np', 'python', 'numpy', 'numba', 'scipy']
    """
    relu(np.ones(1, np.float32))  # the threading layer is chosen at the first launch
    features = binding.get_host_cpu_features()
    width = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
    return {
        "sora_np": VERSION,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "numba", "scipy")},
        "system": f"{platform.system()} on {platform.machine()}",
        "cpu": binding.get_host_cpu_name(),
        "vector width": f"{width} bytes",
        "threads": str(numba.get_num_threads()),
        "threading layer": numba.threading_layer(),
    }
