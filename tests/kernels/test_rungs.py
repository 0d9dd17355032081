"""Every operation that layers call, on its three rungs: loops, whole arrays, kernel.

Convolution and pooling are held equal in their own tests, over all their cases.
"""

import ast
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest

import sora_np
from sora_np.kernels.machine import rungs

ROOT = Path(sora_np.__file__).parent
MODULES = [  # of operations
    ".".join(("sora_np.kernels", *path.relative_to(ROOT / "kernels").parts))[:-3]
    for path in sorted((ROOT / "kernels").rglob("[!_]*.py"))
]
OPERATIONS = {
    name: function
    for module in map(importlib.import_module, MODULES)
    for name, function in vars(module).items()
    if hasattr(function, "rungs") and function.__module__ == module.__name__
}
RANDOM = {"uniform", "normal"}  # the layers that draw call the kernel on every rung


def arrays(rng, dtype):
    """Return, by the operation's name, what to call it with."""

    def a(*shape):
        return rng.standard_normal(shape).astype(dtype)

    x, dy = a(3, 7), a(3, 7)
    x.flat[:4] = [0, 1, -3, 3]
    moments = a(7), abs(a(7)) + 0.1
    rows = a(3), abs(a(3)) + 0.1
    groups, maps = (a(2, 3), abs(a(2, 3)) + 0.1), (a(2, 5, 6), a(2, 5, 6))
    one_hot = np.eye(7, dtype=dtype)[[2, 0, 6]]
    three = [a(2, 4, 3) for _ in range(3)]
    chosen = rng.integers(0, 3, (2, 4, 3)).astype(np.uint8)
    size = [[1, -1], [0, 2]]
    unary = "sigmoid", "tanh", "softmax", "elu", "gelu", "silu", "mish", "hard_sigmoid"
    given = {name: [(x,)] for name in (*unary, "hard_silu")}
    given |= {f"{name}_dx": [(dy, y)] for name, [(y,)] in given.items()}
    bends = [(), (0.2,), (0.1, 0.5, 1.0), (0.0, -1.0, 0.25)]
    return given | {
        "relu": [(x, *bend) for bend in bends],
        "relu_dx": [(dy, x, *bend) for bend in bends],
        "elu": [(x,), (x, 1.5, 2.0)],
        "elu_dx": [(dy, x), (dy, np.maximum(x, -1), 1.5, 2.0)],
        "gelu": [(x,), (x, True)],
        "gelu_dx": [(dy, x), (dy, x, True)],
        "dense": [(x, a(7, 4), a(4))],
        "dense_dw": [(x, a(3, 4))],
        "dense_dx": [(a(3, 4), a(7, 4))],
        "batch_dot": [(a(2, 3, 4), a(2, 4, 5))],
        "softmax_crossentropy": [(5 * x, one_hot), (x, abs(dy))],
        "softmax_crossentropy_dz": [(5 * x, one_hot), (x, abs(dy))],
        "softmax_crossentropy_and_dz": [(5 * x, one_hot), (x, abs(dy))],
        "normalize": [(x, a(7), a(7), *moments, 1e-3)],
        "batch_normalization": [(x, a(7), a(7), 1e-3)],
        "batch_normalization_dx": [
            (dy, x, a(7), *moments, 1e-3, constant) for constant in (False, True)
        ],
        "layer_normalization": [(x, a(7), a(7), 1e-3, c) for c in (False, True)],
        "layer_normalization_dx": [
            (dy, x, a(7), *rows, 1e-3, centred) for centred in (False, True)
        ],
        "group_normalization": [(maps[0], a(6), a(6), 1e-3, 3)],
        "group_normalization_dx": [(*maps, a(6), *groups, 1e-3, 3)],
        "add": [(three,), (three[:1],)],
        "maximum": [(three,), (three[:1],), ([three[0], three[0]],)],
        "minimum": [(three,), (three[:1],), ([three[0], three[0]],)],
        "extreme_dx": [(three[0], chosen, 3)],
        "concatenate": [(three, 1), ([three[0], a(2, 4, 1)], 2)],
        "concatenate_dx": [(three[0], (1, 3), 1), (three[0], (2, 1), 2)],
        "window2d": [(a(2, 4, 4, 3), np.array(size), (3, 5), 0.5)],
        "resize2d": [(a(1, 3, 4, 2), (5, 6), "bilinear")],
        "resize2d_dx": [(a(1, 3, 4, 2), (5, 6), "bilinear")],
    }


