"""The known mistakes: each differs from what is right, and is told from the others."""

import numpy as np
import pytest

from sora_np.exercises import (
    adam,
    batch_normalization,
    conv2d,
    convolve2d,
    crossentropy,
    dense,
    max_pooling2d,
    neuron,
    sgd,
    softmax,
)
from sora_np.exercises.compare import difference

SOURCES = {
    "adam": adam.cases,
    "batch_normalization": batch_normalization.cases,
    "conv2d": conv2d.cases,
    "convolve2d": convolve2d.cases,
    "crossentropy": crossentropy.cases,
    "crossentropy_gradient": crossentropy.gradient_cases,
    "softmax_crossentropy_gradient": crossentropy.logits_cases,
    "dense": dense.cases,
    "max_pooling2d": max_pooling2d.cases,
    "neuron": neuron.cases,
    "neuron_gradient": neuron.gradient_cases,
    "sgd": sgd.cases,
    "softmax": softmax.cases,
}


@pytest.mark.parametrize("cases", SOURCES.values(), ids=SOURCES)
def test_every_hint_is_given_for_its_mistake(cases):
    """In one case at least; in the others, an equal result may mean another mistake."""
    hints, given = set(), set()
    for case in cases():
        for mistake in case.mistakes:
            assert mistake.result in case.right, mistake
            assert mistake.hint[-1] in ".?" and mistake.hint[0] != " ", mistake.hint
            hints.add((mistake.result, mistake.hint))
            value = np.asarray(mistake.value)
            right = case.right[mistake.result]
            found, hint = difference(mistake.result, value, right, case.mistakes)
            if found and hint == mistake.hint:
                given.add((mistake.result, mistake.hint))
    assert hints == given


@pytest.mark.parametrize("cases", SOURCES.values(), ids=SOURCES)
def test_cases_are_the_same_every_time(cases):
    for one, other in zip(cases(), cases(), strict=True):
        assert one.what == other.what and one.right.keys() == other.right.keys()
        for name, value in one.right.items():
            np.testing.assert_array_equal(value, other.right[name])
