"""Images: how well they look after transmission."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...linklevel.metrics import MIN_SIDE_MS_SSIM, ms_ssim, mse, psnr_db, ssim
from ...linklevel.validation import check_range
from ..statistics.metric import Metric
from ..statistics.metrics import MeanMetric
from .items import EVENT_METRICS, ItemBatch, ItemTask, shortened
from .photos import folder_paths, photograph_paths, read_image

if TYPE_CHECKING:
    from ...linklevel.links.base import Reception


class ImageTask(ItemTask):
    """Sends images and judges them by PSNR and MS-SSIM.

    Columns besides those of :class:`~tokencom.scenarios.tasks.items.ItemTask`: ``mse``, ``psnr``
    (dB, capped at 58.92 dB, see :func:`~tokencom.linklevel.metrics.psnr_db`) and ``ms_ssim``;
    images with a side below 176 pixels are too small for that and have ``ssim`` instead. Values are
    means over the images: the mean PSNR is a mean of decibels, as is usual.

    Args:
        data: "photographs" (built in) or the path of a folder of images.
        size: side of the square that each image is cut and resampled to, pixels.
        grayscale: one channel instead of three.
        num_images: how many of the images, from the first; all if `None`.
        repeats: how often each is sent.

    Raises:
        ValueError: for a folder that is none or has no image, or a file that is no image.
    """

    name: ClassVar[str] = "image"

    def __init__(
        self,
        *,
        data: str = "photographs",
        size: int = 256,
        grayscale: bool = False,
        num_images: int | None = None,
        repeats: int = 1,
    ) -> None:
        self.size = check_range("size", size, 11, 4096, integer=True)
        paths = photograph_paths() if data == "photographs" else folder_paths(data)
        images = [
            read_image(path, size=self.size, grayscale=grayscale) for path in shortened("num_images", paths, num_images)
        ]
        super().__init__(sources=images, repeats=repeats)
        self.shape: tuple[int, int, int] = (self.size, self.size, 1 if grayscale else 3)
        similarity = "ms_ssim" if self.size >= MIN_SIDE_MS_SSIM else "ssim"
        self._similarity = similarity
        self.reference_metrics = ("psnr", similarity)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """PSNR, MS-SSIM or SSIM, block error rate, shares of damaged and of lost images."""
        quality = (
            MeanMetric(name="psnr", column="psnr", unit="dB"),
            MeanMetric(name=self._similarity, column=self._similarity),
        )
        return {metric.name: metric for metric in (*quality, *EVENT_METRICS)}

    def score(self, payload: ItemBatch, reception: "Reception") -> dict[str, np.ndarray]:
        """Compare the images.

        Args:
            payload: of [size, size, channels], numpy.uint8.
            reception: with a payload of the same form.
        """
        received = reception.payload
        similarity = ms_ssim if self._similarity == "ms_ssim" else ssim
        return {
            **self.events(payload, reception),
            "mse": mse(payload, received),
            "psnr": psnr_db(payload, received),
            self._similarity: similarity(payload, received),
        }
