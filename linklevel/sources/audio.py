"""What audio codecs share: the agreed sampling rate, packets of constant length, silence as the fallback."""

import hashlib
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from ..validation import check_choice
from .base import Decoded, SourceCodec, too_small

HEADER_BYTES = 3
"""Bit rate (1 byte) and samples that the last packet has too many (2 bytes)."""


class AudioCodec(SourceCodec):
    """A codec of one-channel audio with packets of constant length; both sides agreed on the sampling rate.

    ```
    bit rate (1 byte) | surplus samples (2 bytes) | packet | packet | ...
    ```

    There is no container: a bit rate fixes the length of a packet, so one byte stands for a table of
    lengths, and their number follows from the size of the file. A packet that cannot be decoded is
    silence of its length, and the file is then damaged. The fallback is silence of no length, since a
    receiver that got nothing does not know how long it was.

    Args:
        sampling_rate: Hz, of what is encoded and decoded.
        bit_rate: kb/s, the only one; all of :attr:`bit_rates`, to fit a budget, if `None`.

    Raises:
        ValueError: for a sampling rate or a bit rate that the codec does not have.
    """

    sampling_rates: ClassVar[tuple[int, ...]]
    all_bit_rates: ClassVar[tuple[float, ...]]

    def __init__(self, *, sampling_rate: int, bit_rate: float | None = None) -> None:
        self.sampling_rate = check_choice("sampling_rate", sampling_rate, self.sampling_rates)
        self.bit_rate = None if bit_rate is None else check_choice("bit_rate", bit_rate, self.all_bit_rates)

    @property
    def bit_rates(self) -> tuple[float, ...]:
        """Bit rates to choose from, kb/s, from the lowest."""
        return self.all_bit_rates if self.bit_rate is None else (self.bit_rate,)

    @abstractmethod
    def packet_bytes(self, bit_rate: float) -> int:
        """Return the size of a packet in bytes."""

    @abstractmethod
    def num_packets(self, num_samples: int) -> int:
        """Return how many packets carry so many samples."""

    @abstractmethod
    def compress(self, audio: np.ndarray, bit_rate: float) -> list[bytes]:
        """Encode [num_samples], numpy.float32, to :meth:`num_packets` packets."""

    @abstractmethod
    def expand(self, packets: list[bytes]) -> tuple[np.ndarray, bool]:
        """Decode packets to samples, numpy.float32, silence for those that can't be; say whether all could."""

    def file_bytes(self, num_samples: int, bit_rate: float) -> int:
        """Return the size in bytes of a file."""
        return HEADER_BYTES + self.num_packets(num_samples) * self.packet_bytes(bit_rate)

    def encode(self, item: np.ndarray, max_bytes: int | None = None) -> bytes:
        """Encode audio, [num_samples], numpy.float32 in -1...1, at the highest bit rate that fits."""
        audio = _checked(item)
        sizes = {rate: self.file_bytes(len(audio), rate) for rate in self.bit_rates}
        fitting = [rate for rate, size in sizes.items() if max_bytes is None or size <= max_bytes]
        if not fitting:
            raise too_small(self.name, max_bytes or 0, min(sizes.values()))
        packets = self.compress(audio, fitting[-1])
        if {len(packet) for packet in packets} - {self.packet_bytes(fitting[-1])}:
            raise RuntimeError(f"{self.name}: packets of another size than {self.packet_bytes(fitting[-1])} bytes came")
        surplus = self.num_samples(len(packets)) - len(audio)
        return bytes([self.all_bit_rates.index(fitting[-1])]) + surplus.to_bytes(2, "big") + b"".join(packets)

    @abstractmethod
    def num_samples(self, num_packets: int) -> int:
        """Return how many samples so many packets hold."""

    def key(self, item: np.ndarray) -> bytes:
        """Return a digest of the samples."""
        return hashlib.blake2b(np.ascontiguousarray(item).tobytes(), digest_size=16).digest()

    def smallest(self, item: np.ndarray) -> int:
        """Return the size in bytes of the file at the lowest bit rate."""
        return self.file_bytes(len(_checked(item)), self.bit_rates[0])

    def fallback(self) -> np.ndarray:
        """Return silence of no length: [0], numpy.float32."""
        return np.zeros(0, np.float32)

    def reconstruct(self, data: bytes) -> Decoded:
        """Decode what packets there are; see :class:`SourceCodec`."""
        rate = self.all_bit_rates[data[0]]  # an index out of range is damage, and gives the fallback
        size, body = self.packet_bytes(rate), data[HEADER_BYTES:]
        packets = [body[start : start + size] for start in range(0, len(body) - size + 1, size)]
        audio, intact = self.expand(packets)
        surplus = int.from_bytes(data[1:HEADER_BYTES], "big")
        whole = len(body) % size == 0 and rate in self.bit_rates
        length = max(0, len(audio) - surplus)
        fits = self.num_packets(length) == len(packets)
        return Decoded(audio[:length] if fits else audio, damaged=not (intact and whole and fits))


def _checked(item: Any) -> np.ndarray:
    """Return audio that can be encoded, clipped to -1...1.

    Raises:
        TypeError: if it is no numpy.ndarray of float32.
        ValueError: for another shape, or samples that are not finite.
    """
    if not isinstance(item, np.ndarray) or item.dtype != np.float32:
        given = f"{type(item).__name__} of {getattr(item, 'dtype', 'no dtype')}"
        raise TypeError(f"item: {given} given, a numpy.ndarray of float32 expected")
    if item.ndim != 1:
        raise ValueError(f"item: shape {item.shape} given, [num_samples] expected: one channel")
    if not np.isfinite(item).all():
        raise ValueError("item: has samples that are not finite")
    return np.clip(item, -1.0, 1.0)
