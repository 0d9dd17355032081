import pytest

from sora_np.callbacks import Callback, LambdaCallback

OTHER_NAMES = {"on_batch_begin", "on_batch_end"}  # of on_train_batch_*, which call them
EVENTS = [name for name in vars(Callback) if name.startswith("on_")]
EVENTS = [name for name in EVENTS if name not in OTHER_NAMES]


def test_every_event_has_its_function(make_model, images):
    calls = []
    functions = {
        name: lambda *args, name=name: calls.append((name, *args[:-1]))
        for name in EVENTS
    }
    callback = LambdaCallback(**functions)
    options = {"validation_data": images, "callbacks": callback, "verbose": 0}
    make_model().fit(*images, 50, **options)
    assert calls == [
        *[("on_train_begin",), ("on_epoch_begin", 0)],
        *[("on_train_batch_begin", 0), ("on_train_batch_end", 0)],
        *[("on_test_begin",), ("on_test_batch_begin", 0), ("on_test_batch_end", 0)],
        *[("on_test_end",), ("on_epoch_end", 0), ("on_train_end",)],
    ]


def test_mistakes():
    with pytest.raises(TypeError, match="on_epoch_end must be a function, got 'print'"):
        LambdaCallback(on_epoch_end="print")
    with pytest.raises(TypeError, match="on_epoch_ends"):
        LambdaCallback(on_epoch_ends=print)
