"""What the pictures show."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import explain
from sora_np.explain.verdict import Step, Verdict
from sora_np.plots.figure import svg_of

pytest.importorskip("matplotlib")  # the extra [plot]


def shown(ax):
    """Return what the last image of an axes shows."""
    return np.asarray(ax.images[-1].get_array())


def test_attributions_with_signs_and_without(rng):
    x, values = rng.random((2, 5, 4, 3)), rng.standard_normal((2, 5, 4, 3))
    figure = explain.plot_attribution(x, values, ["$a$", "b"])
    assert [ax.get_title() for ax in figure.axes] == [r"\$a\$", "", "b", ""]
    for n in range(2):
        ax = figure.axes[2 * n + 1]
        assert_allclose(shown(ax), values[n].sum(axis=2))
        limit = np.abs(values[n].sum(axis=2)).max()
        assert ax.images[0].get_clim() == (-limit, limit)
    figure = explain.plot_attribution(x, np.abs(values))
    assert_allclose(shown(figure.axes[1]), np.abs(values[0]).max(axis=2))
    assert figure.axes[1].images[0].get_clim()[0] == 0
    svg_of(figure)


def test_grad_cam_lies_over_the_whole_image(rng):
    x, maps = rng.random((2, 9, 8, 1)), rng.random((2, 3, 2))
    figure = explain.plot_grad_cam(x, maps)
    over = figure.axes[3].images[1]
    assert_allclose(np.asarray(over.get_array()), maps[1])
    assert tuple(over.get_extent()) == (-0.5, 7.5, 8.5, -0.5)
    assert tuple(figure.axes[3].images[0].get_extent()) == (-0.5, 7.5, 8.5, -0.5)
    svg_of(figure)


def test_inputs_of_maximal_activation_have_their_own_scales():
    x = np.stack([np.linspace(0, 9, 12), np.linspace(-1, 1, 12)]).reshape(2, 4, 3, 1)
    figure = explain.plot_maximization(x, ["a", "b"])
    for ax, title in zip(figure.axes, "ab", strict=True):
        assert ax.get_title() == title
        assert (shown(ax).min(), shown(ax).max()) == (0, 1)


def test_points_of_a_class_have_a_colour(rng):
    places, labels = rng.standard_normal((6, 2)), [2, 0, 2, 0, 0, 2]
    figure = explain.plot_embedding(places, labels, ["a", "b", "c"])
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["a", "c"]
    assert_allclose(lines[1].get_xydata(), places[[0, 2, 5]])
    assert lines[0].get_color() != lines[1].get_color()
    many = explain.plot_embedding(np.ones((2, 2)), [1, 11]).axes[0].lines
    assert [line.get_marker() for line in many] == ["o", "s"]


def test_neighbours_stand_beside_their_sample(rng):
    x, train = rng.random((2, 4, 4, 1)), rng.random((5, 4, 4, 1))
    nearest = explain.Nearest(np.array([[3, 1], [0, 4]]), np.array([[1, 2], [3, 4.5]]))
    figure = explain.plot_nearest(x, train, nearest)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["0", "3: 1", "1: 2", "1", "0: 3", "4: 4.5"]
    low, high = train[4].min(), train[4].max()
    assert_allclose(shown(figure.axes[5]), (train[4, :, :, 0] - low) / (high - low))


def test_verdicts_are_drawn_layer_by_layer():
    steps = [Step("dense", 0.55, 0.5, 4), Step("conv2d", 0.25, -0.5, 4)]
    figure = Verdict("cascading parameters", "saliency", steps, 0.6).plot()
    absolute, signed, limit = figure.axes[0].lines
    assert_allclose(absolute.get_ydata(), [1, 0.55, 0.25])
    assert_allclose(signed.get_ydata(), [1, 0.5, -0.5])
    assert_allclose(limit.get_ydata(), 0.6)
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == ["trained", "dense", "conv2d"]
    assert figure.axes[0].get_title() == "saliency: passes"
    svg_of(figure)


def test_shapes_that_do_not_fit(rng):
    x = rng.random((2, 5, 4, 1))
    with pytest.raises(ValueError, match=r"must have x's shape \(2, 5, 4, 1\), got"):
        explain.plot_attribution(x, x[:, :4])
    with pytest.raises(ValueError, match="expected 2 titles, one an image, got 1"):
        explain.plot_attribution(x, x, ["a"])
    with pytest.raises(ValueError, match=r"must have the shape \(2, rows, columns\)"):
        explain.plot_grad_cam(x, x)
    with pytest.raises(ValueError, match=r"places must have the shape \(N, 2\)"):
        explain.plot_embedding(np.ones((3, 3)), [0, 1, 2])
    with pytest.raises(
        ValueError, match="labels go from 0 to 2, but there are 2 names"
    ):
        explain.plot_embedding(np.ones((3, 2)), [0, 1, 2], ["a", "b"])
    nearest = explain.Nearest(np.array([[0]]), np.array([[0.0]]))
    with pytest.raises(ValueError, match="expected neighbours of 2 images, got 1"):
        explain.plot_nearest(x, x, nearest)
