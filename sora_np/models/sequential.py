"""Sequential: layers in a row."""

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import DTypeLike

from sora_np.common.names import as_class_names
from sora_np.common.shapes import as_shape, batch_of
from sora_np.kernels.machine.arrays import Shape
from sora_np.layers import InputLayer, Layer, contract
from sora_np.layers.symbol import Call, Symbol

from .config import MAKERS, layer_config
from .functional import Use, Wiring, graph_of, is_new
from .layered import Layered
from .model import Model


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
        self._begin(name or "sequential", seed, dtype)
        self.has_auto_name = name is None
        self._wiring, self._chain = Wiring([], ()), list[Any]()
        if isinstance(layers, Layer):
            raise TypeError(f"layers must be a list, got one layer: [{layers}]")
        given = list(layers or ())
        self._extend(given)
        for layer in () if trainable else given:
            layer.trainable = False

    # --- structure ----------------------------------------------------------------

    def add(self, layer: Any) -> None:
        """Append a layer; build it if the shape of its input is known.

        Raises TypeError for what is no layer, ValueError for a layer or name that is
        there already, or one that cannot take what comes before it; the model is then
        as it was.
        """
        self._extend([layer])

    def _extend(self, layers: Iterable[Any]) -> None:
        """Append layers, all or none, in time that grows with their number; see add."""
        before = self.sample_shape, self.layers[:]
        names = {layer.name for layer in before[1]}
        present, last = {id(layer) for layer in before[1]}, dict[str, int]()
        own_names = dict[int, tuple[Any, str]]()
        try:
            for layer in layers:
                if isinstance(layer, Symbol) and isinstance(
                    layer.call.layer, InputLayer
                ):
                    layer = layer.call.layer
                if isinstance(layer, (Layer, Layered)):
                    own_names.setdefault(id(layer), (layer, layer.name))
                self._append(layer, names, present, last)
            self._build_layers()
        except BaseException:
            self.sample_shape, self.layers[:] = before
            for layer, name in own_names.values():
                layer.name = name
            raise

    def _append(
        self, layer: Any, names: set[str], present: set[int], last: dict[str, int]
    ) -> None:
        """Append one layer, not built: ``last`` numbers what is named by its class."""
        if isinstance(layer, type) or not isinstance(layer, (Layer, Layered)):
            raise TypeError(f"add takes a layer such as Dense(10), got {layer!r}")
        if id(layer) in present:
            raise ValueError(f"{layer} is in this model already: make another one")
        if isinstance(layer, InputLayer):
            if self.layers or self.sample_shape is not None:
                raise ValueError(
                    f"Input must come first, and once: {self} has {len(self.layers)} "
                    f"layers and input_shape {self.input_shape}"
                )
            self.sample_shape = layer.declared_shape
            return
        if layer.name in names and not layer.has_auto_name:
            raise ValueError(
                f"there is a layer named {layer.name!r} already: give this one another "
                "name="
            )
        if isinstance(layer, Layered) and len(layer.graph.input_shapes) > 1:
            raise ValueError(
                f"{layer} takes several inputs, a row of layers gives one: call it on "
                "symbols, and make a Model(inputs, outputs)"
            )
        if not self.layers and self.sample_shape is None:
            if isinstance(layer, Layer):
                self.sample_shape = layer.declared_shape or layer.input_shape
            else:
                self.sample_shape = layer.sample_shape
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
        layer: Layer = self.layers.pop()
        self._connect(self._wiring.uses[: len(self.layers)])
        if not self.layers:
            self.sample_shape = None
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
        before = self.sample_shape
        if input_shape is not None:
            whole: Any = input_shape
            if isinstance(whole, Sequence) and whole and whole[0] is None:
                whole = whole[1:]
            shape = as_shape(whole)
            if self.built and shape != before:
                raise ValueError(
                    f"the model is built for x of shape {batch_of(before or ())}, "
                    f"got {input_shape}"
                )
            self.sample_shape = shape
        if self.sample_shape is None:
            raise ValueError(
                "the shape of the input is not known: give the first layer "
                "input_shape=(...), or build((None, ...))"
            )
        try:
            self._build_layers()
        except BaseException:
            self.sample_shape = before
            raise

    def _build_layers(self) -> None:
        """Build the layers that are not built yet, if the input's shape is known."""
        if self.sample_shape is None:
            return
        uses = self._wiring.uses[:]
        new = [layer for layer in self.layers if is_new(layer)]
        try:
            for position in range(len(uses), len(self.layers)):
                layer = self.layers[position]
                shape = uses[-1].shapes[0] if uses else self.sample_shape
                given = self._build_layer(layer, shape, position)
                uses.append(Use(layer, ((position, 0),), (given,)))
        except BaseException:
            for layer in new:
                if isinstance(layer, Layer):
                    layer.input_shape = None  # another shape may do
            raise
        self._connect(uses)

    def _connect(self, uses: list[Use]) -> None:
        """Let the model be run as this row of layers."""
        outputs = ((len(uses), 0),) if uses else ()
        self._wiring = Wiring(uses, outputs)
        shapes = () if self.sample_shape is None or not uses else (self.sample_shape,)
        self.graph = graph_of(self._wiring, shapes)
        if not self._chain or self._chain[0] is None:  # or this is a copy
            self._chain = [InputLayer(self.sample_shape).symbol()] if uses else []
        del self._chain[len(uses) + 1 :]
        for layer, _, given in uses[len(self._chain) - 1 :]:
            call = Call(layer, self._chain[-1:], given)
            if isinstance(layer, Layer):
                layer.origin = call
            self._chain.append(call.outputs[0])

    def _set_old_nodes(self) -> None:
        nodes = vars(self).pop("nodes")
        self.input_names, self.output_names, self._chain = [], [], []
        self._connect(
            [Use(n.layer, ((k, 0),), (n.output_shape,)) for k, n in enumerate(nodes)]
        )

    def _symbols(self) -> Any:
        if not self.built:
            self.build()
        if self._chain[0] is None:  # of a copy
            self._connect(self._wiring.uses)
        return self._chain[:1], self._chain[-1:]

    def _in_form(self, outputs: Any) -> Any:
        return outputs

    def _build_layer(self, layer: Layer, shape: Shape, position: int) -> Shape:
        """Build one layer, or check that a layer of another model fits here."""
        if isinstance(layer, Layered):
            return self._build_model(layer, shape)
        if is_new(layer):
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
                f"{layer} is built for x of shape "
                f"{batch_of(layer.input_shape or ())}, here "
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

    def _build_model(self, model: Any, shape: Shape) -> Shape:
        """Build a model that is a layer of this one, or check that it fits here."""
        if not model.built:
            model.build((None, *shape))
        if model.sample_shape != shape or len(model.graph.outputs) > 1:
            raise ValueError(
                f"{model} takes x of shape {batch_of(model.sample_shape)} and gives "
                f"{len(model.graph.outputs)} outputs, here comes {batch_of(shape)} and "
                "one is expected"
            )
        if model.dtype != self.dtype:
            raise ValueError(
                f"{model} is built in {model.dtype}, this model is {self.dtype}"
            )
        given: Shape = model.output_sample_shape
        return given

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal model, without its weights."""
        return {
            "name": self.name,
            "seed": self.seed,
            "dtype": self.dtype.name,
            "class_names": as_class_names(self.class_names),
            "input_shape": None if self.sample_shape is None else [*self.sample_shape],
            "layers": [layer_config(layer) for layer in self.layers],
        }


MAKERS["Sequential"] = Sequential
