"""What the LDPC decoder blocks share: Sionna's arguments, and the choice between kernel and Sionna."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sionna.phy import Block
from sionna.phy.fec.ldpc import cn_update_minsum

from ..validation import check_choice, check_range
from .inputs import runs_fast
from .ldpc_arithmetic import ARITHMETICS
from .ldpc_engine import FrameDecoder
from .ldpc_graph import TannerGraph

KERNEL_UPDATES = ("boxplus-phi", "boxplus", "minsum", "min", "offset-minsum")


class LDPCDecoderBlock(Block):
    """Base of the LDPC decoders; see `LDPCBPDecoder` for the arguments."""

    def __init__(
        self,
        pcm: sp.csr_matrix,
        graph: TannerGraph,
        *,
        num_iter: int,
        llr_max: float | None,
        hard_out: bool,
        return_state: bool,
        cn_update: str | Callable[..., Any],
        vn_update: str | Callable[..., Any],
        cn_schedule: Any,
        callbacks: tuple[Any, Any],
        scale: float,
        arithmetic: str,
        return_num_iter: bool,
        precision: str | None,
        device: str | None,
    ) -> None:
        super().__init__(precision=precision, device=device)
        for name, value in (
            ("hard_out", hard_out), ("return_state", return_state), ("return_num_iter", return_num_iter)
        ):  # fmt: skip
            if not isinstance(value, bool):
                raise TypeError(f"{name}: {value!r} is not a bool")
        if isinstance(cn_update, str):
            check_choice("cn_update", cn_update, (*KERNEL_UPDATES, "identity"))
        if isinstance(vn_update, str):
            check_choice("vn_update", vn_update, ("sum", "identity"))
        if isinstance(cn_schedule, str):
            check_choice("cn_schedule", cn_schedule, ("flooding", "layered"))
        self._pcm = pcm
        self._hard_out, self._return_state, self._return_num_iter = hard_out, return_state, return_num_iter
        self._cn_update = "minsum" if isinstance(cn_update, str) and cn_update == "min" else cn_update
        self._vn_update, self._cn_schedule, self._callbacks = vn_update, cn_schedule, callbacks
        self._scale = check_range("scale", scale, 0.01, 1.0)
        self._arithmetic = check_choice("arithmetic", arithmetic, ARITHMETICS)
        self._sionna: Block | None = None
        self.num_iter = num_iter
        self.llr_max = llr_max
        self._check_combination()
        self._engine: Any = None
        if self._covered:
            flooding = cn_schedule == "flooding"
            number_format = ARITHMETICS[arithmetic]
            self._engine = FrameDecoder(graph, str(self._cn_update), flooding, number_format, self._scale)

    @property
    def _covered(self) -> bool:
        """Whether the kernels know this configuration."""
        return (
            isinstance(self._cn_update, str)
            and self._cn_update in KERNEL_UPDATES
            and isinstance(self._vn_update, str)
            and self._vn_update == "sum"
            and isinstance(self._cn_schedule, str)
            and not self._return_state
            and not any(self._callbacks)
        )

    def _check_combination(self) -> None:
        """Refuse arguments that have no meaning together."""
        minsum = isinstance(self._cn_update, str) and self._cn_update == "minsum"
        if self._scale != 1.0 and not minsum:
            raise ValueError(f"scale: {self._scale} given; only cn_update='minsum' takes a scale other than 1")
        if self._arithmetic != "float32":
            layered = isinstance(self._cn_schedule, str) and self._cn_schedule == "layered"
            offset = isinstance(self._cn_update, str) and self._cn_update == "offset-minsum"
            if not (self._covered and layered and (minsum or offset) and self.precision == "single"):
                raise ValueError(
                    f"arithmetic: {self._arithmetic!r} given; fixed point goes with cn_schedule='layered', "
                    "cn_update 'minsum' or 'offset-minsum', precision='single', no callbacks and no return_state"
                )
        if self._return_num_iter and not self._covered:
            raise ValueError(
                "return_num_iter: True given; not available with callbacks, custom updates or return_state"
            )

    @property
    def pcm(self) -> sp.csr_matrix:
        """Parity-check matrix in use [num_cns, num_vns]."""
        return self._pcm

    @property
    def num_cns(self) -> int:
        """Number of check nodes."""
        return self._pcm.shape[0]

    @property
    def num_vns(self) -> int:
        """Number of variable nodes."""
        return self._pcm.shape[1]

    @property
    def n(self) -> int:
        """Codeword length in the decoding graph."""
        return self.num_vns

    @property
    def coderate(self) -> float:
        """Code rate if all checks are independent."""
        return (self.num_vns - self.num_cns) / self.num_vns

    @property
    def num_edges(self) -> int:
        """Number of edges of the decoding graph."""
        return self._pcm.nnz

    @property
    def num_iter(self) -> int:
        """Largest number of iterations."""
        return self._num_iter

    @num_iter.setter
    def num_iter(self, num_iter: int) -> None:
        self._num_iter = check_range("num_iter", num_iter, 0, integer=True)
        self._sionna = None

    @property
    def llr_max(self) -> float | None:
        """Bound on channel values and messages; `None` for no bound."""
        return self._llr_max

    @llr_max.setter
    def llr_max(self, value: float | None) -> None:
        self._llr_max = None if value is None else float(check_range("llr_max", value, 0.0))
        self._sionna = None

    @property
    def return_state(self) -> bool:
        """Whether the decoder state is returned, for iterative detection and decoding."""
        return self._return_state

    def _runs_fast(self, llr_ch: torch.Tensor, n: int, msg_v2c: torch.Tensor | None) -> bool:
        """Whether the kernels take LLRs [..., n] of this call; `ValueError` if neither they nor Sionna can."""
        if llr_ch.ndim == 0 or llr_ch.shape[-1] != n:
            raise ValueError(f"llr_ch: shape {list(llr_ch.shape)} given, [..., {n}] expected")
        fast = self._engine is not None and msg_v2c is None and runs_fast(self, llr_ch)
        if not fast and self._arithmetic != "float32":
            raise ValueError(f"arithmetic: {self._arithmetic!r} given; it needs CPU tensors that ask for no gradient")
        return fast

    @torch.compiler.disable
    def _run(
        self,
        llr: np.ndarray,
        inputs: np.ndarray,
        outputs: np.ndarray,
        num_iter: int | None,
        shape: tuple[int, ...],
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Decode frames [batch, num_inputs] to [*shape, num_outputs], with the iterations if asked for."""
        if num_iter is None:
            num_iter = self.num_iter
        values, iterations = self._engine.decode(
            llr, inputs, outputs, num_iter=num_iter, llr_max=self._llr_max, hard_out=self._hard_out
        )
        decoded = torch.from_numpy(values).reshape(*shape, len(outputs))
        if not self._return_num_iter:
            return decoded
        return decoded, torch.from_numpy(iterations).reshape(shape)

    def _delegate(self, llr_ch: torch.Tensor, num_iter: int | None, **options: Any) -> Any:
        """Call Sionna's decoder; it always runs all iterations."""
        if self._sionna is None:
            v2c, c2v = self._callbacks
            self._sionna = self._sionna_decoder(
                cn_update=self._sionna_update(), vn_update=self._vn_update, hard_out=self._hard_out,
                num_iter=self._num_iter, llr_max=self._llr_max, v2c_callbacks=v2c, c2v_callbacks=c2v,
                return_state=self._return_state, precision=self.precision, device=self.device,
            )  # fmt: skip
        decoded = self._sionna(llr_ch, num_iter=num_iter, **options)
        if not self._return_num_iter:
            return decoded
        ran = self._num_iter if num_iter is None else num_iter
        return decoded, torch.full(decoded.shape[:-1], ran, dtype=torch.int32, device=decoded.device)

    @abstractmethod
    def _sionna_decoder(self, **arguments: Any) -> Block:
        """Build Sionna's decoder of the same code."""

    def _sionna_update(self) -> str | Callable[..., Any]:
        """The check node update for Sionna, which has no scale of its own."""
        if self._scale == 1.0:
            return self._cn_update
        return lambda messages, mask, bound: self._scale * cn_update_minsum(messages, mask, bound)
