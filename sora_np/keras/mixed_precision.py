"""Keras's ``keras.mixed_precision``: there is one precision, that of the model."""

__all__ = ["set_dtype_policy", "set_global_policy"]


def set_global_policy(policy: str) -> None:
    """Accept "float32"; raise ValueError for another policy.

    >>> set_global_policy("float32")
    """
    if policy != "float32":
        raise ValueError(
            f"the policy must be float32, got {policy!r}: the dtype is an argument of "
            'each model, as in Sequential(..., dtype="float64")'
        )


set_dtype_policy = set_global_policy
