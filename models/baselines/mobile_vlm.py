"""A vision-language model in the manner of MobileVLM."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ..scenes import Referents, layers_loss
from ..split.masks import block_mask
from ..split.reception import Reception, attention
from .answering import AnswerSystem, Batch
from .encoders import PictureEncoder
from .layout import Layout
from .ldp import LDP
from .presets import plain, sizes_of

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "dim": 2048, "size": 336, "patch": 14, "channels": (), "blocks": 0, "image_dim": 1024, "image_depth": 24,
        "image_heads": 16, "depth": 24, "heads": 16, "hidden": 5632, "vocab_size": 32000, "tied": False,
        "initializer_range": 0.02, "full": False,
    },
    "tiny": {
        "dim": 128, "size": 64, "patch": 4, "channels": (48, 96), "blocks": 1, "image_dim": 128, "image_depth": 1,
        "image_heads": 4, "depth": 6, "heads": 4, "hidden": 352, "vocab_size": 0, "tied": True,
        "initializer_range": 0.05, "full": True,
    },
}  # fmt: skip
"""Sizes; "paper" is CLIP-ViT-L/14-336 and MobileLLaMA-1.4B, vocab_size 0 the vocabulary's own."""

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class MobileVLM(AnswerSystem):
    """Image encoder and lightweight downsample projector at the transmitter, a small Llama at the receiver.

    ```
    image ─► CLIP-ViT (or a small ViT behind a stem) ─► LDP: a quarter of the tokens ─► link ─► Llama ─► answer
    question ─► embedding, sent or at the receiver ─► and a mark that the answer follows ──┘
    ```

    X. Chu et al., "MobileVLM: A Fast, Strong and Open Vision Language Assistant for Mobile Devices", 2023. All
    questions about one image share its keys and values through a block mask. The answer is the one of the list that
    the language model finds most probable as the next word, so every answer must be one word of the vocabulary.
    The losses ``cells`` and ``referents`` are those of TaiChi: of the tokens that are sent, and of the attention to
    them in the language model's layers.

    Args:
        preset: "paper" or "tiny"; gives what follows where it is `None`.
        dim: width of the language model.
        size: side of the images, pixels.
        patch: of the image encoder, pixels; without a stem.
        channels: of a stem, after each stride of 2; `()` for CLIP's image encoder.
        blocks: residual blocks of the stem after each stride.
        image_dim: width of the image encoder.
        image_depth: its layers.
        image_heads: its attention heads.
        depth: layers of the language model.
        heads: its attention heads.
        hidden: its feed-forward width.
        vocab_size: its words; 0 for as many as the vocabulary has.
        tied: whether input and output embeddings are the same.
        initializer_range: deviation of the language model's initial weights; narrow models need more than wide ones.
        full: whether the tokens of the image see all of themselves (as in TaiChi's preset tiny); else, as published,
            only those before.
        seed: of the initial parameters.
        options: as :class:`AnswerSystem` takes them.

    Raises:
        ValueError: for an answer that is not one word of the vocabulary.
    """

    def __init__(
        self, *, preset: str = "paper", dim: int | None = None, size: int | None = None, patch: int | None = None,
        channels: tuple[int, ...] | None = None, blocks: int | None = None, image_dim: int | None = None,
        image_depth: int | None = None, image_heads: int | None = None, depth: int | None = None,
        heads: int | None = None, hidden: int | None = None, vocab_size: int | None = None, tied: bool | None = None,
        initializer_range: float | None = None, full: bool | None = None, seed: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        given = {
            "dim": dim, "size": size, "patch": patch, "channels": channels, "blocks": blocks, "image_dim": image_dim,
            "image_depth": image_depth, "image_heads": image_heads, "depth": depth, "heads": heads, "hidden": hidden,
            "vocab_size": vocab_size, "tied": tied,
            "initializer_range": initializer_range, "full": full,
        }  # fmt: skip
        self.sizes = s = sizes_of(PRESETS, preset, given)
        super().__init__(dim=s["dim"], **options)
        self.answer_words = [self._word(answer) for answer in self.answers]
        self.class_words = [self._word(name) for name in self.classes]
        with seeded(seed):
            self._build_eye(s)
            self.projector = LDP(s["image_dim"], s["dim"], self.grid)
            self.num_image_tokens = self.projector.num_tokens
            self.llm: Any = _llama(s, self.words.vocab_size)
            self._cells(s["dim"], (self.grid[0] // 2, self.grid[1] // 2))

    def _build_eye(self, s: dict[str, Any]) -> None:
        if s["channels"]:
            self.eye: nn.Module = PictureEncoder(
                s["image_dim"], size=s["size"], depth=s["image_depth"], heads=s["image_heads"], mlp_ratio=2.0,
                channels=s["channels"], blocks=s["blocks"],
            )  # fmt: skip
            self.grid = self.eye.grid
            return
        from transformers import CLIPVisionConfig, CLIPVisionModel

        side = s["size"] // s["patch"]
        self.grid = (side, side)
        self.eye = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=s["image_dim"],
                intermediate_size=4 * s["image_dim"],
                num_hidden_layers=s["image_depth"],
                num_attention_heads=s["image_heads"],
                image_size=s["size"],
                patch_size=s["patch"],
            )
        )

    def _word(self, answer: str) -> int:
        ids = self.words.ids(answer)
        if len(ids) != 1 or ids[0] == self.words.unknown:
            raise ValueError(f"answers: {answer!r} given; it must be one word of the vocabulary {self.vocabulary!r}")
        return ids[0]

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to; see :class:`AnswerSystem`."""
        return {"type": "mobile_vlm", **plain(self.sizes), **super().configuration()}

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what encoder and projector give, [batch, num_image_tokens, dim]; see :meth:`AnswerSystem.features`."""
        if self.sizes["channels"]:
            return self.projector(self.eye(images))
        mean, std = (torch.tensor(v, device=images.device).reshape(-1, 1, 1) for v in (CLIP_MEAN, CLIP_STD))
        states = self.eye((images / 255.0 - mean) / std, output_hidden_states=True).hidden_states
        return self.projector(states[-2][:, 1:])

    def see(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features, all of which are sent; see :meth:`AnswerSystem.see`."""
        return features

    def read(self, ids: torch.Tensor, mask: torch.Tensor, classify: torch.Tensor) -> torch.Tensor:
        """Return word embeddings; see :meth:`AnswerSystem.read`."""
        return self.llm.get_input_embeddings()(ids)

    def fuse(
        self, pictures: torch.Tensor, seen: torch.Tensor, words: torch.Tensor, there: torch.Tensor, batch: Batch,
        looked: list[Any],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Return scores; see :meth:`AnswerSystem.fuse`."""
        owner = batch["owner"]
        words, lengths = self._marked(words, there)
        layout = Layout(owner, lengths, torch.ones_like(seen[:, 0]), self.num_image_tokens)
        x = layout.joined(pictures, words).values
        text, place = self._places(layout, x)
        allowed = block_mask(seen, text[:, self.num_image_tokens :], full=self.sizes["full"])
        bias = x.new_zeros(allowed.shape).masked_fill(~allowed, torch.finfo(x.dtype).min)
        run = self.llm.model(
            inputs_embeds=x, attention_mask=bias, position_ids=place, use_cache=False,
            output_hidden_states=True,
        )  # fmt: skip
        states, count = run.last_hidden_state, self.num_image_tokens
        looked.append((Reception(states[:, count:], run.hidden_states[:-1], place, count), layout))
        last = states[owner, layout.starts + lengths - 1]
        weight = self.llm.get_output_embeddings().weight
        return last @ weight[self.answer_words].T, last @ weight[self.class_words].T

    def looking(self, looked: list[Any], referents: Referents) -> torch.Tensor:
        """Return the loss ``referents``; see :func:`~tokencom.models.scenes.layers_loss`."""
        ((reception, layout),) = looked
        starts = layout.starts - self.num_image_tokens

        def scores(own: Referents, layer: int) -> torch.Tensor:
            item, place = layout.owner[own.row], starts[own.row] + own.place
            return attention(self.llm.model, reception, layer, item, place, heads=1)[:, 0]

        return layers_loss(referents, scores, len(reception.inputs))

    def spoken(self, sample: Any) -> Sequence[str]:
        """Return all words of a question and the mark behind them; see :meth:`AnswerSystem.spoken`."""
        numbers = [*self._ids(sample.inputs["question"]), self.words.output]
        return [self.words.words[number].lower() for number in numbers]

    def _marked(self, words: torch.Tensor, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the words of each text with the mark behind them that the answer follows, and how many they are."""
        lengths = there.sum(1)
        mark = self.llm.get_input_embeddings().weight[self.words.output].to(words)
        behind = torch.arange(words.shape[1] + 1, device=words.device) == lengths[:, None]
        return torch.where(behind[..., None], mark, nn.functional.pad(words, (0, 0, 0, 1))), lengths + 1

    def _places(self, layout: Layout, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the text of each place (-1: none) and its position, [num_items, num_tokens], torch.int64."""
        count = self.num_image_tokens
        text = torch.full(x.shape[:2], -1, device=x.device)
        place = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2]).contiguous()
        rows, places, sent = layout.places(int(layout.lengths.max()), x.device)
        number = torch.arange(len(rows), device=x.device)[:, None].expand_as(rows)
        within = (places - layout.starts[:, None] + count)[sent]
        text[rows[sent], places[sent]] = number[sent]
        place[rows[sent], places[sent]] = within
        return text, place


def _llama(s: dict[str, Any], num_words: int) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=s["vocab_size"] or num_words,
            hidden_size=s["dim"],
            intermediate_size=s["hidden"],
            num_hidden_layers=s["depth"],
            num_attention_heads=s["heads"],
            max_position_embeddings=2048,
            tie_word_embeddings=s["tied"],
            initializer_range=s["initializer_range"],
        )
    )
