"""Healthy models and data, to be made sick."""

import numpy as np
import pytest

from sora_np import Dense, Sequential


@pytest.fixture
def data():
    """x (240, 6) and labels 0, 1, 2: which of the first three numbers is largest."""
    x = np.random.default_rng(1).normal(size=(240, 6)).astype(np.float32)
    return x, x[:, :3].argmax(axis=1)


@pytest.fixture
def make():
    """A function that makes a compiled model of given layers, three classes."""

    def make(layers=None, optimizer="adam", loss=None, **options):
        layers = layers or [Dense(16, "relu"), Dense(3, "softmax")]
        model = Sequential(layers, **options)
        model.compile(optimizer, loss or "sparse_categorical_crossentropy")
        return model

    return make
