"""How well an image and a text fit, by CLIP."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...models.pretrained import Weights, find_weights, quiet


class ClipScore:
    r"""The CLIP score of pairs of images and texts: :math:`100 \max(\cos, 0)`.

    As torchmetrics scales it; Hessel et al. ("CLIPScore", EMNLP 2021) use 2.5 in place of 100.

    Args:
        path: folder of a CLIP model in the form of ``transformers``.
        online: whether the hub may be asked.

    Attributes:
        weights: where the weights came from.

    Raises:
        WeightsNotFoundError: if there are none; no package carries CLIP.
    """

    def __init__(self, *, path: str | Path | None = None, online: bool = False) -> None:
        self.weights: Weights = find_weights("clip-vit-base-patch32", path=path, online=online)
        from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

        folder = self.weights.folder
        with quiet():
            self.model = CLIPModel.from_pretrained(folder, use_safetensors=True, local_files_only=True).eval()
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.images = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)

    def __call__(self, images: Sequence[np.ndarray], texts: Sequence[str]) -> np.ndarray:
        """Return the score of each pair, [batch], float64, 0 to 100.

        Args:
            images: [height, width, 3] each, numpy.uint8.
            texts: equally many.

        Raises:
            ValueError: if the two differ in number.
        """
        if len(images) != len(texts):
            raise ValueError(f"texts: {len(texts)} given, {len(images)} expected")
        import torch

        seen = self.images(images=list(images), return_tensors="pt")
        read = self.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            out = self.model(**seen, **read)
        a, b = (torch.nn.functional.normalize(x, dim=-1) for x in (out.image_embeds, out.text_embeds))
        return 100.0 * (a * b).sum(dim=-1).clamp(min=0).double().numpy()
