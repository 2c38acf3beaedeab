"""Encoders of pictures and of words that the baselines have in common."""

from collections.abc import Sequence

import torch
from torch import nn

from ...linklevel.validation import check_range


def visible(mask: torch.Tensor) -> torch.Tensor:
    """Return torch's key padding mask, `True` where attention must not look.

    Rows without any token look at all positions, which hold zeros, since attention over nothing is not defined.

    Args:
        mask: [batch, num_tokens], torch.bool; which tokens there are.
    """
    return ~mask & mask.any(1, keepdim=True)


def encoder_layer(dim: int, heads: int, hidden: int, dropout: float = 0.0) -> nn.TransformerEncoderLayer:
    """Return a pre-norm Transformer layer with GELU."""
    if dim % heads:
        raise ValueError(f"heads: {heads} given; it must divide the width {dim}")
    return nn.TransformerEncoderLayer(
        dim, heads, hidden, dropout=dropout, activation="gelu", batch_first=True, norm_first=True
    )


class Residual(nn.Module):
    """Two 3 x 3 convolutions with group norm around a shortcut.

    Args:
        channels: width.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        groups = max(1, channels // 16)
        self.layers = nn.Sequential(
            nn.GroupNorm(groups, channels), nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1),
            nn.GroupNorm(groups, channels), nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform [batch, channels, height, width]."""
        return x + self.layers(x)


class Stem(nn.Module):
    """From a picture to a grid of tokens: convolutions of stride 2 with residual blocks, or patches.

    Args:
        dim: width of a token.
        channels: width after each convolution of stride 2; `()` for patches.
        blocks: residual blocks after each convolution.
        patch: side of a patch, pixels, without ``channels``.
    """

    def __init__(self, dim: int, *, channels: Sequence[int] = (), blocks: int = 1, patch: int = 16) -> None:
        super().__init__()
        check_range("blocks", blocks, 0, 64, integer=True)
        self.factor = 2 ** len(channels) if channels else check_range("patch", patch, 1, 1024, integer=True)
        layers: list[nn.Module] = []
        before = 3
        for width in channels:
            layers.append(nn.Conv2d(before, width, 3, stride=2, padding=1))
            layers += [Residual(width) for _ in range(blocks)]
            before = width
        last = nn.Conv2d(before, dim, 1) if channels else nn.Conv2d(3, dim, patch, stride=patch)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return tokens [batch, height / factor * width / factor, dim] of images [batch, 3, height, width]."""
        return self.layers(images).flatten(2).transpose(1, 2)


class PictureEncoder(nn.Module):
    """A vision transformer behind a stem, with learned positions.

    Args:
        dim: width.
        size: side of the (square) pictures, pixels.
        depth: Transformer layers; 0 for the stem alone.
        heads: attention heads.
        mlp_ratio: hidden width over ``dim``.
        channels: of the stem; see :class:`Stem`.
        blocks: of the stem.
        patch: of the stem.
    """

    def __init__(
        self, dim: int, *, size: int, depth: int, heads: int = 4, mlp_ratio: float = 4.0,
        channels: Sequence[int] = (), blocks: int = 1, patch: int = 16,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stem = Stem(dim, channels=channels, blocks=blocks, patch=patch)
        if size % self.stem.factor:
            near = max(1, round(size / self.stem.factor)) * self.stem.factor
            raise ValueError(
                f"size: {size} given; sides must be multiples of {self.stem.factor} pixels, such as {near}"
            )
        self.size, side = size, size // self.stem.factor
        self.grid = (side, side)
        self.position = nn.Parameter(0.02 * torch.randn(side * side, dim))
        self.layers = nn.ModuleList(encoder_layer(dim, heads, int(mlp_ratio * dim)) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    @property
    def num_tokens(self) -> int:
        """Tokens of a picture."""
        return self.grid[0] * self.grid[1]

    def forward(self, images: torch.Tensor, extra: torch.Tensor | None = None) -> torch.Tensor:
        """Return tokens [batch, num_tokens, dim].

        Args:
            images: [batch, 3, size, size], torch.uint8 or real in 0...255.
            extra: [num_extra, dim]; tokens put in front, such as a class token.
        """
        x = self.stem(images.to(self.position.dtype) / 127.5 - 1.0) + self.position
        if extra is not None:
            x = torch.cat([extra.expand(len(x), -1, -1), x], dim=1)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class WordEncoder(nn.Module):
    """Word embeddings with learned positions, and a Transformer.

    Args:
        vocab_size: number of words.
        dim: width.
        depth: Transformer layers.
        heads: attention heads.
        mlp_ratio: hidden width over ``dim``.
        max_num_words: most words of a text.
    """

    def __init__(
        self, vocab_size: int, dim: int, *, depth: int, heads: int = 4, mlp_ratio: float = 4.0, max_num_words: int = 64
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim)
        self.position = nn.Parameter(0.02 * torch.randn(max_num_words, dim))
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleList(encoder_layer(dim, heads, int(mlp_ratio * dim)) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """Return tokens [batch, num_words, dim].

        Args:
            ids: [batch, num_words], torch.int64.
            mask: same shape, torch.bool; which words there are.
            added: [batch, dim] or [dim]; added to each embedding, such as one of the task.
        """
        x = self.embedding(ids) + self.position[: ids.shape[1]]
        if added is not None:
            x = x + added.reshape(-1, 1, added.shape[-1])
        hidden = visible(mask)
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=hidden)
        return self.norm(x)
