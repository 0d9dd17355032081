"""Regularisers: values, gradients, names; tests/models has them in a model."""

import numpy as np
import pytest

from sora_np import regularizers
from sora_np.regularizers import L1, L1L2, L2, Regularizer

W = np.array([[0.5, -2.0], [3.0, -0.25]])
BY_HAND = {  # regulariser, penalty, gradient
    "l1": (L1(0.1), 0.575, [[0.1, -0.1], [0.1, -0.1]]),
    "l2": (L2(0.1), 1.33125, [[0.1, -0.4], [0.6, -0.05]]),
    "l1-l2": (L1L2(0.1, 0.2), 0.575 + 2.6625, [[0.3, -0.9], [1.3, -0.2]]),
    "none": (L1L2(), 0, [[0, 0], [0, 0]]),
}


@pytest.mark.parametrize("regularizer, penalty, slope", BY_HAND.values(), ids=BY_HAND)
def test_by_hand(regularizer, penalty, slope):
    np.testing.assert_allclose(regularizer(W), penalty, rtol=1e-12)
    np.testing.assert_allclose(regularizer.gradient(W), slope, rtol=1e-12)


@pytest.mark.parametrize("regularizer, penalty, slope", BY_HAND.values(), ids=BY_HAND)
def test_what_a_model_runs(regularizer, penalty, slope):
    w, dw = W.copy(), np.ones_like(W)
    value = regularizer.bind(w, dw)()
    np.testing.assert_allclose(value, penalty, rtol=1e-12)
    np.testing.assert_allclose(dw, 1 + np.array(slope), rtol=1e-12)
    np.testing.assert_array_equal(w, W)


@pytest.mark.parametrize("name, cls", [("l1", L1), ("L2", L2), ("l1_l2", L1L2)])
def test_names_and_configurations(name, cls):
    assert type(regularizers.get(name)) is cls
    regularizer = cls(0.25)
    config = {"class_name": cls.__name__, "config": regularizer.get_config()}
    assert regularizers.get(config).get_config() == regularizer.get_config()


def test_mistakes():
    with pytest.raises(ValueError, match="unknown regularizer 'l3'; did you mean"):
        regularizers.get("l3")
    with pytest.raises(ValueError, match="l2 must be finite and not negative, got -1"):
        L2(-1)
    with pytest.raises(NotImplementedError, match="Regularizer must define __call__"):
        Regularizer()(W)
