"""DeepSC: a Transformer transceiver for text."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_choice, check_range
from ..systems.trainable import TrainableSystem
from ..words import WordTokenizer
from .encoders import visible
from .presets import plain, sizes_of

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {"dim": 128, "depth": 4, "decoder_depth": 4, "heads": 8, "hidden": 512, "norm_first": False},
    "tiny": {"dim": 128, "depth": 5, "decoder_depth": 3, "heads": 4, "hidden": 512, "norm_first": True},
}
"""Sizes."""

Batch = Mapping[str, torch.Tensor]


class DeepSC(TrainableSystem):
    """Semantic encoder of a text at the transmitter; semantic decoder, or a classifier, at the receiver.

    ```
    <start> words <end> ─► embedding ─► Transformer encoder ─► tokens ─► link (dense JSCC codec)
    link ─► tokens ─► Transformer decoder ─► words, one after the other   (task "reconstruction")
                              └── one query ─► class                      (task "classification")
    ```

    H. Xie, Z. Qin, G. Y. Li and B.-H. Juang, "Deep Learning Enabled Semantic Communication Systems", IEEE Trans.
    Signal Process. 69, 2021, whose sizes are those of "paper"; its channel codec is
    :class:`~tokencom.linklevel.jscc.DenseCodec`, 16 reals per word. The number of words is not known to the receiver
    there either: the link charges it.

    Args:
        preset: "paper" or "tiny"; gives what follows where it is `None`.
        task: "reconstruction" or "classification".
        classes: names of the classes.
        dim: width of a token.
        depth: layers of the encoder.
        decoder_depth: layers of the decoder.
        heads: attention heads.
        hidden: width of the feed-forward layers.
        norm_first: whether layers are pre-norm; the paper's are post-norm.
        vocabulary: name of a vocabulary, as :meth:`~tokencom.models.words.WordTokenizer.load` takes it.
        max_num_words: longer texts are cut; start and end come on top.
        seed: of the initial parameters.
    """

    modality = "text"

    def __init__(
        self, *, preset: str = "paper", task: str = "reconstruction", classes: Sequence[str] = ("negative", "positive"),
        dim: int | None = None, depth: int | None = None, decoder_depth: int | None = None, heads: int | None = None,
        hidden: int | None = None, norm_first: bool | None = None, vocabulary: str = "synth", max_num_words: int = 60,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        given = {
            "dim": dim, "depth": depth, "decoder_depth": decoder_depth, "heads": heads, "hidden": hidden,
            "norm_first": norm_first,
        }  # fmt: skip
        self.sizes = s = sizes_of(PRESETS, preset, given)
        self.task = check_choice("task", task, ("reconstruction", "classification"))
        self.classes = tuple(classes)
        if task == "classification" and (len(self.classes) < 2 or len(set(self.classes)) != len(self.classes)):
            raise ValueError(f"classes: {self.classes} given; at least two different names are needed")
        self.dim = s["dim"]
        self.words, self.vocabulary = WordTokenizer.load(vocabulary), vocabulary
        self.max_num_words = check_range("max_num_words", max_num_words, 1, 2**16, integer=True)
        shape = {"batch_first": True, "dropout": 0.0, "norm_first": s["norm_first"]}
        sizes = (s["dim"], s["heads"], s["hidden"])
        with seeded(seed):
            self.embedding = nn.Embedding(self.words.vocab_size, s["dim"])
            nn.init.normal_(self.embedding.weight, std=s["dim"] ** -0.5)
            self.encoder = nn.ModuleList(nn.TransformerEncoderLayer(*sizes, **shape) for _ in range(s["depth"]))
            self.decoder = nn.ModuleList(nn.TransformerDecoderLayer(*sizes, **shape) for _ in range(s["decoder_depth"]))
            # Pre-norm layers leave their sum as it is; post-norm layers end with a norm of their own.
            self.encoder_norm = nn.LayerNorm(s["dim"]) if s["norm_first"] else nn.Identity()
            self.decoder_norm = nn.LayerNorm(s["dim"]) if s["norm_first"] else nn.Identity()
            classify = task == "classification"
            self.head = nn.Linear(s["dim"], len(self.classes) if classify else self.words.vocab_size)

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to; see :class:`TrainableSystem`."""
        return {
            "type": "deepsc", **plain(self.sizes), "task": self.task, "vocabulary": self.vocabulary,
            "classes": list(self.classes) if self.task == "classification" else [],
            "max_num_words": self.max_num_words,
        }  # fmt: skip

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return ``words`` [batch, num_words + 2], start and end included, ``lengths`` and ``label`` [batch]."""
        rows = [self._ids(sample.inputs["text"]) for sample in samples]
        ids = torch.full((len(rows), max(map(len, rows))), self.words.pad)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
        batch = {"words": ids, "lengths": torch.tensor([len(row) for row in rows])}
        if self.task == "classification":
            names = [sample.references[0] if sample.references else "" for sample in samples]
            batch["label"] = torch.tensor([self.classes.index(name) if name in self.classes else -1 for name in names])
        return batch

    def tokens(self, batch: Batch) -> Tokens:
        """Return what the transmitter sends; see :meth:`TrainableSystem.tokens`."""
        ids = batch["words"]
        mask = torch.arange(ids.shape[1], device=ids.device) < batch["lengths"][:, None]
        x, hidden = self._embedded(ids), visible(mask)
        for layer in self.encoder:
            x = layer(x, src_key_padding_mask=hidden)
        return Tokens(self.encoder_norm(x) * mask[..., None], mask)

    def loss(self, tokens: Tokens, batch: Batch) -> torch.Tensor:
        """Return the cross-entropy of words or classes; see :meth:`TrainableSystem.loss`."""
        if self.task == "classification":
            return nn.functional.cross_entropy(self._class_scores(tokens), batch["label"], ignore_index=-1)
        scores = self.decoded(tokens, batch["words"][:, :-1])
        return nn.functional.cross_entropy(
            scores.flatten(0, 1).float(), batch["words"][:, 1:].flatten(), ignore_index=self.words.pad
        )

    def decoded(self, tokens: Tokens, ids: torch.Tensor) -> torch.Tensor:
        """Return the scores of the word after each, [batch, num_words, vocab_size].

        Args:
            tokens: received.
            ids: [batch, num_words], torch.int64; words so far, the start first.
        """
        return self.head(self._decode(self._embedded(ids), tokens))

    @torch.no_grad()
    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return tokens; see :meth:`TokenSystem.encode`."""
        device = self.embedding.weight.device
        return self.tokens({name: tensor.to(device) for name, tensor in self.collate(samples).items()})

    @torch.no_grad()
    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return classes, or texts that were decoded greedily; see :meth:`TokenSystem.answer`."""
        if self.task == "classification":
            return [self.classes[number] for number in self._class_scores(tokens).argmax(1).tolist()]
        ids = torch.full((len(tokens), 1), self.words.start, device=tokens.values.device)
        ended = tokens.num_tokens == 0
        for _ in range(tokens.values.shape[1]):
            if bool(ended.all()):
                break
            word = self.decoded(tokens, ids)[:, -1].argmax(-1)
            ended = ended | (word == self.words.end) | (ids.shape[1] >= tokens.num_tokens)
            ids = torch.cat([ids, word[:, None]], 1)
        limits = (tokens.num_tokens - 1).clamp_min(0).tolist()
        rows = [row[1 : 1 + limit] for row, limit in zip(ids.tolist(), limits, strict=True)]
        return [self.words.text(row, sentence=True) for row in rows]

    def key(self, sample: Any) -> Hashable:
        """Return the text itself."""
        return sample.inputs["text"]

    def _ids(self, text: str) -> list[int]:
        return [self.words.start, *self.words.ids(text)[: self.max_num_words], self.words.end]

    def _embedded(self, ids: torch.Tensor) -> torch.Tensor:
        """Return embeddings times sqrt(dim) plus the sine and cosine of positions, [batch, num_words, dim]."""
        x = self.embedding(ids) * math.sqrt(self.dim)
        place = torch.arange(ids.shape[1], device=ids.device, dtype=torch.float32)[:, None]
        rate = torch.exp(torch.arange(0, self.dim, 2, device=ids.device) * (-math.log(10000.0) / self.dim))
        return x + torch.stack([(place * rate).sin(), (place * rate).cos()], -1).flatten(1)[:, : self.dim].to(x)

    def _decode(self, x: torch.Tensor, tokens: Tokens) -> torch.Tensor:
        memory, mask = tokens.values, tokens.mask
        if not memory.shape[1]:
            memory, mask = memory.new_zeros(len(memory), 1, self.dim), mask.new_zeros(len(mask), 1)
        memory = torch.where(mask[..., None], memory, memory.new_zeros(()))
        size = x.shape[1]
        later = torch.ones(size, size, dtype=torch.bool, device=x.device).triu(1)
        for layer in self.decoder:
            x = layer(x, memory.to(x), tgt_mask=later, memory_key_padding_mask=visible(mask))
        return self.decoder_norm(x)

    def _class_scores(self, tokens: Tokens) -> torch.Tensor:
        """Return scores of classes [batch, num_classes]: the start mark asks for the class."""
        ids = torch.full((len(tokens), 1), self.words.start, device=tokens.values.device)
        return self.head(self._decode(self._embedded(ids), tokens)[:, 0]).float()
