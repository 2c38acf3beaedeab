"""Data sets: readers of official formats, and generators that need no download."""

from collections.abc import Iterator
from typing import Any, Literal, get_args

from pydantic import Field

from .generated import AvqaSynth, ClevrCaptions, ClevrSynth, DataConfig, PhotoTiles, Rate, SpeechSynth, TextSynth
from .number import Flag, Integer
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged

Modalities = tuple[Literal["video", "audio"], ...]
TrecClass = Literal["DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM"]
Frames = Field(default=8, ge=1, le=1024, description="Frames of a video (count).")


class _Files(DataConfig):
    """Data in files."""

    path: str = Field(min_length=1, description="Folder or file, from where the command is run.")
    on_error: Literal["refuse", "skip"] = Field(
        default="refuse", description="Broken or missing entries: refuse to go on, or leave out and count."
    )


class _Media(_Files):
    """Data with images, audio or video in files."""

    check_media: Flag = Field(
        default=False, description="Read every media file when the data set is built (true or false)."
    )


class Clevr(_Files):
    """CLEVR v1.0."""

    target = "clevr:Clevr"
    type: Literal["clevr"] = "clevr"
    split: str = Field(default="val", min_length=1, description="Which part: train, val, or another that is there.")
    scenes: Flag = Field(default=False, description="Read the scene graphs too (true or false).")

    def arguments(self) -> dict[str, Any]:
        """Return the class's arguments."""
        values = self.parameters()
        return {"root": values.pop("path"), **values}


class VQAv2(_Media):
    """VQA v2.0, with ten human answers to a question."""

    target = "vqa_v2:VQAv2"
    type: Literal["vqa_v2"] = "vqa_v2"
    split: Literal["train", "val"] = Field(default="val", description="Which part; the others have no answers.")
    family: Literal["question_type", "answer_type"] = Field(default="question_type", description="Kind of question.")


class TextVQA(_Media):
    """TextVQA 0.5.1: questions about text in photographs."""

    target = "textvqa:TextVQA"
    type: Literal["textvqa"] = "textvqa"
    split: Literal["train", "val"] = Field(default="val", description="Which part; test has no answers.")
    ocr: Flag = Field(default=False, description="Read the words that Rosetta found in each image (true or false).")


class MusicAVQA(_Media):
    """MUSIC-AVQA: questions about clips of music."""

    target = "music_avqa:MusicAVQA"
    type: Literal["music_avqa"] = "music_avqa"
    split: Literal["train", "val", "test"] = Field(default="test", description="Which part.")
    media: str | None = Field(default=None, description="Folder of the clips; videos/ in path if absent.")
    family: Literal["type", "template"] = Field(default="type", description="Kind of question.")
    modalities: Modalities = Field(default=("video", "audio"), min_length=1, description="What is read.")
    num_frames: Integer = Frames
    sampling_rate: Integer = Rate


class MMBench(_Media):
    """MMBench: multiple choice, in circular evaluation."""

    target, train_split = "mmbench:MMBench", None
    type: Literal["mmbench"] = "mmbench"
    split: Literal["dev", "test"] = Field(default="dev", description="Which part; the official test has no answers.")
    circular: Flag = Field(default=True, description="Ask for every rotation of the options (true or false).")
    family: Literal["category", "l2-category"] = Field(default="category", description="Kind of question.")


class MME(_Media):
    """MME: two yes-or-no questions about every image."""

    target, train_split = "mme:MME", None
    type: Literal["mme"] = "mme"
    subtasks: tuple[str, ...] | None = Field(default=None, min_length=1, description="Which of the 14; all if absent.")


class MMVet(_Media):
    """MM-Vet v1: open answers that need several capabilities."""

    target, train_split = "mm_vet:MMVet", None
    type: Literal["mm_vet"] = "mm_vet"


