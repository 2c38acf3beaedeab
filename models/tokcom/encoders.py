"""The frozen encoders of devices that hear or see: spectrogram and video transformers of transformers."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ..pretrained import quiet
from ..taichi.parts import _read
from .presets import DeviceConfig

WINDOW = 400
"""Samples of the window of the spectrogram: 25 ms at 16 kHz."""


class AudioEncoder(nn.Module):
    """Audio Spectrogram Transformer on a log-mel spectrogram (ASTModel of transformers).

    Y. Gong et al., "AST: Audio Spectrogram Transformer", Interspeech 2021. The spectrogram has windows of 400 samples
    every 160; shorter audio is filled up with silence, longer is cut, as the model's feature extractor does.

    Args:
        model: its weights and configuration.
        config: of the device.
        rate: of the audio given, Hz; resampled if it is another than the encoder's.
    """

    def __init__(self, model: Any, config: DeviceConfig, *, rate: int | None = None) -> None:
        super().__init__()
        from transformers import ASTFeatureExtractor

        self.model, self.dim = model, int(model.config.hidden_size)
        self.rate, self.own_rate = rate or config.sampling_rate, config.sampling_rate
        with warnings.catch_warnings():
            # The published extractor has filters that are narrower than a frequency bin.
            warnings.filterwarnings("ignore", message="At least one mel filter")
            self._extract: Any = ASTFeatureExtractor(
                sampling_rate=config.sampling_rate, num_mel_bins=model.config.num_mel_bins,
                max_length=model.config.max_length, mean=config.level[0], std=config.level[1],
            )  # fmt: skip

    def read(self, content: Any) -> torch.Tensor:
        """Return the spectrogram of audio [num_samples], real: [max_length, num_mel_bins], torch.float32.

        Raises:
            ValueError: for another shape, or audio shorter than a window.
        """
        wave = np.asarray(content, dtype=np.float32)
        if wave.ndim != 1:
            raise ValueError(f"audio: shape {list(wave.shape)} given; [num_samples], one channel, is needed")
        if self.rate != self.own_rate:
            from scipy.signal import resample_poly

            shared = int(np.gcd(self.rate, self.own_rate))
            wave = resample_poly(wave, self.own_rate // shared, self.rate // shared).astype(np.float32)
        if len(wave) < WINDOW:
            raise ValueError(
                f"audio: a clip of {len(wave)} samples at {self.own_rate} Hz given, shorter than the window of {WINDOW}"
            )
        found = self._extract(wave, sampling_rate=self.own_rate, return_tensors="np").input_values[0]
        return torch.from_numpy(np.asarray(found, dtype=np.float32))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return tokens [batch, N, dim] of spectrograms [batch, max_length, num_mel_bins]."""
        return self.model(input_values=inputs.to(self.model.dtype)).last_hidden_state.float()


class VideoEncoder(nn.Module):
    """Video Vision Transformer (VivitModel of transformers).

    A. Arnab et al., "ViViT: A Video Vision Transformer", ICCV 2021. Frames are taken evenly from the clip, scaled to
    the encoder's size, and their values to -1...1.

    Args:
        model: its weights and configuration.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.dim = model, int(model.config.hidden_size)
        self.num_frames, self.size = int(model.config.num_frames), int(model.config.image_size)

    def read(self, content: Any) -> torch.Tensor:
        """Return the frames of a clip [num_frames, height, width, 3], uint8: [frames, 3, size, size], torch.uint8.

        Raises:
            ValueError: for another form, or fewer frames than the encoder sees.
        """
        clip = np.asarray(content)
        if clip.ndim != 4 or clip.shape[3] != 3 or clip.dtype != np.uint8:
            raise ValueError(
                f"video: {clip.dtype} {list(clip.shape)} given; uint8 [num_frames, height, width, 3] is needed"
            )
        if len(clip) < self.num_frames:
            raise ValueError(f"video: a clip of {len(clip)} frames given, shorter than the window of {self.num_frames}")
        chosen = np.arange(self.num_frames) * (len(clip) - 1) // max(1, self.num_frames - 1)
        frames = torch.from_numpy(np.ascontiguousarray(clip[chosen])).permute(0, 3, 1, 2)
        if frames.shape[2:] != (self.size, self.size):
            from ..taichi.vision import resized

            frames = (resized(frames.float() / 255, self.size) * 255).round().to(torch.uint8)
        return frames

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return tokens [batch, N, dim] of frames [batch, num_frames, 3, size, size], torch.uint8."""
        return self.model(pixel_values=(inputs.float() / 127.5 - 1).to(self.model.dtype)).last_hidden_state.float()


def build_encoder(
    config: DeviceConfig, *, online: bool = False, weights: bool = True, rate: int | None = None, seed: int = 0
) -> Any:
    """Return the encoder of a device, a module.

    Args:
        config: of the device, audio or video.
        online: whether the hub may be asked.
        weights: whether to read ``config.source``, if it has one; else initial parameters.
        rate: of the audio given, Hz; the encoder's if `None`.
        seed: of the initial parameters.

    Raises:
        WeightsNotFoundError: if pretrained weights are nowhere.
    """
    import transformers as hf

    kinds: dict[str, tuple[Any, Any]] = {
        "audio": (hf.ASTModel, hf.ASTConfig),
        "video": (hf.VivitModel, hf.VivitConfig),
    }
    kind, settings = kinds[config.modality]
    given: dict[str, Any] = {} if config.modality == "audio" else {"add_pooling_layer": False}
    if config.source is not None and weights:
        with quiet():
            model: Any = _read(kind.from_pretrained, config.source, online, **given)
    else:
        with seeded(seed):
            model = kind(settings(**config.config), **given)
    return AudioEncoder(model, config, rate=rate) if config.modality == "audio" else VideoEncoder(model)


def read_all(encoder: Any, samples: Sequence[Any], config: DeviceConfig) -> torch.Tensor:
    """Return what an encoder reads of samples, one behind the other.

    Raises:
        ValueError: for a sample without the device's modality, naming it.
    """
    for sample in samples:
        if config.key not in sample.inputs:
            raise ValueError(
                f"inputs: sample {sample.id!r} has no {config.key!r}, which device {config.name!r} needs; it has"
                f" {', '.join(sorted(sample.inputs))}. Give it, or switch the device off"
            )
    return torch.stack([encoder.read(sample.inputs[config.key]) for sample in samples])
