"""Turbo decoder: Sionna's interface on kernels that decode one frame per SIMD lane."""

from typing import Any

import numpy as np
import torch
from sionna.phy import Block
from sionna.phy.fec.turbo import TurboDecoder as SionnaTurboDecoder
from sionna.phy.fec.turbo import TurboEncoder

from ..validation import check_choice, check_range
from .bcjr_log import FLOAT_LIMIT, INT16_LIMIT, INT16_STEP
from .bcjr_probability import largest_llr
from .bcjr_windows import work_rows
from .inputs import frames_of, refuse_nan, runs_fast
from .numba_setup import aligned_empty, for_each_group
from .simd import ROW_BYTES
from .trellis import TrellisTables
from .turbo_kernels import decode_log, decode_probability

_EXTRINSIC_LIMIT = 20.0  # as Sionna's decoder


class Permutation(Block):
    """Interleaver with a given permutation, in the form that Sionna's Turbo blocks use.

    Args:
        permutation: [k], integers; output position i takes input position ``permutation[i]``.

    Raises:
        ValueError: if it is not a permutation of 0 … k-1.

    Example:
        >>> Permutation([2, 0, 1])(torch.tensor([[5.0, 6.0, 7.0]])).tolist()
        [[7.0, 5.0, 6.0]]
    """

    def __init__(self, permutation: Any, *, precision: str | None = None, device: str | None = None) -> None:
        super().__init__(precision=precision, device=device)
        order = torch.as_tensor(permutation, device=self.device)
        if (
            order.ndim != 1
            or order.is_floating_point()
            or not torch.equal(order.sort().values, torch.arange(order.numel(), device=self.device))
        ):
            raise ValueError(f"interleaver: shape {list(order.shape)} given, a permutation of 0 … k-1 expected")
        self._order, self._inverse = order, order.argsort()

    def call(self, x: torch.Tensor, /, *, inverse: bool = False) -> torch.Tensor:
        """Interleave the last dimension of ``x``, or undo that."""
        if x.shape[-1] != self._order.numel():
            raise ValueError(f"x: length {x.shape[-1]} given, the interleaver is for {self._order.numel()}")
        return x[..., self._inverse if inverse else self._order]


