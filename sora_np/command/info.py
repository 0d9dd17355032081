"""Show versions, threads, vector width and cache folder."""

import argparse

from sora_np.common.versions import versions
from sora_np.kernels.activations.relu import _relu_item
from sora_np.kernels.machine.cache import folder_of
from sora_np.kernels.machine.ready import objects, target

ABOUT = "show versions, threads, vector width and cache folder"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command takes no options."""


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    found = versions() | {"numba cache": folder_of(_relu_item)}
    count = len(objects())
    found["ready code"] = f"{count} entries for {target()}" if count else "none"
    for name, value in found.items():
        print(f"{name:<16} {value}")
    return 0
