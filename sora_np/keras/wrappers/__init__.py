"""Keras's ``keras.wrappers``: models as estimators of scikit-learn.

``scikit_learn.py`` has them; it is imported only when a program asks for one.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Return an estimator's class.

    Raises ImportError without scikit-learn, and AttributeError for an unknown name.
    """
    if name in ("KerasClassifier", "KerasRegressor"):
        from .scikit_learn import KerasClassifier, KerasRegressor

        return {"KerasClassifier": KerasClassifier, "KerasRegressor": KerasRegressor}[
            name
        ]
    raise AttributeError(
        f"keras.wrappers.{name} is not here: there are KerasClassifier and "
        "KerasRegressor, of Keras 2",
        name=name,
    )
