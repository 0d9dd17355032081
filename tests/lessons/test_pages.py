"""The code of every page runs, prints what is below it, and is one in all languages."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from sora_np import lessons
from sora_np.saving import registry

FOLDER = Path(lessons.__file__).parent
PAGES = sorted(FOLDER.glob("*.md"))
ENGLISH = [page for page in PAGES if ".zh-CN." not in page.name]


def blocks(page):
    """Return the blocks of a page: their language, their text, and their first line."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        line = text.count("\n", 0, match.start()) + 1
        found.append((match[1], match[2], line))
    return found


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, monkeypatch):
    monkeypatch.setattr(registry, "REGISTERED", {})  # what a page registers
    names, printed = {"__name__": "a_page"}, ""
    ran = 0
    for language, text, line in blocks(page):
        if language == "python":
            assert not printed, f"{page.name}: no text follows the code before {line}"
            source = "\n" * line + text  # errors name the line of the page
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(source, str(page), "exec"), names)
            printed, ran = out.getvalue(), ran + 1
        else:
            assert language == "text" and text == printed, f"{page.name}, line {line}"
            printed = ""
    assert ran and not printed


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.stem)
def test_the_chinese_page_has_the_same_code(page):
    chinese = page.with_name(f"{page.stem}.zh-CN.md")
    mine, its = ([b[:2] for b in blocks(one)] for one in (page, chinese))
    assert mine == its
    headings = [
        one.read_text(encoding="utf-8").count("\n## ") for one in (page, chinese)
    ]
    assert headings[0] == headings[1]
    rows = [one.read_text(encoding="utf-8").count("\n| ") for one in (page, chinese)]
    assert rows[0] == rows[1]
    assert re.search("[\u4e00-\u9fff]", chinese.read_text(encoding="utf-8"))


def test_there_are_pages():
    assert {page.stem for page in ENGLISH} >= {"write_your_own_layer"}
