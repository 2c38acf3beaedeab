"""Tokens of audio."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from .config import TokenizerConfig
from .continuous import TransformerTokenizer
from .mel import LogMel


class AudioTokenizer(TransformerTokenizer):
    """Audio of one sampling rate; inputs are log-mel spectrograms [batch, num_frames, num_mels], torch.float32.

    Shorter audio is filled up with silence; a receiver is not told how long it was. Longer audio is refused by
    :meth:`collate` and cut by :meth:`chunks`. The vocoder is Griffin-Lim on the spectrogram
    (:meth:`~tokencom.models.unitocom.tokenizers.mel.LogMel.audio`), not learned.

    Args:
        config: what shapes it.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__(config)
        self._mel = LogMel(
            sampling_rate=config.sampling_rate, num_mels=config.num_mels, hop=config.hop, num_frames=config.num_frames
        )

    def _ends(self) -> tuple[nn.Module, nn.Module]:
        config = self.config
        reals, count = config.num_mels * config.patch_size, config.positions[1]
        stem = nn.Sequential(nn.Unflatten(1, (count, -1)), nn.Flatten(2), nn.Linear(reals, config.hidden))
        head = nn.Sequential(
            nn.Linear(config.hidden, reals), nn.Unflatten(2, (config.patch_size, config.num_mels)), nn.Flatten(1, 2)
        )
        return stem, head

    @property
    def max_samples(self) -> int:
        """Longest audio, samples."""
        return self._mel.num_samples

    def chunks(self, content: Any) -> list[np.ndarray]:
        """Cut audio [num_samples] into parts that :meth:`collate` takes, one behind the other, the last shorter."""
        wave = _wave(content)
        return [wave[start : start + self.max_samples] for start in range(0, len(wave), self.max_samples)]

    def collate(self, contents: Sequence[Any]) -> torch.Tensor:
        """Return the inputs of audio [num_samples] each, real, -1...1, at the tokenizer's sampling rate.

        Raises:
            ValueError: for another form, no samples, values that are not finite, or longer audio.
        """
        waves = torch.zeros(len(contents), self.max_samples)
        for row, content in zip(waves, contents, strict=True):
            wave = _wave(content)
            if len(wave) > self.max_samples:
                raise ValueError(
                    f"audio: {len(wave)} samples given ({len(wave) / self.config.sampling_rate:.2f} s); at most"
                    f" {self.max_samples} ({self.config.duration_s:g} s) fit; cut it with chunks(), or raise duration_s"
                )
            row[: len(wave)] = torch.from_numpy(wave)
        return self._mel.spectrogram(waves)

    @torch.no_grad()
    def contents(self, reconstruction: torch.Tensor) -> list[np.ndarray]:
        """Return audio [num_samples], numpy.float32, -1...1, of the longest duration each."""
        return list(self._mel.audio(reconstruction.cpu(), seed=self.config.seed).numpy())


def _wave(content: Any) -> np.ndarray:
    wave = np.asarray(content)
    if wave.ndim != 1 or not len(wave) or wave.dtype.kind != "f" or not np.isfinite(wave).all():
        raise ValueError(
            f"audio: {wave.dtype} {list(wave.shape)} given; finite real numbers [num_samples], -1...1, are needed"
        )
    return wave.astype(np.float32)
