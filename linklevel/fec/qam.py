"""Mapper and square-QAM demapper: Sionna's interface on kernels."""

from typing import Any

import numpy as np
import torch
from sionna.phy.mapping import Constellation, Demapper, Mapper
from sionna.phy.utils import hard_decisions

from ..validation import check_choice
from .inputs import runs_fast
from .numba_setup import aligned_empty, for_each_group
from .qam_kernels import demap_square_qam, map_bits

_LANES = 16
_CHUNK = 8192  # symbols a thread takes at once


def _finite_numpy(name: str, tensor: torch.Tensor) -> np.ndarray:
    """Return the flattened tensor.

    Raises:
        ValueError: if an element is not finite.
    """
    flat = tensor.detach().reshape(-1).contiguous()
    if not bool(torch.isfinite(flat.sum())) and not bool(torch.isfinite(flat).all()):
        bad = int((~torch.isfinite(flat)).sum())
        raise ValueError(f"{name}: {bad} of {flat.numel()} elements are NaN or infinite; all must be finite")
    return flat.numpy()


class QAMDemapper(Demapper):
    r"""Drop-in for `sionna.phy.mapping.Demapper`, many times as fast for square QAM on the CPU.

    The two axes are demapped apart, so a symbol costs 2·2^(K/2) distances instead of 2^K. Both methods give
    Sionna's LLRs to float32 rounding ("app" to 1e-5). Other constellations, priors, inputs on another device, double
    precision and gradients go to Sionna's demapper.

    Args:
        demapping_method, constellation_type, num_bits_per_symbol, constellation, hard_out, precision, device: as
            Sionna.

    Input:
        y [..., n], torch.complex64: received symbols.
        no: scalar or [..., n], torch.float32: noise variance of a complex symbol.
        prior: as Sionna.

    Output:
        [..., n * num_bits_per_symbol], torch.float32: LLRs log p(1)/p(0), or bits.

    Raises:
        ValueError: if a symbol or noise variance is not finite, or their shapes do not fit.

    Example:
        >>> bits = torch.randint(0, 2, (3, 40)).float()
        >>> llr = QAMDemapper("app", "qam", 4)(Mapper("qam", 4)(bits), 0.01)
        >>> bool(((llr > 0) == (bits > 0)).all())
        True
    """

    def __init__(
        self,
        demapping_method: str,
        constellation_type: str | None = None,
        num_bits_per_symbol: int | None = None,
        constellation: Constellation | None = None,
        hard_out: bool = False,
        precision: str | None = None,
        device: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_choice("demapping_method", demapping_method, ("app", "maxlog"))
        super().__init__(
            demapping_method, constellation_type, num_bits_per_symbol, constellation, hard_out, precision, device,
            **kwargs,
        )  # fmt: skip
        self._exact, self._hard_out = demapping_method == "app", hard_out
        self._levels: Any = self._axis_levels() if self._constellation.constellation_type == "qam" else None

    def _axis_levels(self) -> np.ndarray:
        """[2^(K/2)], float32: level of the real axis for each label of its bits, the same on the imaginary axis."""
        half = self._constellation.num_bits_per_symbol // 2
        labels = np.arange(1 << half)
        # The axis bits sit at every second place of the symbol's label.
        spread = sum(((labels >> i) & 1) << (2 * i + 1) for i in range(half))
        return self._constellation().detach().cpu().numpy()[spread].real.astype(np.float32)

    def call(self, y: torch.Tensor, no: torch.Tensor, prior: torch.Tensor | None = None) -> torch.Tensor:
        """Demap ``y`` [..., n]."""
        if prior is not None or self._levels is None or not runs_fast(self, y, no):
            return super().call(y, no, prior)
        if not y.is_complex() or y.ndim == 0:
            raise ValueError(f"y: {y.dtype} of shape {list(y.shape)} given, complex [..., n] expected")
        noise = torch.as_tensor(no, dtype=self.dtype)
        if noise.numel() != 1:
            try:
                noise = noise.broadcast_to(y.shape)
            except RuntimeError as error:
                raise ValueError(f"no: shape {list(noise.shape)} does not broadcast to y's {list(y.shape)}") from error
        symbols = _finite_numpy("y", y)
        variances = np.maximum(_finite_numpy("no", noise), np.finfo(np.float32).tiny)
        half = self._constellation.num_bits_per_symbol // 2
        llr = np.empty((len(symbols), half), dtype=np.complex64)

        def scratch() -> tuple[np.ndarray, ...]:
            buffers = tuple(aligned_empty((rows, _LANES), np.float32) for rows in (1, 1, len(self._levels), half))
            buffers[0].fill(0.0)
            buffers[1].fill(1.0)
            return buffers

        def work(group: int, *buffers: np.ndarray) -> None:
            end = min((group + 1) * _CHUNK, len(symbols))
            demap_square_qam(symbols, variances, group * _CHUNK, end, self._levels, self._exact, llr, buffers)

        for_each_group(work, -(-len(symbols) // _CHUNK), scratch)
        result = torch.from_numpy(llr.view(np.float32)).reshape(*y.shape[:-1], y.shape[-1] * 2 * half)
        return hard_decisions(result) if self._hard_out else result


class QAMMapper(Mapper):
    r"""Drop-in for `sionna.phy.mapping.Mapper`: bits are packed into a label that indexes the points, in one pass.

    Serves every constellation type. Inputs on another device, double precision and gradients go to Sionna's mapper.

    Args:
        constellation_type, num_bits_per_symbol, constellation, return_indices, precision, device: as Sionna.

    Input:
        bits [..., n], torch.float32 or integers: 0 and 1.

    Output:
        [..., n / num_bits_per_symbol], torch.complex64: symbols; with ``return_indices`` also their labels,
        torch.int32.

    Raises:
        ValueError: if n is no multiple of num_bits_per_symbol, or a bit is neither 0 nor 1.

    Example:
        >>> QAMMapper("qam", 2)(torch.tensor([[0.0, 1.0]]))
        tensor([[0.7071-0.7071j]])
    """

    def call(self, bits: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Map ``bits`` [..., n]."""
        points = self._constellation()
        if not runs_fast(self, bits, points):
            return super().call(bits)
        width = self._constellation.num_bits_per_symbol
        if bits.ndim == 0 or bits.shape[-1] % width:
            raise ValueError(f"bits: shape {list(bits.shape)} given, a last dimension in multiples of {width} expected")
        shape = *bits.shape[:-1], bits.shape[-1] // width
        frames = bits.detach().to(torch.float32).reshape(int(np.prod(shape)), width).contiguous().numpy()
        table = points.detach().numpy()
        symbols, labels = np.empty(len(frames), dtype=np.complex64), np.empty(len(frames), dtype=np.int32)

        def work(group: int) -> None:
            if not map_bits(frames, table, group * _CHUNK, min((group + 1) * _CHUNK, len(frames)), symbols, labels):
                raise ValueError("bits: a value is neither 0 nor 1")

        for_each_group(work, -(-len(frames) // _CHUNK))
        result = torch.from_numpy(symbols).reshape(shape)
        return (result, torch.from_numpy(labels).reshape(shape)) if self._return_indices else result
