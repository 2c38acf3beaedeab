"""Encode a batch once, and receive it many times."""

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from .cut import find_module
from .stack import decoder_stack


class Encoded:
    """What the modules up to a cut, before the language model, computed for a batch.

    Args:
        model: the model.
        outputs: what each of them emitted, by path.
    """

    def __init__(self, model: nn.Module, outputs: dict[str, Any]) -> None:
        self.model, self.outputs = model, outputs

    @contextmanager
    def reuse(self) -> Iterator[None]:
        """Let those modules emit the same again, without computing anything, inside the block."""
        with ExitStack() as stack:
            for path, output in self.outputs.items():
                module = self.model.get_submodule(path)
                module.forward = functools.partial(_emit, output)
                stack.callback(functools.partial(delattr, module, "forward"))
            yield


class _EnoughError(Exception):
    """Ends a forward pass whose rest is not needed."""


def encode_up_to(model: nn.Module, cut: str, inputs: dict[str, Any]) -> Encoded:
    """Run a model up to a cut before its language model.

    Args:
        model: the model.
        cut: path of the module.
        inputs: keyword arguments of the model's ``forward``.

    Raises:
        ValueError: for a cut inside the language model, which a split model serves, or a module that
            does not run.
    """
    target, stack = find_module(model, cut), decoder_stack(model)
    if stack is not None and stack.depth(cut) is not None:
        raise ValueError(f"cut: {cut!r} lies inside the language model; SplitCausalLM encodes its prompts once")
    # The embedding runs again, for generated ids.
    find_embedding = getattr(model, "get_input_embeddings", None)
    skip = None if find_embedding is None else find_embedding()
    outputs: dict[str, Any] = {}
    with ExitStack() as hooks, torch.no_grad():
        for path, module in model.named_modules():
            if path and not cut.startswith(f"{path}.") and module is not skip:
                hook = functools.partial(_remember, outputs, path, module is target)
                hooks.callback(module.register_forward_hook(hook).remove)
        try:
            model(**inputs)
        except _EnoughError:
            return Encoded(model, _largest(outputs))
    raise ValueError(f"cut: {cut!r} does not run with the inputs {', '.join(inputs)}")


def _remember(outputs: dict[str, Any], path: str, last: bool, module: nn.Module, args: Any, output: Any) -> None:
    # Only the latest large output is ever held for each part: its own modules are dropped.
    for inner in [other for other in outputs if other.startswith(f"{path}.")]:
        del outputs[inner]
    outputs[path] = output
    if last:
        raise _EnoughError


def _largest(outputs: dict[str, Any]) -> dict[str, Any]:
    return {p: o for p, o in outputs.items() if not any(p.startswith(f"{other}.") for other in outputs)}


def _emit(output: Any, *args: Any, **kwargs: Any) -> Any:
    return output
