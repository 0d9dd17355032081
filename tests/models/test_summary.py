import io
import sys

import numpy as np
import pytest

from sora_np import BatchNormalization, Dense, Sequential
from sora_np.sora_model import create_sora_model

SUMMARY = """\
Model: "sora_model"
┌────────────────────────────────┬────────────────────┬─────────┐
│ Layer (type)                   │ Output Shape       │ Param # │
├────────────────────────────────┼────────────────────┼─────────┤
│ conv2d (Conv2D)                │ (None, 26, 26, 32) │     320 │
│ max_pooling2d (MaxPooling2D)   │ (None, 13, 13, 32) │       0 │
│ conv2d_1 (Conv2D)              │ (None, 11, 11, 64) │  18,496 │
│ max_pooling2d_1 (MaxPooling2D) │ (None, 5, 5, 64)   │       0 │
│ flatten (Flatten)              │ (None, 1600)       │       0 │
│ dense (Dense)                  │ (None, 128)        │ 204,928 │
│ dense_1 (Dense)                │ (None, 10)         │   1,290 │
└────────────────────────────────┴────────────────────┴─────────┘
 Total params: 225,034 (879.04 KB)
 Trainable params: 225,034 (879.04 KB)
 Non-trainable params: 0 (0.00 B)
"""


def test_reference_network(capsys):
    create_sora_model((28, 28, 1)).summary()
    assert capsys.readouterr().out == SUMMARY


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_stdout_without_box_characters(monkeypatch, encoding):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stdout)
    create_sora_model((28, 28, 1)).summary()
    stdout.flush()
    text = stdout.buffer.getvalue().decode(encoding)
    boxes = str.maketrans("─│┌┬┐├┼┤└┴┘", "-|+++++++++")
    assert text == SUMMARY.translate(boxes)


def test_names_that_stdout_cannot_show(monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    Sequential([Dense(3, name="caf\xe9")]).summary()
    stdout.flush()
    assert b"caf\\xe9 (Dense)" in stdout.buffer.getvalue()


def test_without_any_stdout(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)  # pythonw, or started with >&-
    create_sora_model((28, 28, 1)).summary()


def test_print_fn_takes_the_text():
    texts = []
    create_sora_model((28, 28, 1)).summary(print_fn=texts.append)
    assert "\n".join(texts) + "\n" == SUMMARY


def test_line_length_widens_the_box():
    texts = []
    create_sora_model((28, 28, 1)).summary(line_length=90, print_fn=texts.append)
    assert {len(line) for line in texts[0].splitlines()[1:-3]} == {90}


def test_model_that_is_not_built():
    texts = []
    Sequential([Dense(3)]).summary(print_fn=texts.append)
    assert "dense (Dense) │ ?            │       ? │" in texts[0]


def test_frozen_layers_and_state_are_not_trainable():
    texts = []
    model = Sequential([Dense(3, input_shape=(4,)), BatchNormalization()])
    model.layers[0].trainable = False
    model.summary(print_fn=texts.append)
    *_, total, trainable, rest = texts[0].splitlines()
    assert total == " Total params: 27 (108.00 B)"
    assert trainable == " Trainable params: 6 (24.00 B)"
    assert rest == " Non-trainable params: 21 (84.00 B)"


def test_float64_takes_twice_the_memory():
    texts = []
    model = Sequential([Dense(3, input_shape=(4,))], dtype=np.float64)
    model.summary(print_fn=texts.append)
    assert " Total params: 15 (120.00 B)" in texts[0]


def test_a_notebook_shows_a_table():
    html = create_sora_model((28, 28, 1))._repr_html_()
    assert html.count("<tr>") == 1 + 7 + 3
    row = "conv2d (Conv2D)</th><td>(None, 26, 26, 32)</td><td>320</td>"
    assert row in html and "<td>225,034 (879.04 KB)</td>" in html


def test_names_are_no_html():
    model = Sequential([Dense(1, name="<b>")], name="<script>")
    html = model._repr_html_()
    assert "<caption>&lt;script&gt;</caption>" in html and "&lt;b&gt; (Dense)" in html
    assert "<script>" not in html and "<b>" not in html
