"""Links of the texts lead somewhere; the pages of the site say the same twice."""

import os
import re

import pytest

from sora_np.lessons.site import docstrings, pages, pictures

TEXTS = sorted({*pages.TEXTS, *pages.HERE.glob("*.md")})


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_file_that_a_text_links_to_exists(path):
    found = re.findall(r"\]\(([^()\s#]+)", path.read_text(encoding="utf-8"))
    files = [link for link in found if "://" not in link]
    for link in files:
        assert os.path.exists(path.parent / link), link


def test_both_install_pages_have_the_same_commands():
    texts = [
        (pages.HERE / name).read_text(encoding="utf-8")
        for name in ("install.md", "install.zh-CN.md")
    ]
    commands = [re.findall(r"^```\w+\n(.*?)^```$", text, re.M | re.S) for text in texts]
    assert commands[0] == commands[1] and len(commands[0]) >= 5
    for mark in ("\n## ", "\n| "):
        assert texts[0].count(mark) == texts[1].count(mark) > 5, mark


def test_both_readmes_show_every_picture_in_the_same_order():
    paths = [pages.ROOT / name for name in ("README.md", "README.zh-CN.md")]
    texts = [path.read_text("utf-8") for path in paths]
    shown = [re.findall(r"!\[[^]]+\]\((\S+)\)", text) for text in texts]
    files = sorted(pictures.FOLDER.iterdir())
    assert shown[0] == shown[1]
    assert sorted(pages.ROOT / one for one in shown[0]) == files
    for file in files:
        assert file.suffix == ".png" and file.stat().st_size < 100_000, file


def test_the_window_of_the_picture_has_the_sum_worked_by_hand():
    """Sobel's filter at an edge from 1 to 3: (1 + 2 + 1) * (3 - 1)."""
    pytest.importorskip("matplotlib")
    assert pictures.window().get_suptitle() == "conv2d: y[0, 2, 1, 0] = 8"


def test_links_to_code_become_links_to_pages(tmp_path):
    pages.lay_out(tmp_path)
    text = (tmp_path / "readme.md").read_text(encoding="utf-8")
    assert "](code/kernels/convolutional/conv2d.py.md)" in text
    assert "](install.md)" in text and "](#how-fast)" in text
    code = (tmp_path / "code/kernels/convolutional/conv2d.py.md").read_text("utf-8")
    assert "def conv2d_reference" in code
    listed = (tmp_path / "reference/layers.convolutional.rst").read_text("utf-8")
    assert ".. autoclass:: sora_np.layers.Conv2D" in listed
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.md")}
    (tmp_path / "gone.md").write_text("of a lesson that was renamed")
    pages.lay_out(tmp_path)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.md")}
    assert before == after, "pages that did not change are written anew"


@pytest.mark.parametrize(
    "lines, expected",
    [
        (["y = x::", "", "    a * b", "", "a * b"], "y = x::||    a * b||a \\* b"),
        (["Raises", "------", "OSError", "    for a"], "~|``OSError``|    for a"),
        (
            ["Raises", "------", "OSError", "ValueError : for a"],
            "~||``OSError``||``ValueError``|    for a",
        ),
        (
            ["====  ==", "abcdefgh", "====  =="],
            "::||    ====  ==|    abcdefgh|    ====  ==|",
        ),
    ],
    ids=["formula", "below", "alone", "table"],
)
def test_docstrings_become_restructuredtext(lines, expected):
    expected = expected.replace("~", ".. rubric:: Raises|")
    assert docstrings.as_rst(lines) == expected.split("|")
