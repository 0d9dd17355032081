import inspect
import math
import pickle

import numpy as np
import pytest
from scipy.special import expit, softmax

from sora_np import losses
from sora_np.gradcheck import check_loss
from sora_np.kernels.machine.tasks import run
from sora_np.layers import Conv2D, Dense
from sora_np.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
from sora_np.models import Sequential
from sora_np.optimizers import SGD

BY_HAND = {
    # -log 1e-7: the probability 0 is clipped
    "ce-impossible": (CategoricalCrossentropy(), [[1, 0]], [[0.0, 1.0]], 16.1181),
    # divided by the sum: 2 / 4
    "ce-unscaled": (CategoricalCrossentropy(), [[1, 0]], [[2.0, 2.0]], math.log(2)),
    "ce-smoothed": (
        CategoricalCrossentropy(label_smoothing=0.2),
        *([[1, 0]], [[0.8, 0.2]]),
        -(0.9 * math.log(0.8) + 0.1 * math.log(0.2)),
    ),
    "sparse": (SparseCategoricalCrossentropy(), [1], [[0.2, 0.8]], -math.log(0.8)),
    "bce": (BinaryCrossentropy(), [[1, 0]], [[0.8, 0.4]], -math.log(0.8 * 0.6) / 2),
    "bce-logits": (BinaryCrossentropy(True), [[1]], [[0.0]], math.log(2)),
    "bce-large-logit": (BinaryCrossentropy(True), [[0]], [[1e4]], 1e4),
    "mse": (MeanSquaredError(), [[0, 0]], [[1, 3]], 5),
    "mae": (MeanAbsoluteError(), [[0, 0]], [[1, -3]], 2),
    "mse-rank": (MeanSquaredError(), [0, 1], [[0], [3]], 2),  # not (2, 2)
    "mse-rank-turned": (MeanSquaredError(), [[0], [1]], [0, 3], 2),
    "mse-sum": (MeanSquaredError(reduction="sum"), [[0], [0]], [[1], [3]], 10),
    # 100 * (1/2 + 1/4) / 2; a target of 0 counts as 1e-7
    "mape": (MeanAbsolutePercentageError(), [[2, -4]], [[1, -3]], 37.5),
    "mape-zero": (MeanAbsolutePercentageError(), [[0]], [[1]], 1e9),
    "msle": (MeanSquaredLogarithmicError(), [[1, 0]], [[3, 1]], math.log(2) ** 2),
    "msle-negative": (MeanSquaredLogarithmicError(), [[0]], [[-5]], 0),
    # 0.5^2 / 2 and 2 * 3 - 2^2 / 2
    "huber": (Huber(2), [[0, 0]], [[0.5, -3]], (0.125 + 4) / 2),
    "log-cosh": (LogCosh(), [[0, 1]], [[1, 0]], math.log(math.cosh(1))),
    "log-cosh-far": (LogCosh(), [[0]], [[-1e4]], 1e4 - math.log(2)),
    "poisson": (Poisson(), [[2, 0]], [[math.e, 1]], (math.e - 2 + 1) / 2),
    "hinge": (Hinge(), [[1, -1, -1]], [[0.5, -3, 2]], (0.5 + 0 + 3) / 3),
    "hinge-binary": (Hinge(), [[1, 0, 0]], [[0.5, -3, 2]], (0.5 + 0 + 3) / 3),
    "squared-hinge": (SquaredHinge(), [[1, -1, -1]], [[0.5, -3, 2]], (0.25 + 9) / 3),
    # 1 + 3 - 2; 1 + 1 - 4 is below 0
    "categorical-hinge": (CategoricalHinge(), [[1, 0, 0]], [[2, 3, 1]], 2),
    "categorical-hinge-met": (CategoricalHinge(), [[1, 0]], [[4, 1]], 0),
    "cosine": (
        CosineSimilarity(),
        [[1, 0], [0, 2]],
        [[3, 4], [3, 4]],
        -(0.6 + 0.8) / 2,
    ),
    "cosine-zeros": (CosineSimilarity(), [[1, 0]], [[0, 0]], 0),
    "cosine-axis": (CosineSimilarity(1), [[[1], [0]]], [[[3], [4]]], -0.6),
    "cosine-huge": (CosineSimilarity(), [[1e200, 0]], [[3e200, 4e200]], -0.6),
    # (1 - 0.8)^2 and 0.4^2
    "focal": (
        BinaryFocalCrossentropy(),
        *([[1, 0]], [[0.8, 0.4]]),
        -(0.04 * math.log(0.8) + 0.16 * math.log(0.6)) / 2,
    ),
    "focal-balanced": (
        BinaryFocalCrossentropy(True, 0.3, 1),
        *([[1, 0]], [[0.8, 0.4]]),
        -(0.3 * 0.2 * math.log(0.8) + 0.7 * 0.4 * math.log(0.6)) / 2,
    ),
    # means over axis 1, whose two entries are equal in every column
    "bce-axis": (
        BinaryCrossentropy(axis=1, reduction="none"),
        *([[[1, 0], [1, 0]]], [[[0.8, 0.4]] * 2]),
        [[-math.log(0.8), -math.log(0.6)]],
    ),
    "focal-axis": (
        BinaryFocalCrossentropy(axis=1, gamma=1, reduction="none"),
        *([[[1, 0], [1, 0]]], [[[0.8, 0.4]] * 2]),
        [[-0.2 * math.log(0.8), -0.4 * math.log(0.6)]],
    ),
    "focal-large-logit": (
        BinaryFocalCrossentropy(from_logits=True),
        [[0]],
        [[1e4]],
        1e4,
    ),
    "focal-ce": (
        CategoricalFocalCrossentropy([0.5, 2]),
        *([[1, 0], [0, 1]], [[0.75, 0.25], [3, 1]]),
        -(0.5 / 16 * math.log(0.75) + 2 * 9 / 16 * math.log(0.25)) / 2,
    ),
    "focal-ce-large-logit": (
        CategoricalFocalCrossentropy(1, from_logits=True),
        *([[1, 0]], [[-1e4, 0]], 1e4),
    ),
    # 2 * 1.5 / (3 + 2.5) of the whole batch; of rows 2 * 1 / (2 + 1), 2 * .5 / 2.5
    "dice": (Dice(), [[1, 1], [0, 1]], [[0.5, 0.5], [1, 0.5]], 1 - 3 / 5.5),
    "dice-rows": (
        Dice(axis=-1),
        *([[1, 1], [0, 1]], [[0.5, 0.5], [1, 0.5]]),
        1 - (2 / 3 + 1 / 2.5) / 2,
    ),
    "dice-nothing": (Dice(), [[0, 0]], [[0, 0]], 1),
    # both 1.5, missed 1.5, wrong 1
    "tversky": (
        Tversky(0.2, 0.8),
        *([[1, 1], [0, 1]], [[0.5, 0.5], [1, 0.5]]),
        1 - 1.5 / (1.5 + 0.3 + 0.8),
    ),
    "tversky-dice": (Tversky(), [[1, 1], [0, 1]], [[0.5, 0.5], [1, 0.5]], 1 - 3 / 5.5),
    "kld": (KLDivergence(), [[0.5, 0.5]], [[0.125, 0.5]], 0.5 * math.log(4)),
    "kld-zero": (KLDivergence(), [[0, 1]], [[0.5, 0.5]], math.log(2)),
    "sparse-ignores": (
        SparseCategoricalCrossentropy(ignore_class=-1),
        *([1, -1, 0], [[0.2, 0.8], [0.1, 0.9], [0.5, 0.5]]),
        -(math.log(0.8) + math.log(0.5)) / 2,
    ),
    "sparse-ignores-all": (
        SparseCategoricalCrossentropy(True, 255),
        *([255, 255], [[1, 2], [3, 4]], 0),
    ),
}


