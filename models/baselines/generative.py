"""A generative semantic communication scheme: words cross, a diffusion model at the receiver makes the picture."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_range
from ..systems.source_link import hash_of
from ..systems.trainable import TrainableSystem
from ..words import WordTokenizer
from .encoders import WordEncoder, visible
from .presets import plain, sizes_of

PRESETS: dict[str, dict[str, Any]] = {
    "base": {"dim": 256, "depth": 4, "heads": 8, "size": 64, "channels": (64, 128, 256, 256), "layers": 2},
    "tiny": {"dim": 64, "depth": 1, "heads": 4, "size": 64, "channels": (16, 32, 64, 64), "layers": 1},
}
"""Sizes."""

NUM_STEPS = 1000
"""Of the forward process, with the cosine schedule (Nichol and Dhariwal, ICML 2021)."""

Batch = Mapping[str, torch.Tensor]


class TextDiffusion(TrainableSystem):
    """Sends the words of a caption; the receiver draws a picture of what it shows by conditional diffusion.

    ```
    caption ─► word embeddings ─► Transformer encoder ─► tokens, one for a word ─► link
    link ─► tokens ─► cross-attention of a U-Net, which takes noise away in a few steps (DDIM) ─► picture
    ```

    The scheme of generative semantic communication in its plainest form: a digital or learned link for the text, and a
    conditional diffusion model (J. Ho, A. Jain and P. Abbeel, NeurIPS 2020; the U-Net of diffusers) as the decoder.
    The model predicts v (T. Salimans and J. Ho, ICLR 2022) and is sampled with DDIM (J. Song, C. Meng and S. Ermon,
    ICLR 2021). The noise that a picture starts from follows from the item's id, which tells nothing about it.

    Args:
        preset: "base" or "tiny"; gives what follows where it is `None`.
        dim: width of a token.
        depth: layers of the encoder of words.
        heads: its attention heads.
        size: side of the pictures, pixels; a multiple of 8.
        channels: of the U-Net's four resolutions, multiples of 8.
        layers: residual blocks of the U-Net at each resolution.
        steps: of sampling, 1 to 1,000; no part of the trained weights' configuration.
        vocabulary: name of a vocabulary, as :meth:`~tokencom.models.words.WordTokenizer.load` takes it.
        max_num_words: longer captions are cut.
        seed: of the initial parameters.

    Raises:
        ValueError: for sizes that do not fit.
    """

    modality = "text"

    def __init__(
        self, *, preset: str = "base", dim: int | None = None, depth: int | None = None, heads: int | None = None,
        size: int | None = None, channels: tuple[int, ...] | None = None, layers: int | None = None, steps: int = 20,
        vocabulary: str = "synth", max_num_words: int = 80, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        given = {"dim": dim, "depth": depth, "heads": heads, "size": size, "channels": channels, "layers": layers}
        self.sizes = s = sizes_of(PRESETS, preset, given)
        if s["size"] % 8:
            raise ValueError(f"size: {s['size']} given; it must be a multiple of 8, such as {s['size'] // 8 * 8 + 8}")
        if len(s["channels"]) != 4 or any(width % 8 for width in s["channels"]):
            raise ValueError(f"channels: {s['channels']} given; four multiples of 8 are needed")
        self.dim, self.steps = s["dim"], check_range("steps", steps, 1, NUM_STEPS, integer=True)
        self.words, self.vocabulary = WordTokenizer.load(vocabulary), vocabulary
        self.max_num_words = check_range("max_num_words", max_num_words, 1, 2**12, integer=True)
        with seeded(seed):
            self.encoder = WordEncoder(
                self.words.vocab_size, s["dim"], depth=s["depth"], heads=s["heads"], max_num_words=max_num_words
            )
            self.net: Any = _unet(s)

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to; see :class:`TrainableSystem`."""
        return {
            "type": "text_diffusion", **plain(self.sizes), "vocabulary": self.vocabulary,
            "max_num_words": self.max_num_words,
        }  # fmt: skip

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return ``words`` [batch, num_words], ``lengths`` [batch] and ``pictures`` [batch, 3, size, size], -1...1.

        Raises:
            ValueError: for a picture of another size.
        """
        pictures = np.stack([sample.extra["picture"] for sample in samples])
        if pictures.shape[1:] != (self.sizes["size"], self.sizes["size"], 3):
            raise ValueError(f"size: {self.sizes['size']} given, but pictures are {pictures.shape[1:]}; set their size")
        images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        return {**self._read(samples), "pictures": images}

    def tokens(self, batch: Batch) -> Tokens:
        """Return what the transmitter sends; see :meth:`TrainableSystem.tokens`."""
        ids = batch["words"]
        mask = torch.arange(ids.shape[1], device=ids.device) < batch["lengths"][:, None]
        return Tokens(self.encoder(ids, mask) * mask[..., None], mask)

    def loss(self, tokens: Tokens, batch: Batch) -> torch.Tensor:
        """Return the mean squared error of v at random steps; see :meth:`TrainableSystem.loss`.

        Step and noise come from PyTorch's generator, which training sets for each step.
        """
        pictures, schedule = batch["pictures"], _schedule()
        step = torch.randint(NUM_STEPS, (len(pictures),), device=pictures.device)
        noise = torch.randn_like(pictures)
        wanted = schedule.get_velocity(pictures, noise, step)
        return nn.functional.mse_loss(self._denoise(schedule.add_noise(pictures, noise, step), step, tokens), wanted)

    @torch.no_grad()
    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return tokens; see :meth:`TokenSystem.encode`."""
        device = self.encoder.position.device
        return self.tokens({name: tensor.to(device) for name, tensor in self._read(samples).items()})

    @torch.no_grad()
    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[Any]:
        """Return pictures, [size, size, 3], numpy.uint8; see :meth:`TokenSystem.answer`."""
        side, schedule = self.sizes["size"], _schedule()
        x = torch.stack([_noise("" if sample is None else sample.id, side) for sample in samples])
        x = x.to(tokens.values.device)
        schedule.set_timesteps(self.steps)
        for step in schedule.timesteps:
            found = self._denoise(x, step.expand(len(x)).to(x.device), tokens)
            x = schedule.step(found, step, x).prev_sample
        pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return list(pixels.permute(0, 2, 3, 1).cpu().numpy())

    def key(self, sample: Any) -> Hashable:
        """Return the caption."""
        return sample.inputs["text"]

    def _read(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        rows = [
            torch.tensor(self.words.ids(s.inputs["text"])[: self.max_num_words], dtype=torch.int64) for s in samples
        ]
        words = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.words.pad)
        return {"words": words, "lengths": torch.tensor([len(row) for row in rows])}

    def _denoise(self, x: torch.Tensor, step: torch.Tensor, tokens: Tokens) -> torch.Tensor:
        """Return what the U-Net makes of noisy pictures [batch, 3, size, size] at steps [batch]."""
        values, mask = tokens.values, tokens.mask
        if not values.shape[1]:
            values, mask = values.new_zeros(len(values), 1, self.dim), mask.new_zeros(len(mask), 1)
        memory = torch.where(mask[..., None], values, values.new_zeros(()))
        return self.net(x, step, memory.to(x), encoder_attention_mask=~visible(mask)).sample


def _unet(s: Mapping[str, Any]) -> Any:
    """Return the U-Net; words are looked at in the third and fourth resolution."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=s["size"],
        in_channels=3,
        out_channels=3,
        down_block_types=(*["DownBlock2D"] * 2, *["CrossAttnDownBlock2D"] * 2),
        up_block_types=(*["CrossAttnUpBlock2D"] * 2, *["UpBlock2D"] * 2),
        block_out_channels=s["channels"],
        layers_per_block=s["layers"],
        cross_attention_dim=s["dim"],
        attention_head_dim=8,
        norm_num_groups=8,
    )


def _schedule() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=NUM_STEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        set_alpha_to_one=True,
    )


def _noise(name: str, side: int) -> torch.Tensor:
    """Return the noise that the picture of an item starts from, [3, side, side]."""
    generator = torch.Generator().manual_seed(int(hash_of(name)[:15], 16))
    return torch.randn(3, side, side, generator=generator)
