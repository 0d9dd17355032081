"""Attributes that nothing reads are refused; those of a user's own classes are free."""

import copy
import pickle

import pytest

from sora_np import Sequential
from sora_np.callbacks import Callback, EarlyStopping, History
from sora_np.layers import Dense, Dropout
from sora_np.losses import BinaryCrossentropy
from sora_np.metrics import Precision
from sora_np.optimizers import SGD, Adam, Optimizer
from sora_np.optimizers.schedules import CosineDecay
from sora_np.regularizers import L2


@pytest.fixture(autouse=True)
def without_old_names(monkeypatch):
    """Be as before ``sora_np.keras``, which gives optimisers the old name ``lr``."""
    monkeypatch.delattr(Optimizer, "lr", raising=False)


def model():
    made = Sequential([Dense(2, input_shape=(3,)), Dropout(0.5)])
    made.compile("adam", "mse")
    return made


REFUSED = {  # thing, attribute: what is said
    "lr": (SGD, "lr", "SGD has no attribute 'lr': set learning_rate instead"),
    "momentum-of-adam": (Adam, "momentum", "Adam has no attribute 'momentum'"),
    "beta1": (Adam, "beta1", "did you mean 'beta_1'?"),
    "decay": (SGD, "decay", "did you mean 'weight_decay'?"),
    "schedule": (lambda: CosineDecay(1, 2), "alpha_", "did you mean 'alpha'?"),
    "trainable": (lambda: Dense(2), "trainabel", "did you mean 'trainable'?"),
    "kernel": (lambda: model().layers[0], "kernel", "set params['kernel'] instead"),
    "activity": (
        lambda: Dense(2),
        "activity_regularizer",
        "has no attribute 'activity_regularizer': set kernel_regularizer instead",
    ),
    "rate": (lambda: Dropout(0.5), "p", "Dropout has no attribute 'p'"),
    "loss": (BinaryCrossentropy, "logits", "did you mean 'from_logits'?"),
    "metric": (Precision, "treshold", "did you mean 'thresholds'?"),
    "callback": (EarlyStopping, "patients", "did you mean 'patience'?"),
    "history": (History, "epochs", "did you mean 'epoch'?"),
    "regulariser": (L2, "l3", "did you mean 'l2'?"),
    "stop": (model, "stop_trainning", "did you mean 'stop_training'?"),
    "model-lr": (model, "learning_rate", "set optimizer.learning_rate instead"),
    "model-weights": (model, "weights", "set them by set_weights instead"),
    "optimiser": (model, "optimiser", "did you mean 'optimizer'?"),
}


@pytest.mark.parametrize("make, name, text", REFUSED.values(), ids=REFUSED)
def test_names_without_effect_are_refused(make, name, text):
    thing = make()
    before = dict(vars(thing))
    with pytest.raises(AttributeError) as caught:
        setattr(thing, name, 5)
    assert text in str(caught.value) and type(thing).__name__ in str(caught.value)
    assert vars(thing).keys() == before.keys()


class Own(Optimizer):
    def __init__(self):
        super().__init__(0.1)
        self.note = 1


class OwnCallback(Callback):
    pass


@pytest.mark.parametrize(
    "thing", [Own(), OwnCallback(), model(), Dense(2), History()], ids=repr
)
def test_others_are_free(thing):
    thing.best_threshold = 0.3
    thing._mine = 1
    thing.note, thing.notes, thing.name_ = "a", "b", "c"
    thing.score_1, thing.score_2, thing.history_2 = 1, 2, {}
    assert thing.best_threshold == 0.3 and thing.score_2 == 2
    assert copy.deepcopy(thing).notes == "b"


def test_a_note_may_be_called_params():
    """As a layer's table of arrays is, which is looked into for names."""
    made = model()
    made.params = made.state = 3
    made.batch_size = {"kernel": 1}
    made.params = {"epochs": 5}
    made.epochs = 5
    assert made.epochs == 5


def test_what_there_is_can_be_set():
    """Also before it has a value, and in copies."""
    stop = EarlyStopping()
    stop.model, stop.patience = None, 3
    adam = copy.deepcopy(Adam())
    adam.learning_rate, adam.clipnorm = 0.5, 1.0
    adam.update = lambda p, g: None
    made = pickle.loads(pickle.dumps(model()))
    made.class_names, made.stop_training = ["a", "b"], True
    with pytest.raises(AttributeError):
        adam.lr = 5
