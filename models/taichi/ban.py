"""Bilateral attention: global tokens and detail cells look at each other."""

from typing import Literal

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.validation import check_choice, check_range

Variant = Literal["local", "dense", "none"]
VARIANTS = ("local", "dense", "none")


class BilateralAttention(nn.Module):
    """Bilateral attention network (TaiChi, arXiv 2603.00482, eqs 5-7).

    ```
    low tokens t_i, grid h x w      high cells c_ij, grid (M h) x (M w): token i covers c_i1 ... c_iM²

    (5) top-down   a_i  = sum_j softmax_j(q(t_i) k(c_ij) / sqrt d) v(c_ij)      each token asks its M x M cells
    (6) bottom-up  b_ij = sum_n softmax_n(q'(c_ij) k'(t_n) / sqrt d) v'(t_n)    each cell asks its own token, or
                                                                              those in a window around it
    (7) fusion     y_i  = t_i + o(a_i) + mean_j (c_ij + o'(b_ij))             then p x p tokens are averaged
    ```

    with layer norm before the queries and keys. The cost is linear in cells: no token looks past its own.

    The paper's bottom-up window is 1, one cell to one token: attention over a single key is constant, so
    then b_ij = v'(t_i) and there are neither q' nor k'. Larger odd windows are a choice of ours.

    Args:
        low_dim: width d of a token.
        high_dim: channels of a cell, projected to d.
        grid: h and w.
        ratio: M, cells per token along each side.
        heads: of both attentions.
        window: of the bottom-up direction, odd.
        pooling: p; the output has h w / p² tokens.
        variant: "local"; "dense", for the ablation, where every token asks all cells and every cell all tokens; or
            "none": cells are averaged over each token's M x M and added through two linear layers, with as many
            parameters as the local form within one per cent (at window 1, the two layers are 3 d wide).
        seed: of the initial parameters.

    Raises:
        ValueError: for an even window, a pooling that does not divide the grid, or numbers out of range.
    """

    def __init__(
        self, *, low_dim: int, high_dim: int, grid: tuple[int, int], ratio: int = 2, heads: int = 4, window: int = 1,
        pooling: int = 1, variant: Variant = "local", seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.grid, self.ratio = tuple(check_range("grid", side, 1, integer=True) for side in grid), ratio
        check_range("ratio", ratio, 1, integer=True)
        self.heads = check_range("heads", heads, 1, integer=True)
        self.window = check_range("window", window, 1, integer=True)
        self.pooling = check_range("pooling", pooling, 1, integer=True)
        self.variant = check_choice("variant", variant, VARIANTS)
        if low_dim % heads:
            raise ValueError(f"heads: {heads} given, which does not divide low_dim = {low_dim}")
        if window % 2 == 0:
            raise ValueError(f"window: {window} given; it must be odd, such as {window + 1}")
        if any(side % pooling for side in grid):
            raise ValueError(f"pooling: {pooling} given, which does not divide the grid {tuple(grid)}")
        with seeded(seed):
            self._layers(low_dim, high_dim)

    def _layers(self, dim: int, high_dim: int) -> None:
        self.cells = nn.Linear(high_dim, dim)
        self.low_norm, self.high_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        # Four matrices top-down, and two or four bottom-up.
        asks = self.window > 1 or self.variant == "dense"
        if self.variant == "none":
            hidden = (4 if self.window > 1 else 3) * dim
            self.mixed = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))
            return
        self.down_query, self.down_key, self.down_value, self.down_out = (nn.Linear(dim, dim) for _ in range(4))
        self.up_value, self.up_out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.up_query, self.up_key = (nn.Linear(dim, dim) if asks else None for _ in range(2))

    @property
    def num_tokens(self) -> int:
        """Tokens of the output."""
        return self.grid[0] * self.grid[1] // self.pooling**2

    def forward(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """Return tokens, [batch, num_tokens, low_dim].

        Args:
            low: [batch, h w, low_dim], row by row.
            high: [batch, high_dim, M h, M w].

        Raises:
            ValueError: for another grid.
        """
        (h, w), m = self.grid, self.ratio
        if low.shape[1] != h * w or high.shape[2:] != (m * h, m * w):
            raise ValueError(
                f"low, high: {list(low.shape)} and {list(high.shape)} given; {h * w} tokens and a grid of "
                f"{m * h} x {m * w} cells are needed"
            )
        tiles = high.unflatten(3, (w, m)).unflatten(2, (h, m)).permute(0, 2, 4, 3, 5, 1)
        cells = self.cells(tiles.flatten(1, 2).flatten(2, 3))  # [batch, h w, M², low_dim]
        if self.variant == "none":
            return self._pooled(low + self.mixed(self.high_norm(cells.mean(2))))
        t, c = self.low_norm(low), self.high_norm(cells)
        ask = self._dense if self.variant == "dense" else self._local
        down, up = ask(t, c)
        return self._pooled(low + self.down_out(down) + (cells + self.up_out(up)).mean(2))

    def _local(self, t: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a [batch, h w, d] and b [batch, h w, M², d]."""
        query = self.down_query(t)[:, :, None]
        down = self._attend(query, self.down_key(c), self.down_value(c))[:, :, 0]
        value = self.up_value(t)
        if self.up_query is None or self.up_key is None:
            return down, value[:, :, None].expand(-1, -1, c.shape[2], -1)
        there = self._windows(torch.ones_like(t[:1, :, :1])).bool()  # [1, h w, window², 1]
        up = self._attend(self.up_query(c), self._windows(self.up_key(t)), self._windows(value), there.mT)
        return down, up

    def _dense(self, t: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the same without locality."""
        assert self.up_query is not None
        assert self.up_key is not None
        flat = c.flatten(1, 2)
        down = self._attend(self.down_query(t), self.down_key(flat), self.down_value(flat))
        return down, self._attend(self.up_query(flat), self.up_key(t), self.up_value(t)).unflatten(1, c.shape[1:3])

    def _attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Attend with several heads over the last axis but one; ``mask`` [..., 1, num_keys]: which keys there are."""
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(-2, -3) for x in (query, key, value))
        scores = q @ k.mT * q.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[..., None, :, :], float("-inf"))
        return (scores.softmax(-1) @ v).transpose(-2, -3).flatten(-2)

    def _windows(self, t: torch.Tensor) -> torch.Tensor:
        """Return each token's neighbours, [batch, h w, window², width]; zeros beyond the edge."""
        batch, _, width = t.shape
        image = t.mT.reshape(batch, width, *self.grid)
        return (
            nn.functional.unfold(image, self.window, padding=self.window // 2)
            .unflatten(1, (width, -1))
            .permute(0, 3, 2, 1)
        )

    def _pooled(self, tokens: torch.Tensor) -> torch.Tensor:
        if self.pooling == 1:
            return tokens
        image = tokens.mT.unflatten(2, self.grid)
        return nn.functional.avg_pool2d(image, self.pooling).flatten(2).mT
