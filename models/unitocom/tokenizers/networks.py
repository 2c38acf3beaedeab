"""The Transformers of a tokenizer: positions to tokens, and tokens to positions."""

import torch
from torch import nn

from ...baselines.encoders import encoder_layer
from .config import TokenizerConfig


def _positions(count: int, width: int) -> nn.Parameter:
    return nn.Parameter(0.02 * torch.randn(count, width))


class _Trunk(nn.Module):
    """Pre-norm Transformer layers and a last norm.

    Args:
        config: of the tokenizer.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        layer = (config.hidden, config.num_heads, 4 * config.hidden)
        self.layers = nn.ModuleList(encoder_layer(*layer) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.hidden)

    def forward(self, x: torch.Tensor, unseen: torch.Tensor | None = None) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=unseen)
        return self.norm(x)


class Cells:
    """Cuts positions into cells of one size, one for each token.

    Args:
        positions: rows and columns.
        cells: rows and columns; they divide the positions.
    """

    def __init__(self, positions: tuple[int, int], cells: tuple[int, int]) -> None:
        self.positions, self.cells = positions, cells
        self.size = (positions[0] // cells[0], positions[1] // cells[1])

    @property
    def count(self) -> int:
        """Positions in a cell."""
        return self.size[0] * self.size[1]

    def join(self, x: torch.Tensor) -> torch.Tensor:
        """Turn [batch, num_positions, width] into [batch, num_cells, count * width]."""
        x = x.unflatten(1, (self.cells[0], self.size[0], self.cells[1], self.size[1])).transpose(2, 3)
        return x.flatten(3).flatten(1, 2)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`join`."""
        x = x.unflatten(2, (*self.size, -1)).unflatten(1, self.cells).transpose(2, 3)
        return x.flatten(1, 4)


class _OverPositions(nn.Module):
    """A Transformer over the positions of an item, and the cells that they are joined to.

    Args:
        config: of the tokenizer.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        rows, columns = config.positions
        self.position = _positions(rows * columns, config.hidden)
        self.trunk = _Trunk(config)
        self.cells = Cells(config.positions, config.cells) if config.pooling == "grid" else None

    @property
    def reach(self) -> int:
        """Positions that a token is joined of: those of its cell, or the one of its query."""
        return self.cells.count if self.cells else 1


class TokenEncoder(_OverPositions):
    """Transformer over the positions of an item, then S tokens of it.

    With pooling "grid" the positions of a cell are joined by a linear map. With "queries" S learned tokens go through
    the layers along with the positions, and are what is kept (Q. Yu et al., "An Image is Worth 32 Tokens for
    Reconstruction and Generation", NeurIPS 2024).

    Args:
        config: of the tokenizer.
        out: reals of a token: its width, or twice that with a learned variance.
    """

    def __init__(self, config: TokenizerConfig, out: int) -> None:
        super().__init__(config)
        if self.cells is None:
            self.queries = _positions(config.num_tokens, config.hidden)
        self.out = nn.Linear(config.hidden * self.reach, out)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return [batch, S, out] of features [batch, num_positions, hidden].

        Args:
            x: features.
            mask: [batch, num_positions], torch.bool; positions that may be attended to, the first always; all if
                `None`.
        """
        x = x + self.position
        unseen = None if mask is None else ~mask
        if self.cells is not None:
            return self.out(self.cells.join(self.trunk(x, unseen)))
        count = len(self.queries)
        if unseen is not None:
            unseen = nn.functional.pad(unseen, (count, 0), value=False)
        x = torch.cat([self.queries.expand(len(x), -1, -1), x], dim=1)
        return self.out(self.trunk(x, unseen)[:, :count])


class TokenDecoder(_OverPositions):
    """S tokens to the positions of an item, then a Transformer over them; the mirror of :class:`TokenEncoder`.

    Args:
        config: of the tokenizer.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__(config)
        if self.cells is None:
            self.places = _positions(config.num_tokens, config.hidden)
        self.into = nn.Linear(config.dim, config.hidden * self.reach)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return features [batch, num_positions, hidden] of tokens [batch, S, dim]."""
        x = self.into(tokens)
        if self.cells is not None:
            return self.trunk(self.cells.split(x) + self.position)
        count = len(self.places)
        x = torch.cat([x + self.places, self.position.expand(len(x), -1, -1)], dim=1)
        return self.trunk(x)[:, count:]
