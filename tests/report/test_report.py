import base64
import io
import re
import sys

import numpy as np
import pytest
from scipy import stats

import sora_np
from sora_np import report
from sora_np.callbacks import Stopwatch
from sora_np.report.classes import wilson

pytest.importorskip("matplotlib")  # the extra [plot]

SECTIONS = ["Curves", "Classes", "Confusion matrix", "Mistakes", "Recognised"]
SECTIONS += ["What the model looks at", "Model", "Configuration", "Time", "Versions"]


def test_all_that_was_promised_is_there(page, classifier):
    model, x, y, watch = classifier
    text = page.text
    places = [page.texts.index(title) for title in SECTIONS]
    assert places == sorted(places)
    correct = int((model.predict(x, verbose=0).argmax(1) == y.argmax(1)).sum())
    assert f"Test accuracy {correct / 60:.4f}" in text
    low, high = stats.binomtest(correct, 60).proportion_ci(0.95, "wilson")
    assert f"{low:.3f} to {high:.3f}, Wilson, 95 %" in text
    loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert f"Test loss {loss:.4f}" in text and "Parameters 119" in text
    for row in (
        *("Data a < b", "Batch size 10", "Loss categorical_crossentropy"),
        *("Optimiser Adam: learning_rate 0.001, beta_1 0.9", "Metrics accuracy"),
        *("Epochs 40", "Steps an epoch 6", "Test samples 60 of shape (6, 6, 1)"),
        *("Seed 7", "Training without compiling", "Compiling, of that"),
        *("conv2d (Conv2D) (None, 4, 4, 2) 20", "Total params 119 (476.00 B)"),
        f"sora_np {sora_np.__version__} python {sys.version.split()[0]}",
        f"numpy {np.__version__}",
    ):
        assert row in text, row
    for name in ("numba", "scipy", "cpu", "threads", "threading layer"):
        assert name in page.texts


def test_times_with_compiling_and_without(classifier, tmp_path, read, monkeypatch):
    model, x, y, _ = classifier
    monkeypatch.setattr(Stopwatch, "first", 45.0)
    monkeypatch.setattr(Stopwatch, "step", 0.0125)
    watch = Stopwatch()
    watch.seconds, watch.epochs = 75.0, 3
    report.write(tmp_path / "t.html", model, x, y, times=watch)
    text = read(tmp_path / "t.html").text
    assert "Training time 1 min 15 s 30.0 s without compiling" in text
    assert (
        "Training 1 min 15 s Compiling, of that 45.0 s Training without compiling "
        "30.0 s Epoch without compiling 10.0 s Training step 12.50 ms"
    ) in text


def test_each_class_has_its_intervals(page, classifier):
    model, x, y, _ = classifier
    taken, labels = model.predict(x, verbose=0).argmax(1), y.argmax(1)
    for k, name in enumerate(model.class_names):
        place = page.texts.index(name)
        precision, p_range, recall, r_range, _, samples = page.texts[place + 1 :][:6]
        hits = int(((taken == k) & (labels == k)).sum())
        for share, interval, count in (
            (precision, p_range, int((taken == k).sum())),
            (recall, r_range, int((labels == k).sum())),
        ):
            low, high = stats.binomtest(hits, count).proportion_ci(0.95, "wilson")
            assert share == f"{hits / count:.3f}"
            assert interval == f"{low:.3f}\N{EN DASH}{high:.3f}"
        assert samples == str(int((labels == k).sum()))


def test_confusion_matrix_and_what_is_mistaken_most(page, classifier):
    model, x, y, _ = classifier
    taken, labels = model.predict(x, verbose=0).argmax(1), y.argmax(1)
    (start,) = (m.end() for m in re.finditer('<table class="matrix"', page.source))
    table = page.source[start : page.source.index("</table>", start)]
    cells = [int(cell) for cell in re.findall(r'<td class="[^>]*">(\d+)</td>', table)]
    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (labels, taken), 1)
    assert cells == matrix.ravel().tolist()
    off = matrix * (1 - np.eye(3, dtype=int))
    i, j = np.unravel_index(off.argmax(), (3, 3))
    names = model.class_names
    assert f"{names[i]} for {names[j]}, {off.max()} times" in page.text


