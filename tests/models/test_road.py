"""The road of a training step: the files that it enters, and the calls between them.

Whoever reads how a batch is learnt walks this road.  A call counts where the function
and its caller are in different files of the package, from one ``on_train_batch_begin``
to the next.  The bounds are what was reached: a change that needs more says why.
"""

import json
import os
import subprocess
import sys
from collections import Counter

import numba
import numpy as np
import pytest

from sora_np.callbacks import Callback
from sora_np.sora_model import create_sora_model

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="without machine code it is another road"
)


class Walk(Callback):
    """Notes the road of one batch.

    Attributes
    ----------
    files : the modules that were entered
    calls : (from, to, function) -> how often
    """

    def __init__(self, batch):
        self.batch, self.files, self.calls = batch, set(), Counter()

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.batch:
            sys.setprofile(self._note)
        elif batch == self.batch + 1:
            sys.setprofile(None)

    def close(self):
        sys.setprofile(None)

    def _note(self, frame, event, argument):
        here = frame.f_globals.get("__name__", "")
        if event == "call" and here.startswith("sora_np."):
            self.files.add(here)
            before = frame.f_back.f_globals.get("__name__", "")
            if before.startswith("sora_np.") and before != here:
                self.calls[before, here, frame.f_code.co_name] += 1


def walked(fuse, batch):
    """Return the road of one batch of the reference network."""
    x, y = np.zeros((160, 28, 28, 1), np.float32), np.eye(10)[np.arange(160) % 10]
    for walk in (Walk(batch), Walk(batch)):  # the first may define kernels on its way
        model = create_sora_model((28, 28, 1))
        given = model.optimizer, model.loss
        model.compile(*given, metrics=["accuracy"], fuse=fuse)
        model.fit(x, y, batch_size=32, verbose=0, callbacks=walk)
    return sorted(walk.files), walk.calls.total()


@pytest.fixture(scope="module")
def roads():
    """Walk in a process of its own: sora_np.keras, once imported, adds old names."""
    run = [sys.executable, __file__]
    two = {**os.environ, "NUMBA_NUM_THREADS": "2"}  # with one, fewer kernels are kept
    walk = subprocess.run(run, check=True, capture_output=True, env=two)
    return json.loads(walk.stdout)


@pytest.mark.parametrize(
    "road, files, calls",
    # a layer's kernel is called through rungs.py, which chooses: 1 file, 28 calls more
    # the first step finds its plan made, by ``Steps.planned``
    [("later", 15, 28), ("first", 16, 29), ("textbook", 30, 307)],
)
def test_a_training_step_of_the_reference_network(road, files, calls, roads):
    entered, between = roads[road]
    assert {"sora_np.training.step", "sora_np.kernels.machine.tasks"} <= {*entered}
    assert len(entered) <= files, entered
    assert between <= calls


if __name__ == "__main__":
    steps = {"later": (True, 3), "first": (True, 0), "textbook": (False, 3)}
    print(json.dumps({name: walked(*step) for name, step in steps.items()}))
