"""Model: a graph of layers."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import DTypeLike

from sora_np.common.names import snake_case
from sora_np.common.several import parts_of
from sora_np.engine.network import Network
from sora_np.kernels.machine.arrays import Shape
from sora_np.layers import AddedLoss, Input, InputLayer, contract
from sora_np.layers.symbol import Symbol
from sora_np.training.waiting import Waiting

from .arithmetic import BatchNumber
from .config import MAKERS, graph_config, model_from_config
from .functional import (
    Wiring,
    connections,
    flat_symbols,
    form_of,
    graph_of,
    in_form,
    names_of,
    number_names,
    symbols_of,
    trace,
    wiring_of,
)
from .trained import Trained


class Model(Trained):
    """A graph of layers, from its inputs to its outputs.

    ``Model(inputs, outputs)`` takes symbols: ``Input(shape)`` returns one, and so does
    a layer or a model that is called on symbols.  The model consists of all layers that
    lead from the inputs to the outputs.  :class:`sora_np.models.Sequential` is a model
    of layers in a row, which needs no symbols.

    Several inputs or outputs are a list, a tuple or a dictionary.  ``fit`` and
    ``predict`` take their arrays in the same form, or as a dictionary with the names in
    ``input_names`` and ``output_names``.  These names are the dictionary's keys, or
    else the names of the layers.

    A subclass may define ``call(self, x)`` instead, and pass neither inputs nor
    outputs.  Its ``__init__`` keeps layers as attributes, and ``call`` calls them on
    one another.  ``call`` runs only once, on symbols, as soon as the shape of x is
    known, and the result is the graph.  So ``call`` cannot compute with NumPy or look
    at numbers, and its argument ``training`` keeps its default.  A file holds the
    graph, and ``load_model`` returns a Model.

    A layer that is called twice is shared: its gradients add up.  A model that is
    called becomes part of the graph, with its parameters.

    Parameters
    ----------
    inputs, outputs : a symbol, or several
    name : shown in reports
    seed : of the initial weights, the dropout masks and the order of samples.  The
        random stream of a layer depends on its position in ``layers``
    dtype : "float32", or "float64" for gradient checks

    Attributes
    ----------
    history : of the last ``fit``
    stop_training : a callback sets it to True to end ``fit``

    Raises
    ------
    TypeError : if an input or output is not a symbol; for a subclass that defines a
        ``train_step``
    ValueError : if an output depends on no input, an input leads to no output, or two
        layers have the same name

    Examples
    --------
    >>> from sora_np.layers import Add, Dense, Input
    >>> x = Input((4,))
    >>> h = Dense(4, "relu")(x)
    >>> model = Model(x, Dense(2)(Add()([x, h])))
    >>> model.count_params(), model.output_shape
    (30, (None, 2))

    >>> class TwoLayers(Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden, self.out = Dense(4, "relu"), Dense(2)
    ...     def call(self, x):
    ...         return self.out(self.hidden(x))
    >>> model = TwoLayers()
    >>> model.build((None, 3))
    >>> model.count_params()
    26
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        trainable: bool = True,
    ) -> None:
        for method in ("train_step", "test_step", "predict_step"):
            if hasattr(self, method):
                raise TypeError(
                    f"{type(self).__name__} defines {method}, which sora_np does not "
                    "call. Your own layer defines forward and backward, your own loss "
                    "losses and dlosses; your own loop calls train_on_batch"
                )
        self._begin(name or "functional", seed, dtype)
        self.has_auto_name = name is None
        self._wiring, self._forms = Wiring([], ()), ("one", "one")
        self._ends: Any = None
        self._is_trainable = bool(trainable)
        if inputs is not None and outputs is not None:
            self._trace(inputs, outputs)
        elif inputs is not None or outputs is not None or not hasattr(self, "call"):
            raise TypeError(
                f"{type(self).__name__} needs inputs and outputs, such as x = "
                "Input((4,)) and Dense(2)(x); or a subclass without them defines "
                "call(self, x), which calls layers on one another"
            )
        elif name is None:
            self.name = snake_case(type(self).__name__)

    def _trace(self, inputs: Any, outputs: Any) -> None:
        """Become the graph from inputs to outputs."""
        symbols, input_keys = flat_symbols(inputs, "inputs")
        ends, output_keys = flat_symbols(outputs, "outputs")
        traced = trace(symbols, ends)
        self.layers = traced.layers
        number_names(self.layers)
        self._wiring = wiring_of(traced)
        self._ends = traced.inputs, traced.outputs
        self._forms = form_of(inputs), form_of(outputs)
        self._build_layers()
        self.input_names = names_of(symbols, input_keys)
        self.output_names = names_of(ends, output_keys)
        shapes = [symbol.sample_shape for symbol in symbols]
        self.sample_shape = shapes[0] if len(shapes) == 1 else tuple(shapes)
        self.graph = graph_of(self._wiring, shapes)
        if not self._is_trainable:
            self.trainable = False

    def add_loss(self, loss: Any) -> None:
        """Add a number of each batch to the loss, before ``compile``.

        Parameters
        ----------
        loss : a mean or a sum of symbols of this model, such as ``keras.ops.mean(z)``,
            or such numbers multiplied and added up

        Raises
        ------
        RuntimeError : after ``compile``
        TypeError : for something else, such as a symbol with a number for each sample

        >>> import numpy as np
        >>> from sora_np.layers import Dense, Input
        >>> x = Input((3,))
        >>> z = Dense(2)(x)
        >>> model = Model(x, Dense(3)(z))
        >>> model.add_loss(0.1 * np.mean(np.square(z)))
        >>> [layer.name for layer in model.layers]
        ['input_layer', 'dense', 'dense_1', 'square', 'added_loss']
        """
        if self.optimizer is not None:
            raise RuntimeError("add_loss must be called before compile")
        if not isinstance(loss, BatchNumber):
            raise TypeError(
                "add_loss takes a number of the batch, such as keras.ops.mean(z) of a "
                f"symbol, got {type(loss).__name__}"
            )
        symbols, reductions, factors = zip(*loss.terms, strict=True)
        layer = AddedLoss(reductions, factors, loss.constant)
        names, (begin, end) = [*self.output_names], self._forms
        first, *others = self.outputs
        outputs = [layer([first, *symbols]), *others]
        self._trace(
            in_form(self.inputs, begin, self.input_names), in_form(outputs, end, names)
        )
        self.output_names = names

    def _build_layers(self) -> None:
        """Create the parameters of all layers that have none; check the others."""
        layers = [one for one in self.layers if not isinstance(one, InputLayer)]
        for position, layer in enumerate(layers):
            if isinstance(layer, Network):
                dtypes = {layer.dtype}
            elif layer.is_sketch:
                shape, rng = layer.input_shape, self.layer_rng(position)
                try:
                    contract.built(layer, shape, rng, self.dtype)
                except MemoryError as error:
                    raise MemoryError(f"{layer}: {error}: make it smaller") from None
                continue
            else:
                dtypes = {layer.dtype} if layer.params else set()
            if dtypes - {self.dtype}:
                raise ValueError(
                    f"{layer} is built in {layer.dtype}, but this model in "
                    f"{self.dtype}: give both the same dtype"
                )

    def build(self, input_shape: Any = None) -> None:
        """Trace ``call`` of a subclass; do nothing if the model has a graph already.

        Parameters
        ----------
        input_shape : of x, with None for the batch axis, such as (None, 28, 28, 1); for
            several inputs, a list of shapes

        Raises
        ------
        ValueError : if the shape is not known
        TypeError : if ``call`` computes with anything but layers
        """
        if self.built or not hasattr(self, "call"):
            return
        if not input_shape:
            raise ValueError(
                f"the input shape of {self.name!r} is not known: call "
                "build((None, ...)), or call fit, which takes the shape from the data"
            )
        several = isinstance(input_shape[0], (list, tuple))
        shapes = [*input_shape] if several else [input_shape]
        inputs: Any = [Input(tuple(shape)[1:]) for shape in shapes]
        inputs = inputs if several else inputs[0]
        self._trace(inputs, self.call(inputs))
        self._compile_for_outputs()

    def _compile_for_outputs(self) -> None:
        """Do what ``compile`` could not do before the outputs were known."""
        steps: Any = self._steps
        if isinstance(steps, Waiting):
            given = steps.given | {"optimizer": steps.optimizer}
            runner = self.runner
            super().compile(**given, fuse=runner.fuse, kernels=runner.kernels)

    @property
    def inputs(self) -> list[Symbol]:
        return [*self._symbols()[0]]

    @property
    def outputs(self) -> list[Symbol]:
        return [*self._symbols()[1]]

    def _symbols(self) -> Any:
        """Return the symbols of inputs and outputs; a copy creates new ones."""
        if self._ends is None or None in self._ends[0]:
            begins = [one for one in self.layers if isinstance(one, InputLayer)]
            shapes = self.graph.input_shapes
            if len(begins) != len(shapes):
                begins = [InputLayer(shape) for shape in shapes]
            symbols = [layer.symbol() for layer in begins]
            self._ends = symbols, symbols_of(self._wiring, symbols)
        return self._ends

    def _in_form(self, outputs: Any) -> Any:
        return in_form(parts_of(outputs), self._forms[1], self.output_names)

    @property
    def wiring(self) -> Wiring:
        """How the layers are connected, see ``functional.py``."""
        return self._wiring

    def connected_to(self, layer: Any) -> list[str]:
        """Return the inputs of a layer as a summary shows them: "name[index]"."""
        names = [symbol.name for symbol in self.inputs]
        return connections(self._wiring, names, layer)

    def shapes_of(self, layer: Any) -> list[Shape]:
        """Return the output shapes of a layer, where the graph uses it first."""
        if isinstance(layer, InputLayer):
            return [layer.shape or ()]
        return [*next(u.shapes for u in self._wiring.uses if u.layer is layer)]

    def get_config(self) -> dict[str, Any]:
        """Return the configuration for an equal model, without its weights."""
        return graph_config(self, self._wiring, self._forms)

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the model that ``get_config`` described, with fresh weights.

        Only layers of this package, registered layers (``saving.register``) and
        ``custom_objects`` are created.
        """
        return model_from_config(config, custom_objects or {})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {len(self.layers)} layers>"


MAKERS["Model"] = Model
