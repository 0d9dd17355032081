"""setuptools as the build backend; a wheel that brings machine code needs numba too."""

import os
import platform
import sys
from configparser import ConfigParser
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403


def brings_objects() -> bool:
    """Return whether a wheel that is built here brings ready machine code.

    It does on Linux on x86-64, but for SORA_NP_PURE_WHEEL=1 in the environment.
    """
    chosen = os.environ.get("SORA_NP_PURE_WHEEL")
    if chosen not in (None, "0", "1"):
        raise ValueError(f"SORA_NP_PURE_WHEEL must be 0 or 1, got {chosen!r}")
    here = sys.platform, platform.machine()
    return chosen != "1" and here == ("linux", "x86_64")


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what to install for the build: to compile, all that the package needs."""
    setup = ConfigParser()
    setup.read("setup.cfg")
    needed = setup["options"]["install_requires"].split() if brings_objects() else []
    return [*build_meta.get_requires_for_build_wheel(config_settings), *needed]
