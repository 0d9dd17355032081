import numpy as np
import pytest

from sora_np import Add, Dense, Input, Model, Sequential
from sora_np.plots import plot_model
from sora_np.plots.figure import svg_of
from sora_np.plots.graph import layout

pytest.importorskip("matplotlib")  # the extra [plot]


def test_boxes_and_arrows(tmp_path):
    x = Input((4,), name="start")
    shared = Dense(4)
    model = Model(x, Add(name="end")([shared(x), shared(shared(x)), x]))
    figure = plot_model(model, tmp_path / "model.png")
    assert (tmp_path / "model.png").stat().st_size > 1000
    (ax,) = figure.axes
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    assert texts[0].splitlines() == ["start (InputLayer)", "(N, 4)"]
    assert sum(text.startswith("dense") for text in texts) == 3
    arrows = [a for a in ax.texts if a.get_text() == ""]
    assert len(arrows) == 6
    assert "(N," not in plot_model(model, show_shapes=False).axes[0].texts[0].get_text()
    svg_of(plot_model(model, rankdir="LR"))
    with pytest.raises(ValueError, match='rankdir must be "TB" or "LR"'):
        plot_model(model, rankdir="BT")


def test_a_row_of_layers_is_a_column_of_boxes():
    model = Sequential([Dense(3, input_shape=(2,)), Dense(1)])
    places = layout([[], [0], [1]])
    assert places == [(0, 0.0), (1, 0.0), (2, 0.0)]
    assert len(plot_model(model).axes[0].texts) == 3 + 2
    assert np.array_equal(model.inputs[0].sample_shape, (2,))
