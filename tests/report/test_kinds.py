"""Pages about models that are no classifier of images."""

import numpy as np
import pytest

from sora_np import Dense, Flatten, Sequential, report
from sora_np.losses import BinaryCrossentropy, SparseCategoricalCrossentropy

pytest.importorskip("matplotlib")  # the extra [plot]


def test_regression(tmp_path, read, rng):
    x = rng.random((50, 4))
    y = np.stack([x.sum(axis=1), 100 * x[:, 0]], axis=1)
    model = Sequential([Dense(2, input_shape=(4,))])
    model.class_names = ["sum", "first"]
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(x, y, epochs=2, verbose=0)
    report.write(tmp_path / "r.html", model, x, y)
    page = read(tmp_path / "r.html")
    errors = model.predict(x, verbose=0) - y
    for k, name in enumerate(("sum", "first")):
        place = page.texts.index(name)
        mae, rmse, r2 = page.texts[place + 1 : place + 4]
        assert mae == f"{np.abs(errors[:, k]).mean():.4g}"
        assert rmse == f"{np.sqrt((errors[:, k] ** 2).mean()):.4g}"
        spread = ((y[:, k] - y[:, k].mean()) ** 2).sum()
        assert float(r2) == pytest.approx(1 - (errors[:, k] ** 2).sum() / spread, 1e-3)
    n, k = np.unravel_index(np.abs(errors).argmax(), errors.shape)
    place = page.texts.index("Largest errors")
    row = page.texts[place + 6 : place + 11]
    assert row[:3] == [f"sample {n}", ("sum", "first")[k], f"{y[n, k]:.4g}"]
    assert "Test mae" in page.text and "Confusion matrix" not in page.text
    alts = [img["alt"] for img in page.all("img")]
    assert any(alt.startswith("Predicted against true") for alt in alts)


LOGITS = SparseCategoricalCrossentropy(from_logits=True)
LOGIT = BinaryCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    "units, activation, loss, sure",
    [
        (1, "sigmoid", "binary_crossentropy", "73.1%"),  # 1 / (1 + 1/e)
        (1, None, LOGIT, "73.1%"),
        (2, "softmax", "sparse_categorical_crossentropy", "88.1%"),  # e / (e + 1/e)
        (2, None, LOGITS, "88.1%"),
    ],
    ids=["sigmoid", "logit", "softmax", "logits"],
)
def test_classifiers_of_all_kinds(tmp_path, read, units, activation, loss, sure):
    """Samples that are no images are listed."""
    x = np.tile([[0.0, 1.0], [1.0, 0.0]], (10, 1))
    y = np.tile([0, 1], 10)
    y[[2, 5, 7]] = 1 - y[[2, 5, 7]]
    model = Sequential([Dense(units, activation, input_shape=(2,))])
    model.layers[0].params["kernel"] = np.array([[-1, 1], [1, -1]])[:, -units:]
    model.compile("sgd", loss)
    report.write(tmp_path / "c.html", model, x, y)
    page = read(tmp_path / "c.html")
    assert "Test accuracy 0.8500" in page.text
    place = page.texts.index("Mistakes") + 2
    rows = ["Sample", "Taken for", "Probability", "Is"]
    for n, taken in ((2, "0"), (5, "1"), (7, "1")):
        rows += [f"sample {n}", taken, sure, "10"[int(taken)]]
    assert page.texts[place:][: len(rows)] == rows
    assert "Curves" not in page.texts, "it was never trained"


@pytest.mark.parametrize("outputs", [3, 4])
def test_several_labels_a_sample_have_no_sections_of_their_own(tmp_path, read, outputs):
    x = np.eye(4)
    y = np.tril(np.ones((4, outputs)))
    model = Sequential([Flatten(input_shape=(4,)), Dense(outputs, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    report.write(tmp_path / "s.html", model, x, y)
    text = read(tmp_path / "s.html").text
    assert "Test accuracy" in text and "Test loss" in text
    assert "Classes" not in text and "Errors" not in text
