"""Names in any script: a font that has them, or a warning that says which one has."""

import warnings

import numpy as np
import pytest

from sora_np import Conv2D, Sequential
from sora_np.callbacks import History
from sora_np.plots import (
    plot_confusion_matrix,
    plot_feature_maps,
    plot_filters,
    plot_mistakes,
)

matplotlib = pytest.importorskip("matplotlib")  # the extra [plot]
font_manager = pytest.importorskip("matplotlib.font_manager")
CAT, DOG, THAI, CLOUD = "\u732b", "\u72d7", "\u0e01", "\U0001f32b"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A function that installs a font with some characters; there are no others.

    But for those that come with matplotlib.
    """
    from fontTools.fontBuilder import FontBuilder  # which matplotlib needs
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    from sora_np.plots import fonts

    own = matplotlib.get_data_path()
    manager = font_manager.fontManager
    entries = [entry for entry in manager.ttflist if entry.fname.startswith(own)]
    monkeypatch.setattr(manager, "ttflist", entries)
    found = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(found))
    fonts._families.cache_clear()

    def install(name, characters):
        pen = TTGlyphPen(None)
        for point in ((100, 0), (100, 700), (900, 700)):
            (pen.lineTo if pen.points else pen.moveTo)(point)
        pen.closePath()
        names = [".notdef", *(f"u{ord(c):x}" for c in characters)]
        builder = FontBuilder(1000)
        builder.setupGlyphOrder(names)
        builder.setupCharacterMap({ord(c): f"u{ord(c):x}" for c in characters})
        builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
        builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        builder.setupNameTable({"familyName": name, "styleName": "Regular"})
        builder.setupOS2(usWeightClass=400)
        builder.setupPost()
        path = tmp_path / f"{name}.ttf"
        builder.save(path)
        found.append(str(path))

    yield install
    fonts._families.cache_clear()


def families(texts):
    return [text.get_fontfamily()[1:] for text in texts]


def test_a_font_that_has_the_characters_stands_in(installed):
    """Drawn without matplotlib's warning of missing glyphs, which is an error here."""
    installed("Serif Cat", [CAT])
    installed("Cats and Dogs", [CAT, DOG])
    installed("Thai", [THAI])
    figure = plot_confusion_matrix([0, 1, 2], [0, 1, 1], ["cat", CAT, DOG + THAI])
    (ax,) = figure.axes
    both = ["Cats and Dogs", "Thai"]
    assert families(ax.get_xticklabels()) == [[], both, both]
    assert families([ax.title]) == [[]]
    assert figure._repr_png_()


def test_every_picture_with_names_does_so(installed):
    installed("Cat", [CAT])
    history = History()
    for epoch in range(2):
        history.on_epoch_end(epoch, {"loss": 1.0, CAT: 1.0})
    image = np.zeros((8, 8, 1), np.float32)
    model = Sequential([Conv2D(2, 3, input_shape=image.shape, name=CAT)])
    model.build()
    mistakes = plot_mistakes(image[None], [0], [[0.0, 1.0]], ["cat", CAT])
    filters, maps = plot_filters(model.layers[0]), plot_feature_maps(model, image)
    titles = [mistakes.axes[0].title, history.plot().axes[1].title, filters._suptitle]
    titles.append(maps.axes[2]._left_title)
    assert families(titles) == [["Cat"]] * 4


def test_what_is_written_later_has_a_font_too(installed):
    installed("Dog", [DOG])
    figure = plot_confusion_matrix([0], [0])
    title = figure.axes[0].set_title(DOG)
    assert figure._repr_png_()
    assert families([title]) == [["Dog"]]


def test_fonts_that_the_user_chose_are_enough(installed):
    installed("Cat", [CAT])
    font_manager.fontManager.addfont(font_manager.findSystemFonts()[0])
    with matplotlib.rc_context({"font.family": ["DejaVu Sans", "Cat"]}):
        figure = plot_confusion_matrix([0], [0], [CAT])
    label = figure.axes[0].get_xticklabels()[0]
    assert label.get_fontfamily() == ["DejaVu Sans", "Cat"]


@pytest.mark.parametrize(
    "name, font",
    [(CAT + DOG, "Noto Sans CJK"), (THAI, "Noto Sans Thai"), (CLOUD, "Noto Emoji")],
    ids=["Chinese", "Thai", "emoji"],
)
def test_without_such_a_font_one_warning_says_which(installed, name, font):
    """One for a picture; matplotlib's are one for every character, at every draw."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        figure = plot_confusion_matrix([0, 1], [0, 1], [name, "cat"])
        figure._repr_png_()
        figure._repr_png_()
    (warning,) = told
    assert f"Install {font}:" in str(warning.message)
    assert ", ".join(sorted(name)) in str(warning.message)
    assert warning.filename == __file__, "it points to the line that draws"


def test_accents_and_joiners_need_nothing(installed):
    """DejaVu has accents, Greek and Cyrillic; joiners leave no ink."""
    names = ["\u00e9\u0436\u03b1", "\u200d\ufe0f\u2066a"]
    figure = plot_confusion_matrix([0, 1], [0, 1], names)
    assert families(figure.axes[0].get_xticklabels()) == [[], []]
