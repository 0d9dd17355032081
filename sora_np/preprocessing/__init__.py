"""Preparing data: cleaning, normalisation, augmentation.

==================  ==============================================================
cleaning            `clean`, with a report; `robust_z_score`
normalisation       layers: `Rescaling`, `Normalization`, `MinMaxScaling`
size                layers: `Resizing`, `CenterCrop`
augmentation        layers: `RandomFlip`, `RandomRotation`, `RandomZoom`,
                    `RandomTranslation`, `RandomShear`, `RandomCrop`,
                    `RandomBrightness`, `RandomContrast`, `RandomErasing`,
                    `GaussianNoise`
pictures            `plot_augmented`: samples before and after
as in older Keras   `image.ImageDataGenerator`, `sequence.pad_sequences`
==================  ==============================================================

The layers are in `sora_np.layers`: they are part of a model and of its file, so users
of the model need not know how its data were prepared.  A `Random*` layer that is called
by itself, `layer(x)`, augments, as in Keras; a model augments only in `fit`.

Open ``cleaning.py`` first: it cleans data, and ``report.py`` is its report.
``pictures.py`` shows samples; ``image.py`` is the generator of images,
``flow_options.py`` checks its options, ``changes.py`` changes images, and ``flows.py``
returns their batches.  Users and ``sanity/`` call these functions.
"""

from . import image, sequence
from .cleaning import Cleaned, clean, robust_z_score
from .pictures import plot_augmented
from .report import CleaningReport, Finding

__all__ = [
    "Cleaned",
    "CleaningReport",
    "Finding",
    "clean",
    "image",
    "plot_augmented",
    "robust_z_score",
    "sequence",
]
