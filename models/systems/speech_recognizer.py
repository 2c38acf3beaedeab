"""Transcripts of speech, from encoder tokens of Whisper."""

import hashlib
import math
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_choice, check_range
from ..whisper import SAMPLING_RATE, Transcriber
from .link import encoded
from .memory import SHARED
from .trainable import TrainableSystem
from .transcripts import TRANSCRIPTS

MODELS = ("whisper-tiny.en",)

HOP = 320
"""Samples at 16 kHz that a token of the encoder stands for: 20 ms."""

MAX_SECONDS = 30
MAX_TOKENS = MAX_SECONDS * SAMPLING_RATE // HOP

SILENCE = -0.6
"""Log-mel level of silence at the receiver: Whisper clips 8 decades below a peak, here one of 10^1.6."""

NEAR_SILENCE = 50
"""Tokens of it that are enough in training, where the transcript is given."""

TEXT_TOKENS_PER_SECOND = 10
"""Longest transcript: fast speech in digits and commas has about 6 tokens a second."""

IGNORED = -100


class SpeechRecognizer(TrainableSystem):
    """Whisper's encoder at the transmitter, its decoder at the receiver.

    ```
    audio ─► 16 kHz ─► log-mel ─► encoder ─► tokens of the spoken part ─► mean of neighbours ─► link
    link ─► tokens ─► each repeated, silence behind ─► decoder, greedily ─► transcript
    ```

    Whisper (A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", ICML 2023)
    hears 30 s always, 1500 tokens. Here the encoder sees the audio and ``context`` seconds of the silence
    behind it, with the positions that they have in the whole; only the tokens of the audio itself, one
    for 20 ms, are kept and sent. The receiver fills up with the tokens that the encoder makes of silence
    at the positions behind, which it has itself: without silence behind the speech the decoder does not
    know that it has ended, and repeats itself. Audio at another rate is resampled to 16 kHz with a polyphase filter
    (`scipy.signal.resample_poly`, Kaiser window).

    A transcript has at most 10 tokens a second and 5 more, by the number of tokens that arrived. A
    receiver that got none writes nothing.

    Whisper is not trained and is no part of the module's state, which is empty.

    Args:
        model: "whisper-tiny.en", 384 wide.
        path: its weights, as :func:`~tokencom.models.pretrained.find_weights` takes it.
        online: whether the hub may be asked.
        device: where the model is.
        sampling_rate: of the audio given, Hz.
        pooling: how many neighbouring tokens are averaged to one that is sent.
        context: silence after the audio that the encoder hears, seconds; `None` for all of the 30 s.
        drop_unsure: write nothing where Whisper is not sure of what it heard, or repeats itself; see
            :meth:`~tokencom.models.whisper.Transcriber.write`.

    Raises:
        ValueError: for numbers out of range, or another model.
        WeightsNotFoundError: if Whisper's weights are nowhere.
    """

    modality = "audio"

    def __init__(
        self,
        *,
        model: str = "whisper-tiny.en",
        path: str | Path | None = None,
        online: bool = False,
        device: str = "cpu",
        sampling_rate: int = SAMPLING_RATE,
        pooling: int = 1,
        context: float | None = 3.0,
        drop_unsure: bool = True,
    ) -> None:
        super().__init__()
        self.model_name = check_choice("model", model, MODELS)
        self.sampling_rate = check_range("sampling_rate", sampling_rate, 4000, 192_000, integer=True)
        self.pooling = check_range("pooling", pooling, 1, 64, integer=True)
        self.context = None if context is None else check_range("context", context, 0, MAX_SECONDS)
        self.drop_unsure = drop_unsure
        loaded = _loaded(None if path is None else str(path), online, device)
        self._whisper = (loaded,)  # in a tuple, so that it is no child
        self.dim = int(loaded.model.config.d_model)

    @property
    def whisper(self) -> Transcriber:
        """Whisper itself."""
        return self._whisper[0]

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights belong to, as JSON types; tokens hardly depend on the context."""
        return {
            "type": "speech_recognizer",
            "model": self.model_name,
            "pooling": self.pooling,
        }

    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return tokens; see :meth:`TokenSystem.encode`.

        Raises:
            ValueError: for audio longer than 30 s, or of another shape than [num_samples].
        """
        with torch.no_grad():
            return self._tokens([self._features(sample) for sample in samples])

    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return transcripts; see :meth:`TokenSystem.answer`."""
        with torch.no_grad():
            return [self._written(values[mask]) for values, mask in zip(tokens.values, tokens.mask, strict=True)]

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return a training batch.

        Args:
            samples: with ``audio``; their first reference is the transcript.

        Returns:
            ``values`` [batch, num_tokens, dim], torch.float32, and ``mask`` [batch, num_tokens], torch.bool: tokens
            that cross, kept from one epoch to the next; ``text`` [batch, length], torch.int64: prompt,
            transcript and end, filled up with -100.
        """
        found = encoded(self, samples, SHARED, self)
        rows = [torch.tensor(self._spelled(sample.references[0])) for sample in samples]
        text = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORED)
        return {"values": found.values, "mask": found.mask, "text": text}

    def tokens(self, batch: Mapping[str, torch.Tensor]) -> Tokens:
        """Return what the transmitter sends of a batch of :meth:`collate`; Whisper is frozen."""
        return Tokens(batch["values"], batch["mask"])

    def loss(self, tokens: Tokens, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the cross entropy of the transcripts, a mean over their tokens, from tokens received.

        To save time, the decoder hears a second of silence behind them instead of all.
        """
        total, count = torch.zeros((), device=tokens.values.device), 0
        for values, mask, row in zip(tokens.values, tokens.mask, batch["text"], strict=True):
            if not bool(mask.any()):
                continue
            text = row[row != IGNORED][None]
            logits = self.whisper.logits(self._heard(values[mask], NEAR_SILENCE), text[:, :-1])
            start = len(self.whisper.prompt) - 1
            total = total + functional.cross_entropy(logits[0, start:].float(), text[0, start + 1 :], reduction="sum")
            count += text.shape[1] - start - 1
        return total / max(count, 1)

    def key(self, sample: Any) -> Hashable:
        """Return a digest of the audio."""
        audio = np.ascontiguousarray(sample.inputs["audio"])
        return self.sampling_rate, hashlib.blake2b(audio.tobytes(), digest_size=16).digest()

    def encoder_id(self) -> Hashable:
        """Return what tokens follow from."""
        return self.whisper.weights.sha256, self.pooling, self.context

    def _features(self, sample: Any) -> tuple[torch.Tensor, int]:
        """Return the log-mel frames that the encoder sees, [num_mels, num_frames], and the number of tokens to keep."""
        audio = np.asarray(sample.inputs["audio"], np.float32)
        if audio.ndim != 1:
            raise ValueError(f"audio: shape {audio.shape} given, [num_samples] is needed: one channel")
        if self.sampling_rate != SAMPLING_RATE and len(audio):
            from scipy.signal import resample_poly

            common = math.gcd(self.sampling_rate, SAMPLING_RATE)
            audio = resample_poly(audio, SAMPLING_RATE // common, self.sampling_rate // common)
        count = -(-len(audio) // HOP)
        if count > MAX_TOKENS:
            raise ValueError(
                f"audio: {len(audio) / SAMPLING_RATE:.1f} s given; Whisper hears {MAX_SECONDS} s at a time"
            )
        behind = MAX_TOKENS if self.context is None else round(self.context * SAMPLING_RATE / HOP)
        seen = min(MAX_TOKENS, count + behind)
        if not count:
            return torch.zeros(self.whisper.model.config.num_mel_bins, 0), 0
        features = self.whisper.features([audio], sampling_rate=SAMPLING_RATE, return_tensors="pt").input_features[0]
        return features[:, : 2 * seen], count

    def _tokens(self, items: Sequence[tuple[torch.Tensor, int]]) -> Tokens:
        """Encode every item by itself, so that none depends on another."""
        rows = []
        for features, count in items:
            if not count:
                rows.append(torch.zeros(0, self.dim, device=self.whisper.device))
                continue
            heard = self.whisper.encode(features[None].to(self.whisper.device))[0, :count]
            rows.append(pooled(heard.float(), self.pooling))
        if not rows:
            return Tokens(torch.zeros(0, 0, self.dim))
        values = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        counts = torch.tensor([len(row) for row in rows], device=values.device)
        return Tokens(values, torch.arange(values.shape[1], device=values.device) < counts[:, None])

    def _heard(self, values: torch.Tensor, silence: int = MAX_TOKENS) -> torch.Tensor:
        """Return what the decoder attends to: tokens received, and silence behind them.

        Args:
            values: [num_tokens, dim].
            silence: most tokens of it; [1, 1500, dim] come back if it fills the 30 s.
        """
        speech = values.to(self.whisper.device).float().repeat_interleave(self.pooling, 0)[None, :MAX_TOKENS]
        end = speech.shape[1] + silence
        return torch.cat([speech, _silence(self.whisper)[:, speech.shape[1] : end]], dim=1)

    def _written(self, values: torch.Tensor) -> str:
        """Return the transcript of tokens received; the same tokens are decoded once in a process."""
        if not len(values):
            return ""
        seconds = len(values) * self.pooling * HOP / SAMPLING_RATE
        most = math.ceil(TEXT_TOKENS_PER_SECOND * seconds) + 5
        received = hashlib.blake2b(values.detach().cpu().float().numpy().tobytes(), digest_size=16).digest()
        return TRANSCRIPTS.get(
            (self.whisper.weights.sha256, self.pooling, self.drop_unsure, received),
            lambda: self.whisper.write(self._heard(values), max_tokens=most, drop_unsure=self.drop_unsure)[0],
        )

    def _spelled(self, text: str) -> list[int]:
        tokenizer = self.whisper.tokenizer
        return [*self.whisper.prompt, *tokenizer.encode(" " + text, add_special_tokens=False), self.whisper.end]


def pooled(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return the means of ``count`` neighbours each, the last of those that are left.

    Args:
        values: [num_tokens, dim].
        count: how many.

    Example:
        >>> pooled(torch.tensor([[1.0], [3.0], [6.0]]), 2).tolist()
        [[2.0], [6.0]]
    """
    return values if count == 1 else torch.stack([part.mean(0) for part in values.split(count)])


@lru_cache(maxsize=2)
def _loaded(path: str | None, online: bool, device: str) -> Transcriber:
    """Return Whisper, loaded once however many schemes of a process use it."""
    whisper = Transcriber(path=path, online=online, device=device)
    whisper.model.requires_grad_(False)
    return whisper


@lru_cache(maxsize=2)
def _silence(whisper: Transcriber) -> torch.Tensor:
    """Return the encoder's tokens of 30 s of silence, [1, 1500, dim]."""
    frames = torch.full((1, whisper.model.config.num_mel_bins, 2 * MAX_TOKENS), SILENCE, device=whisper.device)
    with torch.no_grad():
        return whisper.encode(frames).float()
