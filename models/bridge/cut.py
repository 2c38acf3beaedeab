"""Where tokens leave the transmitter: a named module, and which of its tokens."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from .prompt import Prompt

Positions = Literal["image", "text"] | torch.Tensor | Callable[[Prompt], torch.Tensor] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """A place in a model where tokens cross the link.

    What the module emits is the transmitter's output, what comes back is the receiver's input.

    Args:
        module: path of the module, such as ``model.multi_modal_projector`` or
            ``model.language_model.layers.11``.
        positions: which tokens cross: all (`None`), those of the "image" or of the "text", a mask
            [batch, num_tokens], torch.bool, or a function from :class:`Prompt` to such a mask. Padding
            never crosses. Inside the language model, the other positions are the receiver's own: up to
            the cut, tokens of the two sides do not attend to each other. At any other module, they are
            dropped: the receiver has zeros.
        value: where the tokens are in what the module emits, for a tuple, mapping or ``ModelOutput``:
            keys and indices with dots, such as ``hidden_states.-2``. By default
            ``last_hidden_state``, or the first element of a tuple. The rest of what was emitted stays at
            the transmitter.
        rows_per_item: how many successive rows of what the module emits belong to each item of the
            batch (image tiles); counted from the image tokens of the prompt if `None`.
    """

    module: str
    positions: Positions = None
    value: str | None = None
    rows_per_item: Sequence[int] | None = None

    def mask(self, prompt: Prompt, shape: torch.Size) -> torch.Tensor | None:
        """Return which tokens cross, [batch, num_tokens], torch.bool; `None` for all.

        Raises:
            ValueError: for an unknown choice or a mask of another shape.
        """
        if self.positions is None:
            return None
        if isinstance(self.positions, str):
            chosen = prompt.positions(self.positions)
        else:
            chosen = self.positions(prompt) if callable(self.positions) else self.positions
        if chosen.dtype != torch.bool or chosen.shape != shape:
            raise ValueError(
                f"positions: {chosen.dtype} {list(chosen.shape)} given for the cut at {self.module!r}; torch.bool"
                f" {list(shape)} is needed"
            )
        return chosen


def as_cut(cut: "Cut | str") -> Cut:
    """Return a cut; a string is the path of its module."""
    return Cut(module=cut) if isinstance(cut, str) else cut


def find_module(model: nn.Module, path: str) -> nn.Module:
    """Return the module at ``path``.

    Raises:
        ValueError: with the nearest paths, if there is none.

    Example:
        >>> find_module(nn.Sequential(nn.Linear(2, 3)), "1")
        Traceback (most recent call last):
            ...
        ValueError: cut: Sequential has no module '1'; nearest: '0'
    """
    modules = dict(model.named_modules())
    modules.pop("", None)
    if path in modules:
        return modules[path]
    raise ValueError(f"cut: {type(model).__name__} has no module {path!r}; nearest: {_nearest(path, list(modules))}")


def _nearest(path: str, paths: Sequence[str]) -> str:
    """List the paths spelled most like ``path``, those with its last part first."""
    last = path.rsplit(".", 1)[-1]
    same = [p for p in paths if p.rsplit(".", 1)[-1] == last]
    close = difflib.get_close_matches(path, same, n=3, cutoff=0.0)
    close += [p for p in difflib.get_close_matches(path, paths, n=5, cutoff=0.0) if p not in close]
    return ", ".join(map(repr, close[:5])) or "none"


def path_of(model: nn.Module, module: Any) -> str | None:
    """Return the path of a module in a model, or `None`."""
    return next((path for path, other in model.named_modules() if other is module), None)
