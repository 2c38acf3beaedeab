"""SwinJSCC for images."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..validation import check_choice
from .base import Coded, Heard, ImageCodec, seeded
from .deepjscc import even
from .modnet import ChannelModNets
from .swin import PatchMerging, PatchSplitting, stage

_HIGH = {"embed": (128, 192, 256, 320), "heads": (4, 6, 8, 10), "window": 8}
PRESETS: dict[str, dict[str, Any]] = {
    "cifar": {"embed": (128, 256), "depths": (2, 4), "heads": (4, 8), "window": 2},
    "small": {**_HIGH, "depths": (2, 2, 2, 2)},
    "base": {**_HIGH, "depths": (2, 2, 6, 2)},
    "large": {**_HIGH, "depths": (2, 2, 18, 2)},
}
"""Shapes of the paper: CIFAR-10, and three sizes for high resolutions."""


class SwinJSCC(ImageCodec):
    """A Swin Transformer at each end, with modulation networks for SNR and rate between them.

    ```
    image ─► patches /2 ─► blocks ─► (merge /2 ─► blocks) … ─► linear [channels] ─► SA ─► RA ─► symbols; mask ─► header
    symbols, mask ─► SA ─► linear ─► (blocks ─► split ×2) … ─► image
    ```

    K. Yang, S. Wang, J. Dai, X. Qin, K. Niu and P. Zhang, "SwinJSCC: Taming Swin Transformer for Deep Joint
    Source-Channel Coding", IEEE Trans. Cogn. Commun. Netw. 11(1), 2025. There the mask of channels is free;
    here it is side information. The decoder also sees the symbols' reliabilities unless ``reliability`` is
    false. With s stages and C channels sent, cbr = C / (6 · 4^s), side information apart. Received images are not
    limited to [0, 1].

    Args:
        size: height and width of the images, multiples of 2 to the number of stages.
        channels: real channels of the latent, even.
        preset: "cifar", "small", "base" or "large"; gives what follows where it is `None`.
        embed: width of each stage.
        depths: blocks of each stage; the decoder mirrors them.
        heads: attention heads of each stage.
        window: side of an attention window.
        snr: whether to adapt to the SNR (SA).
        rates: numbers of channels to choose from (RA), even; `None` sends all.
        reliability: whether the decoder also sees 1 / (1 + no_eff) of every symbol.
        seed: of the initial parameters.

    Example:
        >>> codec = SwinJSCC(size=(32, 32), channels=32, depths=(1, 1), rates=(16, 32))
        >>> codec.num_tokens, codec.symbols_per_token, codec.num_side_bits
        (64, 16, 32)
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        channels: int = 96,
        preset: str = "cifar",
        embed: Sequence[int] | None = None,
        depths: Sequence[int] | None = None,
        heads: Sequence[int] | None = None,
        window: int | None = None,
        snr: bool = True,
        rates: Sequence[int] | None = None,
        reliability: bool = True,
        seed: int = 0,
    ) -> None:
        shape = PRESETS[check_choice("preset", preset, PRESETS)]
        embed, depths, heads = (
            tuple(given or shape[name]) for name, given in (("embed", embed), ("depths", depths), ("heads", heads))
        )
        if not len(embed) == len(depths) == len(heads):
            raise ValueError(
                f"embed, depths, heads: {len(embed)}, {len(depths)}, {len(heads)} stages given; they must agree"
            )
        super().__init__(size=size, symbols_per_token=even("channels", channels) // 2, factor=2 ** len(embed))
        self.channels, self._sees_reliability = channels, reliability
        grids = [(size[0] >> i, size[1] >> i) for i in range(1, len(embed) + 1)]
        stages = list(zip(embed, depths, heads, grids, strict=True))
        common = {"window": window or shape["window"]}
        with seeded(seed):
            self._build_encoder(stages, common)
            self._build_decoder(stages, common)
            self.apply(_initialise)
        self.modnets = ChannelModNets(channels, snr=snr, rates=rates, seed=seed + 1)
        self.rates, self.num_side_bits = self.modnets.rates, self.modnets.num_side_bits
        self.rate = self.rates[-1] if self.rates else None

    def _build_encoder(self, stages: list[tuple[int, int, int, tuple[int, int]]], common: dict[str, Any]) -> None:
        layers: list[nn.Module] = []
        before = 0
        for i, (width, depth, heads, grid) in enumerate(stages):
            layers.append(PatchMerging(before, width) if i else nn.Sequential(_Patches(width), nn.LayerNorm(width)))
            layers.append(stage(width, depth=depth, heads=heads, grid=grid, **common))
            before = width
        self.encoder = nn.Sequential(*layers, nn.LayerNorm(before), nn.Linear(before, self.channels))

    def _build_decoder(self, stages: list[tuple[int, int, int, tuple[int, int]]], common: dict[str, Any]) -> None:
        seen = self.channels * (2 if self._sees_reliability else 1)
        layers: list[nn.Module] = [nn.Linear(seen, stages[-1][0])]
        after = [3, *(width for width, *_ in stages[:-1])]
        for (width, depth, heads, grid), out in zip(stages[::-1], after[::-1], strict=True):
            layers += [stage(width, depth=depth, heads=heads, grid=grid, **common), PatchSplitting(width, out)]
        self.decoder = nn.Sequential(*layers)

    def encode(
        self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, rate: torch.Tensor | None = None
    ) -> Coded:
        """Encode images; see :meth:`Codec.encode`."""
        rate = self.draw_rates(len(values), None, values.device) if rate is None else rate
        latent = self.encoder(2.0 * values.movedim(1, -1) - 1.0)
        return self.modnets.encode(latent.flatten(1, 2), mask, snr_db, rate)

    def decode(self, heard: Heard) -> torch.Tensor:
        """Decode images; see :meth:`Codec.decode`."""
        latent, reliability = self.modnets.decode(heard)
        if self._sees_reliability:
            latent = torch.cat([latent, reliability], dim=-1)
        return 0.5 + 0.5 * self.decoder(latent.unflatten(1, self.grid)).movedim(-1, 1)

    def num_symbols(self, bits: torch.Tensor) -> torch.Tensor:
        """Return the symbols per position; see :meth:`Codec.num_symbols`."""
        return self.modnets.num_symbols(bits)

    def neutral_bits(self, batch: int, device: torch.device) -> torch.Tensor:
        """Return the mask of the first channels; see :meth:`Codec.neutral_bits`."""
        return self.modnets.neutral_bits(batch, self.rate, device)


class _Patches(nn.Module):
    """Projects 2 x 2 pixels: [batch, height, width, 3] to [batch, height / 2, width / 2, out]."""

    def __init__(self, out: int) -> None:
        super().__init__()
        self.project = nn.Linear(12, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).transpose(2, 3)
        return self.project(x.flatten(3))


def _initialise(module: nn.Module) -> None:
    """Start linear layers as vision transformers do."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
