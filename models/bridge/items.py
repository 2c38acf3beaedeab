"""Which item of a batch each row of a module's output belongs to."""

from collections.abc import Sequence

import torch

from .prompt import Prompt


class Layout:
    """Gathers the tokens of each item at the front, and puts them back.

    Args:
        chosen: [num_rows, num_tokens], torch.bool; which tokens to gather.
        counts: [batch]; how many of them each item has, row by row; each row is an item if `None`.
    """

    def __init__(self, chosen: torch.Tensor, counts: Sequence[int] | None = None) -> None:
        self._chosen = chosen
        lengths = chosen.sum(1) if counts is None else torch.tensor(list(counts), device=chosen.device)
        width = int(lengths.max()) if len(lengths) else 0
        self.mask = torch.arange(width, device=chosen.device) < lengths[:, None]
        """Which positions of an item hold tokens, [batch, width], torch.bool."""
        self._whole = chosen.shape == self.mask.shape and bool(self.mask.all())

    def pack(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens by item, [batch, width, dim], zero past an item's own."""
        if self._whole:
            return tokens
        packed = tokens.new_zeros(*self.mask.shape, tokens.shape[-1])
        return packed.masked_scatter(self.mask[..., None], tokens[self._chosen])

    def unpack(self, packed: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`pack`: [num_rows, num_tokens, dim], zero where nothing was chosen."""
        if self._whole:
            return packed
        tokens = packed.new_zeros(*self._chosen.shape, packed.shape[-1])
        return tokens.masked_scatter(self._chosen[..., None], packed[self.mask])


def layout_of(tokens: torch.Tensor, prompt: Prompt, rows_per_item: Sequence[int] | None, cut: str) -> Layout | None:
    """Return how the tokens of a module divide into items; `None` if each row is an item.

    Raises:
        ValueError: if it cannot be told.
    """
    rows, batch = tokens.shape[0], prompt.batch_size
    per_row = tokens.shape[1] if tokens.ndim == 3 else 1
    if rows_per_item is None:
        if tokens.ndim == 3 and batch in {None, rows}:
            return None
        rows_per_item = _count_rows(rows, prompt, packed=tokens.ndim == 2)
    if rows_per_item is None:
        kind = "[num_tokens, dim]" if tokens.ndim == 2 else "[num_rows, num_tokens, dim]"
        raise ValueError(
            f"cut: {cut!r} emits {list(tokens.shape)}, {kind}, for a batch of {batch} items, and the prompt does not"
            " tell which rows belong to which item; give Cut(rows_per_item=...)"
        )
    if sum(rows_per_item) != rows or (batch is not None and len(rows_per_item) != batch):
        raise ValueError(
            f"rows_per_item: {list(rows_per_item)} given for the cut at {cut!r}, which emits {rows} rows for a batch"
            f" of {batch} items"
        )
    everything = torch.ones(rows, per_row, dtype=torch.bool, device=tokens.device)
    return Layout(everything, [count * per_row for count in rows_per_item])


def _count_rows(rows: int, prompt: Prompt, *, packed: bool) -> list[int] | None:
    """Return the rows of each item: they are in proportion to its image tokens."""
    if not packed and prompt.tiles_per_item is not None and sum(prompt.tiles_per_item) == rows:
        return list(prompt.tiles_per_item)
    image_tokens = prompt.image_tokens()
    total = sum(image_tokens or ())
    if not image_tokens or total == 0 or any(rows * count % total for count in image_tokens):
        return None
    return [rows * count // total for count in image_tokens]
