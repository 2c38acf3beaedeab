"""AMR-WB, through the libraries vo-amrwbenc and opencore-amrwb."""

import ctypes
from ctypes.util import find_library
from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy.signal import resample_poly

from .audio import AudioCodec

CLOCK = 16_000
"""Rate at which AMR-WB works, Hz."""

PACKET_MS = 20
PACKET = CLOCK * PACKET_MS // 1000
"""Samples of a frame."""

LAG = 95
"""Samples at 16 kHz by which encoder and decoder lag together; dropped at the receiver."""

FRAME_BITS = (132, 177, 253, 285, 317, 365, 397, 461, 477)
"""Speech bits of a frame in the nine modes (3GPP TS 26.201, table 2)."""

GOOD_QUALITY = 0x04
"""Bit of a frame's first byte in RFC 4867; four bits of the mode are before it."""

INSTALL = "apt-get install libvo-amrwbenc0 libopencore-amrwb0"


class AMRWB(AudioCodec):
    """AMR-WB (3GPP TS 26.190, ITU-T G.722.2): nine modes of 6.6 to 23.85 kb/s, frames of 20 ms, without DTX.

    A frame is sent as the octets of RFC 4867 without its first, which tells the mode: the file's first byte does. So
    the last octet has up to 7 unused bits. AMR-WB works at 16 kHz and codes 50 to 7,000 Hz; audio of 8 kHz is
    resampled. Any bits decode to some sound: damage inside a frame is seen by the link's CRC only, and
    ``damaged`` tells of frames that are missing.

    Args:
        sampling_rate: Hz; 8,000 or 16,000.
        bit_rate: kb/s, the only mode; any of the nine, to fit a budget, if `None`.

    Raises:
        ValueError: for another rate, or if a library is not installed.

    Example:
        >>> import numpy as np
        >>> codec = AMRWB(sampling_rate=16000)                                      # doctest: +SKIP
        >>> data = codec.encode(np.zeros(16000, dtype=np.float32), max_bytes=1000)  # doctest: +SKIP
    """

    name: ClassVar[str] = "amr_wb"
    sampling_rates: ClassVar[tuple[int, ...]] = (8_000, 16_000)
    all_bit_rates: ClassVar[tuple[float, ...]] = tuple(bits / PACKET_MS for bits in FRAME_BITS)

    def __init__(self, *, sampling_rate: int, bit_rate: float | None = None) -> None:
        self._encoder, self._decoder = libraries()
        super().__init__(sampling_rate=sampling_rate, bit_rate=bit_rate)
        self._ratio = CLOCK // sampling_rate

    def packet_bytes(self, bit_rate: float) -> int:
        """Return the size of a frame in bytes."""
        return -(-round(bit_rate * PACKET_MS) // 8)

    def num_packets(self, num_samples: int) -> int:
        """Return how many frames carry so many samples, the lag included."""
        return -(-(num_samples * self._ratio + LAG) // PACKET) if num_samples else 0

    def num_samples(self, num_packets: int) -> int:
        """Return how many samples so many frames hold."""
        return max(0, num_packets * PACKET - LAG) // self._ratio

    def compress(self, audio: np.ndarray, bit_rate: float) -> list[bytes]:
        """Encode samples; see :meth:`AudioCodec.compress`."""
        padded = np.zeros(self.num_packets(len(audio)) * PACKET)
        if len(audio):
            wave = resample_poly(audio, self._ratio, 1) if self._ratio > 1 else audio
            padded[: len(wave)] = wave
        samples = np.rint(np.clip(padded, -1.0, 1.0) * 32767).astype(np.int16).reshape(-1, PACKET)
        mode, frame = self.all_bit_rates.index(bit_rate), ctypes.create_string_buffer(64)
        packets, state = [], ctypes.c_void_p(self._encoder.E_IF_init())
        try:
            for row in samples:
                size = self._encoder.E_IF_encode(state, mode, row.ctypes.data_as(ctypes.c_void_p), frame, 0)
                packets.append(frame.raw[1:size])
        finally:
            self._encoder.E_IF_exit(state)
        return packets

    def expand(self, packets: list[bytes]) -> tuple[np.ndarray, bool]:
        """Decode frames; see :meth:`AudioCodec.expand`."""
        sizes = [self.packet_bytes(rate) for rate in self.all_bit_rates]
        samples, state = np.zeros((len(packets), PACKET), np.int16), ctypes.c_void_p(self._decoder.D_IF_init())
        try:
            for row, packet in zip(samples, packets, strict=True):
                head = bytes([sizes.index(len(packet)) << 3 | GOOD_QUALITY])
                frame = ctypes.create_string_buffer(head + packet, 64)
                self._decoder.D_IF_decode(state, frame, row.ctypes.data_as(ctypes.c_void_p), 0)
        finally:
            self._decoder.D_IF_exit(state)
        wave = samples.reshape(-1)[LAG:].astype(np.float32) / np.float32(32768)
        if self._ratio > 1 and len(wave):
            wave = resample_poly(wave, 1, self._ratio)
        return np.clip(wave[: self.num_samples(len(packets))], -1.0, 1.0).astype(np.float32), True


@lru_cache(maxsize=1)
def libraries() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    """Return the encoder's and the decoder's library.

    Raises:
        ValueError: if one is not installed, with what to install.
    """
    encoder, decoder = _library("vo-amrwbenc"), _library("opencore-amrwb")
    for initialise in (encoder.E_IF_init, decoder.D_IF_init):
        initialise.restype = ctypes.c_void_p
    return encoder, decoder


def _library(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(f"lib{name}.so.0")
    except OSError:
        found = find_library(name)
    if found is None:
        raise ValueError(
            f"source: 'amr_wb' needs the library {name}, which is not installed (Debian: {INSTALL}); 'opus' is the"
            " speech codec that pip can install"
        )
    return ctypes.CDLL(found)
