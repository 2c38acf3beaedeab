"""TensorFlow inside a PyTorch graph: a Keras model or a function as a differentiable module."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128, torch.int32, torch.int64, torch.bool)
ALIGNMENT = 64
"""Bytes; where TensorFlow expects a tensor to begin."""


class TensorFlowBlock(nn.Module):
    """A Keras model, or a function of TensorFlow tensors, as a module of PyTorch.

    ```
    inputs ─► DLPack ─► model or function, recorded by tf.GradientTape ─► DLPack ─► outputs
    gradients ◄─ DLPack ◄─────── tape.gradient ◄─────── DLPack ◄─ gradients of the outputs
    ```

    Use it as channel, encoder or decoder of a link, or anywhere else. PyTorch owns the weights: every
    trainable variable has an ``nn.Parameter`` in ``weights``, which optimisers, checkpoints and
    ``state_dict`` see, and its value is copied to the variable before every forward pass. Other
    variables (moving means, states of random generators) are buffers and go both ways. What is assigned
    to a variable in TensorFlow counts only after :meth:`pull`.

    Tensors keep their dtype and device; a Keras model gets the dtype that it computes in, or refuses.
    Gradients are of first order. Gradients of complex tensors have PyTorch's meaning, which is TensorFlow's.

    Args:
        function: a built Keras model or layer, a ``tf.function``, or a callable of TensorFlow tensors that
            returns a tensor, a tuple, a list or a dict of them.
        variables: trainable ``tf.Variable`` objects that a function uses; a Keras model knows its own.

    Raises:
        TypeError: for something that cannot be called, or Keras on another backend than TensorFlow.
        ValueError: for a Keras model that has not been built yet.
        ImportError: without TensorFlow; ``pip install tensorflow-cpu``.

    Example:
        >>> import tensorflow as tf                                              # doctest: +SKIP
        >>> block = TensorFlowBlock(tf.function(lambda x: x * x))                # doctest: +SKIP
        >>> x = torch.tensor([3.0], requires_grad=True)                          # doctest: +SKIP
        >>> block(x).sum().backward(); x.grad                                    # doctest: +SKIP
        tensor([6.])
    """

    def __init__(self, function: Callable[..., Any], *, variables: Sequence[Any] | None = None) -> None:
        super().__init__()
        _tensorflow()
        if not callable(function):
            raise TypeError(f"function: {type(function).__name__} given; a Keras model or a callable is needed")
        self._function, self._is_keras = function, hasattr(function, "trainable_variables")
        if self._is_keras:
            _check_keras(function, variables)
        trainable = function.trainable_variables if self._is_keras else variables or ()  # type: ignore[attr-defined]
        others = function.non_trainable_variables if self._is_keras else ()  # type: ignore[attr-defined]
        self._variables, self._others = _unique(trainable), _unique(others)
        self._has_training = self._is_keras and "training" in inspect.signature(function.call).parameters  # type: ignore
        self.weights = nn.ParameterList([nn.Parameter(_read(v)) for v in self._variables])
        for number, variable in enumerate(self._others):
            self.register_buffer(f"state{number}", _read(variable))

    @property
    def names(self) -> list[str]:
        """Names of the variables behind ``weights``, in order."""
        return [str(getattr(variable, "path", variable.name)) for variable in self._variables]

    def forward(self, *inputs: Any) -> Any:
        """Call the model or the function.

        Args:
            inputs: tensors of any shape (torch.float32, float64, complex64, complex128, int32, int64 or bool);
                anything else is passed on as it is.

        Returns:
            tensors in the structure that the function returns.

        Raises:
            TypeError: for another dtype, or one that the Keras model does not compute in.
        """
        for number, value in enumerate(inputs):
            if isinstance(value, torch.Tensor):
                self._check_dtype(number, value)
        self.push()
        spec: list[Any] = []
        tensors = [value for value in inputs if isinstance(value, torch.Tensor)]
        flat = _Call.apply(self, inputs, spec, len(tensors), *tensors, *self.weights)
        if self.training and self._others:
            self._pull_states()
        return _tensorflow().nest.pack_sequence_as(spec[0], list(flat))

    @torch.no_grad()
    def push(self) -> None:
        """Give the variables the values of the parameters and buffers; :meth:`forward` does."""
        for name, tensor, variable in self._pairs():
            if tensor.is_floating_point() and str(tensor.dtype) != f"torch.{_dtype_of(variable)}":
                raise TypeError(
                    f"{name}: {tensor.dtype} given, but the variable is {_dtype_of(variable)}; build the model in"
                    " the dtype that it shall have"
                )
            # A copy, since a variable may keep the memory that it is assigned.
            variable.assign(tensor.cpu().numpy().astype(_dtype_of(variable)))

    @torch.no_grad()
    def pull(self) -> None:
        """Give the parameters and buffers the values of the variables."""
        for _, tensor, variable in self._pairs():
            tensor.copy_(_read(variable))

    def _pull_states(self) -> None:
        for number, variable in enumerate(self._others):
            getattr(self, f"state{number}").copy_(_read(variable))

    def _pairs(self) -> list[tuple[str, torch.Tensor, Any]]:
        """Return name, tensor and variable of every weight and state."""
        pairs = [(f"weights.{i}", self.weights[i], v) for i, v in enumerate(self._variables)]
        return pairs + [(f"state{i}", getattr(self, f"state{i}"), v) for i, v in enumerate(self._others)]

    def _check_dtype(self, number: int, value: torch.Tensor) -> None:
        if value.dtype not in DTYPES:
            raise TypeError(f"inputs[{number}]: {value.dtype} given; allowed: {', '.join(map(str, DTYPES))}")
        if not self._is_keras or not value.is_floating_point():
            return
        declared = getattr(self._function, "inputs", None) or ()
        wanted = declared[number].dtype if number < len(declared) else getattr(self._function, "compute_dtype", None)
        if wanted and str(value.dtype) != f"torch.{wanted}":
            raise TypeError(f"inputs[{number}]: {value.dtype} given, but the Keras model computes in {wanted}")

    def _run(self, values: list[Any]) -> Any:
        """Call the function on TensorFlow tensors."""
        return self._function(*values, **({"training": self.training} if self._has_training else {}))


class _Call(torch.autograd.Function):
    """One call, whose backward pass is TensorFlow's."""

    @staticmethod
    def forward(ctx: Any, block: TensorFlowBlock, inputs: Any, spec: list[Any], count: int, *tensors: Any) -> Any:
        """Run the function under a tape."""
        tf = _tensorflow()
        given = iter(tensors[:count])
        values = [_to_tensorflow(next(given)) if isinstance(v, torch.Tensor) else v for v in inputs]
        own = [value for value, v in zip(values, inputs, strict=True) if isinstance(v, torch.Tensor)]
        wanted = [need and _differentiable(t) for need, t in zip(ctx.needs_input_grad[4:], tensors, strict=True)]
        watched = [value for value, want in zip(own, wanted, strict=False) if want]
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            sources = watched + [v for v, want in zip(block._variables, wanted[count:], strict=True) if want]
            tape.watch(
                [getattr(source, "value", source) if _is_keras_variable(source) else source for source in sources]
            )
            outputs = block._run(values)
        spec.append(tf.nest.map_structure(lambda _: None, outputs))
        flat = [tf.convert_to_tensor(output) for output in tf.nest.flatten(outputs)]
        results = tuple(_to_torch(output).to(tensors[0].device) if tensors else _to_torch(output) for output in flat)
        ctx.tape, ctx.outputs, ctx.sources, ctx.wanted = tape, flat, sources, wanted
        ctx.save_for_backward(*tensors[:count])  # so that a change in place before backward is noticed
        ctx.mark_non_differentiable(*[r for r in results if not _differentiable(r)])
        return results

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the tape's gradients."""
        saved = ctx.saved_tensors
        pairs = [
            (output, _to_tensorflow(g)) for output, g in zip(ctx.outputs, gradients, strict=True) if g is not None
            and _differentiable(g)
        ]  # fmt: skip
        sources = [getattr(s, "value", s) if _is_keras_variable(s) else s for s in ctx.sources]
        found = iter(
            ctx.tape.gradient(
                [output for output, _ in pairs], sources, output_gradients=[g for _, g in pairs],
                unconnected_gradients="zero",
            )
        )  # fmt: skip
        device = saved[0].device if saved else None
        results = [
            _to_torch(_tensorflow().convert_to_tensor(next(found))).to(device) if want else None for want in ctx.wanted
        ]
        return None, None, None, None, *results


