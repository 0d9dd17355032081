"""Every lesson has one form, its code runs, and its exercise can be solved."""

import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

from sora_np import exercises, lessons
from sora_np.__main__ import main
from sora_np.lessons import copy_lessons, list_lessons
from sora_np.saving import registry

matplotlib = pytest.importorskip("matplotlib")  # the extra [lessons]

FOLDER = Path(lessons.__file__).parent
ENGLISH, CHINESE = list_lessons("en"), list_lessons("zh")
CELL = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
CHECK = re.compile(r"^print\(exercises\.check\((\w+)(?:, .*)?\)\)$", re.M)


def cells(text):
    """Return the cells of a lesson: the line each begins in, and its code."""
    return [
        (text.count("\n", 0, match.start()) + 1, match[1])
        for match in CELL.finditer(text)
    ]


def by_name(lesson):
    return lesson.name


# --- the form -----------------------------------------------------------------------


@pytest.mark.parametrize("language", lessons.LANGUAGES)
def test_the_lessons_are_numbered_in_order(language):
    found = list_lessons(language)
    assert [one.name for one in found] == [one.name for one in ENGLISH] != []
    for number, lesson in enumerate(found, 1):
        assert lesson.name.startswith(f"{number:02}_")
        assert re.match(rf"{number}\. \S", lesson.title)
        assert lesson.text.startswith(f"# {lesson.title}\n")


@pytest.mark.parametrize("lesson", [*ENGLISH, *CHINESE], ids=lambda one: one.title)
def test_a_lesson_is_short_and_has_a_picture_and_an_exercise(lesson):
    assert 80 <= lesson.text.count("\n") <= 200
    assert re.search("20 (to|到) 30 (minutes|分钟)", lesson.text)
    fences = re.findall("^```.*$", lesson.text, re.M)
    assert [*fences[::2], *fences[1::2]].count("```python") == len(fences) / 2
    assert {*fences} == {"```python", "```"}, "each block is a cell"
    codes = [code for _, code in cells(lesson.text)]
    assert any(re.search(r"\bplt\.|\bplots?[.(_]", code) for code in codes)
    checks = [k for k, code in enumerate(codes) if CHECK.search(code)]
    assert checks
    for k in checks:
        name = CHECK.search(codes[k])[1]
        assert CHECK.fullmatch(codes[k].strip().splitlines()[-1])
        blank = next(code for code in codes[:k][::-1] if f"{name}(" in code)
        assert "..." in blank


@pytest.mark.parametrize("number", range(len(ENGLISH)))
def test_the_chinese_lesson_has_the_same_code_and_form(number):
    english, chinese = ENGLISH[number].text, CHINESE[number].text
    codes = [[code for _, code in cells(text)] for text in (english, chinese)]
    assert codes[0] == codes[1]
    for sign in (r"\n## ", r"\n    \S", r"\n\| ", r"\n- "):
        counts = [len(re.findall(sign, CELL.sub("", t))) for t in (english, chinese)]
        assert counts[0] == counts[1], sign
    assert len(re.findall("[\u4e00-\u9fff]", chinese)) > 500
    assert re.search("[\u4e00-\u9fff]", CHINESE[number].title)


@pytest.mark.parametrize("lesson", ENGLISH, ids=by_name)
def test_no_lesson_holds_the_solution(lesson):
    note = (FOLDER / "teachers" / f"{lesson.name}.md").read_text(encoding="utf-8")
    ((_, solution),) = cells(note)
    for definition in re.findall(
        r"^(?:def|class) .*?(?=^\S|\Z)", solution, re.M | re.S
    ):
        assert definition.strip() not in lesson.text


# --- the code -----------------------------------------------------------------------


