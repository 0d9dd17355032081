"""Compile the object files of kernels/machine/ready.py for every type of CPU.

    python -m sora_np.ready [FOLDER]

writes them into FOLDER, by default next to the kernels of this checkout.  The checkout
then starts as fast as a wheel, until a kernel is edited.  It takes a minute on any CPU.
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

# the number of threads decides how tasks are split, and so which bodies are needed
THREADS = "1", "2", "3"


def main(folder: Path) -> None:
    """Write the object files of every target, in parallel processes."""
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(partial(write_target, folder), TARGETS):
            pass  # raises the errors of the processes


def write_target(folder: Path, name: str) -> None:
    """Replace the object files of a target."""
    shutil.rmtree(folder / name, ignore_errors=True)
    command = [sys.executable, "-m", "sora_np.ready.target", str(folder / name)]
    with tempfile.TemporaryDirectory() as cache:
        for threads in THREADS:
            own = environment(name, threads, cache)
            subprocess.run(command, env=own, check=True)


def environment(name: str, threads: str, cache: str) -> dict[str, str]:
    """Return the environment in which numba compiles for one target."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "SORA_"))}
    return own | {
        "NUMBA_CPU_NAME": name,
        "NUMBA_CPU_FEATURES": ",".join(f"+{f}" for f in TARGETS[name].features),
        "NUMBA_CACHE_DIR": cache,
        "NUMBA_DISABLE_INTEL_SVML": "1",  # not every machine has that library
        "NUMBA_NUM_THREADS": threads,
        "PYTHONHASHSEED": "0",
        "SORA_NP_READY": "0",
    }


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else FOLDER)
