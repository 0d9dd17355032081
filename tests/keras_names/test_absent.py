"""Names of Keras's that are not here: their errors say what to do instead."""

import pytest

from sora_np import keras


@pytest.mark.parametrize(
    "line, text",
    [
        ("from sora_np.keras.layers import Dense, LSTM", "LSTM is not here: no recurr"),
        ("from sora_np.keras.callbacks import RemoteMonitor", "LambdaCallback"),
        ("from sora_np.keras.layers import Nothing", "has no attribute 'Nothing'"),
    ],
)
def test_imports(line, text):
    with pytest.raises(ImportError, match=text):
        exec(line)


def test_attributes():
    with pytest.raises(AttributeError, match="Embedding is not here: `to_categorical"):
        _ = keras.layers.Embedding
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = keras.losses.nothing
    assert not hasattr(keras.layers, "LSTM")