@pytest.mark.parametrize("loss, true, pred, expected", BY_HAND.values(), ids=BY_HAND)
def test_by_hand(loss, true, pred, expected):
    np.testing.assert_allclose(loss(true, pred), expected, rtol=1e-5, atol=1e-7)
    # Keras's names
    assert losses.get(loss.name).name == loss.name


def test_weights_are_divided_by_the_count():
    """(0 * 1 + 2 * 9) / 2, not / (0 + 2)."""
    loss = MeanSquaredError()
    assert loss([[0], [0]], [[1], [3]], [0, 2]) == 9
    assert loss([[0], [0]], [[1], [3]], [[0], [2]]) == 9
    assert loss([[0], [0]], [[1], [3]], [0, 0]) == 0
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\)"):
        loss([[0], [0]], [[1], [3]], [1, 1, 1])


PROBABILITIES = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
ONE_HOT, LABELS = np.array([[0, 1, 0], [1, 0, 0]]), np.array([1, 0])
GRADIENTS = {
    "ce": (CategoricalCrossentropy(), ONE_HOT, PROBABILITIES),
    "ce-unscaled": (CategoricalCrossentropy(), ONE_HOT, 3 * PROBABILITIES),
    "ce-logits": (CategoricalCrossentropy(True), ONE_HOT, LOGITS),
    "ce-smoothed": (CategoricalCrossentropy(True, 0.1), ONE_HOT, LOGITS),
    "ce-axis": (
        CategoricalCrossentropy(True, axis=1),
        ONE_HOT[..., None],
        LOGITS[..., None],
    ),
    "sparse": (SparseCategoricalCrossentropy(), LABELS, PROBABILITIES),
    "sparse-logits": (SparseCategoricalCrossentropy(True), LABELS, LOGITS),
    "bce": (BinaryCrossentropy(), ONE_HOT, PROBABILITIES),
    "bce-logits": (BinaryCrossentropy(True, 0.1), ONE_HOT, LOGITS),
    "bce-axis": (
        BinaryCrossentropy(axis=1),
        *(np.stack([ONE_HOT] * 2, 2), np.stack([PROBABILITIES] * 2, 2)),
    ),
    "mse": (MeanSquaredError(), ONE_HOT, LOGITS),
    "mse-sum": (MeanSquaredError(reduction="sum"), ONE_HOT, LOGITS),
    "mae": (MeanAbsoluteError(), ONE_HOT, LOGITS),
    "mse-1d": (MeanSquaredError(), LABELS, LOGITS[:, 0] + 0.1),
    "mape": (MeanAbsolutePercentageError(), PROBABILITIES, LOGITS),
    "msle": (MeanSquaredLogarithmicError(), ONE_HOT, LOGITS + 0.1),
    "huber": (Huber(1.25), ONE_HOT, LOGITS),
    "log-cosh": (LogCosh(), ONE_HOT, LOGITS),
    "poisson": (Poisson(), ONE_HOT, PROBABILITIES),
    "hinge": (Hinge(), ONE_HOT, LOGITS + 0.1),
    "squared-hinge": (SquaredHinge(), ONE_HOT, LOGITS + 0.1),
    "categorical-hinge": (CategoricalHinge(), ONE_HOT, LOGITS),
    "cosine": (CosineSimilarity(), ONE_HOT, LOGITS),
    "cosine-axis": (CosineSimilarity(1), LOGITS[..., None], PROBABILITIES[..., None]),
    "dice": (Dice(), ONE_HOT, PROBABILITIES),
    "dice-rows": (Dice(axis=(1,)), ONE_HOT, PROBABILITIES),
    "tversky": (Tversky(0.3, 0.9), ONE_HOT, PROBABILITIES),
    "tversky-columns": (Tversky(0.3, 0.9, axis=0), ONE_HOT, PROBABILITIES),
    **{
        f"focal-{gamma}-{kind}": (
            loss,
            ONE_HOT,
            LOGITS if logits else 2 * PROBABILITIES,
        )
        for gamma in (0, 0.5, 1, 2, 3.5)
        for logits in (False, True)
        for kind, loss in {
            f"categorical-{logits}": CategoricalFocalCrossentropy(
                [0.5, 1, 2], gamma, logits, 0.1
            ),
        }.items()
    },
    **{
        f"focal-{gamma}-binary-{logits}": (
            BinaryFocalCrossentropy(True, 0.3, gamma, logits),
            *(ONE_HOT, LOGITS if logits else PROBABILITIES),
        )
        for gamma in (0, 0.5, 1, 2, 3.5)
        for logits in (False, True)
    },
    "focal-smooth": (
        BinaryFocalCrossentropy(label_smoothing=0.2),
        ONE_HOT,
        PROBABILITIES,
    ),
    "kld": (KLDivergence(), PROBABILITIES, PROBABILITIES[::-1]),
    "kld-above-1": (KLDivergence(), PROBABILITIES, 3 * PROBABILITIES),
    "sparse-ignores": (
        SparseCategoricalCrossentropy(ignore_class=0),
        *(LABELS, PROBABILITIES),
    ),
    "sparse-ignores-logits": (
        SparseCategoricalCrossentropy(True, -1),
        *(np.array([-1, 2]), LOGITS),
    ),
}


