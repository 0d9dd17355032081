"""Models with pages about them, and a reader of pages."""

from html.parser import HTMLParser

import numpy as np
import pytest

from sora_np import Conv2D, Dense, Flatten, Sequential, report
from sora_np.callbacks import Stopwatch

NAMES = ["<script>alert(1)</script>", 'cow" onclick="x', "dog & $title"]
VOID = {"meta", "img", "source", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """A page that is well formed: every element that opens closes, in order."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements, self.texts, self._open = [], [], []
        self.feed(self.source)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self._open[-1] != "style":
            self.texts.append(data.strip())

    def all(self, tag, **attributes):
        """Return the attributes of all elements of that kind."""
        return [
            found
            for name, found in self.elements
            if name == tag and attributes.items() <= found.items()
        ]

    @property
    def text(self):
        return " ".join(self.texts)


@pytest.fixture(scope="session")
def classifier():
    """A model, images and one-hot rows: three classes with names that are HTML."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    x = rng.random((60, 6, 6, 1), np.float32) / 2
    for image, label in zip(x, labels, strict=True):
        image[2 * label : 2 * label + 2] += 0.3
    labels[:4] = 2, 2, 1, 0  # which nobody can get right
    layers = [
        Conv2D(2, 3, activation="relu", input_shape=(6, 6, 1)),
        Flatten(),
        Dense(3, "softmax"),
    ]
    model = Sequential(layers, name="<b>model</b>", seed=7)
    model.class_names = NAMES
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    y, watch = np.eye(3)[labels], Stopwatch()
    model.fit(x, y, 10, epochs=40, validation_data=(x, y), callbacks=watch, verbose=0)
    return model, x, y, watch


@pytest.fixture(scope="session")
def page_file(classifier, tmp_path_factory):
    model, x, y, watch = classifier
    path = tmp_path_factory.mktemp("report") / "run.html"
    report.write(
        *(path, model, x, y),
        title="A <run>",
        configuration={"Data": "a < b", "Batch size": 10},
        times=watch,
    )
    return path


@pytest.fixture
def page(page_file):
    return Page(page_file)


@pytest.fixture
def read():
    return Page
