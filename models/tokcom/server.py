"""The server: a head for each device's tokens, and the language model that answers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.signal import sent_mask
from ...linklevel.tokens import Tokens
from ..taichi.batches import NOTHING
from ..taichi.texts import Texts
from .batches import Batch
from .devices import Head
from .language import Language, Rows
from .layout import DeviceLayout
from .presets import TokComConfig

Part = tuple[torch.Tensor, torch.Tensor]
"""Values [batch, num_tokens, dim], and which tokens there are, [batch, num_tokens], torch.bool."""


class Server(nn.Module):
    """What receives (arXiv 2505.07841, eqs 8 and 12-18).

    ```
    device 1 ─► G_1 ─┐
    device 2 ─► G_2 ─┼─► [mark] tokens, text last ─► output mark ─► language model ─► answer
    text ─────► G_T ─┘
    ```

    Args:
        config: of the system.
        layout: whose tokens are whose.
        model: causal language model of transformers.
        texts: how it reads and writes; `None` for a model without tokenizer, which can only be counted.
    """

    def __init__(self, config: TokComConfig, layout: DeviceLayout, model: Any, texts: Texts | None) -> None:
        super().__init__()
        self.config, self.layout, self._texts = config, layout, texts
        self.language = Language(model, full=config.language.full)
        self.dim = self.language.dim
        heads = {d.name: Head(self.dim, config.head_hidden, seed=config.seed + n) for n, d in enumerate(config.devices)}
        self.heads = nn.ModuleDict(heads)
        with seeded(config.seed + 100):
            marks = {device.name: nn.Parameter(torch.randn(self.dim) * 0.02) for device in config.devices}
            self.marks = nn.ParameterDict(marks) if config.marks else None
            self.scores = nn.Linear(self.dim, len(config.answers)) if config.head == "discriminative" else None

    @property
    def texts(self) -> Texts:
        """How the language model reads and writes.

        Raises:
            ValueError: if it was built without its tokenizer.
        """
        if self._texts is None:
            raise ValueError("weights: False given, so there is no tokenizer; build the system with its weights")
        return self._texts

    def received(self, tokens: Tokens) -> dict[str, Tokens]:
        """Return each device's tokens, as received, by name."""
        return dict(zip(self.layout.names, self.layout.split(tokens), strict=True))

    def head(self, name: str, part: Part) -> torch.Tensor:
        """Return G_m of a device's received tokens (eq 8)."""
        return self.heads[name](*part)

    def loss(self, tokens: Tokens, batch: Batch) -> torch.Tensor:
        """Return the cross-entropy of the answers (eq 18), a scalar.

        Args:
            tokens: [items, num_tokens, dim], received.
            batch: ``words``, ``lengths`` and ``owner`` of the questions, and ``target`` or ``label``.
        """
        if self.scores is not None:
            hidden = self._behind(self._rows(tokens, batch), batch["owner"], 1)[:, 0]
            return nn.functional.cross_entropy(self.scores(hidden).float(), batch["label"])
        return self.answer_loss(self._rows(tokens, batch, batch["target"]), batch)

    def reading_loss(self, batch: Batch) -> torch.Tensor:
        """Return the same where words of a description stand for the devices' tokens, and nothing is sent."""
        words = self.language.embed(batch["words"]), sent_mask(batch["lengths"], batch["words"].shape[1])
        width = batch["caption"].shape[1]
        shared = self.language.embed(batch["caption"]), sent_mask(batch["caption_lengths"], width)
        return self.answer_loss(self._asked(shared, words, batch["owner"], batch["target"]), batch)

    def answer_loss(self, rows: Rows, batch: Batch) -> torch.Tensor:
        """Return the cross-entropy of ``batch["target"]`` behind what is read."""
        target = batch["target"]
        wanted = target != NOTHING
        hidden = self._behind(rows, batch["owner"], target.shape[1])[wanted]
        return nn.functional.cross_entropy(self.language.logits(hidden).float(), target[wanted])

    @torch.no_grad()
    def answer(self, tokens: Tokens, batch: Batch) -> list[str]:
        """Return answers, one for each item; arguments as for :meth:`loss`, without references."""
        rows = self._rows(tokens, batch)
        if self.scores is not None:
            best = self.scores(self._behind(rows, batch["owner"], 1)[:, 0]).argmax(-1)
            return [self.config.answers[number] for number in best.tolist()]
        found = self.language.generate(rows, ends=self.texts.ends, limit=self.config.max_new_tokens)
        return [self.texts.text(ids) for ids in found]

    def _behind(self, rows: Rows, owner: torch.Tensor, count: int) -> torch.Tensor:
        """Return the last ``count`` hidden states of each text, [num_texts, count, dim]."""
        return self.language(rows)[owner, _rank(owner), -count:]

    def _rows(self, tokens: Tokens, batch: Batch, target: torch.Tensor | None = None) -> Rows:
        """Return what the language model reads of received tokens and, in training, of the answers."""
        writer, owner = self.config.writer, batch["owner"]
        parts = self.received(tokens)
        sensing = [name for name in parts if writer is None or name != writer.name]
        clips = {name: (self.head(name, (p.values, p.mask)), p.mask) for name in sensing for p in [parts[name]]}
        shared = with_marks(clips, self.marks) if clips else (tokens.values[:, :0], tokens.mask[:, :0])
        width = batch["words"].shape[1]
        if writer is None:
            words = self.language.embed(batch["words"]), sent_mask(batch["lengths"], width)
        elif writer.name not in parts:
            words = tokens.values.new_zeros(len(owner), 0, self.dim), tokens.mask.new_zeros(len(owner), 0)
        else:
            found = self.layout.words(owner, batch["lengths"], len(tokens)).words(tokens, width)
            words = with_marks({writer.name: (self.head(writer.name, found), found[1])}, self.marks)
        return self._asked(shared, words, owner, target)

    def _asked(self, shared: Part, words: Part, owner: torch.Tensor, target: torch.Tensor | None) -> Rows:
        """Put the output mark and, in training, the answers without their last token behind the words."""
        ids = torch.tensor(self.texts.ids(self.config.output), device=owner.device).expand(len(owner), -1)
        if target is not None:
            given = target[:, :-1]
            ids = torch.cat([ids, torch.where(given == NOTHING, self.texts.pad, given)], 1)
        own = self.language.embed(ids)
        there = torch.ones(ids.shape, dtype=torch.bool, device=owner.device)
        values, mask = torch.cat([words[0].to(own.dtype), own], 1), torch.cat([words[1], there], 1)
        rank = _rank(owner)
        shape = (len(shared[0]), int(rank.max()) + 1, values.shape[1])
        rows = values.new_zeros(*shape, self.dim).index_put((owner, rank), values)
        return Rows(*shared, rows, mask.new_zeros(shape).index_put((owner, rank), mask))


def with_marks(parts: Mapping[str, Part], marks: nn.ParameterDict | None) -> Part:
    """Return the tokens of devices behind each other.

    Args:
        parts: of each device, by name.
        marks: a vector [dim] for each device, which stands before its tokens if any arrived; none if `None`.
    """
    found: list[Part] = []
    for name, (own, there) in parts.items():
        if marks is not None:
            found.append((marks[name].expand(len(own), 1, -1).to(own.dtype), there.any(1, keepdim=True)))
        found.append((own, there))
    return torch.cat([values for values, _ in found], 1), torch.cat([mask for _, mask in found], 1)


def answer_batch(width: int, count: int) -> dict[str, torch.Tensor]:
    """Return what the server knows of questions that cross: nothing but that each item has one.

    Args:
        width: tokens that the text may have.
        count: items.
    """
    words, owner = torch.zeros(count, width, dtype=torch.int64), torch.arange(count)
    return {"words": words, "lengths": torch.full((count,), width), "owner": owner}


def _rank(owner: torch.Tensor) -> torch.Tensor:
    """Return the place of each text among those of its item, [num_texts], torch.int64."""
    return (owner[:, None] == owner[None]).tril(-1).sum(1)
