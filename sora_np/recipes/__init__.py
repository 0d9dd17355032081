"""Recipes: whole training runs, for ``sora-np train --recipe``.

A recipe has data, network, optimiser, schedule, augmentation, batch size and epochs.
Copy one, and change it as you like.  Open ``classification.py`` first: its recipes find
one class for each picture.  ``nuclei.py`` finds masks and ``trees.py`` finds boxes;
both use ``pictures.py``.  ``command/train.py`` runs the recipes.

Test accuracy on full Fashion-MNIST, measured once each, and time on 2 cores:

==============  =========  ======================  ==================================
sora            10 epochs  0.9123                  41 s; the recipe uses fashion_mini
fashion-93      14 epochs  0.9397, 0.9380, 0.9370  12 min; seeds 0, 1, 2; one thread
fashion-resnet  30 epochs  0.9481, 0.9443, 0.9440  27 min; seeds 0, 1, 2; two threads
==============  =========  ======================  ==================================
"""

from sora_np.common.names import look_up

from . import nuclei, trees
from .classification import Recipe, fashion_93, fashion_resnet, sora
from .nuclei import nuclei_unet
from .pictures import PictureRecipe
from .trees import trees_centers

__all__ = [
    "RECIPES",
    "PictureRecipe",
    "Recipe",
    "fashion_93",
    "fashion_resnet",
    "get",
    "nuclei_unet",
    "sora",
    "trees_centers",
]

RECIPES: dict[str, Recipe | PictureRecipe] = {
    "sora": Recipe("fashion_mini", 10, 32, sora),
    "fashion-93": Recipe("fashion_mnist", 14, 128, fashion_93),
    "fashion-resnet": Recipe("fashion_mnist", 30, 64, fashion_resnet, watches=False),
    "nuclei-unet": nuclei.RECIPE,
    "trees-centers": trees.RECIPE,
}


def get(name: str) -> Recipe | PictureRecipe:
    """Return the recipe with this name; raise ValueError with the most similar name."""
    return look_up(RECIPES, name, "recipe")
