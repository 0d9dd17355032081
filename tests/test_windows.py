import pytest

from sora_np.windows import plan1d, plan2d

SAME = [  # CONVENTIONS: size, window, stride -> pads before and after
    ((5, 2, 1), (0, 1)),
    ((6, 3, 2), (0, 1)),
    ((5, 3, 2), (1, 1)),
    ((7, 4, 1), (1, 2)),
    ((7, 4, 2), (1, 2)),
    ((4, 4, 1), (1, 2)),
    ((8, 5, 3), (1, 2)),
]


@pytest.mark.parametrize("problem, pads", SAME, ids=str)
def test_same_pads_are_keras(problem, pads):
    count, actual = plan1d(*problem, "same")
    assert actual == pads
    assert count == -(-problem[0] // problem[2])


@pytest.mark.parametrize(
    "size, window, stride, count", [(5, 3, 1, 3), (6, 3, 2, 2), (7, 7, 3, 1)]
)
def test_valid_counts(size, window, stride, count):
    assert plan1d(size, window, stride, "valid") == (count, (0, 0))


def test_a_dilated_window_that_does_not_fit():
    with pytest.raises(ValueError, match="window of 5x3 pixels .* images of 4x9"):
        plan2d((4, 9), (3, 3), (1, 1), (2, 1), "valid")
