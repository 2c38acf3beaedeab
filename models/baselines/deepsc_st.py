"""DeepSC-ST: speech recognition from features that cross the link."""

import re
from collections.abc import Hashable, Mapping, Sequence
from math import gcd
from typing import Any

import numpy as np
import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_range
from ..systems.source_link import hash_of
from ..systems.trainable import TrainableSystem
from .presets import plain, sizes_of

PRESETS: dict[str, dict[str, Any]] = {
    "base": {"dim": 256, "depth": 3, "decoder_depth": 2, "channels": 32, "num_mels": 80, "rate": 16_000},
    "tiny": {"dim": 128, "depth": 1, "decoder_depth": 1, "channels": 16, "num_mels": 40, "rate": 8_000},
}
"""Sizes; ``rate`` is that of the audio that features are computed of, Hz."""

LETTERS = " 'abcdefghijklmnopqrstuvwxyz"
BLANK = 0
HOP_MS, WINDOW_MS = 10, 25
STRIDE = 4
"""Frames that a token stands for: 40 ms."""

FLOOR = 1e-6

Batch = Mapping[str, torch.Tensor]


class DeepSCST(TrainableSystem):
    """Convolutions and a bidirectional GRU at the transmitter, another and CTC over letters at the receiver.

    ```
    audio ─► log-mel ─► 2 convolutions of stride 2 ─► bidirectional GRU ─► tokens, one for 40 ms ─► link
    link ─► tokens ─► bidirectional GRU ─► letters or blank ─► best path: repetitions and blanks dropped ─► transcript
    ```

    Z. Weng, Z. Qin, X. Tao, C. Pan, G. Liu and G. Y. Li, "Deep Learning Enabled Semantic Communications With Speech
    Recognition and Synthesis", IEEE Trans. Wireless Commun. 22(9), 2023 (arXiv 2205.04603), without the synthesis of
    speech from the transcript. Its channel codec is the link's (:class:`~tokencom.linklevel.jscc.DenseCodec`). The
    sizes are not the publication's. CTC: A. Graves et al., ICML 2006. Log-mel features have zero mean and unit
    deviation over an utterance; the receiver does not need either.

    Args:
        preset: "base" or "tiny"; gives what follows where it is `None`.
        dim: width of a token, even.
        depth: layers of the transmitter's GRU.
        decoder_depth: layers of the receiver's GRU.
        channels: of the convolutions.
        num_mels: mel bands, a multiple of 4.
        rate: sampling rate of the audio that features are computed of, Hz.
        sampling_rate: of the audio given, Hz; resampled to ``rate`` with a polyphase filter.
        seed: of the initial parameters.

    Raises:
        ValueError: for sizes that do not fit.
    """

    modality = "audio"

    def __init__(
        self, *, preset: str = "base", dim: int | None = None, depth: int | None = None,
        decoder_depth: int | None = None, channels: int | None = None, num_mels: int | None = None,
        rate: int | None = None, sampling_rate: int = 16_000, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        given = {
            "dim": dim, "depth": depth, "decoder_depth": decoder_depth, "channels": channels, "num_mels": num_mels,
            "rate": rate,
        }  # fmt: skip
        self.sizes = s = sizes_of(PRESETS, preset, given)
        for name, factor in (("dim", 2), ("num_mels", STRIDE)):
            if s[name] % factor:
                raise ValueError(f"{name}: {s[name]} given; it must be a multiple of {factor}, such as {factor * 8}")
        self.dim = s["dim"]
        self.sampling_rate = check_range("sampling_rate", sampling_rate, 4000, 192_000, integer=True)
        self.hop, self.window = s["rate"] * HOP_MS // 1000, s["rate"] * WINDOW_MS // 1000
        with seeded(seed):
            self.first = nn.Conv2d(1, s["channels"], 3, stride=2, padding=1)
            self.second = nn.Conv2d(s["channels"], s["channels"], 3, stride=2, padding=1)
            self.into = nn.Linear(s["channels"] * s["num_mels"] // STRIDE, s["dim"])
            self.encoder = nn.GRU(s["dim"], s["dim"] // 2, s["depth"], batch_first=True, bidirectional=True)
            self.norm = nn.LayerNorm(s["dim"])
            self.decoder = nn.GRU(s["dim"], s["dim"] // 2, s["decoder_depth"], batch_first=True, bidirectional=True)
            self.head = nn.Linear(s["dim"], 1 + len(LETTERS))

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to; see :class:`TrainableSystem`."""
        return {"type": "deepsc_st", **plain(self.sizes)}

    def features(self, audio: np.ndarray) -> torch.Tensor:
        """Return log-mel features [num_frames, num_mels], torch.float32, of audio [num_samples], numpy.float32."""
        from scipy.signal import resample_poly
        from transformers.audio_utils import mel_filter_bank

        rate = self.sizes["rate"]
        if self.sampling_rate != rate and len(audio):
            common = gcd(self.sampling_rate, rate)
            audio = resample_poly(audio, rate // common, self.sampling_rate // common)
        wave = torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))
        wave = nn.functional.pad(wave, (0, max(0, self.window - len(wave))))
        size = 1 << (self.window - 1).bit_length()
        spectrum = torch.stft(
            wave, size, self.hop, self.window, torch.hann_window(self.window), pad_mode="constant", return_complex=True
        )
        bank = mel_filter_bank(size // 2 + 1, self.sizes["num_mels"], 0.0, rate / 2, rate, mel_scale="htk")
        energy = spectrum.abs().square().T @ torch.from_numpy(bank).float()
        level = (energy + FLOOR).log()
        return (level - level.mean()) / (level.std() + FLOOR)

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return ``frames`` [batch, num_frames, num_mels], ``num_frames``, ``letters`` and ``num_letters``."""
        frames = [self.features(sample.inputs["audio"]) for sample in samples]
        rows = [_spelled(sample.references[0] if sample.references else "") for sample in samples]
        return {
            "frames": nn.utils.rnn.pad_sequence(frames, batch_first=True),
            "num_frames": torch.tensor([len(one) for one in frames]),
            "letters": nn.utils.rnn.pad_sequence(rows, batch_first=True),
            "num_letters": torch.tensor([len(row) for row in rows]),
        }

    def tokens(self, batch: Batch) -> Tokens:
        """Return what the transmitter sends; see :meth:`TrainableSystem.tokens`."""
        x, count = batch["frames"][:, None], batch["num_frames"]
        for layer in (self.first, self.second):
            x = nn.functional.relu(layer(x * _there(count, x.shape[2])[:, None, :, None]))
            count = (count + 1) // 2
        mask = _there(count, x.shape[2])
        x = self.into(x.transpose(1, 2).flatten(2))
        return Tokens(self.norm(_recurrent(self.encoder, x, count)) * mask[..., None], mask)

    def scores(self, tokens: Tokens) -> torch.Tensor:
        """Return the logarithms of the probabilities of blank and letters, [batch, num_tokens, 29], torch.float32."""
        values = torch.where(tokens.mask[..., None], tokens.values, tokens.values.new_zeros(()))
        states = _recurrent(self.decoder, values.to(self.head.weight.dtype), tokens.num_tokens)
        return self.head(states).float().log_softmax(-1)

    def loss(self, tokens: Tokens, batch: Batch) -> torch.Tensor:
        """Return the CTC loss over the letters, their mean; see :meth:`TrainableSystem.loss`.

        An utterance with more letters than tokens has no path and no part in it.
        """
        if not tokens.values.shape[1]:
            return tokens.values.sum()
        return nn.functional.ctc_loss(
            self.scores(tokens).transpose(0, 1), batch["letters"], tokens.num_tokens, batch["num_letters"],
            blank=BLANK, zero_infinity=True,
        )  # fmt: skip

    @torch.no_grad()
    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return tokens; see :meth:`TokenSystem.encode`."""
        device = self.head.weight.device
        return self.tokens({name: tensor.to(device) for name, tensor in self.collate(samples).items()})

    @torch.no_grad()
    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return transcripts: the best path; see :meth:`TokenSystem.answer`."""
        if not tokens.values.shape[1]:
            return [""] * len(tokens)
        paths, counts = self.scores(tokens).argmax(-1).tolist(), tokens.num_tokens.tolist()
        return [best_path(path[:count]) for path, count in zip(paths, counts, strict=True)]

    def key(self, sample: Any) -> Hashable:
        """Return a hash of the audio."""
        return hash_of(sample.inputs["audio"])


def best_path(numbers: Sequence[int]) -> str:
    """Return the text of a path: repetitions are one letter, blanks are dropped.

    Example:
        >>> best_path([0, 11, 11, 0, 11, 1])
        'ii'
    """
    kept = [now for before, now in zip([BLANK, *numbers], numbers, strict=False) if now not in (before, BLANK)]
    return " ".join("".join(LETTERS[number - 1] for number in kept).split())


def _spelled(text: str) -> torch.Tensor:
    """Return the numbers of the letters of a text, from 1; what is no letter separates words."""
    words = re.sub(r"[^a-z']+", " ", text.lower()).strip()
    return torch.tensor([1 + LETTERS.index(letter) for letter in words], dtype=torch.int64)


def _there(count: torch.Tensor, size: int) -> torch.Tensor:
    """Return which places there are, [batch, size], torch.bool."""
    return torch.arange(size, device=count.device) < count[:, None]


def _recurrent(layers: nn.GRU, x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Return the states of both directions, [batch, num_steps, dim], of the first ``count`` steps of each row."""
    packed = nn.utils.rnn.pack_padded_sequence(x, count.clamp_min(1).cpu(), batch_first=True, enforce_sorted=False)
    states, _ = nn.utils.rnn.pad_packed_sequence(layers(packed)[0], batch_first=True, total_length=x.shape[1])
    return states