@pytest.mark.parametrize("loss, true, pred", GRADIENTS.values(), ids=GRADIENTS)
def test_gradients(loss, true, pred):
    (check,) = check_loss(loss, true, pred)
    assert check.passed and not check.kinks, check


@pytest.mark.parametrize("loss, true, pred", GRADIENTS.values(), ids=GRADIENTS)
def test_dtype_is_kept(loss, true, pred, dtype):
    assert loss.gradient(true, pred.astype(dtype)).dtype == dtype


def test_weighted_gradient():
    """d/dp of (2 * (p0 - 0)^2 + 0 * ...) / 2 at p0 = 3."""
    dy = MeanSquaredError().gradient([[0], [0]], [[3], [5]], [2, 0])
    np.testing.assert_allclose(dy, [[6], [0]])


def test_logits_and_probabilities_agree():
    z, t = LOGITS, ONE_HOT
    pairs = [
        (CategoricalCrossentropy, t, softmax(z, axis=1)),
        (SparseCategoricalCrossentropy, LABELS, softmax(z, axis=1)),
        (BinaryCrossentropy, t, expit(z)),
    ]
    for cls, true, p in pairs:
        np.testing.assert_allclose(
            cls(True)(true, z), cls()(true, p), err_msg=cls.__name__
        )


