import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import Dense, Sequential
from sora_np.callbacks import History
from sora_np.plots import curves
from sora_np.plots.figure import TRAINING, VALIDATION, svg_of

pytest.importorskip("matplotlib")  # the extra [plot]


@pytest.fixture
def history():
    """Five epochs, validated in the second and fourth."""
    made = History()
    for epoch in range(5):
        logs = {"loss": 1 - epoch / 10, "accuracy": 0.5 + epoch / 10}
        if epoch % 2:
            logs |= {"val_loss": 0.6 + epoch / 10, "val_accuracy": 0.7}
        made.on_epoch_end(epoch, logs)
    return made


def texts(ax):
    shown = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts()]
    ticks = [*ax.get_xticklabels(), *ax.get_yticklabels()]
    return [text.get_text() for text in (*shown, *ticks)]


def test_a_panel_for_the_loss_and_one_for_each_metric(history):
    figure = history.plot()
    loss, accuracy = figure.axes
    assert loss.get_title() == "loss: best 0.7 in epoch 2"
    assert accuracy.get_title() == "accuracy", "nobody said whether more is better"
    assert [line.get_label() for line in loss.lines] == [
        *("training", "validation", "best")
    ]
    training, validation, best = loss.lines
    assert_allclose(training.get_xydata().T, [[1, 2, 3, 4, 5], [1, 0.9, 0.8, 0.7, 0.6]])
    assert_allclose(validation.get_xydata(), [[2, 0.7], [4, 0.9]])
    assert_allclose(best.get_xydata(), [[2, 0.7]])
    assert training.get_linestyle() == "--" and validation.get_linestyle() == "-"
    colours = [line.get_color() for line in loss.lines]
    assert colours == [TRAINING, VALIDATION, VALIDATION]


@pytest.mark.parametrize("metric, epoch", [("accuracy", 1), ("mse", 2)])
def test_the_best_of_a_metric_is_as_its_direction_says(metric, epoch):
    history, values = History(), [0.5, 0.9, 0.2]
    history.model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    history.model.compile("sgd", "categorical_crossentropy", metrics=[metric])
    for number, value in enumerate(values):
        history.on_epoch_end(number, {"loss": 1.0, metric: 0.1, f"val_{metric}": value})
    found = f"val_{metric}", epoch, values[epoch]
    assert curves.best_epoch(history, metric) == found
    title = f"{metric}: best {values[epoch]} in epoch {epoch + 1}"
    assert history.plot().axes[1].get_title() == title


def test_nan_is_never_best():
    history = History()
    for epoch, loss in enumerate([np.nan, 2.0, np.nan]):
        history.on_epoch_end(epoch, {"loss": loss, "val_loss": np.nan})
    assert curves.best_epoch(history, "loss") is None
    del history.history["val_loss"]
    assert curves.best_epoch(history, "loss") == ("loss", 1, 2.0)


def test_a_metric_of_every_class_is_a_curve_each():
    history = History()
    for epoch in range(3):
        history.on_epoch_end(epoch, {"loss": 1.0, "f1": np.array([epoch, 1.0, 2.0])})
    _, ax = history.plot().axes
    assert ax.get_title() == "f1"
    assert [line.get_ydata().tolist() for line in ax.lines] == [
        *([0, 1, 2], [1, 1, 1], [2, 2, 2])
    ]
    assert len(ax.get_legend().get_texts()) == 1


def test_one_epoch_is_bars_and_a_table():
    """A curve of one point would say nothing."""
    history = History()
    logs = {"loss": 1.5, "val_loss": np.nan, "f1": np.array([0.25, -0.5])}
    history.on_epoch_end(3, logs)
    loss, f1 = history.plot().axes
    assert [bar.get_height() for bar in loss.patches] == [1.5, 0]
    assert [text.get_text() for text in loss.texts] == ["1.5", "nan"]
    assert [bar.get_height() for bar in f1.patches] == [0.25, -0.5]
    assert loss.get_title() == "loss after epoch 4"
    legend = [text.get_text() for text in loss.get_legend().get_texts()]
    assert legend == ["training", "validation"]
    assert not loss.lines and not f1.lines
    html = history._repr_html_()
    cells = re.findall(r"<t[hd]\b[^>]*>([^<]*)", html)
    assert cells == [
        *("epoch", "f1", "loss", "val_loss"),
        *("4", "0.2500 -0.5000", "1.5000", "nan"),
    ]
    assert curves.in_words(history) == "Bars of loss, f1 after one epoch."
    svg_of(history.plot())


def test_all_text_is_ascii(history):
    """A minus, too: not U+2212."""
    history.history["loss"] = [-value for value in history.history["loss"]]
    figure = history.plot()
    svg_of(figure)  # draws it, which makes the labels of the ticks
    shown = [text for ax in figure.axes for text in texts(ax)]
    assert any(text.startswith("-") for text in shown)
    assert all(text.isascii() for text in shown)


def test_a_dollar_is_no_formula():
    history = History()
    history.on_epoch_end(0, {"loss": 1.0, "$x_": 0.5, "$^$": 0.5})
    svg_of(history.plot())  # "$^$" as maths does not parse


def test_empty_history():
    with pytest.raises(ValueError, match="the history is empty: fit the model first"):
        History().plot()


def test_nothing_of_pyplot_is_touched(history):
    history.plot()
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_same_bytes_for_the_same_history(history):
    assert svg_of(history.plot()) == svg_of(history.plot())


def test_without_matplotlib(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # importing it fails
    with pytest.raises(ImportError, match=r'pip install "sora-np\[plot\]"'):
        history.plot()
    html = history._repr_html_()
    assert html.count("<tr>") == 6 and "0.9000" in html and "<img" not in html


def test_a_notebook_shows_the_curves_and_says_what_they_show(history):
    html = history._repr_html_()
    assert html.startswith(
        '<img alt="Curves of loss, accuracy over 5 epochs. val_loss:'
    )
    assert 'src="data:image/svg+xml;base64,' in html
    assert History()._repr_html_() == "<p>&lt;History of 0 epochs: &gt;</p>"


def test_the_table_has_gaps_where_nothing_was_validated(history):
    rows = curves.history_table(history).split("<tr>")
    assert rows[2] == (
        '<th scope="row">1</th><td>0.5000</td><td>1.0000</td><td></td><td></td></tr>'
    )


def test_the_epochs_of_the_numbers_are_remembered(history):
    other = History()
    other.set_state(history.get_state())
    assert other.epochs_of == history.epochs_of
    assert other.epochs_of["val_loss"] == [1, 3]
