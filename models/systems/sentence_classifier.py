"""Classes of sentences, from tokens of MiniLM."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ...linklevel.jscc.base import seeded
from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_choice, check_range
from ..sentence_encoder import MAX_TOKENS, SentenceEncoder
from .link import encoded
from .memory import SHARED
from .trainable import TrainableSystem

ENCODERS = ("minilm-l6-v2",)


class SentenceClassifier(TrainableSystem):
    """A pretrained sentence encoder at the transmitter, a small classifier at the receiver.

    ```
    text ─► MiniLM, last layer ─► tokens (principal components) ─► link
    link ─► tokens ─► mean over those there are ─► layer norm ─► [linear, ReLU,] linear ─► class
    ```

    All tokens of a sentence cross, its two end tokens among them. With ``dim`` tokens are described by
    their first principal components (:meth:`fit`), for links that cannot compress. A receiver that got
    no token gives the same answer always.

    The encoder is not trained and is no part of the module's state. In training, sentences are encoded alone, and
    their tokens kept like those of a run, so that an epoch encodes each once.

    Args:
        classes: their names, the answers.
        encoder: "minilm-l6-v2", 384 wide.
        path: its weights, as :func:`~tokencom.models.pretrained.find_weights` takes it.
        online: whether the hub may be asked.
        device: where the encoder is.
        dim: number of principal components, or `None` for whole tokens.
        hidden: width of the classifier's hidden layer; 0 for none.
        max_num_tokens: longer sentences are cut.
        seed: of the initial parameters.

    Raises:
        ValueError: for fewer than two classes, or numbers out of range.
        WeightsNotFoundError: if the encoder's weights are nowhere.
    """

    modality = "text"
    mean: torch.Tensor
    basis: torch.Tensor

    def __init__(
        self,
        *,
        classes: Sequence[str] = ("negative", "positive"),
        encoder: str = "minilm-l6-v2",
        path: str | Path | None = None,
        online: bool = False,
        device: str = "cpu",
        dim: int | None = None,
        hidden: int = 64,
        max_num_tokens: int = 63,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.classes = tuple(classes)
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise ValueError(f"classes: {self.classes} given; at least two different names are needed")
        self.encoder_name = check_choice("encoder", encoder, ENCODERS)
        check_range("hidden", hidden, 0, 2**16, integer=True)
        self.max_num_tokens = check_range("max_num_tokens", max_num_tokens, 3, MAX_TOKENS, integer=True)
        loaded = _loaded(None if path is None else str(path), online, device)
        self._encoder = (loaded,)  # in a tuple, so that it is no child
        self.width = int(loaded.model.config.hidden_size)
        self._reduced = None if dim is None else check_range("dim", dim, 1, self.width, integer=True)
        self.dim = self.width if self._reduced is None else self._reduced
        self.hidden = hidden
        if self._reduced is not None:
            self.register_buffer("mean", torch.zeros(self.width))
            self.register_buffer("basis", torch.eye(self.width, self.dim))
        with seeded(seed):
            self.head = _head(self.dim, hidden, len(self.classes))

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to, as JSON types."""
        return {
            "type": "sentence_classifier",
            "classes": list(self.classes),
            "encoder": self.encoder_name,
            "dim": self._reduced,
            "hidden": self.hidden,
            "max_num_tokens": self.max_num_tokens,
        }

    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return tokens; see :meth:`TokenSystem.encode`."""
        whole = self.whole(samples)
        return Tokens(self.reduced(whole.values) * whole.mask[..., None], whole.mask)

    @torch.no_grad()
    def whole(self, samples: Sequence[Any]) -> Tokens:
        """Return the encoder's tokens, [batch, num_tokens, width]."""
        encoder = self._encoder[0]
        texts = [sample.inputs["text"] for sample in samples]
        inputs = encoder.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_num_tokens, return_tensors="pt"
        ).to(encoder.device)
        hidden = encoder.model(**inputs).last_hidden_state.float()
        mask = inputs["attention_mask"].bool()
        return Tokens(hidden * mask[..., None], mask)

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return whole tokens, masks and the numbers of the classes; see :meth:`TrainableSystem.collate`.

        Raises:
            ValueError: for a reference that is no class.
        """
        whole = encoded(_Whole(self), samples, SHARED, self)
        names = [check_choice(f"reference of sample {s.id!r}", s.references[0], self.classes) for s in samples]
        labels = torch.tensor([self.classes.index(name) for name in names])
        return {"values": whole.values, "mask": whole.mask, "labels": labels}

    def tokens(self, batch: Mapping[str, torch.Tensor]) -> Tokens:
        """Return tokens, without gradient, since nothing before the cut is trained."""
        mask = batch["mask"]
        return Tokens(self.reduced(batch["values"]) * mask[..., None], mask)

    def loss(self, tokens: Tokens, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean cross entropy of the classes."""
        return functional.cross_entropy(self.logits(tokens), batch["labels"])

    def prepare(self, samples: Sequence[Any]) -> None:
        """Take principal components from sentences of the training data, where tokens are described by some."""
        if self._reduced is not None:
            whole = encoded(_Whole(self), samples, SHARED, self)
            self.fit(whole.values[whole.mask])

    def key(self, sample: Any) -> Hashable:
        """Return the text itself."""
        return sample.inputs["text"]

    @property
    def whole_id(self) -> Hashable:
        """What whole tokens follow from."""
        return (self._encoder[0].weights.sha256, self.max_num_tokens, "whole")

    def encoder_id(self) -> Hashable:
        """Return the checksum of everything that tokens follow from."""
        components = "whole"
        if self._reduced is not None:
            digest = hashlib.blake2b(digest_size=16)
            for tensor in (self.mean, self.basis):
                digest.update(tensor.detach().cpu().numpy().tobytes())
            components = digest.hexdigest()
        return (self._encoder[0].weights.sha256, self.max_num_tokens, components)

    @torch.no_grad()
    def fit(self, values: torch.Tensor) -> None:
        """Take the principal components from whole tokens [..., width] of the training data.

        Raises:
            ValueError: if the system has whole tokens.
        """
        if self._reduced is None:
            raise ValueError("dim: None, whole tokens; principal components need a number of them")
        rows = values.reshape(-1, self.width).double()
        mean = rows.mean(0)
        _, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean))
        basis = vectors.flip(1)[:, : self.dim]
        # The sign of a component is arbitrary: its largest entry is made positive.
        largest = basis.gather(0, basis.abs().argmax(0, keepdim=True))
        self.mean.copy_(mean)
        self.basis.copy_(basis * largest.sign())

    def reduced(self, values: torch.Tensor) -> torch.Tensor:
        """Return the tokens that cross, [..., dim], of whole ones [..., width]."""
        return values if self._reduced is None else (values - self.mean.to(values)) @ self.basis.to(values)

    def logits(self, tokens: Tokens) -> torch.Tensor:
        """Return the receiver's scores, [batch, num_classes], torch.float32."""
        mask = tokens.mask[..., None]
        values = torch.where(mask, tokens.values.float(), torch.zeros_like(tokens.values, dtype=torch.float32))
        mean = values.sum(1) / mask.sum(1).clamp_min(1)
        return self.head(mean.to(next(self.head.parameters())))

    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return the names of classes; see :meth:`TokenSystem.answer`."""
        with torch.no_grad():
            return [self.classes[index] for index in self.logits(tokens).argmax(1).tolist()]


class _Whole:
    """The encoder alone, for the memory of tokens.

    Args:
        system: whose.
    """

    def __init__(self, system: SentenceClassifier) -> None:
        self.dim, self.key, self.encode = system.width, system.key, system.whole
        self._id = system.whole_id

    def encoder_id(self) -> Hashable:
        """Return what whole tokens follow from."""
        return self._id


@lru_cache(maxsize=2)
def _loaded(path: str | None, online: bool, device: str) -> SentenceEncoder:
    """Return an encoder, loaded once however many schemes of a process use it."""
    return SentenceEncoder(path=path, online=online, device=device)


def _head(dim: int, hidden: int, num_classes: int) -> nn.Sequential:
    norm = nn.LayerNorm(dim, elementwise_affine=False)
    if not hidden:
        return nn.Sequential(norm, nn.Linear(dim, num_classes))
    return nn.Sequential(norm, nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))
