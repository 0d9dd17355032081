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
    """Layers in a row: the output of each layer is the input of the next.

    The model is built (its parameters are created) as soon as its input shape is known:
    from ``input_shape=`` of the first layer, from an ``Input`` before it, from
    ``build((None, ...))``, or from the first data.

    Parameters
    ----------
    layers : the layers, which ``add`` and ``pop`` change
    trainable : False freezes the layers given here
    name : shown in reports
    seed : of the weights, the dropout masks and the order of samples.  It has a
        default, so that runs repeat unless you change it.  Every layer has its own
        random stream, by its position, so that adding a layer at the end changes no
        earlier one
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
            raise TypeError(f"layers must be a list, got a layer: use [{layers}]")
        given = list(layers or ())
        self._extend(given)
        for layer in () if trainable else given:
            layer.trainable = False

    # --- structure ----------------------------------------------------------------

    def add(self, layer: Any) -> None:
        """Append a layer; build it if its input shape is known.

        Raises TypeError if it is not a layer.  Raises ValueError if the layer or its
        name is in the model already, or if it does not fit the layer before it.  The
        model is then unchanged.
        """
        self._extend([layer])

    def _extend(self, layers: Iterable[Any]) -> None:
        """Append all layers or none, in time proportional to their number; see add."""
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
        """Append one layer without building it; ``last`` numbers equal names."""
        if isinstance(layer, type) or not isinstance(layer, (Layer, Layered)):
            raise TypeError(f"add expects a layer such as Dense(10), got {layer!r}")
        if id(layer) in present:
            raise ValueError(f"{layer} is in this model already: create a new layer")
        if isinstance(layer, InputLayer):
            if self.layers or self.sample_shape is not None:
                raise ValueError(
                    f"Input must come first, and only once: {self} has "
                    f"{len(self.layers)} layers and input_shape {self.input_shape}"
                )
            self.sample_shape = layer.declared_shape
            return
        if layer.name in names and not layer.has_auto_name:
            raise ValueError(
                f"there is a layer named {layer.name!r} already: give this layer "
                "another name="
            )
        if isinstance(layer, Layered) and len(layer.graph.input_shapes) > 1:
            raise ValueError(
                f"{layer} has several inputs, but a Sequential passes on one: call it "
                "on symbols, and create a Model(inputs, outputs)"
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
        """Create the parameters of all layers.

        Parameters
        ----------
        input_shape : of x, with None for the batch axis (None, 28, 28, 1) or without
            that axis; None takes the shape from the first layer

        Raises
        ------
        ValueError : if the model has no layers, the shape is not known, or layers do
            not fit one another
        """
        if not self.layers:
            raise ValueError("the model has no layers: add some first, by add(...)")
        before = self.sample_shape
        if input_shape is not None:
            whole: Any = input_shape
            if isinstance(whole, Sequence) and whole and whole[0] is None:
                whole = whole[1:]
            shape = as_shape(whole)
            if self.built and shape != before:
                raise ValueError(
                    f"the model is built for x of shape {batch_of(before or ())}, "
                    f"got input_shape {input_shape}"
                )
            self.sample_shape = shape
        if self.sample_shape is None:
            raise ValueError(
                "the input shape is not known: give the first layer "
                "input_shape=(...), or call build((None, ...))"
            )
        try:
            self._build_layers()
        except BaseException:
            self.sample_shape = before
            raise

    def _build_layers(self) -> None:
        """Build the layers that are not built yet, if the input shape is known."""
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
                    layer.input_shape = None  # another shape may fit
            raise
        self._connect(uses)

    def _connect(self, uses: list[Use]) -> None:
        """Set the graph of the model to this row of layers."""
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
                    f"{layer} on x of shape {batch_of(shape)}: {error}: make this "
                    "layer or its input smaller"
                ) from None
        if layer.input_shape != shape:
            raise ValueError(
                f"{layer} is built for x of shape "
                f"{batch_of(layer.input_shape or ())}, but here x has shape "
                f"{batch_of(shape)}"
            )
        if layer.params and layer.dtype != self.dtype:
            raise ValueError(
                f"{layer} is built in {layer.dtype}, but this model in {self.dtype}: "
                "give both the same dtype"
            )
        weights = layer.get_weights()
        rng = self.layer_rng(position)
        output_shape = contract.built(layer, shape, rng, self.dtype)
        layer.set_weights(weights)
        return output_shape

    def _build_model(self, model: Any, shape: Shape) -> Shape:
        """Build a model that is a layer here, or check that it fits."""
        if not model.built:
            model.build((None, *shape))
        if model.sample_shape != shape or len(model.graph.outputs) > 1:
            raise ValueError(
                f"{model} has inputs of shape {batch_of(model.sample_shape)} and "
                f"{len(model.graph.outputs)} outputs; expected inputs of shape "
                f"{batch_of(shape)} and one output"
            )
        if model.dtype != self.dtype:
            raise ValueError(
                f"{model} is built in {model.dtype}, but this model in {self.dtype}: "
                "give both the same dtype"
            )
        given: Shape = model.output_sample_shape
        return given

    def get_config(self) -> dict[str, Any]:
        """Return the configuration for an equal model, without its weights."""
        return {
            "name": self.name,
            "seed": self.seed,
            "dtype": self.dtype.name,
            "class_names": as_class_names(self.class_names),
            "input_shape": None if self.sample_shape is None else [*self.sample_shape],
            "layers": [layer_config(layer) for layer in self.layers],
        }


MAKERS["Sequential"] = Sequential
