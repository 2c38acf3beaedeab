"""Tasks: what is sent, and how what arrives is judged."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from .base import Config
from .data_tasks import (
    Captioning,
    Classification,
    MultipleChoice,
    OpenAnswers,
    Pictures,
    Sentences,
    TextToImage,
    Transcription,
    Vqa,
    YesNo,
)
from .number import Flag, Integer
from .python_target import PythonTarget
from .union import tagged

if TYPE_CHECKING:
    from ..tasks import BitsTask, ImageTask, TextTask


class Bits(Config):
    """Uniform random bits: bit and block error rates."""

    payload: ClassVar[str] = "bits"
    type: Literal["bits"] = "bits"
    num_bits: Integer = Field(ge=1, le=10**7, description="Payload bits of an item (bits).")

    def build(self) -> "BitsTask":
        """Construct the task."""
        from ..tasks import BitsTask

        return BitsTask(num_bits=self.num_bits)


class _Images(Config):
    """How images are prepared."""

    size: Integer = Field(
        default=256,
        ge=11,
        le=4096,
        description="Side of the square that each is cut and resampled to (pixels).",
    )
    grayscale: Flag = Field(default=False, description="One channel instead of three (true or false).")
    num_images: Integer | None = Field(
        default=None, ge=1, le=10**6, description="How many, from the first (count); all if absent."
    )


class Photos(_Images):
    """Photographs that scikit-learn and scikit-image package."""

    type: Literal["photos"] = "photos"

    def arguments(self) -> dict[str, Any]:
        """Return the task's arguments."""
        return {"data": "photographs", **self.parameters()}


class ImageFolder(_Images):
    """Image files of a folder, by name."""

    type: Literal["folder"] = "folder"
    path: str = Field(min_length=1, description="Folder, from where the command is run.")

    def arguments(self) -> dict[str, Any]:
        """Return the task's arguments."""
        values = self.parameters()
        return {"data": values.pop("path"), **values}


class Image(Config):
    """Images: PSNR, MS-SSIM, block errors, damaged and lost images."""

    payload: ClassVar[str] = "image"
    type: Literal["image"] = "image"
    data: tagged(Photos | ImageFolder) = Field(default=Photos(), description="Which images.")  # type: ignore[valid-type]
    repeats: Integer = Field(default=1, ge=1, le=10**6, description="How often each is sent (count).")

    def build(self) -> "ImageTask":
        """Construct the task."""
        from ..tasks import ImageTask

        return ImageTask(repeats=self.repeats, **self.data.arguments())


class _Sentences(Config):
    """How many sentences."""

    num_sentences: Integer | None = Field(
        default=None, ge=1, le=10**7, description="How many, from the first (count); all if absent."
    )


class Alice(_Sentences):
    """Sentences of Alice's Adventures in Wonderland (public domain), which come with the package."""

    type: Literal["alice"] = "alice"

    def arguments(self) -> dict[str, Any]:
        """Return the task's arguments."""
        return {"data": "alice", **self.parameters()}


class TextFile(_Sentences):
    """Lines of a UTF-8 text file."""

    type: Literal["file"] = "file"
    path: str = Field(min_length=1, description="File, from where the command is run.")

    def arguments(self) -> dict[str, Any]:
        """Return the task's arguments."""
        values = self.parameters()
        return {"data": values.pop("path"), **values}


class Text(Config):
    """Sentences: BLEU, exact match, block errors, damaged and lost sentences."""

    payload: ClassVar[str] = "text"
    type: Literal["text"] = "text"
    data: tagged(Alice | TextFile) = Field(default=Alice(), description="Which sentences.")  # type: ignore[valid-type]
    repeats: Integer = Field(default=1, ge=1, le=10**6, description="How often each is sent (count).")

    def build(self) -> "TextTask":
        """Construct the task."""
        from ..tasks import TextTask

        return TextTask(repeats=self.repeats, **self.data.arguments())


Task = tagged(
    Bits | Image | Text | Vqa | Classification | Captioning | Transcription | Sentences | Pictures
    | TextToImage | MultipleChoice | YesNo | OpenAnswers | PythonTarget
)  # fmt: skip
"""Any task; a Python class is called with ``options``."""
