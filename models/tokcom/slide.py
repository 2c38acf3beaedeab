"""Fewer tokens of an encoder: even selection, or means over windows."""

from typing import Literal

import torch
from torch import nn

from ...linklevel.validation import check_choice, check_range

KINDS = ("even", "pool")


class Slide(nn.Module):
    r"""Takes s_m of an encoder's N tokens (arXiv 2505.07841, eq 3).

    ```
    even   token i of the output is token floor(i (N - 1) / (s_m - 1)) of the input
    pool   token i of the output is the mean of the window of w tokens that begins at floor(i (N - w) / (s_m - 1))
    ```

    Both begin with the first token and end with the last. The second kind is that of the journal version, a window
    that slides over the tokens.

    Args:
        num_tokens: s_m.
        kind: "even" or "pool".
        window: w of the kind "pool"; N / s_m, rounded up, if `None`, so that no token is left out.

    Raises:
        ValueError: for an unknown kind, a window with the kind "even", or numbers out of range.

    Example:
        >>> tokens = torch.arange(5.0)[None, :, None]
        >>> Slide(3)(tokens).flatten().tolist(), Slide(3, kind="pool", window=3)(tokens).flatten().tolist()
        ([0.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    """

    def __init__(self, num_tokens: int, *, kind: Literal["even", "pool"] = "even", window: int | None = None) -> None:
        super().__init__()
        self.num_tokens = check_range("num_tokens", num_tokens, 1, 2**20, integer=True)
        self.kind = check_choice("kind", kind, KINDS)
        if window is not None and kind == "even":
            raise ValueError(f"window: {window} given, but the kind 'even' has none; leave it out, or choose 'pool'")
        self.window = None if window is None else check_range("window", window, 1, 2**20, integer=True)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens [batch, num_tokens, dim] of tokens [batch, N, dim].

        Raises:
            ValueError: if there are fewer tokens than ``num_tokens``, or than the window.
        """
        total = tokens.shape[1]
        if total < self.num_tokens:
            raise ValueError(
                f"num_tokens: {self.num_tokens} given, but the encoder makes {total} tokens of a clip; at most {total}"
            )
        if self.kind == "even":
            return tokens[:, self._places(total - 1, tokens.device)]
        window = -(-total // self.num_tokens) if self.window is None else self.window
        if total < window:
            raise ValueError(
                f"window: {window} given, but a clip has only {total} tokens, fewer than the window; at most {total}"
            )
        starts = self._places(total - window, tokens.device)
        inside = starts[:, None] + torch.arange(window, device=tokens.device)
        return tokens[:, inside].mean(2)

    def _places(self, last: int, device: torch.device) -> torch.Tensor:
        """Return ``num_tokens`` integers from 0 to ``last``, evenly spread, rounded down."""
        steps = torch.arange(self.num_tokens, device=device)
        return steps * last // max(1, self.num_tokens - 1)