def _tensorflow() -> Any:
    """Import TensorFlow."""
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError("TensorFlowBlock needs TensorFlow: pip install tensorflow-cpu") from error
    return tensorflow


def _check_keras(function: Any, variables: Sequence[Any] | None) -> None:
    import keras

    if keras.config.backend() != "tensorflow":
        raise TypeError(f"function: Keras runs on {keras.config.backend()!r}; set KERAS_BACKEND=tensorflow")
    if variables is not None:
        raise TypeError("variables: given for a Keras model, which knows its own; leave it out")
    if not getattr(function, "built", True):
        raise ValueError("function: the Keras model is not built, so it has no weights; call it on an example first")


def _unique(variables: Sequence[Any]) -> list[Any]:
    return list({id(variable): variable for variable in variables}.values())


def _is_keras_variable(variable: Any) -> bool:
    return hasattr(variable, "path") and hasattr(variable, "regularizer")


def _dtype_of(variable: Any) -> str:
    dtype = variable.dtype
    return dtype if isinstance(dtype, str) else dtype.name


def _read(variable: Any) -> torch.Tensor:
    """Copy a variable's value; unsigned integers become torch.int64."""
    array = variable.numpy()
    return torch.tensor(array.astype("int64") if array.dtype.kind == "u" else array)


def _differentiable(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _to_tensorflow(tensor: torch.Tensor) -> Any:
    """Hand a tensor over without a copy, unless it lies in memory as TensorFlow cannot read it."""
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if tensor.dtype == torch.bool or not tensor.numel():
        return _tensorflow().convert_to_tensor(tensor.cpu().numpy())
    if tensor.data_ptr() % ALIGNMENT:
        tensor = tensor.clone()
    if tensor.is_cuda:
        torch.cuda.current_stream(tensor.device).synchronize()
    return _tensorflow().experimental.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(tensor))


def _to_torch(tensor: Any) -> torch.Tensor:
    """Take a tensor over as a copy, so that changing it in place cannot spoil what the tape keeps."""
    if tensor.dtype.is_bool or not tensor.shape.num_elements():
        return torch.from_numpy(tensor.numpy().copy())
    return torch.utils.dlpack.from_dlpack(_tensorflow().experimental.dlpack.to_dlpack(tensor)).clone()
