r"""The notation of formulas in our docstrings, as LaTeX.

``x[n, i]`` has indices, ``sum_ij`` and ``max_pq`` run over letters, ``x^[m]`` wears a
hat, ``f(z)`` is a function of z, ``f (z)`` a product, and ``a/b c`` a fraction times c.
"""

import re

GREEK = set("alpha beta gamma delta epsilon theta mu pi rho sigma".split())
OURS = GREEK | set(  # words that are factors of a product, and may stand next to prose
    """cos exp log max min sin tanh sum prod mean sign norm size kernel bias squares
    dbeta dgamma eps penalty low high depthwise pointwise""".split()
)
FUNCTIONS = set("cos exp log max min sin tanh".split())
BIG = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}
WORDS = set(  # which are shown as text; a block with any other prose is left alone
    """above all and axes balanced both but by cells centred channel clipped else
    elsewhere first for group hold if in inside is not nothing of one or otherwise
    outside over pixel prediction rows samples set shared summed that the then there
    times to training was where whose windows with without""".split()
)
RELATIONS = {
    "=": "=",
    "==": "=",
    "!=": r"\ne",
    "<": "<",
    ">": ">",
    "<=": r"\le",
    ">=": r"\ge",
    "+=": "+=",
    "<-": r"\leftarrow",
    ",": ",",
    "..": r"\ldots",
}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+e-\d+|\d+\.\d+|\d+)"
    r"|(?P<word>[a-z]+'s\b|whose maximum)|(?P<name>[A-Za-z]\w*)"
    r"|(?P<sign>\.\.\.|\.\.|\^\[|\+=|<-|//|[<>!=]=|[-+*/^()\[\]|,=<>'.]))"
)


class Unknown(Exception):
    """The notation has no such form."""


def formula(text: str) -> str:
    r"""Return one formula, with the mark ``&`` before its first sign of equality.

    Raises Unknown for text that is no formula, or that could be read in two ways.

    Examples
    --------
    >>> print(formula("y = 1 / (1 + e^-x)"))
    y &= \frac{1}{1 + e^{-x}}
    """
    return _Parser(text).formula()


