"""Sequential: layers in a row, and what one does with them besides training."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from sora_np.common.arguments import as_count, as_index
from sora_np.common.names import as_class_names
from sora_np.common.shapes import as_shape, batch_of
from sora_np.common.terminal import printable
from sora_np.engine.graph import chain
from sora_np.kernels.arrays import Array, Shape
from sora_np.layers import Input, Layer, contract
from sora_np.saving import model_file
from sora_np.saving.weights import assign_in_order

from .model import Model
from .summary import summary, summary_html


class Sequential(Model):
    """Layers in a row: each takes what the one before gives.

    The model is built, that is its parameters are made, as soon as the shape of its
    input is known: from ``input_shape=`` of the first layer, from an ``Input`` before
    it, from ``build((None, ...))``, or from the first data.

    Parameters
    ----------
    layers : the layers, which ``add`` and ``pop`` change
    trainable : False freezes the layers given here
    name : for reports
    seed : of the weights, the masks and the order of samples.  It has a default, so
        that runs repeat unless told otherwise; every layer has a random stream of its
        own by its position, so that adding a layer at the end changes no earlier one
    dtype : "float32", or "float64" for gradient checks

    Examples
    --------
    >>> import numpy as np
    >>> from sora_np.layers import Dense
    >>> model = Sequential([Dense(4, "relu", input_shape=(3,)), Dense(2, "softmax")])
    >>> model.count_params()
    26
    >>> model.predict(np.zeros((5, 3)), verbose=0)[0]
    array([0.5, 0.5], dtype=float32)
    """

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        trainable: bool = True,
        name: str | None = None,
        seed: int = 0,
        dtype: DTypeLike = "float32",
    ) -> None:
        super().__init__(name or "sequential", as_count(seed, "seed", 0), dtype)
        if isinstance(layers, Layer):
            raise TypeError(f"layers must be a list, got one layer: [{layers}]")
        given = list(layers or ())
        self._extend(given)
        for layer in () if trainable else given:
            layer.trainable = False

    # --- structure ----------------------------------------------------------------

    def add(self, layer: Layer) -> None:
        """Append a layer; build it if the shape of its input is known.

        Raises TypeError for what is no layer, ValueError for a layer or name that is
        there already, or one that cannot take what comes before it; the model is then
        as it was.
        """
        self._extend([layer])

    def _extend(self, layers: Iterable[Any]) -> None:
        """Append layers, all or none, in time that grows with their number; see add."""
        before = self.input_shape, self.layers[:]
        names = {layer.name for layer in before[1]}
        present, last = {id(layer) for layer in before[1]}, dict[str, int]()
        own_names = dict[int, tuple[Layer, str]]()
        try:
            for layer in layers:
                if isinstance(layer, Layer):
                    own_names.setdefault(id(layer), (layer, layer.name))
                self._append(layer, names, present, last)
            self._build_layers()
        except BaseException:
            self.input_shape, self.layers[:] = before
            for layer, name in own_names.values():
                layer.name = name
            raise

    def _append(
        self, layer: Any, names: set[str], present: set[int], last: dict[str, int]
    ) -> None:
        """Append one layer, not built: ``last`` numbers what is named by its class."""
        if isinstance(layer, type) or not isinstance(layer, Layer):
            raise TypeError(f"add takes a layer such as Dense(10), got {layer!r}")
        if id(layer) in present:
            raise ValueError(f"{layer} is in this model already: make another one")
        if isinstance(layer, Input):
            if self.layers or self.input_shape is not None:
                raise ValueError(
                    f"Input must come first, and once: {self} has {len(self.layers)} "
                    f"layers and input_shape {self.input_shape}"
                )
            self.input_shape = layer.declared_shape
            return
        if layer.name in names and not layer.has_auto_name:
            raise ValueError(
                f"there is a layer named {layer.name!r} already: give this one another "
                "name="
            )
        if not self.layers and self.input_shape is None:
            self.input_shape = layer.declared_shape or layer.input_shape
        base = layer.name
        while layer.name in names:
            last[base] = last.get(base, 0) + 1
            layer.name = f"{base}_{last[base]}"
        self.layers.append(layer)
        names.add(layer.name)
        present.add(id(layer))

    def pop(self) -> Layer:
        """Remove the last layer and return it."""
        if not self.layers:
            raise ValueError("pop: the model has no layers")
        layer = self.layers.pop()
        self.nodes = self.nodes[: len(self.layers)]
        if not self.layers:
            self.input_shape = None
        return layer

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the parameters of all layers.

        Parameters
        ----------
        input_shape : of x, with None for the batch axis (None, 28, 28, 1) or without
            that axis; None takes what the first layer says

        Raises
        ------
        ValueError : for a model without layers, an unknown shape, or layers that do not
            fit one another
        """
        if not self.layers:
            raise ValueError("the model has no layers: add(...) some first")
        before = self.input_shape
        if input_shape is not None:
            whole: Any = input_shape
            if isinstance(whole, Sequence) and whole and whole[0] is None:
                whole = whole[1:]
            shape = as_shape(whole)
            if self.nodes and shape != before:
                raise ValueError(
                    f"the model is built for x of shape {batch_of(before or ())}, "
                    f"got {input_shape}"
                )
            self.input_shape = shape
        if self.input_shape is None:
            raise ValueError(
                "the shape of the input is not known: give the first layer "
                "input_shape=(...), or build((None, ...))"
            )
        try:
            self._build_layers()
        except BaseException:
            self.input_shape = before
            raise

    def _build_layers(self) -> None:
        """Build the layers that are not built yet, if the input's shape is known."""
        if self.input_shape is None:
            return
        shapes: list[Shape] = [node.output_shape for node in self.nodes]
        new = [layer for layer in self.layers if layer.input_shape is None]
        try:
            for position in range(len(shapes), len(self.layers)):
                layer = self.layers[position]
                shape = shapes[-1] if shapes else self.input_shape
                shapes.append(self._build_layer(layer, shape, position))
        except BaseException:
            for layer in new:
                layer.input_shape = None  # another shape may do
            raise
        self.nodes = chain(self.layers, shapes)

    def _build_layer(self, layer: Layer, shape: Shape, position: int) -> Shape:
        """Build one layer, or check that a layer of another model fits here."""
        if layer.input_shape is None:
            try:
                rng = self.layer_rng(position)
                return contract.built(layer, shape, rng, self.dtype)
            except MemoryError as error:
                raise MemoryError(
                    f"{layer} on x of shape {batch_of(shape)}: {error}: make it, or "
                    "what comes before it, smaller"
                ) from None
        if layer.input_shape != shape:
            raise ValueError(
                f"{layer} is built for x of shape {batch_of(layer.input_shape)}, here "
                f"comes {batch_of(shape)}"
            )
        if layer.params and layer.dtype != self.dtype:
            raise ValueError(
                f"{layer} is built in {layer.dtype}, this model is {self.dtype}"
            )
        weights = layer.get_weights()
        rng = self.layer_rng(position)
        output_shape = contract.built(layer, shape, rng, self.dtype)
        layer.set_weights(weights)
        return output_shape

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the layer of that name, or at that index.

        Raises ValueError where there is none, with the names that there are.
        """
        if index is not None:
            index = as_index(index, "index")
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(
                    f"no layer {index}: there are {len(self.layers)}, counted from 0"
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ValueError(f"no layer is named {name!r}. There are: {names}")

    # --- weights ------------------------------------------------------------------

    def count_params(self) -> int:
        """Return how many numbers the layers hold, learnt or carried."""
        self._need_built()
        return sum(layer.count_params() for layer in self.layers)

    def get_weights(self) -> list[Array]:
        """Return copies of all weights, layer by layer: params, then state."""
        self._need_built()
        return [w for layer in self.layers for w in layer.get_weights()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy in what ``get_weights`` of an equal model returned.

        Raises TypeError for what is no list, and ValueError where number or shapes
        differ; nothing has changed then.
        """
        self._need_built()
        assign_in_order(self, weights)

    def save(
        self,
        filepath: str | Path,
        overwrite: bool = True,
        *,
        include_optimizer: bool = True,
    ) -> None:
        """Write the model to one .npz, without pickle; ``load_model`` reads it.

        It holds configuration, weights, normalisers, names of classes, what it was
        compiled with, and what training goes on with: the optimiser's memory, the next
        epoch of augmentation and the state of every random stream.  The file is
        written whole or not at all, whatever happens.

        Parameters
        ----------
        overwrite : whether to replace a file that is there
        include_optimizer : whether to keep what the optimiser remembers, which for Adam
            is twice as large as the weights

        A missing folder is made.

        Raises
        ------
        FileExistsError : where there is a file and ``overwrite`` is False
        TypeError : for a function, where a class of one's own is needed
        ValueError : for the name of a .safetensors file, which holds weights alone
        OSError : where the disk is full, or the like; an old file stays as it was

        Warns
        -----
        UserWarning : for classes of one's own that were never registered: to load the
            file ``load_model`` needs them as ``custom_objects``
        """
        model_file.save_model(self, filepath, overwrite, include_optimizer)

    def save_weights(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write the weights alone, to .npz or, by its name, .safetensors."""
        model_file.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | Path, skip_mismatch: bool = False) -> None:
        """Read what ``save_weights`` or ``save`` of an equal model wrote.

        Weights are found by the names of layers.  All are checked before one changes.

        Parameters
        ----------
        skip_mismatch : whether to warn of arrays that do not fit, and load the others

        Raises
        ------
        sora_np.saving.ModelFileError : for a damaged file, or weights that do not fit,
            all of which it lists; nothing has changed then
        """
        model_file.load_weights(self, filepath, skip_mismatch)

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal model, without its weights."""
        return {
            "name": self.name,
            "seed": self.seed,
            "dtype": self.dtype.name,
            "class_names": as_class_names(self.class_names),
            "input_shape": None if self.input_shape is None else [*self.input_shape],
            "layers": [
                {"class_name": type(layer).__name__, "config": layer.get_config()}
                for layer in self.layers
            ],
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> "Sequential":
        """Return the model that ``get_config`` described, with fresh weights.

        Only layers of this package, registered ones (``saving.register``) and
        ``custom_objects`` are made.
        """
        return model_file.model_from_config(cls, config, custom_objects or {})

    def _need_built(self) -> None:
        if not self.built:
            self.build()

    # --- display ------------------------------------------------------------------

    def summary(
        self, line_length: int | None = None, print_fn: Callable[[str], Any] = print
    ) -> None:
        """Print the layers, their output shapes and their numbers of parameters.

        Parameters
        ----------
        line_length : of the box; None for as wide as its text
        print_fn : takes the text
        """
        text = summary(self, line_length)
        print_fn(printable(text) if print_fn is print else text)

    def _repr_html_(self) -> str:
        return summary_html(self)

    def __repr__(self) -> str:
        return f"<Sequential {self.name!r} of {len(self.layers)} layers>"