PREPARED = {
    "one-hot": (CategoricalCrossentropy(True), ONE_HOT),
    "smooth": (CategoricalCrossentropy(True, 0.2, reduction="sum"), ONE_HOT),
    "labels": (SparseCategoricalCrossentropy(True), LABELS),
    "column": (SparseCategoricalCrossentropy(True, reduction="none"), LABELS[:, None]),
    "floats": (SparseCategoricalCrossentropy(True), LABELS * 1.0),
    "ignored": (SparseCategoricalCrossentropy(True, LABELS[0]), LABELS),
}


@pytest.mark.parametrize("weights", [None, [2, 0.5], [[3], [0]]], ids=str)
@pytest.mark.parametrize("loss, y", PREPARED.values(), ids=PREPARED)
def test_crossentropy_of_logits_is_prepared_as_one_pass(loss, y, weights):
    """The weights are within the targets, of which loss and gradient are linear."""
    dz = np.empty_like(LOGITS)
    prepared = loss.prepare(LOGITS, dz)
    for _ in range(2):  # nothing is left of the batch before
        prepared.fill(y, weights)
        run(*prepared.tasks)
        value, expected = loss.value_and_gradient(y, LOGITS, weights)
        np.testing.assert_allclose(prepared.losses.sum(), np.sum(value), rtol=1e-14)
        np.testing.assert_allclose(dz, expected, rtol=1e-12, atol=1e-15)
        prepared.fill(y[::-1], None)


@pytest.mark.parametrize(
    "cls", [CategoricalCrossentropy, SparseCategoricalCrossentropy]
)
def test_what_is_not_prepared(cls):
    class Own(cls):
        """It may compute anything."""

    assert Own(True).prepare(LOGITS, LOGITS.copy()) is None
    assert cls(False).prepare(LOGITS, LOGITS.copy()) is None, "that is of probabilities"
    assert cls(True).prepare(LOGITS[None], LOGITS[None].copy()) is None, "rows alone"


