"""Formulas of docstrings on the site: the right LaTeX, or the text as it was."""

import ast
import re

import pytest

from sora_np.lessons.site import docstrings, formulas, pages

# docstring -> LaTeX, worked by hand
ONE_LINE = {
    # softmax, sigmoid
    "y[k] = e^x[k] / sum_l e^x[l]": r"y_{k} &= \frac{e^{x_{k}}}{\sum_{l} e^{x_{l}}}",
    "y = 1 / (1 + e^-x)": r"y &= \frac{1}{1 + e^{-x}}",
    # only the tight slash is a fraction before a sum
    "mean = 1/M sum_m x[m]": r"\text{mean} &= \frac{1}{M}\,\sum_{m} x_{m}",
    "h = x^[k] 1/S sum_l g[l]": r"h &= \hat{x}_{k}\,\frac{1}{S}\,\sum_{l} g_{l}",
    "y[n, c] = sum_h x[n, h, c] / L": r"y_{n, c} &= \sum_{h} x_{n, h, c} / L",
    "m = m / (n + m) d": r"m &= m / \left(n + m\right)\,d",
    "a = b / 2 r - c": r"a &= b / 2\,r - c",
    # quotients from left to right; two pairs of brackets are not one
    "p = a * b / c * m / (v + eps)": r"p &= \frac{a \cdot b}{c}"
    r" \cdot \frac{m}{v + \epsilon}",
    "d = m / b / c": r"d &= \frac{\frac{m}{b}}{c}",
    "r = (a + b) (c - d) / N": r"r &= \frac{\left(a + b\right)\,"
    r"\left(c - d\right)}{N}",
    "g = o // (O/G)": r"g &= \left\lfloor \frac{o}{\frac{O}{G}} \right\rfloor",
    # indices, powers, hats, primes, dots
    "v = beta_2 * v + g^2": r"v &= \beta_{2} \cdot v + g^{2}",
    "x = beta_1^t": r"x &= \beta_{1}^{t}",
    "y[m] = gamma x^[m] + beta": r"y_{m} &= \gamma\,\hat{x}_{m} + \beta",
    "y[., i*s] = x[., i, c']": r"y_{\cdot, i \,s} &= x_{\cdot, i, c'}",
    "y = x_0 + x_1 + ...": r"y &= x_{0} + x_{1} + \ldots",
    "y = x / max(|x|, 1e-12)": r"y &= \frac{x}{"
    r"\max\left(\left|x\right|, 10^{-12}\right)}",
    "d = u_(t+1) * m": r"d &= u_{t + 1} \cdot m",
    # a function, and a product
    "y = f(z)": r"y &= f\left(z\right)",
    "y = f (z)": r"y &= f\,\left(z\right)",
    "dz = dy f'(z)": r"dz &= dy\,f'\left(z\right)",
    "L = max_pq max(z[p], 0)": r"L &= \max_{p,q}\,\max\left(z_{p}, 0\right)",
    "A = prod_(b != a) t": r"A &= \prod_{b \ne a} t",
    # words
    "y = x where x > 0, else alpha * x": r"y &= x \text{ where } x > 0,"
    r" \text{ else } \alpha \cdot x",
    "db = dz summed over rows": r"db &= dz \text{ summed over rows }",
    "u = moving_mean + y_true": r"u &= \text{moving\_mean} + y_{\text{true}}",
}


@pytest.mark.parametrize("text, latex", ONE_LINE.items(), ids=ONE_LINE)
def test_a_formula_of_one_line(text, latex):
    assert formulas.as_latex([f"    {text}"]) == [
        r"\begin{align*}",
        latex,
        r"\end{align*}",
    ]


def test_columns_numbers_and_lines_that_go_on():
    text = """
    y = a      dx = b     (1)

    z = c                 (2)
        + d
    """
    assert formulas.as_latex(text.split("\n"))[1:-1] == [
        r"y &= a & \quad dx &= b && \text{(1)} \\",
        r"z &= c + d &&&& \text{(2)}",
    ]


LEFT = {
    "loop": "for o in range(O):\n    y = x[o]",
    "genitive": "y = W's",
    "argument": "y = layer(x, training=True)",
    "slash after slash": "x = a / b/c",
    "product below": "x = a / b*c",
    "call": "run(Task(_double, len(x), x, y))",
    "decorator": "@jit()\ndef f(x):\n    x[0] = 1",
    "json": '{"format": 2, "config": {...}}',
    "shapes": "x  (N, H, W, C)      y  (N, OH, OW, O)",
    "prose": "y = the mean of the last gradients",
    "unknown word": "IoU = those that are of it",
    "label": "elu    y = scale * x\nselu   y = x",
    "two formulas side by side": "r = x - n log 2     2^n e^r",
    "a part of which formula": "a = b      c = d\n      + e",
    "no comparison": "dx = f (du - u <du, u>)",
    "not closed": "y = f(x",
    "matrix": "M = [ a  b]\n    [ c  d]",
    "two indices": "dx_(i+p)(j+q) += dy",
    "half a sum": "y = x +",
    "comparison alone": "y <= x",
}


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT)
def test_what_is_no_formula_stays_as_it_is(text):
    block = [f"    {line}" for line in text.split("\n")]
    assert formulas.as_latex(block) is None
    assert docstrings.as_rst(["So::", "", *block]) == ["So::", "", *block]


def test_the_block_becomes_a_directive_and_its_text_goes_on():
    lines = ["Forward::", "", "    y = a x", "", "and a * b"]
    assert docstrings.as_rst(lines) == [
        *("Forward:", "", ".. math::", "", r"   \begin{align*}", r"   y &= a\,x"),
        *(r"   \end{align*}", "", r"and a \* b"),
    ]


def _blocks():
    """Yield every block after ``::`` in a docstring of the package, with its place."""
    for folder in (pages.ROOT / "sora_np", pages.ROOT / "kernels"):
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "::\n" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    continue
                found = re.finditer(
                    r"^( *)(?:\S.*)?::\n((?:\n|\1 +\S.*\n)+)",
                    (ast.get_docstring(node) or "") + "\n",
                    re.M,
                )
                for match in found:
                    yield path.name, match[2].strip("\n").split("\n")


def test_most_formulas_of_the_package_are_typeset():
    """Code, tables and lists of shapes have no equation at the start of a line."""
    equation = re.compile(r" *[^\W\d]\w*'?\^?(\[[^]]*\])? +(=|\+=|<-) ")
    blocks = [(name, lines) for name, lines in _blocks() if equation.match(lines[0])]
    typeset = [formulas.as_latex(lines) for _, lines in blocks]
    left = [name for (name, _), latex in zip(blocks, typeset, strict=True) if not latex]
    print(f"{len(blocks) - len(left)} of {len(blocks)} formulas; left: {left}")
    assert len(blocks) > 110 and len(left) / len(blocks) < 0.15, left


def test_every_typeset_formula_is_mathml_without_a_piece_of_latex():
    pytest.importorskip("latex2mathml")
    elements = pytest.importorskip("xml.etree.ElementTree")
    count = 0
    for name, lines in _blocks():
        latex = formulas.as_latex(lines)
        if latex:
            count += 1
            root = elements.fromstring(formulas.as_mathml("\n".join(latex), "block"))
            text = "".join(root.itertext())
            assert not re.search(r"[\\{}&$]", text), (name, text)
            rows = root.findall(".//{*}mtr")
            assert len(rows) == len(latex) - 2, name
    assert count > 100
