"""Every kind of layer runs as in prediction while it is explained, in both passes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np.command.specimens import specimens
from sora_np.explain.study import Study
from sora_np.layers import (
    AlphaDropout,
    BatchNormalization,
    Dropout,
    RandomCrop,
    RandomRotation,
)

SPECIMENS = {specimen.model.name: specimen for specimen in specimens()}


def study_of(specimen):
    """Return a study of all layers, with moving statistics that have moved."""
    model = specimen.model
    rng = np.random.default_rng(0)
    for layer in model.leaves:
        if isinstance(layer, BatchNormalization):
            layer.state["moving_mean"] = rng.standard_normal(
                layer.state["moving_mean"].shape
            )
            layer.state["moving_variance"] += 0.5
    study = Study(model, at=model.nodes[-1].layer)
    return study, study.inputs(specimen.x)


@pytest.mark.parametrize("name", SPECIMENS)
def test_what_is_differentiated_is_the_prediction(name):
    study, xs = study_of(SPECIMENS[name])
    values, predicted = study.values(xs), study.model.layer_outputs(SPECIMENS[name].x)
    for own, value, expected in zip(
        study.names, values[len(xs) :], predicted.values(), strict=True
    ):
        assert_allclose(value, expected, 1e-9, 1e-11, err_msg=own)


@pytest.mark.parametrize("name", SPECIMENS)
def test_the_gradient_is_that_of_the_prediction(name):
    """Along a random direction of x, by differences of ``predict``."""
    specimen = SPECIMENS[name]
    study, xs = study_of(specimen)
    targets = np.zeros(len(xs[0]), np.intp)
    rng = np.random.default_rng(1)
    xs = [x + 1e-3 * rng.standard_normal(x.shape) for x in xs]  # off the kinks
    way = [rng.standard_normal(x.shape) for x in xs]
    slopes = study.gradients(xs, targets)

    def score(step):
        moved = [x + step * v for x, v in zip(xs, way, strict=True)]
        given = moved[0] if len(moved) == 1 else moved
        y = study.model.predict(given, verbose=0)
        return y.reshape(len(y), -1, y.shape[-1])[:, :, 0].mean(axis=1)

    eps = 1e-7
    expected = (score(eps) - score(-eps)) / (2 * eps)
    found = sum(
        (g * v).reshape(len(g), -1).sum(axis=1)
        for g, v in zip(slopes, way, strict=True)
    )
    largest = np.abs(expected).max()
    assert largest > 0
    assert_allclose(found, expected, atol=1e-5 * largest, rtol=0)


def test_all_that_differs_in_training_is_among_them():
    layers = [type(la) for one in SPECIMENS.values() for la in one.model.leaves]
    for kind in (Dropout, AlphaDropout, BatchNormalization, RandomCrop, RandomRotation):
        assert kind in layers, kind
