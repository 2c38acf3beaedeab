"""Opus, through PyAV and libopus."""

from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from scipy.signal import resample_poly

from .audio import AudioCodec

CLOCK = 48_000
"""Rate at which Opus decodes, Hz."""

PACKET_MS = 60
PACKET = CLOCK * PACKET_MS // 1000
"""Samples of a packet at the clock's rate."""

LOOKAHEAD = 312
"""Samples at the clock's rate by which libopus's voice mode lags; dropped at the receiver."""


class Opus(AudioCodec):
    """Opus (RFC 6716) for speech: libopus's voice mode at a hard constant bit rate, packets of 60 ms.

    The longest packets that the voice layer (SILK) codes as one have the least overhead. 6 kb/s is the
    lowest bit rate that Opus is made for; there it has the narrow band (4 kHz) only.

    Args:
        sampling_rate: Hz; 8,000, 12,000, 16,000, 24,000 or 48,000.
        bit_rate: kb/s, the only one; any of 6 to 64, to fit a budget, if `None`.

    Raises:
        ValueError: for another rate, or if PyAV is not installed.

    Example:
        >>> import numpy as np
        >>> codec = Opus(sampling_rate=16000)
        >>> data = codec.encode(np.zeros(16000, dtype=np.float32), max_bytes=1000)
        >>> len(data), codec.decode(data).item.shape
        (768, (16000,))
    """

    name: ClassVar[str] = "opus"
    sampling_rates: ClassVar[tuple[int, ...]] = (8_000, 12_000, 16_000, 24_000, 48_000)
    all_bit_rates: ClassVar[tuple[float, ...]] = (6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56, 64)

    def __init__(self, *, sampling_rate: int, bit_rate: float | None = None) -> None:
        try:
            import av
        except ImportError as error:
            raise ValueError(
                "source: 'opus' needs the package av (PyAV), which is not installed (pip install 'tokencom[data]')"
            ) from error
        super().__init__(sampling_rate=sampling_rate, bit_rate=bit_rate)
        self._av = av

    def packet_bytes(self, bit_rate: float) -> int:
        """Return the size of a packet in bytes."""
        return int(bit_rate * PACKET_MS) // 8

    def num_packets(self, num_samples: int) -> int:
        """Return how many packets carry so many samples, the encoder's lag included."""
        return -(-(num_samples * (CLOCK // self.sampling_rate) + LOOKAHEAD) // PACKET) if num_samples else 0

    def num_samples(self, num_packets: int) -> int:
        """Return how many samples so many packets hold."""
        return max(0, num_packets * PACKET - LOOKAHEAD) // (CLOCK // self.sampling_rate)

    def compress(self, audio: np.ndarray, bit_rate: float) -> list[bytes]:
        """Encode samples; see :meth:`AudioCodec.compress`."""
        size = self.sampling_rate * PACKET_MS // 1000
        padded = np.zeros(self.num_packets(len(audio)) * size, np.float32)
        padded[: len(audio)] = audio
        encoder = self._encoder(bit_rate)
        packets: list[Any] = []
        for start in range(0, len(padded), size):
            frame = self._av.AudioFrame.from_ndarray(padded[None, start : start + size], format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self.sampling_rate, start, encoder.time_base
            packets += encoder.encode(frame)
        packets += encoder.encode(None) if packets else []
        return [bytes(packet) for packet in packets[: len(padded) // size]]

    def expand(self, packets: list[bytes]) -> tuple[np.ndarray, bool]:
        """Decode packets; see :meth:`AudioCodec.expand`."""
        decoder = self._av.CodecContext.create("libopus", "r")
        decoder.sample_rate, decoder.layout = CLOCK, "mono"
        wave, intact = np.zeros(len(packets) * PACKET, np.float32), True
        for number, packet in enumerate(packets):
            heard = self._heard(decoder, packet)
            intact = intact and heard is not None
            if heard is not None:
                wave[number * PACKET : (number + 1) * PACKET] = heard
        wave = wave[LOOKAHEAD:]
        if self.sampling_rate != CLOCK and len(wave):
            wave = resample_poly(wave, 1, CLOCK // self.sampling_rate)
        return np.clip(wave[: self.num_samples(len(packets))], -1.0, 1.0).astype(np.float32), intact

    def _encoder(self, bit_rate: float) -> Any:
        encoder = self._av.CodecContext.create("libopus", "w")
        encoder.sample_rate, encoder.layout, encoder.format = self.sampling_rate, "mono", "flt"
        encoder.bit_rate, encoder.time_base = int(1000 * bit_rate), Fraction(1, self.sampling_rate)
        encoder.options = {"application": "voip", "vbr": "off", "frame_duration": str(PACKET_MS)}
        return encoder

    def _heard(self, decoder: Any, packet: bytes) -> np.ndarray | None:
        """Return the samples of a packet, [PACKET]; `None` if it is no packet of that length."""
        try:
            frames = decoder.decode(self._av.Packet(packet))
        except self._av.FFmpegError:
            return None
        parts = [frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0] for frame in frames]
        heard = np.concatenate(parts) if parts else np.zeros(0, np.int16)
        return heard.astype(np.float32) / 32768 if len(heard) == PACKET and heard.dtype == np.int16 else None
