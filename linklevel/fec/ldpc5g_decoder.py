"""Decoder of 5G LDPC codes: Sionna's interface on SIMD kernels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sionna.phy import Block
from sionna.phy.fec.ldpc import LDPC5GDecoder as SionnaLDPC5GDecoder
from sionna.phy.fec.ldpc import LDPC5GEncoder as SionnaLDPC5GEncoder

from .inputs import frames_of
from .ldpc_block import LDPCDecoderBlock
from .ldpc_graph import TannerGraph


class LDPC5GDecoder(LDPCDecoderBlock):
    r"""Drop-in for `sionna.phy.fec.ldpc.LDPC5GDecoder`, hundreds of times as fast on the CPU.

    Undoes the rate matching of 3GPP TS 38.212, 5.4.2 (interleaver, the first 2Z bits never sent, filler bits,
    redundancy versions) and decodes as `LDPCBPDecoder`. Filler bits are known, so they leave the graph.

    ``cn_update="offset-minsum", cn_schedule="layered"`` is the choice for speed: in 20 iterations it
    decodes better than flooding boxplus at all rates. ``"minsum"`` with ``scale=0.75`` comes close above
    rate 1/2, and loses 0.1 dB at rate 1/2 (k = 4224) and more below.

    Args:
        encoder: Sionna's `LDPC5GEncoder` or the one of this package.
        cn_update, vn_update, hard_out, num_iter, llr_max, v2c_callbacks, c2v_callbacks, return_state,
            precision, device, scale, arithmetic, return_num_iter: as `LDPCBPDecoder`.
        cn_schedule: ``"flooding"``, ``"layered"``, or an array of Sionna's.
        return_infobits: return the k information bits, otherwise the n received ones.
        prune_pcm: leave out punctured variables of degree 1 and their checks; they carry no information.
        harq_mode: combine redundancy versions; turns ``prune_pcm`` off.

    Input:
        llr_ch: [..., n] or, with several redundancy versions, [..., len(rv), n], torch.float32. Log
            p(1)/p(0); ±inf is a known bit.
        rv: `None` or list of redundancy versions 0 … 3, for ``harq_mode``; `None` means [0].
        num_iter, msg_v2c: as `LDPCBPDecoder`.

    Output:
        [..., k] or [..., n], torch.float32: bits, or LLRs clipped to ±llr_max.
        With ``return_num_iter`` a tuple with the iterations [...], torch.int32.

    Raises:
        ValueError: on NaN, a wrong length, or arguments that contradict each other.

    Example:
        >>> encoder = SionnaLDPC5GEncoder(100, 200)
        >>> bits = torch.ones(2, 100)
        >>> decoder = LDPC5GDecoder(encoder, cn_update="minsum", scale=0.75, cn_schedule="layered")
        >>> torch.equal(decoder(4 * encoder(bits) - 2), bits)
        True
    """

    def __init__(
        self,
        encoder: SionnaLDPC5GEncoder,
        cn_update: str | Callable[..., Any] = "boxplus-phi",
        vn_update: str | Callable[..., Any] = "sum",
        cn_schedule: str | np.ndarray | torch.Tensor = "flooding",
        hard_out: bool = True,
        return_infobits: bool = True,
        num_iter: int = 20,
        llr_max: float | None = 20.0,
        v2c_callbacks: Any = None,
        c2v_callbacks: Any = None,
        prune_pcm: bool = True,
        return_state: bool = False,
        harq_mode: bool = False,
        precision: str | None = None,
        device: str | None = None,
        *,
        scale: float = 1.0,
        arithmetic: str = "float32",
        return_num_iter: bool = False,
    ) -> None:
        if not isinstance(encoder, SionnaLDPC5GEncoder):
            raise TypeError(f"encoder: a {type(encoder).__name__} given, an LDPC5GEncoder expected")
        for name, value in (
            ("return_infobits", return_infobits), ("prune_pcm", prune_pcm), ("harq_mode", harq_mode)
        ):  # fmt: skip
            if not isinstance(value, bool):
                raise TypeError(f"{name}: {value!r} is not a bool")
        self._settings = {"return_infobits": return_infobits, "prune_pcm": prune_pcm, "harq_mode": harq_mode}
        pruned = _num_pruned(encoder) if prune_pcm and not harq_mode else 0
        pcm = encoder.pcm[:-pruned, :-pruned] if pruned else encoder.pcm
        unknown = np.r_[0 : encoder.k, encoder.k_ldpc : pcm.shape[1]]
        super().__init__(
            pcm, TannerGraph.from_pcm(pcm[:, unknown]), num_iter=num_iter, llr_max=llr_max, hard_out=hard_out,
            return_state=return_state, cn_update=cn_update, vn_update=vn_update, cn_schedule=cn_schedule,
            callbacks=(v2c_callbacks, c2v_callbacks), scale=scale, arithmetic=arithmetic,
            return_num_iter=return_num_iter, precision=precision, device=device,
        )  # fmt: skip
        self._encoder = encoder

    @property
    def encoder(self) -> SionnaLDPC5GEncoder:
        """The encoder whose code and rate matching this decoder undoes."""
        return self._encoder

    def call(
        self,
        llr_ch: torch.Tensor,
        /,
        *,
        rv: list[int] | None = None,
        num_iter: int | None = None,
        msg_v2c: torch.Tensor | None = None,
    ) -> Any:
        """Decode LLRs [..., n] or [..., len(rv), n]."""
        harq = self._settings["harq_mode"]
        versions = [0] if rv is None or not harq else list(rv)
        fast = self._runs_fast(llr_ch, self._encoder.n, msg_v2c)
        shape = tuple(llr_ch.shape[:-1])
        starts = self._encoder.get_start_positions_comp(versions)
        if len(versions) > 1 and (not shape or shape[-1] != len(versions)):
            given = list(llr_ch.shape)
            raise ValueError(f"llr_ch: shape {given} given, [..., {len(versions)}, n] expected for rv={rv}")
        if harq and (len(versions) > 1 or (len(shape) >= 2 and shape[-1] == 1)):
            shape = shape[:-1]
        if not fast:
            return self._delegate(llr_ch, num_iter, rv=rv, msg_v2c=msg_v2c)
        frames = frames_of("llr_ch", llr_ch, self._encoder.n)
        frames = frames.reshape(len(frames) // len(versions), len(versions) * self._encoder.n)
        inputs = np.concatenate([self._positions(start) for start in starts])
        outputs = np.arange(self._encoder.k) if self._settings["return_infobits"] else self._positions(0)
        return self._run(frames, inputs, outputs, num_iter, shape)

    def _positions(self, start: int) -> np.ndarray:
        """Variable node of each bit that is sent when the circular buffer is read from ``start``."""
        encoder = self._encoder
        order = np.arange(encoder.n)
        if encoder.num_bits_per_symbol is not None:
            order = encoder.out_int.cpu().numpy()
        return 2 * encoder.z + (start + order) % encoder.n_cb_comp

    def _sionna_decoder(self, **arguments: Any) -> Block:
        schedule = self._cn_schedule
        if isinstance(schedule, np.ndarray):
            schedule = torch.from_numpy(schedule)  # Sionna compares it with a string, which arrays refuse
        return SionnaLDPC5GDecoder(self._encoder, cn_schedule=schedule, **self._settings, **arguments)


def _num_pruned(encoder: SionnaLDPC5GEncoder) -> int:
    """Number of last columns that are punctured and of degree 1; each has a check of its own, a last row."""
    degrees = np.bincount(encoder.pcm.indices, minlength=encoder.n_ldpc)
    trailing = np.flatnonzero(degrees != 1)[-1] + 1
    sent = 2 * encoder.z + encoder.k_filler + encoder.n
    return int(encoder.n_ldpc - max(trailing, sent))