def test_sparse_equals_categorical():
    expected = CategoricalCrossentropy()(ONE_HOT, PROBABILITIES)
    assert SparseCategoricalCrossentropy()(LABELS, PROBABILITIES) == expected
    assert SparseCategoricalCrossentropy()(LABELS[:, None], PROBABILITIES) == expected
    assert SparseCategoricalCrossentropy()(LABELS * 1.0, PROBABILITIES) == expected


BAD_LABELS = {
    "too-large": ([0, 3], "labels from 0 to 2 .3 classes., got 3 at y_true.1."),
    "negative": ([-1, 0], "got -1 at y_true.0."),
    "fraction": ([0.5, 1], "whole-number labels"),
    "nan": ([np.nan, 1], "whole-number labels"),
    "one-hot": (ONE_HOT, "loss='categorical_crossentropy'"),
}


@pytest.mark.parametrize("labels, text", BAD_LABELS.values(), ids=BAD_LABELS)
def test_bad_labels(labels, text):
    with pytest.raises(ValueError, match=text):
        SparseCategoricalCrossentropy()(labels, PROBABILITIES)


def test_labels_where_rows_are_wanted():
    with pytest.raises(ValueError, match="loss='sparse_categorical_crossentropy'"):
        CategoricalCrossentropy()(LABELS, PROBABILITIES)


def test_nothing_is_broadcast():
    with pytest.raises(ValueError, match=r"y_true \(2, 1\) and y_pred \(2, 3\)"):
        MeanSquaredError()(np.zeros((2, 1)), np.zeros((2, 3)))


def test_mean_with_sample_weight():
    """Keras 3.15: (1 * 1 + 3 * 4) / (1 + 3), its gradient, and 0 for weights of 0."""
    mse = MeanSquaredError(reduction="mean_with_sample_weight")
    arrays = [[0.0], [0.0], [0.0]], [[1.0], [2.0], [9.0]]
    assert mse(*arrays, [1, 3, 0]) == pytest.approx(13 / 4)
    gradient = mse.gradient(*arrays, [1, 3, 0])
    np.testing.assert_allclose(gradient, [[2 / 4], [12 / 4], [0]])
    assert mse(*arrays) == pytest.approx(86 / 3)
    assert mse(*arrays, [0, 0, 0]) == 0
    with pytest.raises(ValueError, match="cannot have ignore_class with the reduction"):
        SparseCategoricalCrossentropy(
            ignore_class=0, reduction="mean_with_sample_weight"
        )


def test_unknown_names():
    with pytest.raises(ValueError, match="did you mean 'categorical_crossentropy'"):
        losses.get("catgorical_crossentropy")
    with pytest.raises(ValueError, match="label_smoothing must be at most 1"):
        CategoricalCrossentropy(label_smoothing=2)
    with pytest.raises(ValueError, match="reduction must be one of"):
        MeanSquaredError(reduction="max")


@pytest.mark.parametrize(
    "true, pred, name",
    [
        ((8, 1), (8, 1), "binary_crossentropy"),
        ((8,), (8, 10), "sparse_categorical_crossentropy"),
        ((8, 1), (8, 10), "sparse_categorical_crossentropy"),
        ((8, 10), (8, 10), "categorical_crossentropy"),
    ],
)
def test_crossentropy_by_shapes(true, pred, name):
    assert losses.crossentropy_for(true, pred).name == name


def test_what_is_ignored_is_not_counted():
    """Neither in the mean nor in the gradient, whatever its weight."""
    loss, plain = (SparseCategoricalCrossentropy(True, label) for label in (9, None))
    labels, logits = np.array([9, 0, 2]), np.vstack([LOGITS[:1], LOGITS])
    weights = np.array([5.0, 1.0, 3.0])
    counted = labels[1:], logits[1:], weights[1:]
    np.testing.assert_allclose(loss(labels, logits, weights), plain(*counted))
    slope = loss.gradient(labels, logits, weights)
    np.testing.assert_array_equal(slope[0], 0)
    np.testing.assert_allclose(slope[1:], plain.gradient(*counted))
    with pytest.raises(ValueError, match="labels from 0 to 2 .* got 8 at y_true.0."):
        loss([8, 0, 2], logits)


