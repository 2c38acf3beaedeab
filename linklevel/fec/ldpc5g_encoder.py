"""Encoder of 5G LDPC codes: Sionna's, with the work done on packed words."""

from typing import Any

import numpy as np
import torch
from sionna.phy.fec.ldpc import LDPC5GEncoder as SionnaLDPC5GEncoder

from .inputs import frames_of
from .ldpc_encode import EncoderTables, encode_group
from .numba_setup import for_each_group


class LDPC5GEncoder(SionnaLDPC5GEncoder):
    """Drop-in for `sionna.phy.fec.ldpc.LDPC5GEncoder` that encodes 64 frames per machine word.

    3GPP TS 38.212, 5.3.2 and 5.4.2. It is one of Sionna's encoders in every other respect, so decoders of
    both packages take it. CUDA tensors and gradients go to Sionna's code.

    Args:
        k: information bits.
        n: code bits sent.
        num_bits_per_symbol: if given, the bits are interleaved for this modulation order.
        bg: base graph ``"bg1"`` or ``"bg2"``; `None` chooses as the standard does.
        precision, device: as Sionna.
        check_input: refuse inputs that are not binary.

    Input:
        bits: [..., k], any real dtype, of 0 and 1.
        rv: `None` or list of redundancy versions 0 … 3.

    Output:
        [..., n] or [..., len(rv), n], dtype of ``bits``.

    Raises:
        ValueError: if the last dimension is not k, or the input is not binary.

    Example:
        >>> LDPC5GEncoder(100, 200)(torch.zeros(3, 100)).shape
        torch.Size([3, 200])
    """

    def __init__(self, k: int, n: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(k, n, *args, **kwargs)
        pcm = self.pcm.sorted_indices()
        self._tables = EncoderTables(
            pcm.indptr.astype(np.uint32),
            pcm.indices.astype(np.uint32),
            self._pcm_b_inv_ind.cpu().numpy(),
            (self.k, self.k_ldpc),
        )

    def call(self, bits: torch.Tensor, /, *, rv: list[int] | None = None) -> torch.Tensor:
        """Encode bits [..., k]."""
        if bits.device.type != "cpu" or (bits.requires_grad and torch.is_grad_enabled()):
            return super().call(bits, rv=rv)
        starts = self.get_start_positions_comp([0] if rv is None else list(rv))
        order = np.concatenate([self._positions(start) for start in starts])
        coded = self._encode(frames_of("bits", bits, self.k), order)
        versions = () if rv is None else (len(starts),)
        return coded.reshape(*bits.shape[:-1], *versions, self.n).to(bits.dtype)

    @torch.compiler.disable
    def _encode(self, frames: np.ndarray, order: np.ndarray) -> torch.Tensor:
        """Encode frames [batch, k] and send the code bits ``order``."""
        num_core = self._tables.core_inverse.shape[0]
        num_checks = max(num_core, int(order.max()) + 1 - self.k_ldpc)
        out = np.empty((len(frames), len(order)), np.float32)
        binary = []

        def work(group: int, words: np.ndarray, sums: np.ndarray) -> None:
            binary.append(encode_group(frames, group, self._tables, order, num_checks, words, sums, out))

        def scratch() -> tuple[np.ndarray, np.ndarray]:
            return np.empty(self.n_ldpc, np.uint64), np.empty(num_core + 1, np.uint64)

        for_each_group(work, -(-len(frames) // 64), scratch)
        if self._check_input and not all(binary):
            raise ValueError("bits: values other than 0 and 1 given; the input must be binary")
        return torch.from_numpy(out)

    def _positions(self, start: int) -> np.ndarray:
        """Code bit of each bit sent when the circular buffer is read from ``start``."""
        order = np.arange(self.n)
        if self.num_bits_per_symbol is not None:
            order = self.out_int.cpu().numpy().astype(np.int64)
        place = 2 * self.z + (start + order) % self.n_cb_comp
        return np.where(place < self.k, place, place + self.k_filler)