ELSEWHERE = {  # in their own files
    *("conv2d", "conv2d_dw", "conv2d_dx", "maxpool2d", "maxpool2d_dx"),
    *("avgpool2d", "avgpool2d_dx", "affine_warp", "affine_warp_dx"),
}
HERE = sorted({*OPERATIONS} - ELSEWHERE)


def test_no_operation_is_left_out(rng):
    assert {*arrays(rng, "float64")} == {*HERE} and len(OPERATIONS) > 45


@pytest.mark.parametrize("name", HERE)
def test_all_rungs_are_one_formula(name, dtype, close, rng):
    for given in arrays(rng, dtype)[name]:
        before = [np.copy(a) for a in given if isinstance(a, np.ndarray)]
        found = {}
        for rung in rungs.RUNGS:
            with rungs.rung(rung):
                y = OPERATIONS[name](*given)
            found[rung] = list(y) if isinstance(y, (tuple, list)) else [y]
        for rung in ("numpy", "fast"):
            for one, formula in zip(found[rung], found["reference"], strict=True):
                if formula.dtype.kind == "f":
                    close(one, formula, f"{name} of {rung}")
                else:
                    np.testing.assert_array_equal(one, formula)
                    assert one.dtype == formula.dtype
        after = [a for a in given if isinstance(a, np.ndarray)]
        for a, b in zip(after, before, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", sorted({*OPERATIONS} - {"tanh", "tanh_dx"}))
def test_results_share_no_memory_with_what_is_given(name, rng):
    """As those of the kernels do not: a layer may write to one of them."""
    for given in arrays(rng, "float64").get(name, []):
        inputs = [a for a in given if isinstance(a, np.ndarray)]
        inputs += [a for xs in given if isinstance(xs, list) for a in xs]
        with rungs.rung("numpy"):
            y = OPERATIONS[name](*given)
        for one in y if isinstance(y, (tuple, list)) else [y]:
            assert not any(np.shares_memory(one, a) for a in inputs), name


@pytest.mark.parametrize("name", OPERATIONS)
def test_one_signature(name):
    own = inspect.signature(OPERATIONS[name])
    for rung, function in OPERATIONS[name].rungs.items():
        assert inspect.signature(function) == own, rung
    assert OPERATIONS[name].rungs["reference"].__name__ == f"{name}_reference"


SPECIAL = np.array([[np.nan, 1, 2], [-np.inf, 0, np.inf], [-800, 800, -0.0]])


@pytest.mark.parametrize(
    "name", ["relu", "sigmoid", "tanh", "softmax", "hard_sigmoid", "add", "maximum"]
)
def test_nan_and_infinity_pass(name):
    given = ([SPECIAL, SPECIAL[::-1].copy()],) if name in ("add", "maximum") else None
    for rung in rungs.RUNGS:
        with rungs.rung(rung):
            y = OPERATIONS[name](*(given or (SPECIAL,)))
        y = y[0] if isinstance(y, tuple) else y
        expected = y if rung == "fast" else expected  # noqa: F821
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-300, err_msg=rung)


def test_whoever_is_on_the_first_floors_calls_all_rungs():
    """Whatever has a formula and is called by layers, activations or losses has three.

    But for random numbers, and the tasks that only plans call.
    """
    files = [ROOT / "activations.py"]
    files += [*ROOT.glob("layers/**/*.py"), *ROOT.glob("losses/*.py")]
    called = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and "kernels" in (node.module or ""):
                names = vars(importlib.import_module(node.module))
                called |= {a.name for a in node.names if f"{a.name}_reference" in names}
    assert called - RANDOM <= {*OPERATIONS} and len(called) > 30
