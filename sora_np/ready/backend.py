"""setuptools as the build backend; a wheel with machine code also needs numba."""

import os
import platform
import sys
from configparser import ConfigParser
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403


def brings_objects() -> bool:
    """Return whether a wheel that is built here contains compiled machine code.

    It does on Linux on x86-64, unless the environment has SORA_NP_PURE_WHEEL=1.
    """
    chosen = os.environ.get("SORA_NP_PURE_WHEEL")
    if chosen not in (None, "0", "1"):
        raise ValueError(f"SORA_NP_PURE_WHEEL must be 0 or 1, got {chosen!r}")
    here = sys.platform, platform.machine()
    return chosen != "1" and here == ("linux", "x86_64")


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what the build needs: to compile kernels, all that the package needs."""
    setup = ConfigParser()
    setup.read("setup.cfg")
    needed = setup["options"]["install_requires"].split() if brings_objects() else []
    return [*build_meta.get_requires_for_build_wheel(config_settings), *needed]