class CocoCaptions(_Media):
    """COCO Captions: about five captions for every photograph."""

    target = "coco_captions:CocoCaptions"
    type: Literal["coco_captions"] = "coco_captions"
    split: Literal["train", "val", "test", "restval", "train+restval"] = Field(default="val", description="Which part.")
    year: Literal[2014, 2017] = Field(default=2017, description="Of the files.")
    karpathy: Flag = Field(default=False, description="Karpathy's split (true or false).")


class VALOR32K(_Media):
    """VALOR-32K: captions of clips with sound."""

    target = "valor:VALOR32K"
    type: Literal["valor32k"] = "valor32k"
    split: Literal["train", "val", "test"] = Field(default="test", description="Which part.")
    media: str | None = Field(default=None, description="Folder of the clips; videos/ in path if absent.")
    modalities: Modalities = Field(default=("video", "audio"), min_length=1, description="What is read.")
    num_frames: Integer = Frames
    sampling_rate: Integer = Rate


class SST2(_Files):
    """SST-2: sentiment of sentences from film reviews."""

    target = "sst2:SST2"
    type: Literal["sst2"] = "sst2"
    split: Literal["train", "dev"] = Field(default="dev", description="Which part; GLUE's test has no labels.")


class IMDB(_Files):
    """IMDB: sentiment of film reviews."""

    target = "imdb:IMDB"
    type: Literal["imdb"] = "imdb"
    split: Literal["train", "test"] = Field(default="test", description="Which part.")


class TREC(_Files):
    """TREC: what a question asks for."""

    target = "trec:TREC"
    type: Literal["trec"] = "trec"
    split: Literal["train", "test"] = Field(default="test", description="Which part.")
    label: Literal["coarse", "fine"] = Field(default="coarse", description="6 or 50 classes.")
    classes: tuple[TrecClass, ...] = Field(
        default=("DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM"),
        description="Coarse classes in the order of their numbers in plain files.",
    )

    def rules(self) -> Iterator[Broken]:
        """Yield an order that lacks a class or has one twice."""
        if sorted(self.classes) != sorted(get_args(TrecClass)):
            rule = "must have every class once; put them into the order of the file's numbers"
            yield Broken("classes", list(self.classes), rule, get_args(TrecClass))


class FSDD(_Media):
    """Free Spoken Digit Dataset."""

    target = "fsdd:FSDD"
    type: Literal["fsdd"] = "fsdd"
    split: Literal["train", "test", "all"] = Field(default="test", description="Which part.")
    sampling_rate: Integer = Field(default=8000, ge=1000, le=192_000, description="Of audio, resampled to it (Hz).")
    cluster_by: Literal["recording", "speaker"] = Field(default="recording", description="What intervals respect.")


class LibriSpeech(_Media):
    """LibriSpeech: read English."""

    target, train_split = "librispeech:LibriSpeech", "train-clean-100"
    type: Literal["librispeech"] = "librispeech"
    split: Literal[
        "dev-clean", "dev-other", "test-clean", "test-other", "train-clean-100", "train-clean-360", "train-other-500"
    ] = Field(default="test-clean", description="Which part.")
    sampling_rate: Integer = Rate


class CIFAR10(_Media):
    """CIFAR-10: images of 32 pixels in ten classes."""

    target = "cifar10:CIFAR10"
    type: Literal["cifar10"] = "cifar10"
    split: Literal["train", "test"] = Field(default="test", description="Which part.")


class ImageFiles(_Media):
    """Image files of a folder; its subfolders may be classes."""

    target, train_split = "image_folder:ImageFolder", None
    type: Literal["image_folder"] = "image_folder"
    classes: Literal["folder", "none"] = Field(default="none", description="Where labels come from.")


class Kodak(_Media):
    """Kodak's 24 photographs."""

    target, train_split = "kodak:Kodak", None
    type: Literal["kodak"] = "kodak"