OUTSIDE = {  # loss, y_true, what the error says
    "bytes": (BinaryCrossentropy(), [[0], [255]], r"255 at y_true\[1, 0\].*by 255"),
    "one-and-two": (
        BinaryCrossentropy(True),
        [[1], [2]],
        r"2 at y_true\[1, 0\].*y - 1",
    ),
    "signs": (BinaryCrossentropy(), [[-1], [1]], r"-1 at .*loss='hinge'"),
    "labels": (BinaryCrossentropy(), [[7], [0]], r"7 at y_true\[0, 0\]"),
    "kld": (KLDivergence(), [[0], [255]], "kl_divergence takes targets from 0 to 1"),
    "hinge": (Hinge(), [[1], [2]], "hinge takes targets from -1 to 1, got 2 at y_true"),
}


@pytest.mark.parametrize("loss, true, text", OUTSIDE.values(), ids=OUTSIDE)
def test_targets_out_of_range_are_refused(loss, true, text):
    """Keras returns -58,626 or the like, which training drives ever lower."""
    for use in (
        loss,
        loss.gradient,
        lambda t, p: loss.check_targets(np.array(t), (1,)),
    ):
        with pytest.raises(ValueError, match=text):
            use(true, [[0.5], [0.5]])


def test_rounded_and_smooth_targets_are_taken():
    t = np.nextafter(np.float32(1), np.float32(2))
    expected = -math.log(0.5)
    assert BinaryCrossentropy()([[t, 0.3]], [[0.5, 0.5]]) == pytest.approx(expected)
    assert math.isnan(BinaryCrossentropy()([[math.nan]], [[0.5]]))


@pytest.mark.parametrize("row", [[0, 255, 0], [1, 1, 0], [1, -1, 1.5], [0.5, 0.2, 0.2]])
def test_rows_that_are_no_shares_are_warned_of(row):
    text = r"takes one-hot rows, or shares that sum to 1, but y_true\[2\] sums to"
    with pytest.warns(UserWarning, match=text) as caught:
        CategoricalCrossentropy().check_targets([*ONE_HOT.tolist(), row], (3,))
    assert len(caught) == 1
    CategoricalCrossentropy().check_targets([[0, 0, 0], [0.3, 0.3, 0.4]], (3,))


ALIASES = {
    **{"mape": MeanAbsolutePercentageError, "MSLE": MeanSquaredLogarithmicError},
    **{"kld": KLDivergence, "kl_divergence": KLDivergence, "huber": Huber},
    **{"dice": Dice, "Tversky": Tversky, "cosine_similarity": CosineSimilarity},
    **{"squared_hinge": SquaredHinge, "categorical_hinge": CategoricalHinge},
    "binary_focal_crossentropy": BinaryFocalCrossentropy,
    "categorical_focal_crossentropy": CategoricalFocalCrossentropy,
    **{"log_cosh": LogCosh, "logcosh": LogCosh, "poisson": Poisson, "hinge": Hinge},
}


@pytest.mark.parametrize("name, cls", ALIASES.items(), ids=ALIASES)
def test_names(name, cls):
    assert type(losses.get(name)) is cls


def test_huber_takes_a_length():
    with pytest.raises(ValueError, match="delta must be finite and not negative"):
        Huber(-1)
    assert losses.get({"class_name": "Huber", "config": {"delta": 3}}).delta == 3
    assert losses.get("huber").name == "huber_loss"  # Keras's


@pytest.mark.parametrize("axis", [0, 2, -2, -3])
@pytest.mark.parametrize(
    "cls, y",
    [(CategoricalCrossentropy, [[1, 0]]), (SparseCategoricalCrossentropy, [0])],
)
def test_an_axis_that_holds_no_classes(cls, y, axis):
    text = rf"axis must be an axis of y_pred \(1, 2\) other than .*, got {axis}"
    with pytest.raises(ValueError, match=text):
        cls(axis=axis)(y, [[0.5, 0.5]])
    with pytest.raises(ValueError, match=text):
        cls(axis=axis).check_targets(np.array(y), (2,))


