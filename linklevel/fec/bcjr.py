"""BCJR decoder: Sionna's interface on kernels that decode one frame per SIMD lane."""

from typing import Any

import numpy as np
import torch
from sionna.phy.fec.conv import BCJRDecoder as SionnaBCJRDecoder
from sionna.phy.fec.conv import ConvEncoder

from .bcjr_kernels import decode_bcjr_log, decode_bcjr_probability
from .bcjr_log import FLOAT_LIMIT
from .bcjr_probability import largest_llr
from .bcjr_windows import work_rows
from .inputs import frames_of, refuse_nan, runs_fast
from .numba_setup import aligned_empty, for_each_group
from .trellis import MAX_OUTPUTS, TrellisTables

_LANES = 16


class BCJRDecoder(SionnaBCJRDecoder):
    r"""Drop-in for `sionna.phy.fec.conv.BCJRDecoder`, hundreds of times as fast on the CPU.

    Computes the LLR of every information bit given the whole codeword (Bahl, Cocke, Jelinek, Raviv 1974).
    Inputs on another device, double precision, gradients, more than 8 output bits a step, and codes without
    memory go to Sionna's decoder.

    Args:
        encoder, gen_poly, rate, constraint_length, rsc, terminate, hard_out, precision, device: as Sionna.
        algorithm: ``"map"``, exact on probabilities, fastest (all bits of a step together are held inside ±58, so LLRs
            beyond about ±20 at rate 1/2 count as that); ``"log"``, exact in the logarithmic domain, for LLRs
            of any scale; ``"maxlog"``, its max approximation.

    Input:
        llr_ch [..., n], torch.float32: log p(1)/p(0); ±inf is a known bit.
        llr_a [..., num_steps] or [..., k], torch.float32 or None: prior LLRs of the information bits (and, in the
            longer form, of the tail's input bits).

    Output:
        [..., k], torch.float32: bits, or LLRs if not ``hard_out``.

    Raises:
        ValueError: on NaN, or on a length that is no codeword's.

    Example:
        >>> encoder = ConvEncoder(rate=1/2, constraint_length=5)
        >>> bits = torch.randint(0, 2, (3, 50)).float()
        >>> llr = BCJRDecoder(encoder, hard_out=False)(8 * encoder(bits) - 4)
        >>> bool(((llr > 0) == (bits > 0)).all())
        True
    """

    def __init__(
        self,
        encoder: ConvEncoder | None = None,
        gen_poly: tuple[str, ...] | None = None,
        rate: float = 1 / 2,
        constraint_length: int = 3,
        rsc: bool = False,
        terminate: bool = False,
        hard_out: bool = True,
        algorithm: str = "map",
        precision: str | None = None,
        device: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            encoder, gen_poly, rate, constraint_length, rsc, terminate, hard_out, algorithm, precision, device, **kwargs
        )
        self._code: tuple[np.ndarray, ...] = ()
        if self._ns > 1 and self._conv_n <= MAX_OUTPUTS:
            tables = TrellisTables.of(self._trellis)
            self._code = tables.with_input_bit(keep=self._conv_n), tables.inputs

    def build(self, input_shape: tuple[int, ...], **kwargs: Any) -> None:
        """Check the codeword length."""
        if input_shape[-1] % self._conv_n:
            raise ValueError(f"llr_ch: length {input_shape[-1]} given, a multiple of {self._conv_n} expected")
        super().build(input_shape, **kwargs)
        if self._k < 1:
            raise ValueError(f"llr_ch: {self._n} LLRs hold no information bit of this code")

    def _priors(self, llr_a: torch.Tensor | None, num_frames: int) -> np.ndarray:
        """Priors [num_frames, num_steps], or no frames."""
        if llr_a is None:
            return np.empty((0, self._num_syms), dtype=np.float32)
        if llr_a.ndim and llr_a.shape[-1] == self._k:
            llr_a = torch.nn.functional.pad(llr_a, (0, self._num_term_syms))
        priors = frames_of("llr_a", llr_a, self._num_syms)
        if len(priors) != num_frames:
            raise ValueError(f"llr_a: {len(priors)} frames given, {num_frames} expected as in llr_ch")
        return priors

    def _scratch(self) -> tuple[np.ndarray, ...]:
        """Buffers of one thread."""
        num_bits = self._conv_n + 1
        heights = (
            self._num_syms * num_bits, self._num_syms, self._num_syms,
            work_rows(self._ns, num_bits, self._num_syms), _LANES, _LANES, 1,
        )  # fmt: skip
        return tuple(aligned_empty((height, _LANES), np.float32) for height in heights)

    @torch.compiler.disable
    def call(self, llr_ch: torch.Tensor, /, *, llr_a: torch.Tensor | None = None) -> torch.Tensor:
        """Decode ``llr_ch`` [..., n] with the prior ``llr_a``."""
        if not (self._code and runs_fast(self, llr_ch, llr_a)):
            return super().call(llr_ch, llr_a=llr_a)
        if llr_ch.shape[-1] != self._n:
            self.build(tuple(llr_ch.shape))
        frames = frames_of("llr_ch", llr_ch, self._n)
        priors = self._priors(llr_a, len(frames))
        out = np.empty((len(frames), self._k), dtype=np.float32)
        num_bits = self._conv_n + 1
        steps = np.arange(self._num_syms)
        targets = (steps[:, None] * num_bits + 1 + np.arange(self._conv_n)).ravel()
        limit = largest_llr(num_bits) if self._algorithm == "map" else FLOAT_LIMIT
        plan = self._terminate, self._algorithm != "maxlog", limit
        decode = decode_bcjr_probability if self._algorithm == "map" else decode_bcjr_log
        layout, output = (targets, steps, num_bits), (out, np.float32(0 if self._hard_out else 1))

        def work(group: int, *buffers: np.ndarray) -> None:
            if not decode(frames, priors, group * _LANES, layout, self._code, plan, output, buffers):
                refuse_nan("llr_ch or llr_a")

        for_each_group(work, -(-len(frames) // _LANES), self._scratch)
        return torch.from_numpy(out).reshape(*llr_ch.shape[:-1], self._k)
