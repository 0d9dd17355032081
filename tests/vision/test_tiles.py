"""Tiles, the eight symmetries, and boxes drawn: pictures and boxes move alike."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.vision import boxes_in, dihedral, dihedral_boxes, draw_boxes, tiles


def test_tiles_cover_what_they_can():
    assert [*tiles(6, 10, 4, 2)] == [(i, j) for i in (0, 2) for j in (0, 2, 4, 6)]
    assert [*tiles(4, 4, 4, 9)] == [(0, 0)]
    with pytest.raises(ValueError, match="a tile of 5 x 5 pixels does not fit into a"):
        next(tiles(9, 4, 5, 1))


def test_boxes_are_cut_at_a_tiles_borders():
    boxes = [[6, 6, 10, 10], [0, 0, 6, 6], [9, 6, 15, 8], [30, 30, 31, 31]]
    assert_allclose(boxes_in(boxes, 5, 4, 8, 0.5), [[2, 1, 6, 5], [5, 1, 8, 3]])
    assert_allclose(boxes_in(boxes, 5, 4, 8, 0.6), [[2, 1, 6, 5]])
    assert len(boxes_in(boxes, 5, 4, 8, 0.05)) == 3
    assert len(boxes_in(boxes, 5, 4, 8, 0)) == 3  # what touches nothing is not in


@pytest.mark.parametrize("which", range(8))
def test_boxes_move_with_the_picture(which):
    boxes = np.array([[1, 2, 4, 3], [5, 0, 7, 6]])
    picture = np.zeros((8, 8, 2))
    for n, (left, top, right, bottom) in enumerate(boxes):
        picture[top:bottom, left:right, n] = 1
    moved = dihedral(picture, which)
    for n, box in enumerate(dihedral_boxes(boxes, 8, which).astype(int)):
        rows, columns = np.nonzero(moved[..., n])
        assert_array_equal(
            box, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        )


def test_the_eight_are_different(rng):
    picture = rng.random((3, 3))
    assert len({dihedral(picture, which).tobytes() for which in range(8)}) == 8
    for move in (dihedral, lambda p, k: dihedral_boxes([[0, 0, 1, 1]], 3, k)):
        with pytest.raises(ValueError, match="whole number from 0 to 7, got 8"):
            move(picture, 8)


def test_boxes_are_drawn_on_their_border():
    drawn = draw_boxes(np.zeros((6, 8, 3)), [[1, 2, 5, 5], [6, -2, 12, 2]], (0, 0.5, 1))
    expected = np.zeros((6, 8))
    expected[2, 1:5] = expected[4, 1:5] = 1
    expected[2:5, 1] = expected[2:5, 4] = 1
    expected[1, 6:8] = expected[:2, 6] = 1  # what lies outside is left out
    assert_allclose(drawn[..., 2], expected)
    assert_allclose(drawn[..., 1], 0.5 * expected)
    with pytest.raises(ValueError, match=r"must have the shape \(H, W, 3\), got \(6,"):
        draw_boxes(np.zeros((6, 8)), [])
