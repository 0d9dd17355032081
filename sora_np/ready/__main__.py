"""Compile the objects of kernels/machine/ready.py, for every kind of CPU.

    python -m sora_np.ready [FOLDER]

writes them into FOLDER; by default beside the kernels of this checkout, which then
starts like a wheel until a kernel is edited.  It takes a minute, any CPU will do.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from sora_np.kernels.machine.ready import FOLDER, TARGETS

# tasks are cut in another way, and need other bodies, for one thread and for many
THREADS = "1", "2", "3"


def main(folder: Path) -> None:
    """Write the objects of every target, in processes side by side."""
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(partial(write_target, folder), TARGETS):
            pass  # raises what went wrong


def write_target(folder: Path, name: str) -> None:
    """Write the objects of a target anew."""
    shutil.rmtree(folder / name, ignore_errors=True)
    command = [sys.executable, "-m", "sora_np.ready.target", str(folder / name)]
    with tempfile.TemporaryDirectory() as cache:
        for threads in THREADS:
            own = environment(name, threads, cache)
            subprocess.run(command, env=own, check=True)


def environment(name: str, threads: str, cache: str) -> dict[str, str]:
    """Return the environment in which numba compiles for a target, and nothing else."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "SORA_"))}
    return own | {
        "NUMBA_CPU_NAME": name,
        "NUMBA_CPU_FEATURES": ",".join(f"+{f}" for f in TARGETS[name].features),
        "NUMBA_CACHE_DIR": cache,
        "NUMBA_DISABLE_INTEL_SVML": "1",  # not every CPU has that library
        "NUMBA_NUM_THREADS": threads,
        "PYTHONHASHSEED": "0",
        "SORA_NP_READY": "0",
    }


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else FOLDER)