@pytest.mark.parametrize("name", ["axis", "ignore_class"])
def test_what_is_no_index(name):
    with pytest.raises(TypeError, match=f"^{name} must be a whole number, got 'a'$"):
        SparseCategoricalCrossentropy(**{name: "a"})


def test_a_prediction_without_a_batch_axis():
    with pytest.raises(ValueError, match=r"^y_pred must have a batch axis, got 1\.0$"):
        MeanSquaredError()(0.0, 1.0)


# --- focal ----------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2])
@pytest.mark.parametrize("z", [1e4, -1e4, 100, -100, 20.0, 0])
def test_focal_slopes_at_the_ends(gamma, z, dtype):
    """Of sure logits: 0 where they are right, 1 where they are wrong; never NaN."""
    binary = BinaryFocalCrossentropy(gamma=gamma, from_logits=True)
    both = CategoricalFocalCrossentropy(1, gamma, from_logits=True)
    (slope,) = binary.gradient([[1]], np.array([[z]], dtype))[0]
    pair = both.gradient([[1, 0]], np.array([[z, 0]], dtype))[0]
    np.testing.assert_allclose(pair, [slope, -slope], rtol=1e-4, atol=1e-7)
    if abs(z) >= 100:
        np.testing.assert_allclose(slope, -1 if z < 0 else 0, atol=1e-15)
    for p in (0.0, 1.0):
        slopes = BinaryFocalCrossentropy(gamma=gamma).gradient(
            [[1]], np.array([[p]], dtype)
        )
        assert np.isfinite(slopes).all()


def test_focal_with_gamma_0_is_the_cross_entropy():
    for logits, y in ((True, LOGITS), (False, PROBABILITIES)):
        for focal, plain in (
            (BinaryFocalCrossentropy(gamma=0, from_logits=logits), BinaryCrossentropy),
            (CategoricalFocalCrossentropy(1, 0, logits), CategoricalCrossentropy),
        ):
            np.testing.assert_allclose(focal(ONE_HOT, y), plain(logits)(ONE_HOT, y))
            np.testing.assert_allclose(
                focal.gradient(ONE_HOT, y),
                plain(logits).gradient(ONE_HOT, y),
                atol=1e-15,
            )


def test_one_alpha_for_every_class():
    with pytest.raises(ValueError, match="or one for each of 3 classes, got 2"):
        CategoricalFocalCrossentropy([1, 2])(ONE_HOT, PROBABILITIES)


@pytest.mark.parametrize(
    "loss, units, activation",
    [
        (BinaryFocalCrossentropy(True), 1, "sigmoid"),
        (CategoricalFocalCrossentropy(), 3, "softmax"),
    ],
)
def test_a_model_trains_from_the_logits(loss, units, activation):
    """Where p rounds to 0 or 1, in float32, and is wrong: from p the slope is 0."""
    layer = Dense(units, activation, kernel_initializer="zeros", input_shape=(1,))
    model = Sequential([layer])
    layer.params["bias"] = [-200.0] if units == 1 else [-200.0, 200.0, 0.0]
    model.compile(SGD(1.0), loss)
    model.train_on_batch(np.ones((2, 1)), [[1, 0, 0][:units]] * 2)
    weight = 0.25  # of alpha
    np.testing.assert_allclose(layer.params["bias"][0], -200 + weight, rtol=1e-6)
    assert not loss.from_logits


# --- overlap --------------------------------------------------------------------------

MASKS = np.array([[[[1.0], [1]], [[0], [0]]]] * 2)
SURE = np.array([[[[0.0], [1]], [[0], [1]]], [[[0.4], [0]], [[0], [0.9]]]])


def test_dice_of_images():
    """Keras's examples in its docstring."""
    np.testing.assert_allclose(
        Dice(axis=(1, 2, 3), reduction="none")(MASKS, SURE), [0.5, 0.75757575]
    )
    np.testing.assert_allclose(Dice()(MASKS, SURE), 0.6164384, rtol=1e-6)


