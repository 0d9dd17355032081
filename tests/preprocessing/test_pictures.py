import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np.layers import RandomFlip, RandomRotation, Rescaling
from sora_np.layers.base import Samples
from sora_np.preprocessing import plot_augmented

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("channels", [1, 3])
def test_each_sample_before_and_after(channels, rng, tmp_path):
    x = rng.integers(0, 256, (3, 6, 8, channels), np.uint8)
    layers = [RandomFlip(seed=1), Rescaling(1 / 255)]
    figure = plot_augmented(x, layers, versions=4)
    shown = np.array([ax.images[0].get_array() for ax in figure.axes], float)
    shown = shown.reshape(3, 5, 6, 8, channels)
    span = np.ptp(x.astype(float))
    assert_allclose(shown[:, 0], (x - x.min()) / span, atol=1e-6)
    for row, image in zip(shown, shown[:, 0], strict=True):
        flips = image, image[::-1], image[:, ::-1], image[::-1, ::-1]
        for after in row[1:]:
            assert any(np.allclose(after, flip, atol=1e-6) for flip in flips)
    titles = [ax.get_title() for ax in figure.axes[:5]]
    assert titles == ["before", "epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    figure.savefig(tmp_path / "augmented.png")
    assert (tmp_path / "augmented.png").stat().st_size > 1000


def test_it_shows_what_training_sees_and_changes_nothing(rng):
    x = rng.random((2, 5, 5, 1), np.float32)
    layer = RandomRotation(0.2, seed=4)
    twin = RandomRotation(0.2, seed=4)
    figure = plot_augmented(x, [layer], versions=2)
    assert layer.input_shape is None
    seen = []
    for epoch in (0, 1):
        twin.share(Samples(epoch, np.arange(2)))
        seen.append(twin(x, training=True))
    low, span = np.min(seen), np.ptp(seen)
    shown = np.array([ax.images[0].get_array() for ax in figure.axes])
    expected = (np.array(seen)[..., 0] - low) / span
    assert_allclose(
        shown.reshape(2, 3, 5, 5)[:, 1:], expected.swapaxes(0, 1), atol=1e-6
    )


def test_mistakes(monkeypatch, rng):
    with pytest.raises(ValueError, match=r"x must be images \(N, H, W, C\) with C = 1"):
        plot_augmented(rng.random((2, 5, 5)), [])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "sora-np\[plot\]"'):
        plot_augmented(rng.random((2, 5, 5, 1)), [])
