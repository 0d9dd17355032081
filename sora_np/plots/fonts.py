"""Fonts for texts in any script: matplotlib's own has neither Chinese nor Thai."""

import functools
import unicodedata
from collections.abc import Iterable
from typing import Any

from matplotlib import font_manager
from matplotlib.text import Text

from sora_np.common.warn import warn

# what begins the Unicode names of characters that one font has
CJK = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "IDEOGRAPHIC"}

EMPTY = {"LastResort", "LastResortHigh-Efficiency", "AdobeBlank"}  # boxes for all


def complete(figure: Any) -> frozenset[str]:
    """Give texts installed fonts for missing characters; return those without a font.

    A text keeps its fonts, and uses another font only for characters that they lack.
    """
    lacking = {}
    for text in figure.findobj(Text):
        lacks = _lacks(text)
        if lacks:
            lacking[text] = lacks
    wanted = frozenset().union(*lacking.values())
    families, boxes = _families(wanted) if wanted else ((), wanted)
    for text in lacking:
        text.set_fontfamily([*text.get_fontfamily(), *families])
    return boxes


def warn_of(characters: Iterable[str]) -> None:
    """Warn of characters that no installed font has, and say which font to install."""
    shown = sorted(characters)
    fonts = sorted({_font_of(character) for character in shown})
    more = ", ..." * (len(shown) > 10)
    warn(
        f"pictures show boxes for {', '.join(shown[:10])}{more}: no installed font has "
        f"these characters. Install {', '.join(fonts)}: as a package of your system "
        "(Debian, Ubuntu: fonts-noto-cjk for Chinese, Japanese and Korean, "
        "fonts-noto-core for other scripts), or from https://fonts.google.com/noto"
    )


def _lacks(text: Text) -> set[str]:
    """Return the characters of a text that its fonts lack."""
    content = text.get_text()
    if content.isascii():
        return set()
    lacks = {c for c in content if not c.isascii() and _is_drawn(c)}
    for family in text.get_fontfamily():
        properties = text.get_fontproperties().copy()
        properties.set_family(family)
        try:
            path = font_manager.findfont(properties, fallback_to_default=False)
        except ValueError:
            continue  # it is not installed: matplotlib ignores it, too
        lacks -= _has(path, lacks)
    return lacks


def _is_drawn(character: str) -> bool:
    """Whether a character is visible: joiners and variation selectors are not."""
    kind = unicodedata.category(character)
    return kind[0] != "C" and not (kind == "Mn" and "VARIATION" in _name(character))


def _has(path: Any, characters: Iterable[str]) -> set[str]:
    """Return those of some characters that a font file has."""
    try:
        font = font_manager.get_font(path)
    except (OSError, RuntimeError):  # it is gone, or damaged
        return set()
    return {c for c in characters if font.get_char_index(ord(c))}


@functools.lru_cache(maxsize=64)
def _families(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return few installed font families for characters, and characters without one."""
    _take_in_new_fonts()
    files = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
    having = {
        name: _has(file, characters)
        for name, file in files.items()
        if name.replace(" ", "") not in EMPTY
    }
    left, chosen = set(characters), []
    while left:
        best = min(having, key=lambda name: (-len(having[name] & left), _rank(name)))
        if not having[best] & left:
            break
        chosen.append(best)
        left -= having[best]
    return tuple(chosen), frozenset(left)


def _rank(name: str) -> tuple[bool, bool, bool, str]:
    """Return a sort key: fonts that look like matplotlib's come first.

    They have no serifs and are proportional; for Han characters, Simplified Chinese.
    """
    return "Serif" in name, "Mono" in name, not name.endswith(" SC"), name


def _take_in_new_fonts() -> None:
    """Add fonts that were installed after matplotlib wrote its list to the disk."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:
            try:
                font_manager.fontManager.addfont(path)
            except Exception:  # of colours, of bitmaps: matplotlib can draw none of it
                continue


def _font_of(character: str) -> str:
    """Return the name of a font that has a character.

    >>> [_font_of(c) for c in "\u732b\u0e01"]
    ['Noto Sans CJK', 'Noto Sans Thai']
    """
    script = _name(character).split(" ")[0]
    if script in CJK:
        return "Noto Sans CJK"
    is_symbol = unicodedata.category(character) == "So"
    return "Noto Emoji" if is_symbol else f"Noto Sans {script.title()}".rstrip()


def _name(character: str) -> str:
    return unicodedata.name(character, "")
