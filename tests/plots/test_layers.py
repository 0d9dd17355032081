import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import Conv2D, Dense, Flatten, MaxPool, Sequential
from sora_np.plots import plot_feature_maps, plot_filters
from sora_np.plots.figure import svg_of

pytest.importorskip("matplotlib")  # the extra [plot]


def drawn(figure):
    """Return what each axes with an image shows."""
    axes = [ax for ax in figure.axes if ax.images]
    return [np.asarray(ax.images[0].get_array()) for ax in axes]


def conv(channels, filters):
    layer = Conv2D(filters, (3, 2))
    layer.build((6, 6, channels), np.random.default_rng(0), "float32")
    return layer, np.array(layer.params["kernel"])


def test_filters_over_one_channel():
    layer, kernel = conv(1, 10)
    figure = plot_filters(layer)
    assert figure.get_suptitle() == "conv2d: 10 filters of 3 x 2 x 1"
    *filters, colorbar = figure.axes
    assert [ax.get_title() for ax in filters] == [str(k) for k in range(10)]
    assert_allclose(drawn(figure)[:10], np.moveaxis(kernel[:, :, 0], 2, 0))
    limit = np.abs(kernel).max()
    assert {ax.images[0].get_clim() for ax in filters} == {(-limit, limit)}
    svg_of(figure)
    assert all(text.get_text().isascii() for text in colorbar.get_yticklabels())


def test_filters_over_colours():
    layer, kernel = conv(3, 5)
    figure = plot_filters(layer)
    expected = np.moveaxis(kernel / np.abs(kernel).max(), 3, 0) / 2 + 0.5
    assert_allclose(drawn(figure), expected)
    assert len(figure.axes) == 5, "no colour bar: the colours are what they are"


def test_filters_over_many_channels():
    layer, kernel = conv(20, 7)
    figure = plot_filters(layer, count=2)
    title = "conv2d: 7 filters of 3 x 2 x 20, the first 2 over 16 channels"
    assert figure.get_suptitle() == title
    expected = [kernel[:, :, c, o] for o in range(2) for c in range(16)]
    assert_allclose(drawn(figure)[:32], expected)


def test_filters_of_what_has_none():
    with pytest.raises(TypeError, match="plot_filters takes a Conv2D, got"):
        plot_filters(Dense(3))
    with pytest.raises(ValueError, match="is not built: it has no filters yet"):
        plot_filters(Conv2D(3, 3))


@pytest.fixture
def model():
    first = Conv2D(3, 3, activation="relu", input_shape=(8, 7, 1), name="edges")
    return Sequential([first, MaxPool(2), Flatten(), Dense(2, "softmax")])


def test_feature_maps_layer_by_layer(model, rng):
    image = rng.random((8, 7, 1), np.float32)
    figure = plot_feature_maps(model, image, count=2)
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.images]
    assert titles == ["input 8 x 7 x 1", "edges 6 x 5 x 3", "", *_pool_titles]
    shown = drawn(figure)
    assert_allclose(shown[0], (image[:, :, 0] - image.min()) / np.ptp(image), atol=1e-6)
    outputs = model.layer_outputs(image[None])
    for k, name in enumerate(("edges", "max_pooling2d")):
        maps = np.moveaxis(outputs[name][0], 2, 0)
        assert_allclose(shown[1 + 2 * k : 3 + 2 * k], maps[:2])
        clim = figure.axes[2 + 2 * k].images[0].get_clim()
        assert_allclose(clim, (maps.min(), maps.max()))
    svg_of(figure)


_pool_titles = ["max_pooling2d 3 x 2 x 3", ""]


@pytest.mark.parametrize("shape", [(1, 8, 7, 1), (8, 7), (8, 7, 2)])
def test_feature_maps_of_what_is_no_image(model, shape):
    with pytest.raises(ValueError, match=r"got shape \("):
        plot_feature_maps(model, np.zeros(shape))
