r"""Trains a learned codec of ``image/jscc.yaml`` on CIFAR-10.

One set of parameters serves AWGN and Rayleigh block fading: half of each batch crosses either channel, at an
SNR drawn per image from 0 to 20 dB. The loss is the mean squared error. The weights that come with the package:

```
python -m tokencom.scenarios.image.train_jscc --data cifar10 --name image_deepjscc \
    --steps 1600 --batch-size 32 --learning-rate 0.002
python -m tokencom.scenarios.image.train_jscc --scheme "SwinJSCC (small)" --data cifar10 --name image_swinjscc \
    --steps 800 --batch-size 32
```
"""

import argparse
import json
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...linklevel.air import FlatAirInterface
from ...linklevel.draws import Draws
from ...linklevel.jscc.base import ImageCodec
from ...linklevel.links import JSCCLink
from ...models.training import Stage, Trained, train
from ..datasets.cifar10 import CIFAR10
from ..schema import JSCC, load_scenario
from ..schema.document import parse
from ..schema.token_links import configuration

CHANNELS = ("awgn", "rayleigh")
SIZE = (32, 32)
LICENCE = "Apache-2.0; trained on images of CIFAR-10 (Krizhevsky, 2009), which come without a stated licence."


class ImageTraining:
    """Images through one codec over several channels, each getting its share of a batch.

    Args:
        codec: what is trained.
        images: [num_images, 3, height, width], torch.uint8.
    """

    def __init__(self, codec: ImageCodec, images: torch.Tensor) -> None:
        self.model: nn.Module = codec
        self.images, self.num_items = images, len(images)
        self.links = tuple(JSCCLink(FlatAirInterface(channel=channel), codec) for channel in CHANNELS)

    def batch(self, items: np.ndarray) -> torch.Tensor:
        """Return images, [batch, 3, height, width], torch.float32 in [0, 1]."""
        return self.images[torch.from_numpy(items)].float() / 255.0

    def losses(
        self, batch: torch.Tensor, snr_db: torch.Tensor, draws: Draws, wanted: Collection[str]
    ) -> Mapping[str, torch.Tensor]:
        """Return the mean squared error over the batch as ``loss``, and over each channel's share."""
        shares = zip(CHANNELS, self.links, batch.chunk(len(CHANNELS)), snr_db.chunk(len(CHANNELS)), strict=True)
        errors = {
            channel: (link(images, snr, Draws(seed=draws.seed, batch=number)).payload - images).square().mean()
            for number, (channel, link, images, snr) in enumerate(shares)
        }
        return {"loss": torch.stack(tuple(errors.values())).mean(), **errors}


def images_of(folder: str, limit: int | None = None) -> torch.Tensor:
    """Return the training images of CIFAR-10, [num_images, 3, 32, 32], torch.uint8."""
    data = CIFAR10(path=folder, split="train")
    rows = [data[index].inputs["image"] for index in range(len(data) if limit is None else limit)]
    return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).contiguous()


def train_codec(
    link: JSCC, images: torch.Tensor, *, steps: int, batch_size: int, learning_rate: float, seed: int,
    folder: str | Path | None = None, command: str = "", progress: bool | None = None,
) -> tuple[ImageCodec, Trained]:  # fmt: skip
    """Train the codec of a link.

    Args:
        link: configuration, without weights.
        images: [num_images, 3, 32, 32], torch.uint8.
        steps: optimiser steps.
        batch_size: images of a step.
        learning_rate: peak of the cosine schedule.
        seed: of the training.
        folder: for log, checkpoint, weights and card; the cache folder if `None`.
        command: for the card.
        progress: as :func:`~tokencom.models.training.train` takes it.
    """
    codec: Any = link.codec.build(size=SIZE)
    stage = Stage(
        name="codec", trainable=("*",), steps=steps, batch_size=batch_size, learning_rate=learning_rate,
        warmup_steps=min(100, steps // 10), final_ratio=0.02, snr_db=(0.0, 20.0),
    )  # fmt: skip
    system = {
        "link": configuration(link, {"size": SIZE}),
        "air": [{"type": "flat", "channel": channel, "csi": "perfect"} for channel in CHANNELS],
    }
    data = {"type": "cifar10", "split": "train", "num_images": len(images)}
    trained = train(
        ImageTraining(codec, images), [stage], seed=seed, system=system, data=data, folder=folder, device="cpu",
        command=command, licence=LICENCE, progress=progress, tensorboard=False,
    )  # fmt: skip
    return codec, trained


def save(codec: ImageCodec, card: Mapping[str, Any], path: Path) -> None:
    """Write weights for ``link.weights``, ``<path>.safetensors``, and their card, ``<path>.json``."""
    from safetensors.torch import save_file

    tensors = {f"link.codec.{name}": tensor.detach().contiguous() for name, tensor in codec.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(path.with_suffix(".safetensors")))
    text = json.dumps(dict(card), indent=2, ensure_ascii=False) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Train, and write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scheme", default="DeepJSCC", help="scheme of image/jscc whose codec is trained")
    parser.add_argument(
        "--codec", help="codec to train instead, as a scenario has it: '{type: swinjscc, channels: 16}'"
    )
    parser.add_argument("--data", required=True, help="folder of CIFAR-10")
    parser.add_argument("--name", required=True, help="path of the weights, without suffix")
    parser.add_argument("--steps", type=int, default=3000, help="optimiser steps (3000)")
    parser.add_argument("--batch-size", type=int, default=64, help="images of a step (64)")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="peak (0.001)")
    parser.add_argument("--seed", type=int, default=1, help="of the training (1)")
    parser.add_argument("--folder", help="of log and checkpoint; the cache folder if absent")
    given = parser.parse_args(arguments)
    scheme: Any = load_scenario("image/jscc").scheme(given.scheme)
    link = scheme.link.model_copy(update={"weights": None})
    if given.codec is not None:
        link = JSCC(codec=parse(given.codec).data)
    codec, trained = train_codec(
        link, images_of(given.data), steps=given.steps, batch_size=given.batch_size,
        learning_rate=given.learning_rate, seed=given.seed, folder=given.folder,
        command="python -m tokencom.scenarios.image.train_jscc " + " ".join(arguments or sys.argv[1:]),
    )  # fmt: skip
    save(codec, trained.card, Path(given.name))
    print(f"{given.name}.safetensors: {trained.card['final']}, {trained.card['seconds']} s")


if __name__ == "__main__":
    main()
