"""Polar decoders: Sionna's interface on SIMD kernels."""

from typing import Any

import numpy as np
import torch
from sionna.phy.fec.polar import Polar5GDecoder as SionnaPolar5GDecoder
from sionna.phy.fec.polar import Polar5GEncoder
from sionna.phy.fec.polar import PolarSCDecoder as SionnaPolarSCDecoder
from sionna.phy.fec.polar import PolarSCLDecoder as SionnaPolarSCLDecoder

from .inputs import frames_of, refuse_nan, runs_fast
from .numba_setup import aligned_empty, for_each_group
from .polar_fork import fork_tables
from .polar_list_kernel import decode_list
from .polar_sc_kernel import decode_cancellation
from .polar_schedule import schedule, transpose_transform

_LANES = 16
_MAX_LIST = 32
_Layout = tuple[np.ndarray, np.ndarray]


def _plain(n: int) -> _Layout:
    """Layout of a received codeword without rate matching."""
    return np.arange(n), np.zeros(n, dtype=np.float32)


class PolarSCDecoder(SionnaPolarSCDecoder):
    r"""Drop-in for `sionna.phy.fec.polar.PolarSCDecoder` (successive cancellation, Arikan 2009), fast on the CPU.

    Inputs on another device, double precision and gradients go to Sionna's decoder.

    Args:
        frozen_pos, n, precision, device: as Sionna.

    Input:
        llr_ch [..., n], torch.float32: log p(1)/p(0); ±inf is a known bit.

    Output:
        [..., k], torch.float32: bits.

    Raises:
        ValueError: on NaN or a wrong length.

    Example:
        >>> from sionna.phy.fec.polar import PolarEncoder
        >>> frozen = np.array([0, 1, 2, 4])
        >>> bits = torch.randint(0, 2, (3, 4)).float()
        >>> bool((PolarSCDecoder(frozen, 8)(8 * PolarEncoder(frozen, 8)(bits) - 4) == bits).all())
        True
    """

    def __init__(
        self, frozen_pos: np.ndarray, n: int, *, precision: str | None = None, device: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(frozen_pos, n, precision=precision, device=device, **kwargs)
        self._operations = schedule(self._frozen_ind == 1)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Lengths are checked at each call."""

    def call(self, llr_ch: torch.Tensor) -> torch.Tensor:
        """Decode ``llr_ch`` [..., n]."""
        frames = frames_of("llr_ch", llr_ch, self._n)
        if not runs_fast(self, llr_ch):
            return super().call(llr_ch)
        return torch.from_numpy(self.decode_frames(frames, _plain(self._n), self._info_pos)).reshape(
            *llr_ch.shape[:-1], self._k
        )

    def decode_frames(self, frames: np.ndarray, layout: _Layout, info: np.ndarray) -> np.ndarray:
        """Decode frames received in a ``layout`` of `polar_nodes.load_channel`; return the bits at ``info``."""
        out = np.empty((len(frames), len(info)), dtype=np.float32)
        n = self._n

        def scratch() -> tuple[np.ndarray, ...]:
            heights = 2 * n - 1, 3 * n - 2, _LANES, _LANES, 1
            return tuple(aligned_empty((rows, _LANES), np.float32) for rows in heights)

        def work(group: int, *buffers: np.ndarray) -> None:
            if not decode_cancellation(frames, group * _LANES, layout, (self._operations, info), out, buffers):
                refuse_nan("llr_ch")

        for_each_group(work, -(-len(frames) // _LANES), scratch)
        return out


class PolarSCLDecoder(SionnaPolarSCLDecoder):
    r"""Drop-in for `sionna.phy.fec.polar.PolarSCLDecoder` (CRC-aided list decoding), fast on the CPU up to lists of 32.

    The same decoder as Sionna's: exact metrics, one alternative in rate-1 nodes (Tal & Vardy 2015; Hashemi, Condo,
    Gross 2017). Longer lists, inputs on another device, double precision and gradients go to Sionna's.

    Args:
        frozen_pos, n, list_size, crc_degree, ind_iil_inv, return_crc_status, precision, device: as Sionna.

    Input:
        llr_ch [..., n], torch.float32: log p(1)/p(0); ±inf is a known bit.

    Output:
        [..., k], torch.float32: bits; with ``return_crc_status`` also whether their CRC holds, [...], torch.bool.

    Raises:
        ValueError: on NaN or a wrong length.

    Example:
        >>> from sionna.phy.fec.polar import PolarEncoder
        >>> frozen = np.array([0, 1, 2, 4])
        >>> bits = torch.randint(0, 2, (3, 4)).float()
        >>> decoder = PolarSCLDecoder(frozen, 8, list_size=4)
        >>> bool((decoder(8 * PolarEncoder(frozen, 8)(bits) - 4) == bits).all())
        True
    """

    def __init__(
        self,
        frozen_pos: np.ndarray,
        n: int,
        list_size: int = 8,
        crc_degree: str | None = None,
        ind_iil_inv: np.ndarray | None = None,
        return_crc_status: bool = False,
        *,
        precision: str | None = None,
        device: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            frozen_pos, n, list_size, crc_degree, ind_iil_inv, return_crc_status, precision=precision, device=device,
            **kwargs,
        )  # fmt: skip
        self._operations = schedule(self._frozen_ind == 1)
        self._syndrome = self._parity_masks(ind_iil_inv)
        self._tables: tuple[np.ndarray, ...] = fork_tables(list_size) if list_size <= _MAX_LIST and self._k > 0 else ()

    def _parity_masks(self, ind_iil_inv: np.ndarray | None) -> np.ndarray:
        """[n], int32: the CRC parity bits that each codeword bit takes part in; all 0 without a CRC."""
        on_u = np.zeros(self._n, dtype=np.int32)
        if self._use_crc:
            encoder = self._crc_encoder
            parity = encoder._gen_crc_mat(self._k - self._k_crc, encoder.crc_pol).astype(np.int32)
            checks = np.concatenate([parity, np.eye(self._k_crc, dtype=np.int32)])
            order = np.arange(self._k) if ind_iil_inv is None else np.asarray(ind_iil_inv)
            on_u[self._info_pos[order]] = checks @ (1 << np.arange(self._k_crc, dtype=np.int32))
        return transpose_transform(on_u)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Lengths are checked at each call."""

    def call(self, llr_ch: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Decode ``llr_ch`` [..., n]."""
        frames = frames_of("llr_ch", llr_ch, self._n)
        if not (self._tables and runs_fast(self, llr_ch)):
            return super().call(llr_ch)
        bits, passed = self.decode_frames(frames, _plain(self._n), self._info_pos)
        bits = bits.reshape(*llr_ch.shape[:-1], self._k)
        return (bits, passed.reshape(llr_ch.shape[:-1])) if self._return_crc_status else bits

    def decode_frames(self, frames: np.ndarray, layout: _Layout, info: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode frames received in a ``layout`` of `polar_nodes.load_channel`: bits at ``info``, CRC status."""
        output = np.empty((len(frames), len(info)), dtype=np.float32), np.empty(len(frames), dtype=np.bool_)
        penalty = np.float32(self._llr_max * self._k)
        code = self._operations, self._list_size, self._syndrome, penalty, info

        def work(group: int, *buffers: Any) -> None:
            if not decode_list(frames, group * _LANES, layout, code, self._tables, output, buffers):
                refuse_nan("llr_ch")

        for_each_group(work, -(-len(frames) // _LANES), self._scratch)
        return torch.from_numpy(output[0]), torch.from_numpy(output[1])

    def _scratch(self) -> tuple[Any, ...]:
        """Buffers of one thread: paths, metric before the first fork, CRC parities, a word, squares to transpose."""
        n, stages, parts = self._n, self._n_stages + 1, max(1, self._list_size // _LANES)

        def rows(count: int, dtype: type = np.float32) -> np.ndarray:
            return aligned_empty((count, _LANES), dtype)

        index = rows((2 * stages + 2) * parts, np.int32)
        index[:] = np.arange(parts * _LANES).reshape(parts, _LANES)[np.arange(len(index)) % parts]
        choice = (
            rows(2 * parts, np.int32), np.empty(2 * parts * _LANES, dtype=np.int32), rows(parts, np.int32),
            rows(parts, np.int32), rows(parts, np.int32),
        )  # fmt: skip
        places = np.empty((stages, 2), dtype=np.int64)
        state = rows((2 * n - 1) * (parts + 1)), rows((3 * n - 2) * parts), rows(3 * parts), index, places, choice
        words = np.empty(-(-n // 64), dtype=np.uint64)
        return state, rows(1), rows(parts, np.int32), words, rows(_LANES), rows(_LANES), rows(1)


class Polar5GDecoder(SionnaPolar5GDecoder):
    r"""Drop-in for `sionna.phy.fec.polar.Polar5GDecoder`: rate recovery in the kernel, then SC or list decoding.

    ``dec_type="BP"``, inputs on another device, double precision and gradients go to Sionna's decoders.

    Args:
        enc_polar, dec_type, list_size, num_iter, return_crc_status, precision, device: as Sionna
            (3GPP TS 38.212, 5.3.1 and 5.4.1).

    Input:
        llr_ch [..., n], torch.float32: log p(1)/p(0); ±inf is a known bit.

    Output:
        [..., k], torch.float32: bits; with ``return_crc_status`` also whether their CRC holds, [...], torch.bool.

    Raises:
        ValueError: on NaN or a wrong length.

    Example:
        >>> encoder = Polar5GEncoder(32, 100)
        >>> bits = torch.randint(0, 2, (3, 32)).float()
        >>> bool((Polar5GDecoder(encoder, "SCL")(8 * encoder(bits) - 4) == bits).all())
        True
    """

    def __init__(
        self,
        enc_polar: Polar5GEncoder,
        dec_type: str = "SC",
        list_size: int = 8,
        num_iter: int = 20,
        return_crc_status: bool = False,
        *,
        precision: str | None = None,
        device: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            enc_polar, dec_type, list_size, num_iter, return_crc_status, precision=precision, device=device, **kwargs
        )
        common: dict[str, Any] = {"precision": precision, "device": device}
        if dec_type == "SC":
            self._polar_dec = PolarSCDecoder(enc_polar.frozen_pos, self._n_polar, **common)
        elif dec_type == "SCL":
            self._polar_dec = PolarSCLDecoder(
                enc_polar.frozen_pos, self._n_polar, list_size, enc_polar.enc_crc.crc_degree, self.ind_iil_inv, **common
            )
            self._dec_crc = self._polar_dec._crc_decoder
        order = np.arange(self._k_polar) if self.ind_iil_inv is None else self.ind_iil_inv
        self._info = self._polar_dec._info_pos[order]
        self._received = self._recovery()

    def _recovery(self) -> _Layout:
        """Where each received value adds to the mother codeword, and what the positions not sent start from."""
        received, n = self._n_target, self._n_polar
        interleaved = np.argsort(self.ind_ch_int_inv) if self._bil else np.arange(received)
        punctured = received < n and self._k_polar / received <= 7 / 16
        position = (interleaved + (n - received if punctured else 0)) % n
        place = np.argsort(self.ind_sub_int_inv)
        base = np.zeros(n, dtype=np.float32)
        if received < n and not punctured:
            base[place[received:]] = -self._llr_max
        return place[position], base

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Lengths are checked at each call."""

    def call(self, llr_ch: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Decode ``llr_ch`` [..., n]."""
        frames = frames_of("llr_ch", llr_ch, self._n_target)
        listed = self._dec_type == "SCL" and len(self._polar_dec._tables) > 0
        if not (runs_fast(self, llr_ch) and (listed or self._dec_type == "SC")):
            return super().call(llr_ch)
        shape = llr_ch.shape[:-1]
        if listed:
            bits, passed = self._polar_dec.decode_frames(frames, self._received, self._info[: self._k_target])
        else:
            everything = torch.from_numpy(self._polar_dec.decode_frames(frames, self._received, self._info))
            bits = everything[:, : self._k_target].contiguous()
            passed = self._dec_crc(everything)[1] if self._return_crc_status else None
        bits = bits.reshape(*shape, self._k_target)
        return (bits, passed.reshape(shape)) if self._return_crc_status else bits