@pytest.mark.parametrize("cls", [Dice, Tversky])
def test_weights_of_samples_need_losses_of_samples(cls):
    loss = cls(axis=(1, 2, 3))
    each = cls(axis=(1, 2, 3), reduction="none")(MASKS, SURE)
    np.testing.assert_allclose(loss(MASKS, SURE, [3, 0]), 3 * each[0] / 2)
    slope = loss.gradient(MASKS, SURE, [3, 0])
    np.testing.assert_allclose(slope, loss.gradient(MASKS, SURE) * [[[[3]]], [[[0]]]])
    for axis in (None, 0, (0, 1, 2, 3)):
        text = "has one loss for all samples of a batch, so it cannot use sample w"
        with pytest.raises(ValueError, match=text):
            cls(axis=axis)(MASKS, SURE, [3, 0])
        with pytest.raises(ValueError, match=text):
            cls(axis=axis).check_weights(np.ones(2), (2, 2, 1))


def test_masks_that_do_not_suit():
    with pytest.raises(
        ValueError, match="dice sums over axis 4, but y_pred .* does not"
    ):
        Dice(axis=4)(MASKS, SURE)
    with pytest.raises(ValueError, match="tversky takes targets from 0 to 1, got 255"):
        Tversky()(255 * MASKS, SURE)
    with pytest.raises(ValueError, match="convert labels to one-hot rows by sora_np"):
        Dice()(LABELS, PROBABILITIES)


def test_class_weights_of_masks_are_refused():
    model = Sequential([Conv2D(1, 1, activation="sigmoid", input_shape=(2, 2, 1))])
    model.compile("sgd", "dice")
    with pytest.raises(ValueError, match="has one loss for all samples of a batch"):
        model.fit(SURE, MASKS, class_weight={1: 2.0}, verbose=0)
    model.fit(SURE, MASKS, verbose=0)
    assert 0 < model.evaluate(SURE, MASKS, verbose=0) < 1


# --- functions ------------------------------------------------------------------------

FUNCTIONS = {
    name: value
    for name, value in vars(losses).items()
    if name in losses.__all__
    and inspect.isfunction(value)
    and hasattr(value, losses.functions.KEEPS)
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_its_class(name):
    """By the name, and for compile; every class has one."""
    cls = losses.CLASSES[name]
    assert type(losses.get(FUNCTIONS[name])) is cls
    assert pickle.loads(pickle.dumps(FUNCTIONS[name])) is FUNCTIONS[name]
    y = LABELS if cls is SparseCategoricalCrossentropy else ONE_HOT
    found = FUNCTIONS[name](y, PROBABILITIES)
    np.testing.assert_array_equal(found, cls(reduction="none")(y, PROBABILITIES))


def test_every_class_has_a_function():
    of = {losses.functions.class_of(function) for function in FUNCTIONS.values()}
    assert of == set(losses.CLASSES.values())


def test_functions_take_options_in_keras_order():
    z = LOGITS
    expected = BinaryCrossentropy(True, 0.1, reduction="none")(ONE_HOT, z)
    np.testing.assert_array_equal(losses.bce(ONE_HOT, z, True, 0.1), expected)
    expected = SparseCategoricalCrossentropy(True, 0, "none")(LABELS, z)
    found = losses.sparse_categorical_crossentropy(LABELS, z, True, ignore_class=0)
    np.testing.assert_array_equal(found, expected)
    whole = losses.tversky(ONE_HOT, PROBABILITIES, 0.2, 0.8)
    assert whole.shape == () and whole == Tversky(0.2, 0.8)(ONE_HOT, PROBABILITIES)
    with pytest.raises(TypeError, match="unexpected keyword argument 'smoothing'"):
        losses.mse(ONE_HOT, z, smoothing=1)


def test_a_vector_is_one_sample():
    """As in Keras."""
    assert losses.mean_squared_error([0, 0], [1, 3]).shape == ()
    assert losses.mean_squared_error([0, 0], [1, 3]) == 5
    np.testing.assert_array_equal(losses.mse([[0], [0]], [[1], [3]]), [1, 9])
