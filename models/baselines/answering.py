"""What the baselines share that answer questions about pictures and tell classes of texts."""

from abc import abstractmethod
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_choice, check_range
from ..scenes import CellHead, Referents, steps_loss
from ..systems.source_link import hash_of
from ..systems.trainable import TrainableSystem
from ..words import WordTokenizer
from .layout import Layout, mask_of
from .pictures import pictures_of, referents_of

CLEVR_ANSWERS = (
    "yes", "no", *map(str, range(11)), "gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow",
    "cube", "sphere", "cylinder", "small", "large", "rubber", "metal",
)  # fmt: skip
"""The answers of CLEVR and of ``clevr_synth``."""

Batch = Mapping[str, torch.Tensor]


class AnswerSystem(TrainableSystem):
    """A transmitter that sees pictures and reads texts, a receiver that picks an answer from a list.

    ```
    image ────► features, see ─► tokens ─┐                    ┌─► answer of the list (VQA)
    text, or question sent ► read ─► tokens ┴─► link ─► fuse ──┴─► class of the list (text classification)
                question at the receiver ► read ─────────┘
    ```

    A sample with an image is a question about it, any other a text to classify; both ends know which of the two
    tasks an item belongs to. The questions of one cluster share one transmission of their image in training.
    Answers that the list lacks cannot be given, and their samples are left out of the loss.

    Args:
        dim: width of a token at the cut.
        answers: of questions; `()` for a system that answers none.
        classes: of texts; `()` for a system that classifies none.
        question: "sent" (the words cross the air too) or "at_receiver".
        vocabulary: name of a vocabulary, as :meth:`~tokencom.models.words.WordTokenizer.load` takes it.
        max_num_words: longer texts are cut.
        objective: "softmax" (cross-entropy) or "sigmoid" (binary cross-entropy of every answer).

    Raises:
        ValueError: for lists of answers with fewer than two, or with one twice.
    """

    num_image_tokens: int
    """Tokens that a picture is sent in."""

    _seen: tuple[torch.Tensor | None, torch.Tensor | None] = (None, None)

    _looked: tuple[torch.Tensor | None, list[Any]] = (None, [])

    cell_grid: tuple[int, int] | None = None
    """Cells of the picture along height and width, for the losses that need a scene; `None` for none."""

    num_sent_words: int | None = None
    """First words of a text that are sent; all if `None`."""

    def __init__(
        self, *, dim: int, answers: Sequence[str] = CLEVR_ANSWERS, classes: Sequence[str] = (),
        question: str = "at_receiver", vocabulary: str = "synth", max_num_words: int = 40, objective: str = "softmax",
    ) -> None:  # fmt: skip
        super().__init__()
        self.dim = check_range("dim", dim, 1, integer=True)
        self.answers, self.classes = _listed("answers", answers), _listed("classes", classes)
        if not self.answers and not self.classes:
            raise ValueError("answers, classes: both are empty; a system needs at least one task")
        self.modality = "image" if self.answers else "text"
        self.question = check_choice("question", question, ("sent", "at_receiver"))
        self.words, self.vocabulary = WordTokenizer.load(vocabulary), vocabulary
        self.max_num_words = check_range("max_num_words", max_num_words, 1, 2**16, integer=True)
        self.objective = check_choice("objective", objective, ("softmax", "sigmoid"))

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to; see :class:`TrainableSystem`."""
        return {
            "answers": list(self.answers), "classes": list(self.classes), "question": self.question,
            "vocabulary": self.vocabulary, "max_num_words": self.max_num_words, "objective": self.objective,
        }  # fmt: skip

    @abstractmethod
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the image encoder makes of images [batch, 3, height, width], torch.uint8: [batch, any, width]."""

    @abstractmethod
    def see(self, features: torch.Tensor) -> torch.Tensor:
        """Return the tokens that are sent of features, [batch, num_image_tokens, dim]."""

    @abstractmethod
    def read(self, ids: torch.Tensor, mask: torch.Tensor, classify: torch.Tensor) -> torch.Tensor:
        """Return the tokens of words [num_texts, num_words, dim].

        Args:
            ids: [num_texts, num_words], torch.int64.
            mask: same shape, torch.bool.
            classify: [num_texts], torch.bool; texts to classify, the others are questions.
        """

    @abstractmethod
    def fuse(
        self, pictures: torch.Tensor, seen: torch.Tensor, words: torch.Tensor, there: torch.Tensor, batch: Batch,
        looked: list[Any],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Return scores of answers [num_texts, num_answers] and of classes [num_texts, num_classes].

        Args:
            pictures: [num_items, num_image_tokens, dim], as received.
            seen: [num_items, num_image_tokens], torch.bool; what arrived of them.
            words: [num_texts, num_words, dim], as received, or read at the receiver.
            there: [num_texts, num_words], torch.bool.
            batch: ``owner`` [num_texts], the item of each text; ``classify`` [num_texts], torch.bool.
            looked: a receiver adds what :meth:`looking` takes: one that looks at the picture in steps the scores of
                each before the softmax, [num_texts, num_image_tokens].
        """

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return a training batch; see :meth:`TrainableSystem.collate`."""
        places = {cluster: place for place, cluster in enumerate(dict.fromkeys(s.cluster for s in samples))}
        owner = [places[sample.cluster] for sample in samples]
        batch = self._texts(samples, owner) | pictures_of(samples, owner, self.cell_grid) | self._labels(samples)
        return batch | referents_of(samples, self.cell_grid, self.spoken)

    def tokens(self, batch: Batch) -> Tokens:
        """Return what the transmitter sends; see :meth:`TrainableSystem.tokens`."""
        pictures = None
        if len(batch["images"]):
            features = self.features(batch["images"])
            pictures = self.see(features)
            if torch.is_grad_enabled() and "cells" in batch:
                self._seen = (batch["images"], features)
        sent = self._layout(batch)
        words = None
        if bool(sent.lengths.any()):
            words = self.read(batch["words"], mask_of(batch["lengths"], batch["words"].shape[1]), batch["classify"])
        return sent.joined(pictures, words)

    def loss(self, tokens: Tokens, batch: Batch) -> torch.Tensor:
        """Return the mean loss of the answers; see :meth:`TrainableSystem.loss`."""
        total = tokens.values.new_zeros((), dtype=torch.float32)
        looked: list[Any] = []
        both = self._scores(tokens, batch, looked)
        self._looked = (batch["words"], looked)
        for scores, chosen in zip(both, (~batch["classify"], batch["classify"]), strict=True):
            rows = chosen & (batch["label"] >= 0)
            if bool(rows.any()):
                total = total + self._objective(scores[rows].float(), batch["label"][rows])
        return total / (batch["label"] >= 0).sum().clamp_min(1)

    def auxiliary(self, batch: Batch, wanted: Collection[str]) -> dict[str, torch.Tensor]:
        """Return ``cells`` and ``referents``.

        ``cells`` is what lies in each cell of the pictures (:class:`~tokencom.models.scenes.CellHead`); ``referents``
        that the receiver looks at the objects that a question speaks of (:class:`~tokencom.models.scenes.Referents`),
        as :meth:`looking` says.

        Raises:
            ValueError: if they are wanted of samples without a scene or program.
        """
        for name, entry in (("cells", "cells"), ("referents", "referent_row")):
            if name in wanted and entry not in batch:
                raise ValueError(
                    f"losses: {name!r} needs pictures whose samples have a scene graph, and questions with a program, "
                    "as in clevr_synth"
                )
        # First what may make the tokens anew: the cells are of the same features.
        found = {"referents": self._referents_loss(batch)} if "referents" in wanted else {}
        found |= {"cells": self._cells_loss(batch)} if "cells" in wanted else {}
        self._seen = (None, None)
        return found

    def _referents_loss(self, batch: Batch) -> torch.Tensor:
        words, looked = self._looked
        if words is not batch["words"]:
            self.loss(self.tokens(batch), batch)
            looked = self._looked[1]
        self._looked = (None, [])
        if not looked:
            raise ValueError(f"losses: 'referents' is no loss of {type(self).__name__}, which takes no steps")
        return self.looking(looked, Referents.within(batch))

    def looking(self, looked: list[Any], referents: Referents) -> torch.Tensor:
        """Return ``referents`` of what :meth:`fuse` added; see :func:`~tokencom.models.scenes.steps_loss`."""
        return steps_loss(looked, referents)

    def spoken(self, sample: Any) -> Sequence[str]:
        """Return the words of a question that are looked at in ``referents``, one for each token; none by default."""
        return ()

    def _cells_loss(self, batch: Batch) -> torch.Tensor:
        # The step's tokens were made of the same features: the encoder need not run again.
        images, features = self._seen
        if images is not batch["images"] or features is None:
            features = self.features(batch["images"])
        return self.cells.loss(self.detailed(features), batch["cells"])

    def detailed(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features that the ``cells`` loss looks at, [batch, cells, width]; all unless overridden."""
        return features

    @torch.no_grad()
    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return tokens; see :meth:`TokenSystem.encode`."""
        owner = list(range(len(samples)))
        return self.tokens(self._moved(self._texts(samples, owner) | pictures_of(samples, owner, self.cell_grid)))

    @torch.no_grad()
    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return answers and names of classes; see :meth:`TokenSystem.answer`."""
        batch = self._moved(self._texts(samples, list(range(len(samples)))))
        pictured = ~batch["classify"]
        crossed = batch["classify"] | (self.question == "sent")
        arrived = tokens.num_tokens.to(pictured.device) - self.num_image_tokens * pictured
        batch["lengths"] = torch.where(crossed, arrived.clamp_min(0), batch["lengths"])
        batch["words"] = torch.where(crossed[:, None], self.words.pad, batch["words"])
        answers, classes = self._scores(tokens, {**batch, "pictured": pictured})
        names = [self.answers if image else self.classes for image in pictured.tolist()]
        scores = [a if image else c for a, c, image in zip(answers, classes, pictured.tolist(), strict=True)]
        return [own[int(score.argmax())] for own, score in zip(names, scores, strict=True)]

    def key(self, sample: Any) -> Hashable:
        """Return a hash of what is sent of a sample."""
        image, question = sample.inputs.get("image"), sample.inputs.get("question", "")
        if image is None:
            return sample.inputs["text"]
        return (hash_of(image), question if self.question == "sent" else "")

    def _objective(self, scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        if self.objective == "softmax":
            return nn.functional.cross_entropy(scores, label, reduction="sum")
        right = nn.functional.one_hot(label, scores.shape[1]).to(scores)
        return nn.functional.binary_cross_entropy_with_logits(scores, right, reduction="sum")

    def _layout(self, batch: Batch) -> Layout:
        crossed = batch["classify"] | (self.question == "sent")
        lengths = batch["lengths"] if self.num_sent_words is None else batch["lengths"].clamp_max(self.num_sent_words)
        return Layout(batch["owner"], lengths * crossed, batch["pictured"], self.num_image_tokens)

    def _scores(
        self, tokens: Tokens, batch: Batch, looked: list[Any] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores of answers and classes from what was received."""
        layout, width = self._layout(batch), max(1, int(batch["lengths"].max()))
        pictures, seen = layout.pictures(tokens)
        words, there = layout.words(tokens, width)
        own = (layout.lengths == 0) & ~batch["classify"]
        if self.question == "at_receiver" and bool(own.any()):
            ids = batch["words"][:, :width]
            mask = mask_of(batch["lengths"], width)
            read = self.read(ids[own], mask[own], batch["classify"][own])
            words = words.to(read).index_put((own.nonzero()[:, 0],), read)
            there = torch.where(own[:, None], mask, there)
        return self.fuse(pictures, seen, words, there, batch, [] if looked is None else looked)

    def _texts(self, samples: Sequence[Any], owner: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the words of each sample; a text is read where it is at the transmitter or the receiver."""
        classify = ["image" not in sample.inputs and "question" not in sample.inputs for sample in samples]
        names = ["text" if text else "question" for text in classify]
        rows = [self._ids(sample.inputs[name]) for sample, name in zip(samples, names, strict=True)]
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.full((len(rows), int(lengths.max())), self.words.pad)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
        return {
            "words": ids, "lengths": lengths, "owner": torch.tensor(owner), "classify": torch.tensor(classify),
        }  # fmt: skip

    def _ids(self, text: str) -> list[int]:
        return self.words.ids(text)[: self.max_num_words] or [self.words.unknown]

    def _labels(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        numbers = []
        for sample in samples:
            names = self.answers if "image" in sample.inputs else self.classes
            numbers.append(names.index(sample.references[0]) if sample.references[0] in names else -1)
        return {"label": torch.tensor(numbers)}

    def _cells(self, dim: int, grid: tuple[int, int]) -> None:
        """Add the head of the ``cells`` loss."""
        self.cells, self.cell_grid = CellHead(dim), grid

    def _moved(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        device = next(self.parameters()).device
        return {name: tensor.to(device) for name, tensor in batch.items()}


def _listed(name: str, values: Sequence[str]) -> tuple[str, ...]:
    found = tuple(values)
    if len(found) == 1 or len(set(found)) != len(found):
        raise ValueError(f"{name}: {found[:5]} given; at least two different texts are needed, or none")
    return found
