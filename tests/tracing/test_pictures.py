"""A number drawn: which panels there are, and which cells are outlined."""

import sys

import numpy as np
import pytest
from tracing.cases import network

from sora_np import Conv2D, Dense, MaxPooling2D, tracing

pytest.importorskip("matplotlib")  # the extra [plot]


def panels(figure):
    """Return title -> the cells that are outlined, (row, column)."""
    found = {}
    for ax in figure.axes:
        corners = [patch.get_xy() for patch in ax.patches]
        found[ax.get_title()] = [(round(y + 0.4), round(x + 0.4)) for x, y in corners]
    return found


def test_a_window_its_filter_and_their_product(rng):
    traced = tracing.trace_layer(Conv2D(2, 2), rng.standard_normal((1, 3, 4, 1)))
    figure = traced.plot("y[0, 1, 2, 1]")
    drawn = panels(figure)
    names = ["bias[:]", "x[0, h, v, 0]", "kernel[p, q, 0, 1]", "x * kernel"]
    assert [*drawn] == [*names, "y[0, i, j, 1]"]
    assert sorted(drawn["x[0, h, v, 0]"]) == [(1, 2), (1, 3), (2, 2), (2, 3)]
    assert sorted(drawn["kernel[p, q, 0, 1]"]) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert drawn["y[0, i, j, 1]"] == [(1, 2)] and drawn["bias[:]"] == [(0, 1)]
    product = figure.axes[3].images[0].get_array()
    window = traced["x"][0, 1:3, 2:4, 0] * traced["kernel"][:, :, 0, 1]
    np.testing.assert_allclose(product, window)
    assert figure.get_suptitle() == "conv2d: y[0, 1, 2, 1] = " + str(
        traced["y"][0, 1, 2, 1]
    )


def test_what_a_maximum_keeps_and_where_its_gradient_goes():
    x = np.array([[1, 5, 0], [2, -3, 9], [0, 0, 0]]).reshape(1, 3, 3, 1) * 1.0
    traced = tracing.trace_layer(MaxPooling2D(2, 1), x)
    drawn = panels(traced.plot("y[0, 0, 0, 0]"))["x[0, h, v, 0]"]
    assert sorted(drawn) == [(0, 0), (0, 1), (0, 1), (1, 0), (1, 1)]  # 5 twice
    drawn = panels(traced.plot("dx[0, 1, 2, 0]"))
    assert drawn["dy[0, i, j, 0]"] == [(0, 1), (1, 1)]
    assert [*panels(traced.plot("dx[0, 2, 0, 0]"))] == ["dx[0, h, v, 0]"]  # of none


def test_long_vectors_are_wrapped(rng):
    traced = tracing.trace_layer(Dense(2), rng.standard_normal((1, 20)))
    drawn = panels(traced.plot("y[0, 1]"))
    assert [*drawn] == ["bias[:]", "x[0, :]", "kernel[:, 1]", "y[0, :]"]
    assert sorted(drawn["x[0, :]"])[-1] == (1, 3) and len(drawn["kernel[:, 1]"]) == 20


def test_every_kind_of_number_is_drawn(batch, tmp_path):
    step = network().trace(*batch)
    for one in (*step.layers, step.loss):
        for name, array in one.items():
            if name in ("x", "kernel", "bias", "dy", "t", "weight") or (
                one.name == "loss" and name == "z"
            ):
                continue
            place = f"{name}[{', '.join('0' * array.ndim)}]"
            figure = step.plot(one.name, place)
            assert place.replace("loss[]", "loss") in figure.get_suptitle().replace(
                "loss[]", "loss"
            )
    figure.savefig(tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 1000


def test_without_matplotlib(monkeypatch, rng):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    traced = tracing.trace_layer(Dense(2), rng.standard_normal((1, 2)))
    with pytest.raises(ImportError, match=r"sora-np\[plot\]"):
        traced.plot("y[0, 0]")
