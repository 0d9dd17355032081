"""Mutants that no test can tell from the original, and why."""

SPEED = "it cuts the same work into other parts: the same numbers, in another time"
RESHAPE = "NumPy's reshape takes any negative size for the one that is left"
EQUIVALENT = {
    "kernels/machine/tasks.py scratch: 65536 -> 65535": (
        "it only sets how far rows lie apart"
    ),
    "kernels/loops/sweeps.py windows_tasks: 1 -> 2 #1": RESHAPE,
    "kernels/loops/channels.py sums_tasks: 2 -> 3": (
        "memory for one row more than is used"
    ),
    "kernels/loops/list_backward.py _tile_shape: -length * itemsize // VECTOR_BYTES -> "
    "(-length * itemsize * VECTOR_BYTES)": SPEED,
    "kernels/loops/list_backward.py _narrow_tile: 64 -> 65": SPEED,
    "kernels/loops/products.py outer_over.outer: 6 * 4096 -> 4096": SPEED,
    "kernels/activations/relu.py _relu_item: slope * 0 -> 0": (
        "a 0 of another type, stored as y's"
    ),
    "kernels/loops/sweeps.py residues: 1 -> 2 #1": (
        "one line of zeros more than is read"
    ),
    "sora_np/layers/core/dense.py Dense.backward: 1 -> 2 #1": RESHAPE,
    "sora_np/metrics/confusion.py FBetaScore.update_state: 1 -> 2 #3": RESHAPE,
}
