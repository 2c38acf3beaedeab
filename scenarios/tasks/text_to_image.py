"""Pictures made of captions: what they show, and how far they are from real ones as a set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..datasets.base import Dataset, Sample
from ..metrics.picture_sets import COLUMNS, PictureComponents, set_metrics
from ..metrics.scene_reader import agreement, asked_objects, scene_reader
from ..metrics.transcription import error_ratio
from ..statistics.metric import Metric
from ..statistics.metrics import MeanMetric, SumMetric
from .answers import DatasetTask, SampleBatch
from .judges import Columns, Judge

if TYPE_CHECKING:
    from ...linklevel.links.base import Link

NAMES = ("size", "color", "material", "shape")


class TextToImageJudge(Judge):
    """Judges pictures by what a reader finds in them, and by distances of their set from real ones.

    Metrics of the reader, for captions that list every object: ``attribute_accuracy``, named values that the picture
    has, over all named values and four for each surplus object; ``<attribute>_accuracy``, the same for one
    attribute, without surplus; ``count_accuracy``, pictures with as many objects as asked for. Of the set:
    ``frechet`` and ``kid`` over 64 fixed principal components; see :class:`PictureComponents`.

    Args:
        components: of real pictures.
        num_items: pictures that are produced at a point.
        reader: whether objects are read back.
        allow_few: accept a Fréchet distance of fewer than 5,000 pictures; it is then called ``frechet_few``.

    Raises:
        ValueError: for too few pictures, unless accepted.
    """

    def __init__(
        self, components: PictureComponents, num_items: int, *, reader: bool = True, allow_few: bool = False
    ) -> None:
        self.components, self.reader = components, reader
        metrics: dict[str, Metric] = {}
        if reader:
            columns = {"attribute": ("right", "named")} | {name: (f"right_{name}", f"named_{name}") for name in NAMES}
            for name, pair in columns.items():
                full = f"{name}_accuracy"
                metrics[full] = SumMetric(name=full, columns=pair, function=error_ratio)
            metrics["count_accuracy"] = MeanMetric(name="count_accuracy", column="count_accuracy")
        self.metrics = {**metrics, **set_metrics(components.real, num_items, allow_few=allow_few)}
        self.reference_metrics = tuple(self.metrics)

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return counts of right and named values, ``count_accuracy`` and the scores of the components.

        Raises:
            ValueError: for an answer that is no picture of the shape of the real ones.
        """
        columns: Columns = dict(zip(COLUMNS, self.components.scores(answers).T, strict=True))
        if self.reader:
            seen = scene_reader()(answers)
            asked = [asked_objects(sample.inputs["text"]) for sample in samples]
            rows = [self._counts(*pair) for pair in zip(asked, seen, strict=True)]
            columns |= {name: np.array([row[name] for row in rows], np.int64) for name in (rows[0] if rows else ())}
        return columns

    @staticmethod
    def _counts(asked: Sequence[dict[str, str]], seen: Sequence[dict[str, str]]) -> dict[str, int]:
        counts, surplus = agreement(asked, seen), max(0, len(seen) - len(asked))
        return {
            **counts,
            "right": sum(counts[f"right_{name}"] for name in NAMES),
            "named": sum(counts[f"named_{name}"] for name in NAMES) + len(NAMES) * surplus,
            "count_accuracy": int(len(asked) == len(seen)),
        }


class TextToImageTask(DatasetTask):
    """Sends captions and judges the pictures that the receiver makes of them.

    The reference line *prior* is a real picture of the training data for every item, whatever its caption. For the
    reader's metrics it is the bar that a receiver without a caption could reach; its distances as a set are those of
    real pictures, so there it is a floor.

    Args:
        pictures: training samples for the prior; no such line if `None`.
        options: as :class:`DatasetTask` takes them; the samples are those of
            :class:`~tokencom.scenarios.datasets.prompts.Prompts`.
    """

    def __init__(self, *, pictures: Dataset | None, **options: Any) -> None:
        super().__init__(**options)
        self.pictures = pictures
        if pictures is not None:
            self.references = (*type(self).references, "prior")  # type: ignore[misc]

    def reference(self, kind: str, payload: SampleBatch, link: "Link", snr_db: float) -> Any:
        """Return the pictures of a reference line; see :meth:`DatasetTask.reference`."""
        if kind == "prior" and self.pictures is not None:
            return [self.pictures[int(number) % len(self.pictures)].extra["picture"] for number in payload.numbers]
        return super().reference(kind, payload, link, snr_db)
