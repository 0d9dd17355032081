import io
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.plots import plot_confusion_matrix, plot_mistakes
from sora_np.plots.figure import svg_of

pytest.importorskip("matplotlib")  # the extra [plot]

TRUE, TAKEN = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 2]


def test_confusion_matrix():
    figure = plot_confusion_matrix(TRUE, TAKEN, ["cat", "dog", "cow"])
    (ax,) = figure.axes
    assert ax.get_title() == "4 of 6 right, 66.7%"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog", "cow"]
    counts = [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    shares = np.array(counts) / [[3], [2], [1]]
    assert_allclose(ax.images[0].get_array(), shares)
    at = {text.get_position(): text.get_text() for text in ax.texts}
    assert at == {(j, i): str(counts[i][j]) for i in range(3) for j in range(3)}


def test_a_notebook_shows_a_picture():
    """IPython asks for a PNG; matplotlib's own figure has none without pyplot."""
    matplotlib = pytest.importorskip("matplotlib")
    figure = plot_confusion_matrix(TRUE, TAKEN)
    assert isinstance(figure, matplotlib.figure.Figure)
    pixels = matplotlib.image.imread(io.BytesIO(figure._repr_png_()))
    assert pixels.shape == (400, 400, 4) and pixels.std() > 0.1
    copy = pickle.loads(pickle.dumps(figure))
    assert copy._repr_png_() == figure._repr_png_()


def test_many_classes_have_no_numbers():
    figure = plot_confusion_matrix(np.arange(40), np.arange(40))
    assert not figure.axes[0].texts
    svg_of(figure)


def test_names_that_are_too_few():
    with pytest.raises(ValueError, match="labels must lie in 0..1"):
        plot_confusion_matrix(TRUE, TAKEN, ["cat", "dog"])


@pytest.fixture
def mistaken(rng):
    """Six colour images, of which 1, 4 and 5 are mistaken, 4 most surely."""
    x = rng.random((6, 5, 4, 3))
    y = np.array([0, 1, 1, 0, 1, 0])
    ones = np.array([0.1, 0.3, 0.9, 0.4, 0.02, 0.6])
    return x, y, np.stack([1 - ones, ones], axis=1)


@pytest.mark.parametrize("one_hot", [False, True])
def test_mistakes_the_surest_first(mistaken, one_hot):
    x, y, probabilities = mistaken
    y = np.eye(2)[y] if one_hot else y
    figure = plot_mistakes(x, y, probabilities, ["US$", "NZ$"])
    assert [ax.get_title() for ax in figure.axes] == [
        "US\\$ 98.0%\nis NZ\\$",
        "US\\$ 70.0%\nis NZ\\$",
        "NZ\\$ 60.0%\nis US\\$",
    ]
    assert figure.get_suptitle() == "3 of 6 samples are taken for another class"
    shown = np.array([ax.images[0].get_array() for ax in figure.axes])
    worst = x[[4, 1, 5]]
    assert_allclose(shown, (worst - worst.min()) / np.ptp(worst))
    svg_of(figure)


def test_no_more_mistakes_than_asked(mistaken):
    figure = plot_mistakes(*mistaken, count=2)
    assert [ax.get_title() for ax in figure.axes] == ["0 98.0%\nis 1", "0 70.0%\nis 1"]


def test_no_mistakes(mistaken):
    x, _, probabilities = mistaken
    figure = plot_mistakes(x, probabilities.argmax(axis=1), probabilities)
    assert not figure.axes
    assert figure.get_suptitle() == "0 of 6 samples are taken for another class"
    svg_of(figure)


def test_nothing_given_is_changed(mistaken):
    before = [array.copy() for array in mistaken]
    plot_mistakes(*mistaken)
    for array, copy in zip(mistaken, before, strict=True):
        assert_array_equal(array, copy)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, y, p: (x[..., :2], y, p), r"C = 1 or 3, got shape \(6, 5, 4, 2\)"),
        (lambda x, y, p: (x[:0], y, p), r"got shape \(0, 5, 4, 3\)"),
        (lambda x, y, p: (x[:5], y, p), "expected 5 labels, got 6"),
        (lambda x, y, p: (x, y, y), r"y_pred probabilities \(N, K\)"),
        (lambda x, y, p: (x, y[:3], p), r"got shapes \(3,\) and \(6, 2\)"),
        (lambda x, y, p: (x, y, p, ["one"]), "expected 2 names, one a class, got 1"),
    ],
    ids=["channels", "empty", "lengths", "labels", "labels-short", "names"],
)
def test_what_does_not_fit(mistaken, change, message):
    with pytest.raises(ValueError, match=message):
        plot_mistakes(*change(*mistaken))