class Hub(DataConfig):
    """A data set of the Hugging Face hub, by its id."""

    target, train_split = "hub:HubDataset", "train"
    type: Literal["hub"] = "hub"
    id: str = Field(min_length=1, description="Such as stanfordnlp/sst2.")
    columns: dict[str, str] = Field(description="Column of each part of a sample: text, image, answer, ...")
    config: str | None = Field(default=None, description="Configuration of the data set.")
    split: str = Field(default="test", min_length=1, description="Which part.")
    revision: str | None = Field(default=None, description="Commit or tag.")
    streaming: Flag = Field(
        default=False, description="Fetch rows while they are asked for, in order; needs limit (true or false)."
    )
    limit: Integer | None = Field(default=None, ge=1, description="How many, from the first (count); all if absent.")
    data_files: str | tuple[str, ...] | None = Field(
        default=None, description="Local files, for an id that is a format: parquet, json, csv, ..."
    )
    sampling_rate: Integer | None = Field(default=None, ge=1000, le=192_000, description="Of audio (Hz).")
    on_error: Literal["refuse", "skip"] = Field(default="refuse", description="Broken entries.")

    def rules(self) -> Iterator[Broken]:
        """Yield a stream that no limit ends."""
        if self.streaming and self.limit is None:
            yield Broken("limit", None, "is no limit; with streaming it must say how many rows there are to be")


class Prompts(DataConfig):
    """Captions to make pictures of, for the task text_to_image and for training on it."""

    target = "prompts:Prompts"
    type: Literal["prompts"] = "prompts"
    captions: tagged(ClevrCaptions | CocoCaptions | Hub | PythonTarget) = Field(  # type: ignore[valid-type]
        description="Pictures with captions."
    )
    caption: Integer = Field(default=0, ge=0, le=1000, description="Number of the caption that is sent, from 0.")
    size: Integer | None = Field(
        default=None, ge=8, le=4096, description="Side of the square that pictures are cut to (pixels); null: as is."
    )

    @property
    def path(self) -> str | None:
        """Where the captions are read from, if they are."""
        return getattr(self.captions, "path", None)

    @property
    def train_split(self) -> str | None:  # type: ignore[override]
        """Where real pictures for comparison are."""
        return getattr(self.captions, "train_split", None)

    @property
    def seeded(self) -> bool:  # type: ignore[override]
        """Whether the pictures are generated."""
        return getattr(self.captions, "seeded", False)

    def build(self, **changed: Any) -> Any:
        """Construct the data set; ``changed`` replaces arguments of the captions', such as ``split``."""
        from ..datasets.prompts import Prompts as Dataset

        return Dataset(self.captions.build(**changed), caption=self.caption, size=self.size)


VqaData = tagged(ClevrSynth | AvqaSynth | Clevr | VQAv2 | TextVQA | MusicAVQA | Hub | PythonTarget)
ClassData = tagged(TextSynth | SST2 | IMDB | TREC | CIFAR10 | FSDD | ImageFiles | Hub | PythonTarget)
CaptionData = tagged(ClevrCaptions | CocoCaptions | VALOR32K | Hub | PythonTarget)
SpeechData = tagged(SpeechSynth | LibriSpeech | FSDD | Hub | PythonTarget)
SentenceData = tagged(TextSynth | SST2 | IMDB | TREC | Hub | PythonTarget)
PictureData = tagged(PhotoTiles | ClevrSynth | CIFAR10 | Kodak | ImageFiles | Hub | PythonTarget)
ChoiceData = tagged(MMBench | PythonTarget)
YesNoData = tagged(MME | PythonTarget)
OpenData = tagged(MMVet | PythonTarget)

Data = tagged(
    ClevrSynth | ClevrCaptions | AvqaSynth | TextSynth | SpeechSynth | Clevr | VQAv2 | TextVQA | MusicAVQA
    | MMBench | MME | MMVet | CocoCaptions | VALOR32K | SST2 | IMDB | TREC | FSDD | LibriSpeech | CIFAR10
    | ImageFiles | Kodak | PhotoTiles | Prompts | Hub | PythonTarget
)  # fmt: skip
"""Any data set; a Python class is called with ``options``."""
