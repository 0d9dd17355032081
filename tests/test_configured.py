"""``from_config`` and ``dtype`` of losses, metrics, optimisers and the like."""

import pytest

from sora_np import constraints, losses, metrics, optimizers, regularizers
from sora_np.optimizers import schedules

CASES = {
    "loss": losses.Huber(0.5, name="mine"),
    "metric": metrics.AUC(num_thresholds=9),
    "optimizer": optimizers.SGD(schedules.CosineDecay(0.1, 5), momentum=0.5),
    "schedule": schedules.ExponentialDecay(0.1, 5, 0.5),
    "regularizer": regularizers.L1L2(0.1, 0.2),
    "constraint": constraints.MaxNorm(3),
}


@pytest.mark.parametrize("thing", CASES.values(), ids=CASES)
def test_from_config_makes_an_equal_object(thing):
    again = type(thing).from_config(thing.get_config())
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()


class Own(metrics.Metric):
    def __init__(self, name="own", **kws):
        super().__init__(name=name, **kws)


@pytest.mark.parametrize("kind", [losses.MeanSquaredError, metrics.F1Score, Own])
def test_dtype(kind):
    assert kind(dtype="float32").get_config() == kind(dtype=None).get_config()
    with pytest.raises(ValueError, match=f"{kind.__name__}: dtype must be None, "):
        kind(dtype="bfloat16")
