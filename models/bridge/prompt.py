"""What a model was called with, as far as the bridge needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...linklevel.validation import check_choice


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """The batch that a model was called with.

    Args:
        input_ids: [batch, num_tokens], torch.int64; `None` if the model got embeddings.
        attention_mask: [batch, num_tokens], torch.bool; false at padding. `None` without padding.
        image_token_id: the placeholder of an image token; `None` for models without images.
        tiles_per_item: [batch]; rows of the vision encoder that belong to each item, where the model
            says so by itself.
    """

    input_ids: torch.Tensor | None = None
    attention_mask: torch.Tensor | None = None
    image_token_id: int | None = None
    tiles_per_item: tuple[int, ...] | None = None

    @property
    def batch_size(self) -> int | None:
        """Number of items, if known."""
        for tensor in (self.input_ids, self.attention_mask):
            if tensor is not None:
                return tensor.shape[0]
        return None

    @property
    def is_image(self) -> torch.Tensor:
        """Which positions are image tokens, [batch, num_tokens], torch.bool.

        Raises:
            ValueError: for a model without image tokens, or a prompt without ids.
        """
        if self.image_token_id is None or self.input_ids is None:
            raise ValueError(
                "positions: image and text cannot be told apart without input_ids and the image_token_id of the"
                " model's configuration; give a mask"
            )
        return self.input_ids == self.image_token_id

    def positions(self, kind: str) -> torch.Tensor:
        """Return the positions of "image" or "text" tokens, [batch, num_tokens], torch.bool."""
        check_choice("positions", kind, ("image", "text"))
        return self.is_image if kind == "image" else ~self.is_image

    def image_tokens(self) -> list[int] | None:
        """Return the number of image tokens of each item, or `None` if it is not known."""
        if self.image_token_id is None or self.input_ids is None:
            return None
        return self.is_image.sum(1).tolist()


def prompt_of(model: nn.Module, inputs: Mapping[str, Any]) -> Prompt:
    """Return the prompt among the arguments of a model's ``forward`` or ``generate``."""
    config = getattr(model, "config", None)
    token_id = getattr(config, "image_token_id", None)
    token_id = getattr(config, "image_token_index", None) if token_id is None else token_id
    mask, ids = inputs.get("attention_mask"), inputs.get("input_ids")
    ids = inputs.get("inputs") if ids is None else ids
    mask = mask.bool() if isinstance(mask, torch.Tensor) and mask.ndim == 2 else None
    ids = ids if isinstance(ids, torch.Tensor) and ids.ndim == 2 and not ids.is_floating_point() else None
    return Prompt(
        input_ids=ids, attention_mask=mask, image_token_id=token_id, tiles_per_item=_tiles(config, inputs, ids)
    )


def _tiles(config: Any, inputs: Mapping[str, Any], ids: torch.Tensor | None) -> tuple[int, ...] | None:
    """Return the tiles of each item for models that cut one image per item into a grid of tiles."""
    sizes, pinpoints = inputs.get("image_sizes"), getattr(config, "image_grid_pinpoints", None)
    if sizes is None or not pinpoints or (ids is not None and len(sizes) != len(ids)):
        return None
    from transformers.models.llava_next.modeling_llava_next import image_size_to_num_patches

    side = config.vision_config.image_size
    sizes = [list(map(int, size)) for size in sizes]
    return tuple(int(image_size_to_num_patches(size, pinpoints, side)) for size in sizes)
