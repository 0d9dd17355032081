"""Everything of a model but its training: layers, weights, files and the summary."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from sora_np.batches.arrays import parted
from sora_np.common.arguments import as_index
from sora_np.common.several import joined
from sora_np.common.shapes import batch_of
from sora_np.common.terminal import printable
from sora_np.engine.network import Network
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.symbol import Call, Symbol, symbols_in
from sora_np.layers.weights import Weight
from sora_np.saving import model_file
from sora_np.saving.weights import assign_in_order

from .summary import summary, summary_html


class Layered(Network):
    """A network of layers that have names; see :class:`sora_np.models.Model`.

    Attributes
    ----------
    inputs, outputs : lists of symbols, on which layers can be called
    weights : views of all arrays, layer by layer, see ``layers/weights.py``
    trainable_weights : the weights that an optimiser may change
    non_trainable_weights : the other weights
    """

    has_auto_name = False  # whether the name comes from the class

    # --- as part of a graph ---------------------------------------------------------

    @property
    def inputs(self) -> list[Symbol]:
        """The symbols of the model's inputs."""
        raise NotImplementedError

    @property
    def outputs(self) -> list[Symbol]:
        """The symbols of the model's outputs."""
        raise NotImplementedError

    @property
    def input(self) -> Any:
        """The symbol of the model's input, or a list of several."""
        return self.inputs[0] if len(self.inputs) == 1 else self.inputs

    @property
    def output(self) -> Any:
        """The symbol of the model's output, or a list of several."""
        return self.outputs[0] if len(self.outputs) == 1 else self.outputs

    def _called_on(self, x: Any) -> Any:
        """Return the symbols of the outputs for the symbols x.

        The model shares its parameters with every graph that it is part of.
        """
        if isinstance(x, Mapping):
            x = parted(x, self.input_names, "x", "input")
        symbols = symbols_in(x, self)
        if not self.built and len(symbols) == 1:
            self.build((None, *symbols[0].sample_shape))
        wanted = self.graph.input_shapes
        if [symbol.sample_shape for symbol in symbols] != [*wanted]:
            came = ", ".join(batch_of(symbol.sample_shape) for symbol in symbols)
            raise ValueError(
                f"{self} takes {', '.join(map(batch_of, wanted))}, got {came}"
            )
        return self._in_form(joined(Call(self, symbols, self._output_shapes()).outputs))

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Return the layer with that name, or at that index.

        Raises ValueError if there is none; the message lists the names of all layers.
        """
        if index is not None:
            index = as_index(index, "index")
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(
                    f"index must be of one of the {len(self.layers)} layers, counted "
                    f"from 0; got {index}"
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ValueError(f"no layer is named {name!r}. The layers are: {names}")

    # --- weights ------------------------------------------------------------------

    def count_params(self) -> int:
        """Return how many numbers the layers hold: parameters and state."""
        self._need_built()
        return sum(layer.count_params() for layer in self.leaves)

    def get_weights(self) -> list[Array]:
        """Return copies of all weights, layer by layer: params, then state."""
        self._need_built()
        return [w for layer in self.leaves for w in layer.get_weights()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy in the weights that ``get_weights`` of an equal model returned.

        Raises TypeError if ``weights`` is not a list, and ValueError if their number or
        shapes differ.  The model is then unchanged.
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

        The file holds the configuration, the weights, the class names and the arguments
        of ``compile``.  It also holds what is needed to continue training: the
        optimiser's state, the next epoch of augmentation and the state of every random
        stream.  The file is written completely or not at all.  Missing folders are
        created.

        Parameters
        ----------
        overwrite : whether to replace an existing file
        include_optimizer : whether to save the optimiser's state, which for Adam is
            twice as large as the weights

        Raises
        ------
        FileExistsError : if the file exists and ``overwrite`` is False
        TypeError : if an option is a function: a file can only hold a registered class
        ValueError : for the name of a .safetensors file, which holds weights only
        OSError : if writing fails, for example on a full disk; an old file is kept

        Warns
        -----
        UserWarning : for your own classes that are not registered: ``load_model`` needs
            them as ``custom_objects``
        """
        this: Any = self  # which is trained, too
        model_file.save_model(this, filepath, overwrite, include_optimizer)

    def save_weights(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write only the weights, as .npz or, if its name ends so, .safetensors."""
        this: Any = self  # which is trained, too
        model_file.save_weights(this, filepath, overwrite)

    def load_weights(self, filepath: str | Path, skip_mismatch: bool = False) -> None:
        """Read the file that ``save_weights`` or ``save`` of an equal model wrote.

        Weights are matched by the names of layers, and all are checked before the first
        is changed.

        Parameters
        ----------
        skip_mismatch : whether to skip arrays that do not fit, with a warning

        Raises
        ------
        sora_np.saving.ModelFileError : for a damaged file, or for weights that do not
            fit, all of which it lists.  The model is then unchanged
        """
        this: Any = self  # which is trained, too
        model_file.load_weights(this, filepath, skip_mismatch)

    @property
    def weights(self) -> list[Weight]:
        self._need_built()
        return [weight for layer in self.leaves for weight in layer.weights]

    @weights.setter
    def weights(self, value: Any) -> None:
        raise AttributeError(
            f"{type(self).__name__}.weights cannot be assigned: set them by "
            "set_weights instead"
        )

    @property
    def trainable_weights(self) -> list[Weight]:
        return [weight for weight in self.weights if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        return [weight for weight in self.weights if not weight.trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def _need_built(self) -> None:
        if not self.built:
            self.build()

    def to_json(self, **options: Any) -> str:
        """Return class and configuration as JSON text, without weights.

        ``sora_np.keras.models.model_from_json`` makes an equal model from it.

        Parameters
        ----------
        options : of ``json.dumps``, such as indent=2
        """
        config = self.get_config()  # type: ignore[attr-defined]
        whole = {"class_name": type(self).__name__, "config": config}
        return json.dumps(whole, **options)

    # --- display ------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] = print,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print the layers, their output shapes and their numbers of parameters.

        Parameters
        ----------
        line_length : of the table; None for as wide as its text
        positions : ignored: columns are as wide as their text
        print_fn : called with the text
        expand_nested : whether the layers of models among the layers have rows, too
        show_trainable : whether a column says which layers are trainable: Y, N
        """
        text = summary(self, line_length, expand_nested, show_trainable)
        print_fn(printable(text) if print_fn is print else text)

    def _repr_html_(self) -> str:
        return summary_html(self)
