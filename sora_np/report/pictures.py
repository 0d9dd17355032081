"""The part of the page about a model whose outputs are pictures: masks, or boxes."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from sora_np.common.markup import Markup, text

from .markup import image, section, table


def sections(
    scores: Mapping[str, float],
    rows: Sequence[tuple[str, Mapping[str, NDArray[Any]]]],
) -> list[Markup]:
    """Return the sections about all test pictures together, and about each.

    Parameters
    ----------
    scores : name -> number
    rows : for each picture a caption, and the images to show side by side: name ->
        pixels (H, W, C) in [0, 1], C = 1 or 3
    """
    numbers = [(name, f"{value:.4g}") for name, value in scores.items()]
    shown = []
    for caption, pictures in rows:
        cards = "".join(
            f"<figure>{image(pixels, f'{caption}: {name}')}"
            f"<figcaption>{text(name)}</figcaption></figure>"
            for name, pixels in pictures.items()
        )
        shown.append(
            f'<p class="note">{text(caption)}</p><div class="sides">{cards}</div>'
        )
    return [
        section("Scores", table(("On the test pictures", "Score"), numbers)),
        section("Test pictures", Markup("".join(shown))),
    ]