def test_samples_wrong_and_right(page, classifier):
    image = pytest.importorskip("PIL.Image")
    model, x, y, _ = classifier
    probabilities = model.predict(x, verbose=0)
    taken, labels = probabilities.argmax(1), y.argmax(1)
    wrong = np.flatnonzero(taken != labels)
    wrong = wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")]
    right = [np.flatnonzero((taken == k) & (labels == k))[0] for k in range(3)]
    assert 3 <= len(wrong) <= 12
    shown = page.all("img", **{"class": "pixels"})
    count = len(wrong) + len(right)  # then comes where the model looks
    assert [img["alt"] for img in shown[:count]] == [
        f"Test sample {n}, {model.class_names[labels[n]]}, taken for "
        f"{model.class_names[taken[n]]} at {probabilities[n].max():.1%}"
        for n in (*wrong, *right)
    ]
    data = shown[0]["src"].removeprefix("data:image/png;base64,")
    grey = np.asarray(image.open(io.BytesIO(base64.b64decode(data))).convert("L"))
    few = x[wrong]
    shares = (x[wrong[0], :, :, 0] - few.min()) / np.ptp(few)
    np.testing.assert_allclose(grey, np.minimum(shares * 256 // 1, 255), atol=1)


def test_a_picture_of_each_curve_for_light_and_dark_pages(page, classifier):
    curves = [img for img in page.all("img") if "class" not in img]
    history = classifier[0].history.history
    best = np.argmin(history["val_loss"])
    loss, accuracy = (img["alt"] for img in curves)
    assert loss == (
        "Curves of loss over 40 epochs. val_loss: best "
        f"{history['val_loss'][best]:.4g} in epoch {best + 1}."
    )
    assert accuracy.startswith("Curves of accuracy over 40 epochs. val_accuracy: best")
    dark = page.all("source", media="(prefers-color-scheme: dark)")
    for light, other in zip(curves, dark, strict=True):
        pictures = light["src"], other["srcset"]
        assert all(p.startswith("data:image/svg+xml;base64,") for p in pictures)
        assert pictures[0] != pictures[1]
    assert page.text.count(f"{history['loss'][-1]:.4f}") == 1, "in the table of numbers"


def test_one_file_without_network_or_program(page):
    allowed = {"html", "head", "meta", "title", "style", "body", "header", "main"}
    allowed |= {"footer", "section", "h1", "h2", "p", "dl", "div", "dt", "dd", "b"}
    allowed |= {"figure", "figcaption", "picture", "source", "img", "span", "table"}
    allowed |= {"caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details"}
    allowed |= {"summary"}
    assert {tag for tag, _ in page.elements} <= allowed
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "srcset", "href", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "url(" not in page.source and "@import" not in page.source
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert page.all("meta", content=policy)


def test_readable_by_all(page):
    assert page.source.startswith("<!DOCTYPE html>\n") and page.all("html", lang="en")
    assert page.all("meta", charset="utf-8")
    assert page.all("meta", content="width=device-width, initial-scale=1")
    images = page.all("img")
    assert images and all(len(img["alt"]) > 10 for img in images)
    assert len(page.all("h1")) == 1
    assert len(page.all("h2")) == len(page.all("section")) == len(SECTIONS)
    # what is wider than a phone scrolls by itself, with keys too
    assert len(page.all("div", **{"class": "scroll", "tabindex": "0"})) == len(
        page.all("table")
    )
    assert "prefers-color-scheme: dark" in page.source


def test_what_comes_from_outside_is_escaped(page):
    assert "A <run>" in page.texts and "<b>model</b>" in page.texts
    assert "<script" not in page.source and "<run>" not in page.source
    assert page.texts.count("<script>alert(1)</script>") > 2
    assert "dog & $title" in page.texts, "it is no place of the template's"


def test_same_page_but_for_the_date(classifier, page, tmp_path, read, monkeypatch):
    model, x, y, _ = classifier
    sources = []
    for k in range(2):
        monkeypatch.setattr("time.gmtime", lambda: (2026, 11, 25, 20, 0, 0, 2, 329, 0))
        report.write(tmp_path / f"{k}.html", model, x, y)
        sources.append(read(tmp_path / f"{k}.html").source)
    assert sources[0] == sources[1] and "25 November 2026, 20:00 UTC" in sources[0]
    assert "Training time" not in sources[0], "no stopwatch was given"


# --- what can go wrong --------------------------------------------------------------


def test_without_matplotlib(classifier, tmp_path, monkeypatch):
    model, x, y, _ = classifier
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # importing it fails
    with pytest.raises(ImportError, match=r'pip install "sora-np\[plot\]"'):
        report.write(tmp_path / "run.html", model, x, y)
    assert not list(tmp_path.iterdir())


def test_a_page_that_cannot_be_made_leaves_the_old_one(classifier, tmp_path):
    model, x, y, _ = classifier
    path = tmp_path / "run.html"
    path.write_text("the old one")
    with pytest.raises(ValueError):
        report.write(path, model, x[:, :5], y)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["the old one"]
    report.write(path, model, x, y)
    assert [p.name for p in tmp_path.iterdir()] == ["run.html"]
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("hits, count", [(0, 10), (10, 10), (3, 7), (1, 1)])
def test_wilson_by_its_formula(hits, count):
    z, p = stats.norm.ppf(0.975), hits / count
    middle = (p + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(p * (1 - p) / count + (z / count) ** 2 / 4)
    assert wilson(hits, count) == pytest.approx((middle - half, middle + half))


def test_no_samples_no_interval():
    assert wilson(0, 0) is None
