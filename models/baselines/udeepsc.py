"""U-DeepSC and T-DeepSC: a unified decoder with learned queries, for several tasks or one."""

from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from .answering import AnswerSystem, Batch
from .encoders import PictureEncoder, WordEncoder
from .presets import plain, sizes_of

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "dim": 128, "size": 224, "channels": (), "blocks": 0, "patch": 32, "image_dim": 384, "image_depth": 6,
        "image_heads": 6, "text_dim": 512, "text_depth": 4, "text_heads": 8, "depth": 2, "heads": 4, "mlp_ratio": 4.0,
        "num_queries": 25, "class_tokens": 3, "num_sent_words": 2,
    },
    "tiny": {
        "dim": 128, "size": 64, "channels": (32, 64, 128), "blocks": 1, "patch": 8, "image_dim": 128, "image_depth": 2,
        "image_heads": 4, "text_dim": 128, "text_depth": 1, "text_heads": 4, "depth": 4, "heads": 4, "mlp_ratio": 2.0,
        "num_queries": 8, "class_tokens": 0, "num_sent_words": 0,
    },
}  # fmt: skip
"""Sizes; 0 class tokens send the whole grid of a picture, 0 sent words all words of a text."""


class QueryLayer(nn.TransformerDecoderLayer):
    """A pre-norm Transformer decoder layer whose memory is shared by several sequences of queries."""

    def shared(
        self, x: torch.Tensor, parts: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]],
        looked: list[torch.Tensor] | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Return the same as ``forward`` with the parts of the memory one after the other.

        Args:
            x: queries [batch, num_queries, dim].
            parts: of the memory: values [any, num_tokens, dim], mask [any, num_tokens], and [batch], the row of each
                sequence, or `None` for its own. Keys and values of a row are computed once.
            looked: gets the scores of the first query and head for the first part, [batch, num_tokens].
        """
        y = self.norm1(x)
        x = x + self.self_attn(y, y, y, need_weights=False)[0]
        attention, dim = self.multihead_attn, x.shape[-1]
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        query = nn.functional.linear(self.norm2(x), weight[:dim], bias[:dim])
        keys, values, masks = [], [], []
        for memory, mask, owner in parts:
            key, value = nn.functional.linear(memory, weight[dim:], bias[dim:]).chunk(2, -1)
            rows = slice(None) if owner is None else owner
            keys.append(key[rows])
            values.append(value[rows])
            masks.append(mask[rows])
        there = torch.cat(masks, 1)
        there = there | ~there.any(1, keepdim=True)
        q, k, v = (
            part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
            for part in (query, torch.cat(keys, 1), torch.cat(values, 1))
        )
        if looked is not None:
            looked.append((q[:, 0, :1] @ k[:, 0, : parts[0][0].shape[1]].mT)[:, 0] * q.shape[-1] ** -0.5)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None])
        x = x + attention.out_proj(y.transpose(1, 2).flatten(-2))
        return x + self.linear2(self.activation(self.linear1(self.norm3(x))))


class UDeepSC(AnswerSystem):
    """Encoders of pictures and texts, one decoder for all tasks whose queries say which.

    ```
    image ─► ViT ────────────────► tokens ─┐                         queries of the task
    words, + task ─► Transformer ► tokens ─┴─► link ─► tokens ─► unified decoder ─► mean ─► head of the task
    ```

    G. Zhang, Q. Hu, Z. Qin, Y. Cai, G. Yu and X. Tao, "A Unified Multi-Task Semantic Communication System for
    Multimodal Data", IEEE Trans. Commun. 72(7), 2024. With ``answers`` and ``classes`` this is U-DeepSC, one model
    for all tasks; with one of the two it is T-DeepSC, and two systems are needed for two tasks. Selection of features
    by SNR belongs to the link, a :class:`~.selection.SelectiveLink`. The unified codebook of the paper, of which
    indices are sent, is a :class:`~tokencom.linklevel.links.QuantizedLink` with a vector quantiser.

    Args:
        preset: "paper" or "tiny"; gives what follows where it is `None`.
        dim: width of a token at the cut, and of the decoder.
        size: side of the images, pixels.
        channels: of a convolutional stem, after each stride of 2; `()` for patches.
        blocks: residual blocks of the stem after each stride.
        patch: side of a patch, pixels.
        image_dim: width of the ViT.
        image_depth: layers of the ViT.
        image_heads: attention heads of the ViT.
        text_dim: width of the text encoder.
        text_depth: its layers.
        text_heads: its attention heads.
        depth: layers of the decoder.
        heads: its attention heads.
        mlp_ratio: hidden width of all layers over their width.
        num_queries: of each task.
        class_tokens: learned tokens that are sent of a picture; 0 sends its grid.
        num_sent_words: first words that are sent of a text; 0 for all.
        seed: of the initial parameters.
        options: as :class:`AnswerSystem` takes them.
    """

    starts_fresh = ("queries.text", "heads.text.")

    def __init__(
        self, *, preset: str = "paper", dim: int | None = None, size: int | None = None,
        channels: tuple[int, ...] | None = None, blocks: int | None = None, patch: int | None = None,
        image_dim: int | None = None, image_depth: int | None = None, image_heads: int | None = None,
        text_dim: int | None = None, text_depth: int | None = None, text_heads: int | None = None,
        depth: int | None = None, heads: int | None = None, mlp_ratio: float | None = None,
        num_queries: int | None = None, class_tokens: int | None = None, num_sent_words: int | None = None,
        seed: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        given = {
            "dim": dim, "size": size, "channels": channels, "blocks": blocks, "patch": patch, "image_dim": image_dim,
            "image_depth": image_depth, "image_heads": image_heads, "text_dim": text_dim, "text_depth": text_depth,
            "text_heads": text_heads, "depth": depth, "heads": heads, "mlp_ratio": mlp_ratio,
            "num_queries": num_queries, "class_tokens": class_tokens, "num_sent_words": num_sent_words,
        }  # fmt: skip
        self.sizes = s = sizes_of(PRESETS, preset, given)
        super().__init__(dim=s["dim"], **options)
        self.num_sent_words = s["num_sent_words"] or None
        with seeded(seed):
            self.text_encoder = WordEncoder(
                self.words.vocab_size, s["text_dim"], depth=s["text_depth"], heads=s["text_heads"],
                mlp_ratio=s["mlp_ratio"], max_num_words=self.max_num_words,
            )  # fmt: skip
            self.text_out = nn.Linear(s["text_dim"], s["dim"])
            self.task = nn.Parameter(0.02 * torch.randn(2, s["text_dim"]))
            self._build_decoder(s)
            if self.answers:
                self._build_eye(s)
            else:
                self.num_image_tokens = 0

    def _build_eye(self, s: dict[str, Any]) -> None:
        self.image_encoder = PictureEncoder(
            s["image_dim"], size=s["size"], depth=s["image_depth"], heads=s["image_heads"], mlp_ratio=s["mlp_ratio"],
            channels=s["channels"], blocks=s["blocks"], patch=s["patch"],
        )  # fmt: skip
        self.image_out = nn.Linear(s["image_dim"], s["dim"])
        count = s["class_tokens"]
        self.class_token = nn.Parameter(0.02 * torch.randn(count, s["image_dim"])) if count else None
        self.num_image_tokens = s["class_tokens"] or self.image_encoder.num_tokens
        self._cells(s["image_dim"], self.image_encoder.grid)

    def _build_decoder(self, s: dict[str, Any]) -> None:
        hidden = int(s["mlp_ratio"] * s["dim"])
        self.decoder = nn.ModuleList(
            QueryLayer(s["dim"], s["heads"], hidden, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(s["depth"])
        )
        self.norm = nn.LayerNorm(s["dim"])
        tasks = {"vqa": self.answers, "text": self.classes}
        self.queries = nn.ParameterDict(
            {name: nn.Parameter(0.5 * torch.randn(s["num_queries"], s["dim"])) for name, own in tasks.items() if own}
        )
        self.heads = nn.ModuleDict({name: nn.Linear(s["dim"], len(own)) for name, own in tasks.items() if own})

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to; see :class:`AnswerSystem`."""
        return {"type": "udeepsc", **plain(self.sizes), **super().configuration()}

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the ViT gives, [batch, class_tokens + cells, image_dim]."""
        return self.image_encoder(images, self.class_token)

    def see(self, features: torch.Tensor) -> torch.Tensor:
        """Return tokens; see :meth:`AnswerSystem.see`."""
        return self.image_out(features[:, : self.num_image_tokens])

    def detailed(self, features: torch.Tensor) -> torch.Tensor:
        """Return the grid, without class tokens; see :meth:`AnswerSystem.detailed`."""
        return features[:, self.sizes["class_tokens"] :]

    def read(self, ids: torch.Tensor, mask: torch.Tensor, classify: torch.Tensor) -> torch.Tensor:
        """Return tokens; see :meth:`AnswerSystem.read`."""
        return self.text_out(self.text_encoder(ids, mask, self.task[classify.long()]))

    def fuse(
        self, pictures: torch.Tensor, seen: torch.Tensor, words: torch.Tensor, there: torch.Tensor, batch: Batch,
        looked: list[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Return scores; see :meth:`AnswerSystem.fuse`."""
        classify = batch["classify"]
        own = [self.queries[name] for name in ("vqa", "text") if name in self.queries]
        queries = torch.stack([own[0], own[-1]])[classify.long()]
        # A text that is only classified has no picture: its item's places are all masked.
        parts = [(pictures, seen, batch["owner"]), (words, there, None)]
        layer: Any
        for layer in self.decoder:
            queries = layer.shared(queries, parts, looked)
        mean = self.norm(queries).mean(1)
        none = mean.new_zeros(len(mean), 0)
        answers = self.heads["vqa"](mean) if "vqa" in self.heads else none
        return answers, self.heads["text"](mean) if "text" in self.heads else none
