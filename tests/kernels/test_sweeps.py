import numpy as np
import pytest

from sora_np.kernels.convolutional import conv2d_relu_maxpool2d as fused
from sora_np.kernels.convolutional.conv2d import conv2d
from sora_np.kernels.core.dense import dense
from sora_np.kernels.loops import sweeps
from sora_np.kernels.loops.sweeps import cut
from sora_np.kernels.machine.tile import VECTOR_BYTES


@pytest.fixture
def threads(monkeypatch):
    def set_them(count):
        monkeypatch.setattr(sweeps, "THREADS", count)
        cut.cache_clear()

    yield set_them
    cut.cache_clear()


@pytest.mark.parametrize("count", [1, 2, 3, 16])
@pytest.mark.parametrize("images", [0, 1, 2, 3, 5, 40])
@pytest.mark.parametrize("size", [(13, 52, 32), (1, 1, 128), (1, 1, 10), (0, 4, 8)])
def test_a_cut_leaves_nothing_out_and_no_part_empty(count, images, size, threads):
    threads(count)
    bands, band, blocks, block = cut(images, *size, 4)
    rows, _, filters = size
    assert bands * band >= rows > (bands - 1) * band or bands == rows == 0
    assert blocks * block >= filters > (blocks - 1) * block
    assert images * bands * blocks <= max(images, 2 * count)


@pytest.mark.skipif(VECTOR_BYTES != 32, reason="worked out for vectors of 32 bytes")
def test_cuts_worked_out_by_hand(threads):
    threads(2)
    # 26 rows in pairs, 26 columns, 32 filters: 4 vectors of 8, by tiles of 6 pixels x 2
    # 676 / 6 -> 113 tiles of 2 blocks, each thread one; 7 of 13 pairs: 61 * 2 = 122
    assert cut(1, 13, 52, 32, 4) == (1, 13, 2, 16)
    # of 8 filters there is one block, so that the rows are cut: 6 of 11
    assert cut(1, 11, 11, 8, 4) == (2, 6, 1, 8)
    # 3 images in halves would be more than two parts a thread
    assert cut(3, 13, 13, 64, 4) == (1, 13, 1, 64)
    # a row: tiles of 4 vectors
    assert cut(1, 1, 1, 128, 4) == (1, 1, 2, 64)


def test_bits_do_not_depend_on_the_cut(threads, dtype, rng, monkeypatch):
    x = rng.standard_normal((1, 9, 9, 20)).astype(dtype)
    w = rng.standard_normal((3, 3, 20, 70)).astype(dtype)
    bias, flat = rng.standard_normal(70).astype(dtype), w.reshape(-1, 70)
    long_row, many = (rng.standard_normal((n, 480)).astype(dtype) for n in (1, 70))
    many = many.T.copy()
    results = []
    for count in (1, 2, 16, 1):
        threads(count)
        if results:  # from the second on, pooling is after every pair of rows
            monkeypatch.setattr(fused, "Z_BYTES", 1)
        results.append(
            [
                conv2d(x, w, bias, (2, 1)),
                *fused.conv2d_relu_maxpool2d(x, w, bias, (2, 2)),
                *(dense(x.reshape(rows, -1)[:, :180], flat, bias) for rows in (1, 9)),
                dense(long_row, many, bias),
            ]
        )
    for first, *others in zip(*results, strict=True):
        for other in others:
            np.testing.assert_array_equal(first, other)
