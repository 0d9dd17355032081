"""Explain what a model looks at, and test whether the explanation can be trusted.

>>> import numpy as np
>>> from sora_np import Conv2D, Dense, Flatten, Sequential, explain
>>> layers = [Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1), name="conv")]
>>> model = Sequential([*layers, Flatten(), Dense(3, "softmax")])
>>> x = np.random.default_rng(0).random((6, 8, 8, 1))
>>> explain.saliency(model, x).shape, explain.grad_cam(model, x, 2, "conv").shape
((6, 8, 8, 1), (6, 6, 6))
>>> explain.parameter_randomization(model, x, method=explain.edge_detector).verdict
'fails'

==============================  ====================================================
`saliency`                      which numbers of x the score of a class depends on
`smooth_grad`                   the same, averaged over noise
`integrated_gradients`          shares of the score's difference to a baseline
`guided_backpropagation`        sharp, but depends little on the model
`occlusion`                     by how much the score falls where x is covered
`grad_cam`                      where a layer's maps support a class
`activation_maximization`       an input that maximises a class or a channel
`feature_maps`, `filters`       the outputs and the filters of a layer
`embeddings`, `pca`, `tsne`     samples as vectors, and in a plane
`nearest_samples`               training samples that are similar for the model
`parameter_randomization`       does an attribution change with the weights?
`label_randomization`           does it change with the labels that were learnt?
`edge_detector`                 the control for both tests: it fails
==============================  ====================================================

Scores are logits, the values before a last softmax or sigmoid, because a probability
can also rise when other scores fall.  The model runs as in prediction, and is not
changed.

Open ``gradients.py`` first.  It, ``occlusion.py``, ``grad_cam.py`` and
``maximization.py`` have the formulas, ``features.py`` the outputs of layers,
``randomization.py`` and ``verdict.py`` the tests, ``pictures.py`` the pictures.
``study.py`` computes scores and gradients, by the textbook ``backward`` of
``engine/layer_by_layer.py``.  Users and ``report/`` call these functions.
"""

from .features import (
    Nearest,
    embeddings,
    feature_maps,
    filters,
    nearest_samples,
    pca,
    tsne,
)
from .grad_cam import grad_cam
from .gradients import (
    guided_backpropagation,
    integrated_gradients,
    saliency,
    smooth_grad,
)
from .maximization import activation_maximization
from .occlusion import occlusion
from .pictures import (
    plot_attribution,
    plot_embedding,
    plot_grad_cam,
    plot_maximization,
    plot_nearest,
)
from .randomization import (
    edge_detector,
    label_randomization,
    parameter_randomization,
)
from .verdict import Step, Verdict

__all__ = [
    "Nearest",
    "Step",
    "Verdict",
    "activation_maximization",
    "edge_detector",
    "embeddings",
    "feature_maps",
    "filters",
    "grad_cam",
    "guided_backpropagation",
    "integrated_gradients",
    "label_randomization",
    "nearest_samples",
    "occlusion",
    "parameter_randomization",
    "pca",
    "plot_attribution",
    "plot_embedding",
    "plot_grad_cam",
    "plot_maximization",
    "plot_nearest",
    "saliency",
    "smooth_grad",
    "tsne",
]
