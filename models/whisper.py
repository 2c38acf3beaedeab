"""Speech recognition with Whisper tiny.en."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from .pretrained import Weights, find_weights, quiet
from .whisper_ctranslate2 import num_layers, whisper_state_dict

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, WhisperForConditionalGeneration

SAMPLING_RATE = 16_000
HEAD_DIM = 64
PROMPT = ("<|startoftranscript|>", "<|notimestamps|>")
"""What the decoder starts from; English-only models have no token for language or task."""

MIN_LOG_PROBABILITY = -1.0
MAX_COMPRESSION = 2.4
"""Limits by which OpenAI's ``transcribe`` tells a failed transcript: mean log probability, and text over its zip."""


class Transcriber:
    """Turns English speech into text, greedily and the same way every time.

    Args:
        path: weights, as :func:`~tokencom.models.pretrained.find_weights` takes it.
        online: whether the hub may be asked.
        device: where the model is.

    Attributes:
        weights: where the weights came from.
        model: the network, in evaluation mode.
    """

    def __init__(self, *, path: str | Path | None = None, online: bool = False, device: str = "cpu") -> None:
        self.weights: Weights = find_weights("whisper-tiny.en", path=path, online=online)
        from transformers import WhisperFeatureExtractor

        loaded: Any = _load(self.weights)
        self.model, self.tokenizer, self.suppressed, self.suppressed_first = loaded
        self.model.to(device).eval()
        self.features = WhisperFeatureExtractor(feature_size=self.model.config.num_mel_bins)
        self.device = device

    @torch.no_grad()
    def __call__(self, audio: Sequence[np.ndarray], *, max_tokens: int = 100) -> list[str]:
        """Return the transcript of each clip.

        Args:
            audio: clips, [num_samples] each, numpy.float32 in -1...1, 16 kHz, up to 30 s.
            max_tokens: at most this many tokens of text.

        Raises:
            ValueError: for a clip longer than 30 s.
        """
        for clip in audio:
            if len(clip) > 30 * SAMPLING_RATE:
                raise ValueError(f"audio: {len(clip) / SAMPLING_RATE:.1f} s given; Whisper hears 30 s at a time")
        if not len(audio):
            return []
        heard = self.features(list(audio), sampling_rate=SAMPLING_RATE, return_tensors="pt").input_features
        return self.write(self.encode(heard.to(self.device)), max_tokens=max_tokens)

    @property
    def prompt(self) -> list[int]:
        """What the decoder starts from, as ids."""
        return list(self.tokenizer.convert_tokens_to_ids(list(PROMPT)))

    @property
    def end(self) -> int:
        """What ends a transcript, as an id."""
        return int(self.tokenizer.convert_tokens_to_ids("<|endoftext|>"))

    def encode(self, features: torch.Tensor) -> torch.Tensor:
        """Return the encoder's tokens of the first part of a recording.

        The first positions are those that the whole 30 s would have; what follows is not attended to.

        Args:
            features: [batch, num_mels, num_frames], log-mel frames, 100 a second; an even number up to 3000.

        Returns:
            [batch, num_frames / 2, d_model], one token for 20 ms.
        """
        encoder: Any = self.model.model.encoder
        hidden = functional.gelu(encoder.conv1(features))
        hidden = functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
        hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
        for layer in encoder.layers:
            hidden = layer(hidden, None)
        return encoder.layer_norm(hidden)

    def logits(self, encoded: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Return the decoder's scores of what follows each token of text, [batch, length, vocabulary].

        Args:
            encoded: [batch, num_tokens, d_model], tokens of the encoder.
            ids: [batch, length], torch.int64, from the prompt on.
        """
        return self.model(decoder_input_ids=ids, encoder_outputs=(encoded,), use_cache=False).logits

    @torch.no_grad()
    def write(self, encoded: torch.Tensor, *, max_tokens: int = 100, drop_unsure: bool = False) -> list[str]:
        """Return the transcripts that the decoder writes.

        Args:
            encoded: [batch, num_tokens, d_model], tokens of the encoder.
            max_tokens: at most this many tokens of text.
            drop_unsure: write nothing where OpenAI's ``transcribe`` calls a transcript failed: the mean log
                probability of its tokens is below -1, or its text compresses to less than 1 / 2.4 (a loop).
        """
        ids, log_probability = self._greedy((encoded,), len(encoded), max_tokens)
        texts = [self.tokenizer.decode(row, skip_special_tokens=True).strip() for row in ids.tolist()]
        if not drop_unsure:
            return texts
        sure = (log_probability >= MIN_LOG_PROBABILITY).tolist()
        return [text if good and not _loops(text) else "" for text, good in zip(texts, sure, strict=True)]

    def _greedy(self, encoded: Any, batch: int, max_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids [batch, length] and the mean log probability of those written, the end among them, [batch]."""
        end = self.end
        step = torch.tensor([self.prompt] * batch, device=self.device)
        done = torch.zeros(batch, dtype=torch.bool, device=self.device)
        total, count = torch.zeros(batch, device=self.device), torch.zeros(batch, device=self.device)
        cache, written = None, []
        for position in range(max_tokens):
            out = self.model(decoder_input_ids=step, encoder_outputs=encoded, past_key_values=cache, use_cache=True)
            logits, cache = out.logits[:, -1], out.past_key_values
            logits[:, self.suppressed] = -torch.inf
            if position == 0:
                logits[:, self.suppressed_first] = -torch.inf
            chosen = torch.where(done, end, logits.argmax(dim=-1))
            total += torch.where(done, 0.0, logits.float().log_softmax(-1).gather(1, chosen[:, None])[:, 0])
            count += ~done
            done |= chosen == end
            if bool(done.all()):
                break
            written.append(chosen)
            step = chosen[:, None]
        ids = torch.stack(written, dim=1) if written else step[:, :0]
        return ids, total / count.clamp_min(1)


def _loops(text: str) -> bool:
    data = text.encode()
    return len(data) > MAX_COMPRESSION * len(zlib.compress(data))


def _load(weights: Weights) -> "tuple[WhisperForConditionalGeneration, PreTrainedTokenizerFast, list[int], list[int]]":
    """Return the network, its tokenizer, and the tokens that are never written, or not first."""
    from transformers import PreTrainedTokenizerFast, WhisperForConditionalGeneration

    folder = weights.folder
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    if weights.format == "ctranslate2":
        rules = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        never, first = rules["suppress_ids"], rules["suppress_ids_begin"]
        return _converted(weights.file), tokenizer, never, first
    with quiet():
        model = WhisperForConditionalGeneration.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    rules = model.generation_config
    return model.float(), tokenizer, list(rules.suppress_tokens or ()), list(rules.begin_suppress_tokens or ())


def _converted(file: Path) -> "WhisperForConditionalGeneration":
    """Return the network of a CTranslate2 file; every weight has its place, and none is left over."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    state = whisper_state_dict(file)
    vocabulary, width = state["model.decoder.embed_tokens.weight"].shape
    config = WhisperConfig(
        vocab_size=vocabulary,
        d_model=width,
        num_mel_bins=state["model.encoder.conv1.weight"].shape[1],
        encoder_layers=num_layers(state, "encoder"),
        decoder_layers=num_layers(state, "decoder"),
        encoder_attention_heads=width // HEAD_DIM,
        decoder_attention_heads=width // HEAD_DIM,
        encoder_ffn_dim=state["model.encoder.layers.0.fc1.weight"].shape[0],
        decoder_ffn_dim=state["model.decoder.layers.0.fc1.weight"].shape[0],
        max_source_positions=state["model.encoder.embed_positions.weight"].shape[0],
        max_target_positions=state["model.decoder.embed_positions.weight"].shape[0],
    )
    model = WhisperForConditionalGeneration(config)
    model.load_state_dict(state)
    return model
