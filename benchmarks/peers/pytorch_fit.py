"""A whole run in PyTorch: the usual loop, with a DataLoader or tensors in memory."""

import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from benchmarks.networks import weights
from benchmarks.peers import whole_run
from benchmarks.peers.pytorch import FORMATS, adam_of, build, images, load, loss_of

BATCH = 32
TEST_BATCH = 256  # of validation; fit has 32


def variants(task):
    """Return the ways of feeding, each in both memory formats.

    "tensors" come first in a name where all images are in memory and a batch is taken
    by its numbers; "DataLoader" where one gives the batches.
    """
    feeds = {
        "tensors": in_memory,
        "DataLoader": lambda data: DataLoader(data, BATCH, shuffle=True),
        "DataLoader 1 process": lambda data: DataLoader(
            *(data, BATCH), shuffle=True, num_workers=1, persistent_workers=True
        ),
        "DataLoader whole batches": whole_batches,
    }
    return {
        f"{name} {layout}": lambda feed=feed, layout=layout: _fit(task, feed, layout)
        for name, feed in feeds.items()
        for layout in FORMATS
    }


class in_memory:  # noqa: N801
    """Batches of a TensorDataset, in an order of their own every time."""

    def __init__(self, data):
        self.tensors = data.tensors

    def __iter__(self):
        for part in torch.randperm(len(self.tensors[0])).split(BATCH):
            yield tuple(tensor[part] for tensor in self.tensors)


def whole_batches(data):
    """Return the DataLoader that asks for all samples of a batch at once."""
    sampler = BatchSampler(RandomSampler(data), BATCH, drop_last=False)
    return DataLoader(data, sampler=sampler, batch_size=None)


def _fit(task, feed, layout):
    network = task.what.network
    net = build(network, layout, weights(network))
    adam, loss = adam_of(net, network), loss_of(net, network)

    def fit(x, y, x_test, y_test, epochs):
        train = feed(TensorDataset(images(x, layout), torch.from_numpy(y)))
        test = images(x_test, layout), torch.from_numpy(y_test)
        for _ in range(epochs):
            total, count = torch.zeros(()), 0
            for images_, labels in train:
                adam.zero_grad(set_to_none=True)
                batch_loss = loss(images_, labels)
                batch_loss.backward()
                adam.step()
                total += batch_loss.detach() * len(labels)
                count += len(labels)
            found = accuracy(net, *test)
        return found

    return whole_run(
        fit, task.what, lambda state: load(net, adam, network, layout, state)
    )


def accuracy(net, x, y):
    """Return the part of the images whose class is found."""
    net.eval()
    with torch.inference_mode():
        right = sum(
            (net(a).argmax(1) == b).sum()
            for a, b in zip(x.split(TEST_BATCH), y.split(TEST_BATCH), strict=True)
        )
    net.train()
    return float(right) / len(y)
