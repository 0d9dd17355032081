"""Maps of centres: worked by hand, back to the boxes, and their loss."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from sora_np import gradcheck, load_model
from sora_np.applications import center_net
from sora_np.vision import CenterLoss, center_targets, decode_centers

LEFT, RIGHT = [2, 3, 10, 15], [20, 9, 30, 13]


def test_targets_worked_by_hand():
    """RIGHT: centre (25, 11), in cells 2.75 down and 6.25 right, 1 high, 2.5 wide."""
    y = center_targets([LEFT, RIGHT], 5, 8, stride=4)
    assert_allclose(np.argwhere(y[..., 0] == 1), [[2, 1], [2, 6]])
    assert_allclose(y[2, 6], [1, 1, 2.5, 0.75, 0.25])
    assert_allclose(y[2, 1], [1, 3, 2, 0.25, 0.5])
    assert_allclose(y[2, 5, 0], np.exp(-1 / (2 * (2.5 / 6) ** 2)), rtol=1e-5)
    assert_allclose(y[1, 1, 0], np.exp(-1 / (2 * (3 / 6) ** 2)), rtol=1e-5)
    assert not y[..., 1:][y[..., 0] < 1].any()
    wide = center_targets([LEFT], 5, 8, stride=4, spread=2)
    assert_allclose(wide[1, 1, 0], np.exp(-1 / (2 * (2 * 3 / 6) ** 2)), rtol=1e-5)


def test_of_two_in_a_cell_the_smaller_counts():
    small, large = [4, 4, 7, 7], [1, 1, 11, 11]
    for boxes in ([small, large], [large, small]):
        assert_allclose(center_targets(boxes, 4, 4, 4)[1, 1, 1:3], 0.75)


def test_one_stands_at_centres_alone():
    """A bell as wide as the map is flat, and still below 1 beside its centre."""
    y = center_targets([[0, 0, 64, 64]], 16, 16, 4, spread=1e4)
    assert (y[..., 0] == 1).sum() == 1


def test_the_boxes_come_back(rng):
    corner = np.array([[3, 5], [40, 8], [10, 40], [44, 44]]) + rng.random((4, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 18, (4, 2))], axis=1)
    outputs = center_targets(boxes, 16, 16, 4).astype(float)
    outputs[..., 0] = 12 * outputs[..., 0] - 6
    found, scores = decode_centers(outputs, 4, threshold=0.9)
    order = np.lexsort(found.T[:2])
    assert_allclose(found[order], boxes[np.lexsort(boxes.T[:2])], atol=1e-4)
    assert_allclose(scores, expit(6))


def test_decoding_takes_peaks_and_suppresses():
    outputs = np.full((3, 8, 5), -9.0)
    outputs[1, 1] = 2, 4, 4, 0.5, 0.5
    outputs[1, 2] = 1, 4, 4, 0.5, 0.5  # beside a higher one: no peak
    outputs[1, 4] = 0, 4, 4, 0.5, -2.3  # a peak, and on the first box
    outputs[0, 7] = -0.5, -1, 2, 0, 0  # of a height below 0: taken for 0
    boxes, scores = decode_centers(outputs, 4, threshold=0.3)
    assert_allclose(boxes, [[-2, -2, 14, 14], [24, 0, 32, 0]])
    assert_allclose(scores, expit([2, -0.5]))
    assert len(decode_centers(outputs, 4, 0.3, iou_threshold=1)[0]) == 3
    assert len(decode_centers(outputs, 4, 0.99)[0]) == 0
    with pytest.raises(ValueError, match=r"the shape \(height, width, 5\), got \(3, 8"):
        decode_centers(outputs[..., :4], 4)


@pytest.mark.parametrize("box", [[4, 4, 4, 9], [30, 0, 36, 9], [-9, 0, 1, 4]])
def test_targets_need_an_area_and_a_centre_inside(box):
    with pytest.raises(ValueError, match=r"boxes\[1\] must have an area"):
        center_targets([LEFT, box], 4, 8, 4)


def _loss(y, z, size, offset):
    """The formula, cell by cell."""
    p, total, count = expit(z[..., 0]), 0.0, 0
    for i, j in np.ndindex(p.shape):
        if y[i, j, 0] == 1:
            errors = np.abs(z[i, j, 1:] - y[i, j, 1:])
            total -= (1 - p[i, j]) ** 2 * np.log(p[i, j])
            total += size * errors[:2].sum() + offset * errors[2:].sum()
            count += 1
        else:
            rest = (1 - y[i, j, 0]) ** 4 * p[i, j] ** 2
            total -= rest * np.log(1 - p[i, j])
    return total / max(count, 1)


@pytest.fixture
def batch(rng):
    """Two pictures, the second without a box."""
    y = np.stack([center_targets(b, 5, 8, 4) for b in ([LEFT, RIGHT], [])])
    return y.astype(float), rng.normal(0, 2, y.shape)


def test_the_loss_is_its_formula(batch):
    expected = np.mean([_loss(y, z, 0.2, 0.7) for y, z in zip(*batch, strict=True)])
    assert CenterLoss(size=0.2, offset=0.7)(*batch) == pytest.approx(expected)


def test_the_losss_gradient(batch):
    report = gradcheck.check_loss(CenterLoss(), *batch, samples=400)
    assert report.passed, report


def test_sure_logits_cost_finite_numbers(batch):
    y, z = batch
    value, dy = CenterLoss().value_and_gradient(y, np.sign(z) * 1e4)
    assert np.isfinite(value) and np.isfinite(dy).all()


def test_a_detector_learns_a_picture_by_heart(tmp_path, rng):
    model = center_net((32, 32, 3), filters=4)
    x = rng.random((4, 32, 32, 3), np.float32)
    y = np.stack([center_targets([[3, 5, 15, 17], [18, 12, 30, 30]], 8, 8, 4)] * 4)
    model.compile("adam", CenterLoss())
    losses = model.fit(x, y, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.loss.get_config() == CenterLoss().get_config()
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    with pytest.raises(ValueError, match="multiples of 16"):
        center_net((32, 40, 3))
