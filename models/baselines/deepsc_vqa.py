"""DeepSC-VQA (MU-DeepSC): an image user and a question user, and a MAC network at the receiver."""

from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from .answering import AnswerSystem, Batch
from .encoders import Residual, Stem
from .mac import MACNetwork
from .presets import plain, sizes_of

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "dim": 512, "size": 224, "channels": (), "stages": (3, 4, 23), "blocks": 0, "refine": 0,
        "num_steps": 12, "embedding": 300, "classifier": 512, "activation": True,
    },
    "tiny": {
        "dim": 128, "size": 64, "channels": (32, 64, 128), "stages": (), "blocks": 1, "refine": 3,
        "num_steps": 6, "embedding": 128, "classifier": 256, "activation": True,
    },
}  # fmt: skip
"""Sizes; "paper" has the stages of ResNet-101 up to its third, the network's 14 x 14 x 1024 features."""


class DeepSCVQA(AnswerSystem):
    """Two transmitters, of an image and of a question, whose features a MAC network brings together.

    ```
    image    ─► CNN ─► two convolutions ─► grid of tokens ─► link of user 1 ─┐
    question ─► embedding ─► BiLSTM ─► a token per word ───► link of user 2 ─┴─► MAC network ─► answer
    ```

    H. Xie, Z. Qin and G. Y. Li, "Task-Oriented Multi-User Semantic Communications for VQA", IEEE Wireless Commun.
    Lett. 11(3), 2022: ResNet-101 and BiLSTM at the transmitters, MAC network of 12 steps at the receiver. With
    ``question="at_receiver"`` the second user and its BiLSTM are at the receiver, and only the image is sent. The two
    links are a :class:`~tokencom.linklevel.multiuser.DevicesLink`. The question's summary is read from the received
    words: the forward state of the last, the backward state of the first.

    Args:
        preset: "paper" or "tiny"; gives what follows where it is `None`.
        dim: width of a token, even.
        size: side of the images, pixels.
        channels: of a small CNN, after each stride of 2; `()` for a ResNet of ``stages``.
        stages: bottleneck blocks of each ResNet stage.
        blocks: residual blocks of the small CNN after each stride.
        refine: residual blocks behind it.
        num_steps: of the MAC network.
        embedding: width of a word embedding.
        classifier: hidden width of the classifier.
        activation: whether the MAC network's read unit has ELU, as in its authors' program.
        seed: of the initial parameters.
        options: as :class:`AnswerSystem` takes them.
    """

    def __init__(
        self, *, preset: str = "paper", dim: int | None = None, size: int | None = None,
        channels: tuple[int, ...] | None = None, stages: tuple[int, ...] | None = None, blocks: int | None = None,
        refine: int | None = None, num_steps: int | None = None, embedding: int | None = None,
        classifier: int | None = None, activation: bool | None = None, seed: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        given = {
            "dim": dim, "size": size, "channels": channels, "stages": stages, "blocks": blocks, "refine": refine,
            "num_steps": num_steps, "embedding": embedding, "classifier": classifier, "activation": activation,
        }  # fmt: skip
        self.sizes = s = sizes_of(PRESETS, preset, given)
        super().__init__(dim=s["dim"], **options)
        if s["dim"] % 2:
            raise ValueError(f"dim: {s['dim']} given; it must be even, half for each direction of the LSTM")
        with seeded(seed):
            self._build_eye(s)
            self.embedding = nn.Embedding(self.words.vocab_size, s["embedding"])
            self.lstm = nn.LSTM(s["embedding"], s["dim"] // 2, batch_first=True, bidirectional=True)
            self.mac = MACNetwork(s["dim"], s["num_steps"], activation=s["activation"])
            self.summary = nn.Linear(s["dim"], s["dim"])
            self.classifier = nn.Sequential(
                nn.Linear(2 * s["dim"], s["classifier"]), nn.ELU(),
                nn.Linear(s["classifier"], len(self.answers) + len(self.classes)),
            )  # fmt: skip
            self._cells(s["dim"], self.grid)

    def _build_eye(self, s: dict[str, Any]) -> None:
        if s["channels"]:
            self.eye: nn.Module = Stem(s["dim"], channels=s["channels"], blocks=s["blocks"])
            factor = 2 ** len(s["channels"])
        else:
            from transformers import ResNetConfig, ResNetModel

            widths = [256 * 2**stage for stage in range(len(s["stages"]))]
            self.eye = ResNetModel(ResNetConfig(hidden_sizes=widths, depths=list(s["stages"])))
            self.reduce = nn.Sequential(
                nn.Conv2d(widths[-1], s["dim"], 3, padding=1), nn.ELU(),
                nn.Conv2d(s["dim"], s["dim"], 3, padding=1), nn.ELU(),
            )  # fmt: skip
            factor = 4 * 2 ** (len(s["stages"]) - 1)
        if s["size"] % factor:
            raise ValueError(f"size: {s['size']} given; it must be a multiple of {factor} pixels")
        side = s["size"] // factor
        self.grid, self.num_image_tokens = (side, side), side * side
        self.position = nn.Parameter(0.02 * torch.randn(side * side, s["dim"]))
        self.refine = nn.Sequential(*(Residual(s["dim"]) for _ in range(s["refine"])))

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to; see :class:`AnswerSystem`."""
        return {"type": "deepsc_vqa", **plain(self.sizes), **super().configuration()}

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the tokens that are sent; see :meth:`AnswerSystem.features`."""
        x = images.to(self.position.dtype) / 127.5 - 1.0
        if self.sizes["channels"]:
            tokens = self.eye(x)
            grid = tokens.transpose(1, 2).unflatten(2, self.grid)
            tokens = self.refine(grid).flatten(2).transpose(1, 2)
        else:
            tokens = self.reduce(self.eye(x).last_hidden_state).flatten(2).transpose(1, 2)
        return nn.functional.layer_norm(tokens + self.position, (self.dim,))

    def see(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features as they are; see :meth:`AnswerSystem.see`."""
        return features

    def read(self, ids: torch.Tensor, mask: torch.Tensor, classify: torch.Tensor) -> torch.Tensor:
        """Return the states of both directions, [num_texts, num_words, dim]; see :meth:`AnswerSystem.read`."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(ids), mask.sum(1).clamp_min(1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=ids.shape[1])
        return states

    def fuse(
        self, pictures: torch.Tensor, seen: torch.Tensor, words: torch.Tensor, there: torch.Tensor, batch: Batch,
        looked: list[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Return scores; see :meth:`AnswerSystem.fuse`."""
        last = (there.sum(1) - 1).clamp_min(0)
        half = self.dim // 2
        final = words[torch.arange(len(words), device=words.device), last, :half]
        question = self.summary(torch.cat([final, words[:, 0, half:]], -1))
        memory = self.mac(question, words, there, pictures, seen, batch["owner"], looked)
        scores = self.classifier(torch.cat([memory, question], -1))
        return scores[:, : len(self.answers)], scores[:, len(self.answers) :]
