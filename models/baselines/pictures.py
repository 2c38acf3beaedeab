"""Pictures of questions as tensors, with what their scene graphs say of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..scenes import Referents, cell_targets, spoken_of

Grid = tuple[int, int]


def pictures_of(samples: Sequence[Any], owner: Sequence[int], grid: Grid | None) -> dict[str, torch.Tensor]:
    """Return the picture of each item that has one, and its cells where a scene is known.

    Args:
        samples: some with ``inputs["image"]``, [height, width, 3], numpy.uint8, of one size.
        owner: the item of each.
        grid: cells of a picture along height and width; `None` for none.

    Returns:
        ``images`` [num_pictures, 3, height, width], torch.uint8; ``pictured`` [num_items], torch.bool; and ``cells``
        as :func:`~tokencom.models.scenes.cell_targets` gives them.
    """
    first = dict(reversed(list(zip(owner, samples, strict=True))))
    pictured = [number for number in sorted(first) if "image" in first[number].inputs]
    arrays = [torch.from_numpy(np.array(first[number].inputs["image"])) for number in pictured]
    images = torch.stack(arrays).permute(0, 3, 1, 2) if arrays else torch.zeros(0, 3, 1, 1, dtype=torch.uint8)
    mask = torch.zeros(len(first), dtype=torch.bool)
    mask[pictured] = True
    batch = {"images": images.contiguous(), "pictured": mask}
    scenes = [getattr(first[number], "extra", {}).get("scene") for number in pictured]
    if scenes and grid is not None and all(scene is not None for scene in scenes):
        size = (images.shape[2], images.shape[3])
        batch["cells"] = torch.stack([cell_targets(scene, size, grid) for scene in scenes if scene is not None])
    return batch


def referents_of(
    samples: Sequence[Any], grid: Grid | None, words: Callable[[Any], Sequence[str]]
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Return what each question speaks of, as entries of a batch, if all samples have a scene and a program.

    Args:
        samples: of a batch, one row each.
        grid: cells of a picture along height and width; `None` for none.
        words: gives those of a question that speak of something; none where only the steps of its program count.
    """
    known = all("image" in s.inputs and {"scene", "program"} <= set(getattr(s, "extra", {})) for s in samples)
    if grid is None or not known:
        return {}
    found = [(row, *entry) for row, sample in enumerate(samples) for entry in spoken_of(sample, grid, words(sample))]
    return Referents.of(found, grid[0] * grid[1]).entries()
