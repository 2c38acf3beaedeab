"""Data sets that are made from a seed, and what all data sets have in common."""

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from ...linklevel.validation import nearest
from .base import Config
from .number import Integer, Real
from .rules import Broken

if TYPE_CHECKING:
    from ..datasets import Dataset

Split = Literal["train", "val", "test"]
Span = tuple[Integer, Integer]
Seed = Field(default=0, ge=0, le=2**62, description="Of everything that is drawn.")
Part = Field(default="test", description="Which part; parts are drawn independently.")
Size = Field(default=64, ge=32, le=256, description="Height and width of images (pixels).")
Rate = Field(default=16_000, ge=1000, le=192_000, description="Of audio, resampled to it (Hz).")


class DataConfig(Config):
    """A class of ``tokencom.scenarios.datasets``, and its arguments."""

    target: ClassVar[str]
    """Module and class below that package."""

    train_split: ClassVar[str | None] = "train"
    """Where a prior is fitted; `None` for a data set without training data."""

    seeded: ClassVar[bool] = False
    """Whether everything follows from the fields, and nothing from files that may change."""

    def build(self, **changed: Any) -> "Dataset":
        """Construct the data set; ``changed`` replaces arguments, such as ``split``."""
        module, _, name = self.target.partition(":")
        found = importlib.import_module(f"..datasets.{module}", __package__)
        return getattr(found, name)(**{**self.arguments(), **changed})

    def arguments(self) -> dict[str, Any]:
        """Return the class's arguments."""
        return self.parameters()


class _Scenes(DataConfig):
    """CLEVR-style scenes."""

    seeded = True
    num_images: Integer = Field(default=500, ge=1, le=10**6, description="Images (count).")
    size: Integer = Size
    num_objects: tuple[Integer, Integer] = Field(default=(3, 8), description="Fewest and most objects (count).")
    shadow: Literal["soft", "hard"] = Field(default="soft", description="Edge of shadows.")
    seed: Integer = Seed
    split: Split = Part  # type: ignore[assignment]


class ClevrSynth(_Scenes):
    """Questions about CLEVR-style scenes, made from a seed."""

    target = "clevr_synth:ClevrSynth"
    type: Literal["clevr_synth"] = "clevr_synth"
    questions_per_image: Integer = Field(default=10, ge=1, le=50, description="Questions of each (count).")
    families: tuple[str, ...] | None = Field(
        default=None, min_length=1, max_length=100, description="Kinds of questions, such as count_relate; all if null."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield kinds of questions that there are not."""
        if self.families is None:
            return
        from ..datasets.clevr_synth.names import NAMES

        for number, name in enumerate(self.families):
            if name not in NAMES:
                close = nearest(name, NAMES)
                yield Broken(f"families.{number}", name, "is no kind of question", (close,) if close else NAMES)


class ClevrCaptions(_Scenes):
    """Captions of CLEVR-style scenes, made from a seed."""

    target = "clevr_synth:ClevrCaptions"
    type: Literal["clevr_captions"] = "clevr_captions"
    captions_per_image: Integer = Field(default=5, ge=1, le=50, description="References of each (count).")


class AvqaSynth(DataConfig):
    """Questions about short clips of moving shapes and tones, made from a seed."""

    target, seeded = "avqa_synth:AvqaSynth", True
    type: Literal["avqa_synth"] = "avqa_synth"
    num_clips: Integer = Field(default=500, ge=1, le=10**6, description="Clips (count).")
    questions_per_clip: Integer = Field(default=6, ge=1, le=9, description="Questions of each (count).")
    size: Integer = Field(default=32, ge=16, le=256, description="Height and width of frames (pixels).")
    num_frames: Integer = Field(default=8, ge=8, le=64, description="Frames of a clip (count).")
    duration: Real = Field(default=2.0, gt=0, le=60, description="Of a clip (s).")
    sampling_rate: Integer = Field(default=8000, ge=4000, le=48_000, description="Of the sound (Hz).")
    seed: Integer = Seed
    split: Split = Part  # type: ignore[assignment]


class TextSynth(DataConfig):
    """Sentences with a sentiment, made by a grammar from a seed."""

    target, seeded = "text_synth:TextSynth", True
    type: Literal["text_synth"] = "text_synth"
    num_sentences: Integer = Field(default=1000, ge=1, le=10**8, description="Sentences (count).")
    forms: tuple[Literal["plain", "contrast", "quote", "comparison", "expectation"], ...] | None = Field(
        default=None, min_length=1, description="Kinds of sentences, the plain ones the simplest; all if null."
    )
    seed: Integer = Seed
    split: Split = Part  # type: ignore[assignment]


class SpeechSynth(DataConfig):
    """Sentences and digit strings spoken by eSpeak NG."""

    target, seeded = "speech_synth:SpeechSynth", True
    type: Literal["speech_synth"] = "speech_synth"
    num_utterances: Integer = Field(default=200, ge=1, le=10**6, description="Utterances (count).")
    speech: Literal["sentences", "digits", "mixed"] = Field(default="mixed", description="What is said.")
    num_digits: Span = Field(default=(3, 8), description="Fewest and most digits of a string (count), 1 to 100.")
    voices: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="As eSpeak NG names them, such as en-us+f2; twelve if absent."
    )
    rate: Span = Field(default=(140, 190), description="Slowest and fastest speech, 80 to 450 (words a minute).")
    pitch: Span = Field(default=(35, 65), description="Lowest and highest pitch, 0 to 99 on eSpeak NG's scale.")
    sampling_rate: Integer = Rate
    seed: Integer = Seed
    split: Split = Part  # type: ignore[assignment]

    def arguments(self) -> dict[str, Any]:
        """Return the class's arguments."""
        return {name: value for name, value in self.parameters().items() if value is not None}

    def rules(self) -> Iterator[Broken]:
        """Yield spans outside what eSpeak NG takes."""
        for name, low, high in (("num_digits", 1, 100), ("rate", 80, 450), ("pitch", 0, 99)):
            first, last = getattr(self, name)
            if not low <= first <= last <= high:
                yield Broken(name, [first, last], f"is no span between {low} and {high}, from low to high")


class PhotoTiles(DataConfig):
    """Small tiles of the photographs that scikit-learn and scikit-image package."""

    target, train_split = "photo_tiles:PhotoTiles", None
    type: Literal["photo_tiles"] = "photo_tiles"
    size: Integer = Field(default=32, ge=11, le=4096, description="Side of a tile (pixels).")
    resolution: Integer = Field(default=256, ge=11, le=4096, description="Side of a whole photograph (pixels).")

    def rules(self) -> Iterator[Broken]:
        """Yield a side that no whole tiles fill."""
        if self.resolution % self.size:
            near = (max(1, self.resolution // self.size) * self.size, (self.resolution // self.size + 1) * self.size)
            yield Broken("resolution", self.resolution, f"is no multiple of size = {self.size}", near)
