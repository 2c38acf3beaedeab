"""Classes of sentences by prompting a language model that is cut in two."""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_range
from .frozen_split import FrozenSplit
from .trainable import TrainableSystem


class SplitLM(TrainableSystem):
    """SmolLM2-135M-Instruct, its first layers at the transmitter, the others and the head at the receiver.

    ```
    transmitter   before (agreed) ─► layers 0..L-1 ─┐ keys, values
                  sentence ─────────► layers 0..L-1 ┴─► hidden states ─► link ─┐
    receiver      before (agreed) ─► layers 0..L-1 ─► layers L.. ─┐ keys, values
                                                        sentence ─┼─► layers L.. ─► norm ─► head ─► class
                  before, after (agreed) ─► layers 0..L-1 ────────┘
    ```

    The prompt is ``before``, the sentence, ``after``; the class is the one whose word has the largest logit
    at the next position. Both sides know ``before`` and ``after``. In a causal model the hidden states of
    ``before`` do not depend on the sentence, so the receiver has them by itself, and only the tokens of the
    sentence cross and are charged. In its own copy of the lower layers the receiver runs ``after`` behind
    ``before``, without the sentence, at the positions that it has behind it; in the upper layers it attends to
    what was received. The model is not trained and is no part of the module's state, which is empty.

    Args:
        classes: names of the classes, the answers.
        words: what stands for each in the prompt; the names if `None`.
        before: agreed text before the sentence, such as solved examples; not empty.
        after: agreed text behind it; not empty.
        num_layers: layers L at the transmitter, of 30.
        path: weights, as :func:`~tokencom.models.pretrained.find_weights` takes it.
        online: whether the hub may be asked.
        device: where the model is.
        max_num_tokens: longer sentences are cut.

    Raises:
        ValueError: for texts that are empty, words that begin with the same token, or numbers out of range.
        WeightsNotFoundError: if the weights are nowhere.
    """

    modality = "text"

    def __init__(
        self,
        *,
        classes: Sequence[str] = ("negative", "positive"),
        words: Sequence[str] | None = None,
        before: str,
        after: str,
        num_layers: int = 15,
        path: str | Path | None = None,
        online: bool = False,
        device: str = "cpu",
        max_num_tokens: int = 63,
    ) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.words = self.classes if words is None else tuple(words)
        _check_names(self.classes, self.words)
        self.before, self.after = before, after
        self.max_num_tokens = check_range("max_num_tokens", max_num_tokens, 1, 4096, integer=True)
        model = _loaded(None if path is None else str(path), online, device, num_layers)
        self._model = (model,)  # in a tuple, so that it is no child
        self.num_layers, self.dim = num_layers, model.dim
        self._prompt = model.prompt(before, after, self.words)

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights belong to; see :meth:`TrainableSystem.configuration`."""
        return {
            "type": "split_lm",
            "classes": list(self.classes),
            "words": list(self.words),
            "before": self.before,
            "after": self.after,
            "num_layers": self.num_layers,
            "max_num_tokens": self.max_num_tokens,
        }

    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return the hidden states of sentences; see :meth:`TokenSystem.encode`."""
        model = self._model[0]
        rows = [model.ids(" " + sample.inputs["text"].strip())[: self.max_num_tokens] for sample in samples]
        width = max((len(row) for row in rows), default=0)
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], dtype=torch.int64)
        mask = torch.arange(width) < torch.tensor([len(row) for row in rows])[:, None]
        with torch.no_grad():
            values = self._prompt.sent(ids.to(model.device), mask.to(model.device))
        return Tokens(values * mask.to(values.device)[..., None], mask.to(values.device))

    def key(self, sample: Any) -> Hashable:
        """Return the text itself."""
        return sample.inputs["text"]

    def encoder_id(self) -> Hashable:
        """Return what hidden states follow from."""
        return ("split_lm", self._model[0].sha256, self.before, self.num_layers, self.max_num_tokens)

    def logits(self, tokens: Tokens) -> torch.Tensor:
        """Return the logits of the classes' words, [batch, num_classes], torch.float32, with gradient.

        Args:
            tokens: received, padded on the right.
        """
        model = self._model[0]
        values = torch.where(tokens.mask[..., None], tokens.values, torch.zeros_like(tokens.values))
        return self._prompt.logits(values.to(model.device, torch.float32), tokens.mask.to(model.device))

    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return the names of classes; see :meth:`TokenSystem.answer`.

        Each item is answered alone, so that no other item changes it, and only once if the same arrives again.
        """
        return [self.classes[self._class(row[mask])] for row, mask in zip(tokens.values, tokens.mask, strict=True)]

    def _class(self, received: torch.Tensor) -> int:
        """Return the number of the class of one item, [num_tokens, dim]."""
        received = received.detach().float().cpu()

        def find() -> int:
            with torch.no_grad():
                return int(self.logits(Tokens(received[None]))[0].argmax())

        return self._prompt.remember(received.numpy().tobytes(), find)

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return hidden states and the answers that they get without a link; see :class:`TrainableSystem`.

        The model is frozen, so both are computed once for each sample.
        """
        parts = [self._kept(sample) for sample in samples]
        counts = torch.tensor([len(values) for values, _ in parts])
        values = torch.nn.utils.rnn.pad_sequence([values for values, _ in parts], batch_first=True)
        mask = torch.arange(values.shape[1]) < counts[:, None]
        return {"values": values, "mask": mask, "logits": torch.stack([logits for _, logits in parts])}

    def _kept(self, sample: Any) -> tuple[torch.Tensor, torch.Tensor]:
        def encode() -> tuple[torch.Tensor, torch.Tensor]:
            tokens = self.encode([sample])
            with torch.no_grad():
                return tokens.values[0].cpu(), self.logits(tokens)[0].cpu()

        return self._prompt.remember((self.max_num_tokens, self.key(sample)), encode)

    def tokens(self, batch: Mapping[str, torch.Tensor]) -> Tokens:
        """Return the hidden states of a batch; see :meth:`TrainableSystem.tokens`."""
        return Tokens(batch["values"], batch["mask"])

    def loss(self, tokens: Tokens, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the divergence KL(p || q) of the classes' probabilities p without a link from those received, q."""
        clean = functional.log_softmax(batch["logits"].to(tokens.values.device), dim=1)
        found = functional.log_softmax(self.logits(tokens), dim=1)
        return functional.kl_div(found, clean.to(found), log_target=True, reduction="batchmean")


@lru_cache(maxsize=1)
def _loaded(path: str | None, online: bool, device: str, num_layers: int) -> FrozenSplit:
    """Return a model, loaded and cut once however many schemes of a process use it."""
    from ..smollm2 import load_smollm2

    model, tokenizer, weights = load_smollm2(path=path, online=online, device=device)
    return FrozenSplit(model, tokenizer, num_layers, sha256=weights.sha256)


def _check_names(classes: tuple[str, ...], words: tuple[str, ...]) -> None:
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise ValueError(f"classes: {classes} given; at least two different names are needed")
    if len(words) != len(classes):
        raise ValueError(f"words: {len(words)} given for {len(classes)} classes; one for each is needed")
