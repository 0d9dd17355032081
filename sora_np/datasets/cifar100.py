"""CIFAR-100: 60,000 colour photos, 32x32, in 100 classes, which make 20 groups.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009),
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import os

from .cifar import batches
from .published import Pair, PublishedFile, find

CLASS_NAMES = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge
    bus butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud
    cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox
    girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man
    maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree
    pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
    road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
    streetcar sunflower sweet_pepper table tank telephone television tiger tractor train
    trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()
)
COARSE_NAMES = tuple(
    """
    aquatic_mammals fish flowers food_containers fruit_and_vegetables
    household_electrical_devices household_furniture insects large_carnivores
    large_man-made_outdoor_things large_natural_outdoor_scenes
    large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people
    reptiles small_mammals trees vehicles_1 vehicles_2
    """.split()
)

FILE = PublishedFile(
    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    180_000_000,
    "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
)
MEMBERS = [["cifar-100-python/train"], ["cifar-100-python/test"]]


def load_data(
    label_mode: str = "fine", path: str | os.PathLike[str] | None = None
) -> tuple[Pair, Pair]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    label_mode : "fine", 100 classes (``CLASS_NAMES``), or "coarse", 20
        (``COARSE_NAMES``)
    path : of cifar-100-python.tar.gz, or of its folder; without it, it comes from the
        cache, or by download into it

    Returns
    -------
    x_train, y_train : uint8 (50000, 32, 32, 3), int64 (50000, 1)
    x_test, y_test : uint8 (10000, 32, 32, 3), int64 (10000, 1)

    Raises
    ------
    FileNotFoundError : if the file is nowhere and could not be downloaded
    DataFileError : if it is not the published one

    Examples
    --------
    >>> (x_train, y_train), _ = load_data("coarse")  # doctest: +SKIP
    >>> len(CLASS_NAMES), len(COARSE_NAMES)
    (100, 20)
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'label_mode must be "fine" or "coarse", got {label_mode!r}')
    archive = find("cifar100", FILE, path)
    train, test = batches(archive, MEMBERS, f"{label_mode}_labels")
    (x, y), (x_test, y_test) = train, test
    return (x, y.astype("int64")), (x_test, y_test.astype("int64"))