@pytest.mark.parametrize("lesson", ENGLISH, ids=by_name)
def test_a_lesson_runs_and_its_exercise_fails_blank_and_passes_solved(
    lesson, monkeypatch
):
    monkeypatch.setattr(exercises, "EXERCISES", {**exercises.EXERCISES})  # it may add
    monkeypatch.setattr(registry, "REGISTERED", {})
    names, found, behind = {"__name__": "a_lesson"}, [], []
    with matplotlib.rc_context({"backend": "Agg"}):
        for line, code in cells(lesson.text):
            source = "\n" * line + code  # errors name the line of the lesson
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(source, f"{lesson.name}.md", "exec"), names)
            if check := CHECK.search(code):
                found.append(check[1])
                assert "WRONG" in out.getvalue() and "blank" in out.getvalue(), line
                behind.clear()
            behind.append(source)
        note = (FOLDER / "teachers" / f"{lesson.name}.md").read_text(encoding="utf-8")
        ((_, solution),) = cells(note)
        exec(compile(solution, f"teachers/{lesson.name}.md", "exec"), names)
        for name in found:
            report = exercises.check(names[name])
            assert report.passed, report
        for source in behind:  # what looks at the learner's solution
            exec(compile(source, f"{lesson.name}.md", "exec"), names)
        if "plt" in names:
            names["plt"].close("all")


def test_every_teachers_note_belongs_to_a_lesson():
    notes = {path.stem for path in (FOLDER / "teachers").glob("*.md")}
    assert notes == {lesson.name for lesson in ENGLISH}


# --- copies -------------------------------------------------------------------------


@pytest.mark.parametrize("language", lessons.LANGUAGES)
def test_copies_are_the_lessons(tmp_path, language):
    copies = copy_lessons(tmp_path / "new" / "folder", language)
    assert copies.written == sorted((tmp_path / "new" / "folder").iterdir())
    for path, lesson in zip(copies.written, list_lessons(language), strict=True):
        assert path.read_bytes() == lesson.text.encode()
    assert not copies.unchanged and not copies.kept


def test_a_file_that_was_changed_is_kept_and_named(tmp_path, capsys):
    first, *others = copy_lessons(tmp_path).written
    first.write_text("mine", encoding="utf-8")
    assert main(["lessons", str(tmp_path / "new")]) == 0
    said = capsys.readouterr().out
    assert f"Begin with {first.name}: copy its blocks of code" in said
    gone = others[-1:]
    for path in gone:
        path.unlink()
    assert main(["lessons", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"KEPT       {first}\n" in said and "not overwritten" in said
    assert "Begin with" not in said
    assert all(f"written    {path}\n" in said for path in gone)
    assert said.count("unchanged") == len(others) - len(gone)
    assert first.read_text(encoding="utf-8") == "mine"
    first.unlink()
    first.mkdir()  # even a folder of this name is none of ours
    assert copy_lessons(tmp_path).kept == [first]


def test_mistakes_of_the_caller_are_one_error(tmp_path, capsys):
    with pytest.raises(ValueError, match="fr.*en.*zh"):
        copy_lessons(tmp_path, "fr")
    file = tmp_path / "file"
    file.write_text("")
    assert main(["lessons", str(file)]) == 2
    assert f"{file} is a file" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == [file]


def test_notebooks_without_jupytext_say_what_is_missing(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    assert main(["lessons", str(tmp_path / "a"), "--notebooks"]) == 2
    assert "sora-np[lessons]" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_notebooks_have_the_cells_of_the_lessons(tmp_path, capsys):
    pytest.importorskip("jupytext")  # the extra [lessons]
    nbformat = pytest.importorskip("nbformat")
    assert main(["lessons", str(tmp_path), "--notebooks", "--language", "zh"]) == 0
    for path, lesson in zip(sorted(tmp_path.iterdir()), CHINESE, strict=True):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        codes = [c.source + "\n" for c in notebook.cells if c.cell_type == "code"]
        assert codes == [code for _, code in cells(lesson.text)]
        assert notebook.cells[0].source.startswith(f"# {lesson.title}\n")
        assert notebook.metadata.kernelspec.name == "python3"
    capsys.readouterr()
    assert main(["lessons", str(tmp_path), "--notebooks", "--language", "zh"]) == 0
    assert capsys.readouterr().out.count("unchanged") == len(CHINESE)