class TurboDecoder(SionnaTurboDecoder):
    r"""Drop-in for `sionna.phy.fec.turbo.TurboDecoder`, hundreds of times as fast on the CPU.

    Two BCJR decoders exchange extrinsic LLRs (Berrou, Glavieux, Thitimajshima 1993; 3GPP TS 36.212, 5.1.3.2).
    Inputs on another device, double precision and gradients go to Sionna's decoder.

    Args:
        encoder, gen_poly, rate, constraint_length, terminate, num_iter, hard_out, precision, device: as Sionna.
        interleaver: ``"3GPP"``, ``"random"``, or any permutation [k] of integers.
        algorithm: ``"map"``, exact on probabilities, the fastest in float32 (LLRs beyond ±29 count as ±29);
            ``"log"``, exact in the logarithmic domain, for LLRs of any scale; ``"maxlog"``, its max approximation.
        scale: factor of the extrinsic values; 0.75 recovers most of what ``"maxlog"`` loses. Delegated calls need 1.
        arithmetic: ``"float32"``, or ``"int16"`` for ``"maxlog"``: LLRs in steps of 1/8 up to ±32, extrinsic ones
            up to ±64; less than 0.1 dB worse, and the fastest.
        early_stop: stop a group of frames (16, int16: 32) once both component decoders agree on every bit.

    Input:
        llr_ch [..., n], torch.float32: log p(1)/p(0); ±inf is a known bit.

    Output:
        [..., k], torch.float32: bits, or LLRs if not ``hard_out``.

    Raises:
        ValueError: on NaN, a length that is no codeword's, or an argument outside its range.

    Example:
        >>> encoder = TurboEncoder(rate=1/3, constraint_length=4, terminate=True)
        >>> decoder = TurboDecoder(encoder, num_iter=4)
        >>> bits = torch.randint(0, 2, (3, 40)).float()
        >>> bool((decoder(8 * encoder(bits) - 4) == bits).all())
        True
    """

    def __init__(
        self,
        encoder: TurboEncoder | None = None,
        gen_poly: tuple[str, ...] | None = None,
        rate: float = 1 / 3,
        constraint_length: int | None = None,
        interleaver: Any = "3GPP",
        terminate: bool = False,
        num_iter: int = 6,
        hard_out: bool = True,
        algorithm: str = "map",
        precision: str | None = None,
        device: str | None = None,
        *,
        scale: float = 1.0,
        arithmetic: str = "float32",
        early_stop: bool = False,
        **kwargs: Any,
    ) -> None:
        named = isinstance(interleaver, str)
        super().__init__(
            encoder, gen_poly, rate, constraint_length, interleaver if named else "3GPP", terminate,
            check_range("num_iter", num_iter, 1, integer=True), hard_out,
            check_choice("algorithm", algorithm, ("map", "log", "maxlog")), precision, device, **kwargs,
        )  # fmt: skip
        if not named:
            self._internal_interleaver = Permutation(interleaver, precision=precision, device=device)
        self._algorithm = algorithm
        self._scale = check_range("scale", scale, 0.0, 1.0)
        self._arithmetic = check_choice("arithmetic", arithmetic, ("float32", "int16"))
        if arithmetic == "int16" and algorithm != "maxlog":
            raise ValueError(f"arithmetic: 'int16' needs algorithm 'maxlog'; {algorithm!r} was given")
        self._early_stop = bool(early_stop)
        tables = TrellisTables.of(self._trellis)
        self._code = tables.with_input_bit(keep=1), tables.inputs
        self._layout: tuple[Any, ...] = ()

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Check the codeword length and lay out the rows for it."""
        super().build(input_shape)
        if self._k < 1:
            raise ValueError(f"llr_ch: {self._n} LLRs hold no information bit of this code")
        self._layout = self._lay_out(self._k)

    def _lay_out(self, k: int) -> tuple[Any, ...]:
        """Rows of `turbo_kernels`: where each codeword position goes, and how each decoder visits them."""
        tail = self._mu if self._terminate else 0
        num_steps, num_systematic = k + tail, k + 2 * tail
        steps, tails = np.arange(k), k + np.arange(tail)
        pairs = num_systematic + 1, num_systematic + 2 * num_steps + 1  # first parity row of each decoder
        body = np.stack([steps, pairs[0] + 2 * steps, pairs[1] + 2 * steps], axis=1).ravel()
        ends = [np.stack([tails + part * tail, pairs[part] + 2 * tails], axis=1).ravel() for part in range(2)]
        num_rows = num_systematic + 4 * num_steps
        grid = np.full(self._depunct_len, num_rows)  # the padding of the tail goes to a row that nobody reads
        filled = np.concatenate([body, *ends])
        grid[: len(filled)] = filled
        targets = grid[self._punct_indices.cpu().numpy().ravel()]
        numbers = torch.arange(k, dtype=torch.float32, device=self.device)[None]
        order = self._internal_interleaver(numbers)[0].cpu().numpy().astype(np.int64)
        orders = np.stack([np.concatenate([steps, tails]), np.concatenate([order, tails + tail])])
        return targets, orders, k

    def _plan(self) -> tuple[Any, ...]:
        """Numbers of the kernels: iterations, early stop, quantisation, component decoders, extrinsic values."""
        fixed = self._arithmetic == "int16"
        exact, probability = self._algorithm != "maxlog", self._algorithm == "map"
        limit = largest_llr(2) if probability else FLOAT_LIMIT
        step, bound = (1 / INT16_STEP, INT16_LIMIT) if fixed else (1.0, FLOAT_LIMIT)
        extrinsic = (round(16 * self._scale), 2 * INT16_LIMIT) if fixed else (self._scale, _EXTRINSIC_LIMIT)
        return (
            self._num_iter, self._early_stop, (np.float32(step), np.float32(bound)), (self._terminate, exact, limit),
            (float(extrinsic[0]), float(extrinsic[1])),
        )  # fmt: skip

    def _scratch(self) -> tuple[np.ndarray, ...]:
        """Buffers of one thread."""
        dtype = np.dtype(self._arithmetic)
        lanes = ROW_BYTES // dtype.itemsize
        num_steps = self._layout[1].shape[1]
        num_systematic = 2 * num_steps - self._k
        heights = (
            num_systematic + 4 * num_steps + 1, num_systematic, self._k, num_steps,
            work_rows(self._ns, 2, num_steps), lanes, lanes,
        )  # fmt: skip
        return *(aligned_empty((height, lanes), dtype) for height in heights), aligned_empty((1, lanes), np.float32)

    @torch.compiler.disable
    def call(self, llr_ch: torch.Tensor, /) -> torch.Tensor:
        """Decode ``llr_ch`` [..., n]."""
        if not runs_fast(self, llr_ch):
            if self._scale != 1 or self._arithmetic != "float32":
                raise ValueError("scale, arithmetic: Sionna's decoder, which takes this call, has only 1 and 'float32'")
            return super().call(llr_ch)
        if llr_ch.shape[-1] != self._n:
            self.build(tuple(llr_ch.shape))
        frames = frames_of("llr_ch", llr_ch, self._n)
        out = np.empty((len(frames), self._k), dtype=np.float32)
        lanes = ROW_BYTES // np.dtype(self._arithmetic).itemsize
        decode = decode_probability if self._algorithm == "map" else decode_log
        out_scale = 0.0 if self._hard_out else INT16_STEP if self._arithmetic == "int16" else 1.0
        plan, output = self._plan(), (out, np.float32(out_scale))

        def work(group: int, *buffers: np.ndarray) -> None:
            if not decode(frames, group * lanes, self._layout, self._code, plan, output, buffers):
                refuse_nan("llr_ch")

        for_each_group(work, -(-len(frames) // lanes), self._scratch)
        return torch.from_numpy(out).reshape(*llr_ch.shape[:-1], self._k)
