"""Log-mel spectrograms, and audio from them."""

from functools import lru_cache

import numpy as np
import torch

FLOOR = 1e-5
"""Least magnitude of a band before the logarithm: about that of 16-bit rounding."""

SCALE = (-4.0, 4.0)
"""Centre and half the span of the natural logarithm that is brought to about -1...1."""

MOMENTUM = 0.99
"""Of the fast Griffin-Lim algorithm."""


class LogMel:
    """Natural logarithm of the magnitude in mel bands, scaled to about -1...1.

    Frames have Hann windows of four hops; the first is centred at the first sample, and the end is silent. The filters
    are those of `transformers.audio_utils.mel_filter_bank` (HTK scale, no normalisation), from 0 to half the sampling
    rate.

    Args:
        sampling_rate: Hz.
        num_mels: bands.
        hop: samples from one frame to the next.
        num_frames: of a spectrogram.
    """

    def __init__(self, *, sampling_rate: int, num_mels: int, hop: int, num_frames: int) -> None:
        self.hop, self.size, self.num_frames = hop, 4 * hop, num_frames
        self.num_samples = num_frames * hop
        self.filters, self.inverse = _filters(sampling_rate, num_mels, self.size)
        self.window = torch.hann_window(self.size, device="cpu")

    def spectrogram(self, wave: torch.Tensor) -> torch.Tensor:
        """Return [batch, num_frames, num_mels] of audio [batch, num_samples], -1...1."""
        spectrum = self._stft(wave)[..., : self.num_frames].abs()
        bands = (self.filters.T @ spectrum).transpose(1, 2)
        return (bands.clamp_min(FLOOR).log() - SCALE[0]) / SCALE[1]

    def audio(self, spectrogram: torch.Tensor, *, num_steps: int = 32, seed: int = 0) -> torch.Tensor:
        """Return audio [batch, num_samples], -1...1, of spectrograms [batch, num_frames, num_mels].

        Magnitudes are the pseudo-inverse of the filters, cut at 0; phases are found by the fast Griffin-Lim algorithm
        (D. W. Griffin and J. S. Lim, IEEE Trans. ASSP 32(2), 1984; N. Perraudin, P. Balazs and P. L. Søndergaard,
        "A Fast Griffin-Lim Algorithm", WASPAA 2013), from random ones.

        Args:
            spectrogram: as :meth:`spectrogram` returns them.
            num_steps: of the algorithm.
            seed: of the first phases.
        """
        bands = (spectrogram.float() * SCALE[1] + SCALE[0]).exp()
        bands = torch.where(bands > FLOOR * 1.01, bands, torch.zeros_like(bands))
        magnitude = (bands @ self.inverse).clamp_min(0).transpose(1, 2)
        # A frame centred behind the last sample, silent, so that the inverse transform has the whole length.
        magnitude = torch.nn.functional.pad(magnitude, (0, 1))
        generator = torch.Generator().manual_seed(seed)
        phase = 2 * np.pi * torch.rand(magnitude.shape[1:], generator=generator)
        estimate = torch.polar(magnitude, phase.expand_as(magnitude))
        before = torch.zeros_like(estimate)
        for _ in range(num_steps):
            found = self._stft(self._istft(estimate))
            moved = found + MOMENTUM * (found - before)
            before, estimate = found, magnitude * moved / moved.abs().clamp_min(1e-12)
        return self._istft(estimate).clamp(-1, 1)

    def _stft(self, wave: torch.Tensor) -> torch.Tensor:
        return torch.stft(
            wave, self.size, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )

    def _istft(self, spectrum: torch.Tensor) -> torch.Tensor:
        return torch.istft(spectrum, self.size, self.hop, window=self.window, center=True, length=self.num_samples)


@lru_cache(maxsize=8)
def _filters(sampling_rate: int, num_mels: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the filters [bins, num_mels] and their pseudo-inverse [num_mels, bins]."""
    from transformers.audio_utils import mel_filter_bank

    found = mel_filter_bank(
        num_frequency_bins=size // 2 + 1, num_mel_filters=num_mels, min_frequency=0.0,
        max_frequency=sampling_rate / 2, sampling_rate=sampling_rate, mel_scale="htk",
    )  # fmt: skip
    filters = torch.from_numpy(np.asarray(found, np.float32))
    return filters, torch.linalg.pinv(filters)
