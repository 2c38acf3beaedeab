"""Sionna's belief-propagation decoders with a scale for normalised min-sum."""

from collections.abc import Callable
from typing import Any

import torch
from sionna.phy.fec import ldpc
from sionna.phy.fec.ldpc.decoding import cn_update_minsum


def _check_node(cn_update: str, scale: float) -> str | Callable[..., torch.Tensor]:
    """Return what Sionna's ``cn_update`` takes: a name, or scaled min-sum as a function."""
    if scale == 1.0:
        return cn_update
    if cn_update != "minsum":
        raise ValueError(f"scale: {scale} given; only cn_update='minsum' is scaled, not {cn_update!r}")

    def scaled(msg_v2c: torch.Tensor, mask: torch.Tensor, llr_clipping: float | None = None) -> torch.Tensor:
        return scale * cn_update_minsum(msg_v2c, mask, llr_clipping)

    return scaled


class LDPC5GDecoder(ldpc.LDPC5GDecoder):
    """Sionna's decoder for 5G LDPC; check node messages of min-sum are multiplied by ``scale``.

    Normalised min-sum: J. Chen and M. Fossorier, "Near optimum universal belief propagation based
    decoding of low-density parity check codes", IEEE Trans. Commun. 50(3), 2002.
    """

    def __init__(self, encoder: Any, cn_update: str = "boxplus-phi", scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(encoder, cn_update=_check_node(cn_update, scale), **kwargs)


class LDPCBPDecoder(ldpc.LDPCBPDecoder):
    """Sionna's decoder for any parity-check matrix; min-sum is multiplied by ``scale``."""

    def __init__(self, pcm: Any, cn_update: str = "boxplus-phi", scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(pcm, cn_update=_check_node(cn_update, scale), **kwargs)
