"""What the page says of where a model looks."""

import base64
import io

import numpy as np
import pytest

from sora_np import Conv2D, Dense, Flatten, Layer, Sequential, explain, report
from sora_np.layers import Resizing

pytest.importorskip("matplotlib")  # the extra [plot]


def looks(page):
    """Return the images about where the model looks."""
    images = page.all("img", **{"class": "pixels"})
    return [img for img in images if "what speaks for" in img["alt"]]


def test_samples_wrong_and_right_with_grad_cam(page, classifier):
    image = pytest.importorskip("PIL.Image")
    model, x, y, _ = classifier
    probabilities = model.predict(x, verbose=0)
    taken, labels = probabilities.argmax(1), y.argmax(1)
    wrong = np.flatnonzero(taken != labels)
    wrong = wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")][:6]
    right = [np.flatnonzero((taken == k) & (labels == k))[0] for k in range(3)]
    samples, names = [*wrong, *right], model.class_names
    assert [img["alt"] for img in looks(page)] == [
        f"Test sample {n}, {names[labels[n]]}, and what speaks for {names[taken[n]]} "
        "in it"
        for n in samples
    ]
    n = samples[-1]
    data = looks(page)[-1]["src"].removeprefix("data:image/png;base64,")
    pixels = np.asarray(image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    assert pixels.shape == (6, 12, 3), "the image, and beside it with the heat over it"
    maps = explain.grad_cam(model, x[n : n + 1], int(taken[n]))
    warmth = Resizing(6, 6)(maps[..., None])[0, :, :, 0]
    few = x[samples]
    grey = (x[n, :, :, 0] - few.min()) / np.ptp(few)
    np.testing.assert_allclose(pixels[:, :6, 0] / 255, grey, atol=0.01)
    red = (pixels[:, 6:, 0] / 255 - 0.4 * grey) / 0.6
    hottest = np.unravel_index(warmth.argmax(), warmth.shape)
    assert red[hottest] == pytest.approx(0.987, abs=0.02)  # the end of "magma"
    assert red[warmth == 0] == pytest.approx(0.0015, abs=0.02)


def test_the_verdict_is_that_of_the_package(page, classifier):
    model, x, y, _ = classifier
    taken = model.predict(x, verbose=0).argmax(1)[:12]
    result = explain.parameter_randomization(model, x[:12], taken, draws=1)
    place = page.texts.index("Weights drawn anew, cascading")
    head = page.texts[place : place + 3]
    assert head == ["Weights drawn anew, cascading", "Grad-CAM", "Edge detector"]
    rows = page.texts[place + 3 : place + 9]
    expected = []
    for step in result.steps:
        expected += [step.name, f"{step.correlation:.2f}", "1.00"]
    assert rows == expected
    assert (
        f"Randomisation test (Adebayo et al., 2018): Grad-CAM {result.verdict}, an "
        f"edge detector, the control, fails. {result.reason}"
    ) in page.text


def images(rng, *layers):
    model = Sequential([*layers, Flatten(), Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = rng.random((20, 6, 6, 3)), np.arange(20) % 2
    model.fit(x, y, verbose=0)
    return model, x, y


def test_saliency_where_no_layer_has_maps(rng, tmp_path, read):
    model, x, y = images(rng)
    report.write(tmp_path / "s.html", model, x, y)
    page = read(tmp_path / "s.html")
    assert "Saliency of the class that is predicted for each sample" in page.text
    taken = model.predict(x, verbose=0).argmax(axis=1)
    right = {*taken[taken == y].tolist()}
    assert len(looks(page)) == min((taken != y).sum(), 6) + len(right)


class Noisy(Layer):
    """Does something else in training, so that a prediction has no gradient."""

    def forward(self, x, *, training=False):
        y = self.check_input(x) + 1.0 * training
        if training:
            self.remember(y)
        return y.astype(self.dtype)

    def backward(self, dy):
        return self.recall(dy)[0]


def test_a_model_that_cannot_be_explained_has_its_page(rng, tmp_path, read):
    model, x, y = images(rng, Noisy(), Conv2D(2, 3))
    report.write(tmp_path / "n.html", model, x, y)
    page = read(tmp_path / "n.html")
    assert "It is not shown: forward of Noisy" in page.text
    assert "Confusion matrix" in page.text and not looks(page)


def test_numbers_that_are_no_images_have_no_such_section(rng, tmp_path, read):
    model = Sequential([Dense(2, "softmax", input_shape=(4,))])
    model.compile("adam", "sparse_categorical_crossentropy")
    report.write(tmp_path / "v.html", model, rng.random((6, 4)), np.arange(6) % 2)
    assert "What the model looks at" not in read(tmp_path / "v.html").text
