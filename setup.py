"""Compile machine code into a wheel, see sora_np/ready/; all else is in setup.cfg."""

import shutil
import subprocess
import sys
from pathlib import Path

from backend import brings_objects  # pyproject.toml says where it is
from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py


class Package(Distribution):
    """The package; its wheel is one of a platform where it brings machine code."""

    def has_ext_modules(self) -> bool:
        return "bdist_wheel" in self.commands and brings_objects()


class Build(build_py):
    """Copies the modules, and compiles with them what the wheel brings."""

    def run(self) -> None:
        super().run()
        built = Path(self.build_lib).resolve()
        objects = built / "sora_np" / "kernels" / "objects"
        shutil.rmtree(objects, ignore_errors=True)  # of an earlier build
        if self.distribution.has_ext_modules():
            command = [sys.executable, "-m", "sora_np.ready", str(objects)]
            subprocess.run(command, cwd=built, check=True)


class Wheel(bdist_wheel):
    """A wheel for every Python: machine code does not depend on it."""

    def get_tag(self) -> tuple[str, str, str]:
        system = super().get_tag()[2]
        return "py3", "none", system


setup(
    cmdclass={"build_py": Build, "bdist_wheel": Wheel},
    distclass=Package,
)
