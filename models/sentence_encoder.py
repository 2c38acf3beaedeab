"""Sentence vectors from MiniLM."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..linklevel.validation import check_range
from .pretrained import Weights, find_weights, quiet

MAX_TOKENS = 256


class SentenceEncoder:
    """Turns sentences into vectors of length 1 whose inner product is their similarity.

    Mean of the last hidden states over the tokens (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019);
    longer texts are cut at 256 tokens.

    Args:
        path: weights, as :func:`~tokencom.models.pretrained.find_weights` takes it.
        online: whether the hub may be asked.
        device: where the model is.

    Attributes:
        weights: where the weights came from.
    """

    def __init__(self, *, path: str | Path | None = None, online: bool = False, device: str = "cpu") -> None:
        self.weights: Weights = find_weights("minilm-l6-v2", path=path, online=online)
        from transformers import AutoModel, AutoTokenizer

        folder = self.weights.folder
        with quiet():
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
        self.model, self.device = model.to(device).eval(), device

    @torch.no_grad()
    def __call__(self, sentences: Sequence[str], *, batch_size: int = 64) -> np.ndarray:
        """Return the vectors, [num_sentences, 384], numpy.float32.

        Args:
            sentences: texts; an empty one is encoded as its two end tokens.
            batch_size: how many at once.
        """
        check_range("batch_size", batch_size, 1, integer=True)
        order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))  # less padding
        vectors = np.zeros((len(sentences), self.model.config.hidden_size), np.float32)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            tokens = self.tokenizer(
                [sentences[i] for i in rows], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
            ).to(self.device)
            hidden = self.model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
            vectors[rows] = torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()
        return vectors
