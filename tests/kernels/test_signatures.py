"""What a kernel takes where it is not told: a plain convolution, a plain pooling."""

import importlib
import inspect
from pathlib import Path

import pytest

import sora_np.kernels

PLAIN = {
    **{"strides": (1, 1), "dilation": (1, 1), "pads": ((0, 0), (0, 0))},
    **{"groups": 1, "relu": False},
}
NAMES = sorted(
    f"{path.parent.name}.{path.stem}"
    for path in Path(sora_np.kernels.__file__).parent.glob("*/[!_]*.py")
)


@pytest.mark.parametrize("name", NAMES)
def test_defaults(name):
    module = importlib.import_module(f"sora_np.kernels.{name}")
    for function in vars(module).values():
        if inspect.isfunction(function) and function.__module__ == module.__name__:
            for parameter in inspect.signature(function).parameters.values():
                if parameter.default is not parameter.empty:
                    plain = PLAIN.get(parameter.name, parameter.default)
                    assert parameter.default == plain, (function, parameter)