class _Parser:
    """Reads one formula from left to right; what it returns is LaTeX."""

    def __init__(self, text: str) -> None:
        self.tokens = list[tuple[str, str, bool]]()  # type, text, is a space before it
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise Unknown(text[at:])
            kind = str(found.lastgroup)
            name, space = found[kind], found.start(kind) > at or at == 0
            prose = name in WORDS or re.match(
                "sum (of|over) ", text[found.start(kind) :]
            )
            self.tokens.append(("word" if prose else kind, name, space))
            at = found.end()
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    @property
    def spaced(self) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][2]

    def take(self, expected: str = "") -> str:
        found = self.next
        if not found or (expected and found != expected):
            raise Unknown(f"{found!r} is not {expected!r}")
        self.at += 1
        return found

    def formula(self) -> str:
        parts, marked = list[str](), False
        while self.next:
            if self.next in ("=", "<-", "+=") and not marked:
                marked = True
                parts.append("&" + self.item())
            else:
                parts.append(self.item())
        if not marked:
            raise Unknown("no equation")
        return _sentence(parts)

    def item(self) -> str:
        if self.next in RELATIONS:
            if self.next == "=" and not self.spaced:
                raise Unknown("an argument of a call")
            sign = self.take()
            if sign != "," and (self.next in RELATIONS or self.next in ("", ")", "]")):
                raise Unknown("nothing to compare with")
            return RELATIONS[sign]
        if self.kind == "word":
            words = [self.take()]
            while self.kind == "word":
                words.append(self.take())
            if self.kind == "name" and _is_prose(self.next):
                raise Unknown(self.next)
            return rf"\text{{ {' '.join(words)} }}"
        return self.sum()

    def until(self, end: str) -> str:
        """Return everything up to a closing sign, which is taken too."""
        parts = list[str]()
        while self.next != end:
            parts.append(self.item())
        self.take(end)
        return _sentence(parts)

    def sum(self) -> str:
        text = "-" if self.next == "-" and self.take() else ""
        text += self.product()
        while self.next in ("+", "-"):
            text += f" {self.take()}"
            if self.kind == "word" and "'" not in self.next:
                return text  # a sum of, which is prose
            text += f" {self.product()}"
        return text

    def product(self) -> str:
        """Return factors.  Where a fraction could be misread, its slash stays."""
        done, factors = list[str](), [self.factor()]
        plain = _is_open(factors[0])  # of a slash: sum_k x / K
        while True:
            if self.next == "*":
                dot = r"\cdot " if self.spaced else r"\,"
                self.take()
                factors.append(dot + self.factor())
            elif self.next in ("/", "//"):
                floor, tight = self.next == "//", not self.spaced
                self.take()
                below = self.factor()
                if not tight and self.next in ("*", "/", "//") and not self.spaced:
                    raise Unknown("which of both is first?")
                if _is_open(below):
                    below = _product([below, self.product()])
                elif (more := not tight and self.is_factor()) or plain:
                    if floor:
                        raise Unknown("which part is rounded down?")
                    factors.append(f"/ {below}")
                    plain = plain or more
                    continue
                if tight:
                    done, factors = done + factors[:-1], factors[-1:]
                above = _product(factors)
                dot = r"\cdot " if above.startswith(r"\cdot ") else ""
                above = above.removeprefix(dot).removeprefix(r"\,")
                text = rf"\frac{{{_bare(above)}}}{{{_bare(below)}}}"
                if floor:
                    text = rf"\left\lfloor {text} \right\rfloor"
                factors = [dot + text]
                if self.next == "*" or self.is_factor():
                    done, factors = done + factors, []
            elif self.is_factor():
                factors.append(self.factor())
            else:
                return _product(done + factors)
            plain = plain or bool(factors) and _is_open(factors[-1])

    def is_factor(self) -> bool:
        if self.next == "|":  # it closes when no other begins
            return (
                self.spaced
                and self.tokens[self.at + 1 : self.at + 2] != []
                and (not self.tokens[self.at + 1][2])
            )
        return self.kind in ("number", "name") or self.next in ("(", "...")

    def factor(self) -> str:
        base = self.atom()
        if base.startswith(tuple(BIG.values())) and self.next != "(":
            return base
        while True:
            if self.next == "'":
                self.take()
                base += "'"
                if self.kind == "name" and not self.spaced:
                    raise Unknown("a genitive")
            elif self.next == "^[":
                base = rf"\hat{{{base}}}"
                self.take()
                base += f"_{{{self.until(']')}}}"
            elif self.next == "[" and not self.spaced:
                self.take()
                base += f"_{{{self.index()}}}"
            elif self.next == "(" and not self.spaced and not base[-1].isdigit():
                self.take()
                base += rf"\left({self.until(')')}\right)"
            else:
                break
        if self.next == "^":
            self.take()
            minus = "-" if self.next == "-" and self.take() else ""
            base += f"^{{{minus}{_bare(self.factor())}}}"
        return base

    def index(self) -> str:
        parts = list[str]()
        while self.next != "]":
            parts.append(r"\cdot" if self.next == "." and self.take() else self.item())
        self.take("]")
        return _sentence(parts)

    def atom(self) -> str:
        kind, text = self.kind, self.take()
        if kind == "number":
            digits, _, power = text.partition("e-")
            factor = "" if digits == "1" else rf"{digits} \cdot "
            return rf"{factor}10^{{-{int(power)}}}" if power else text
        if kind == "name":
            return self.name(text)
        if text.endswith("'s"):
            return rf"\text{{{text}}}"
        if text == "(":
            return rf"\left({self.until(')')}\right)"
        if text == "|":
            inside = self.sum()
            self.take("|")
            return rf"\left|{inside}\right|"
        if text == "...":
            return r"\ldots"
        raise Unknown(text)

    def name(self, text: str) -> str:
        stem, _, below = text.partition("_")
        if text == "sqrt":
            self.take("(")
            return rf"\sqrt{{{self.until(')')}}}"
        if text == "floor":
            self.take("(")
            return rf"\left\lfloor {self.until(')')} \right\rfloor"
        if stem in BIG and (below or stem in ("sum", "prod")):
            if text.endswith("_"):
                self.take("(")
                return rf"{BIG[stem]}_{{{self.until(')')}}}"
            if not re.fullmatch("[a-zS]{0,4}", below) or self.kind == "word":
                raise Unknown(text)
            return BIG[stem] + (f"_{{{','.join(below)}}}" if below else "")
        if text in FUNCTIONS:
            return rf"\{text}"
        beside = self.next if self.kind == "name" else ""
        if beside and _is_prose(text) | _is_prose(beside):
            raise Unknown(text)
        if self.kind == "word" and _is_prose(text) and self.next in ("of", "that"):
            raise Unknown(text)
        if text.endswith("_"):
            self.take("(")
            index = self.until(")")
            if self.next == "(":
                raise Unknown("two indices, or a function?")
            return f"{_letters(stem)}_{{{index}}}"
        if len(below) > 2 and len(stem) > 1:
            return rf"\text{{{text}}}".replace("_", r"\_")
        if found := re.fullmatch(r"([a-z])(\d)", stem):
            stem, below = found[1], found[2] + below
        return _letters(stem) + (f"_{{{_letters(below)}}}" if below else "")


def _letters(name: str) -> str:
    """Return a name: Greek by its letter, a word upright, d of it as it is."""
    name = "epsilon" if name == "eps" else name
    if name in GREEK:
        return rf"\{name}"
    if name[:1] == "d" and name[1:] in GREEK:
        return rf"d\{name[1:]}"
    one = len(name) < 2 or name.isdigit() or (len(name) == 2 and name[0] == "d")
    return name if one else rf"\text{{{name}}}"


def _is_prose(name: str) -> bool:
    """Whether a word is more than letters, and no name that we know."""
    return len(name.partition("_")[0]) > 2 and not {name.partition("_")[0], name} & OURS


def _sentence(parts: list[str]) -> str:
    return " ".join(parts).replace(" ,", ",").replace(" },", "},")


def _is_open(factor: str) -> bool:
    """Whether it applies to what follows it, such as a sum or a logarithm."""
    names = {rf"\{name}" for name in FUNCTIONS} | {r"\text{mean}"}
    factor = factor.removeprefix(r"\cdot ").removeprefix(r"\,")
    big = re.fullmatch(r"\\(sum|prod|max|min)(_\{[^}]*\})?", factor)
    return factor in names or big is not None


def _product(factors: list[str]) -> str:
    """Return factors side by side, with a space where none has a sign before it."""
    text, before = "", ""
    for factor in factors:
        signed = factor.startswith((r"\cdot ", r"\,", "/ "))
        signed = signed or before.removeprefix(r"\cdot ").startswith(
            (r"\sum", r"\prod")
        )
        text += (" " if signed else r"\,") + factor if text else factor
        before = factor
    return text


def _bare(text: str) -> str:
    """Return what is inside of one pair of brackets around all of it."""
    if not text.startswith(r"\left(") or not text.endswith(r"\right)"):
        return text
    depth = 0
    for found in re.finditer(r"\\(left|right)(?![a-z])", text):
        depth += 1 if found[1] == "left" else -1
        if depth == 0 and found.end() < len(text) - 1:
            return text  # two pairs
    return text[len(r"\left(") : -len(r"\right)")]
