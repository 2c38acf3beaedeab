"""Captions to make pictures of."""

import numpy as np

from ...linklevel.validation import check_range
from .base import Dataset, Mapped, Sample


class Prompts(Mapped):
    """The captions of another data set as what is sent; the pictures are for training and for the judge.

    A sample has the caption as ``inputs["text"]`` and as its only reference, and the picture, [height, width, 3],
    numpy.uint8, as ``extra["picture"]``: no receiver may look at it. The rest of ``extra`` is the other data set's.

    Args:
        captions: samples with an ``image`` whose references are captions.
        caption: number of the reference that is sent; counted round where a picture has fewer.
        size: side of the square that pictures are cut and resampled to, pixels; as they are if `None`.

    Raises:
        ValueError: for a number out of range.
    """

    def __init__(self, captions: Dataset, *, caption: int = 0, size: int | None = None) -> None:
        super().__init__(captions, self.prompt)
        self.name = "prompts"
        self.caption = check_range("caption", caption, 0, 1000, integer=True)
        self.size = None if size is None else check_range("size", size, 8, 4096, integer=True)

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return the caption that is sent, and the family; no picture is read."""
        references, family = self.base.references_of(index)
        return (self._chosen(references),), family

    def cluster_of(self, index: int) -> int:
        """Return the cluster of the picture; it is not read."""
        return self.base.cluster_of(index)

    def prompt(self, sample: Sample) -> Sample:
        """Return a sample whose caption is sent.

        Raises:
            ValueError: for a sample without a picture.
        """
        if "image" not in sample.inputs:
            raise ValueError(f"captions: sample {sample.id!r} has no image; it has {', '.join(sample.inputs)}")
        text, picture = self._chosen(sample.references), sample.inputs["image"]
        return Sample(
            id=f"{sample.id}/{self.caption}",
            cluster=sample.cluster,
            inputs={"text": text},
            references=(text,),
            family=sample.family,
            extra={**sample.extra, "picture": picture if self.size is None else squared(picture, self.size)},
        )

    def _chosen(self, references: tuple[str, ...]) -> str:
        return references[self.caption % len(references)]


def squared(picture: np.ndarray, size: int) -> np.ndarray:
    """Return the middle square of a picture, resampled bicubically, [size, size, 3], numpy.uint8."""
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(Image.fromarray(picture), (size, size), Image.Resampling.BICUBIC))
