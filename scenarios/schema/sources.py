"""Classical source coders of images, text and audio."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from .base import Config
from .number import Flag, Real
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged

if TYPE_CHECKING:
    from ...linklevel.sources import SourceCodec


class _Codec(Config):
    """A codec of ``tokencom.linklevel.sources``.

    A subclass names its class there and the payload it codes: "image", "text" or "audio".
    """

    codec: ClassVar[str]
    payload: ClassVar[str]

    @property
    def fixed(self) -> bool:
        """Whether files have one quality, so that each item is sent on as many channel uses as its file needs."""
        return False

    def build(self, **arguments: Any) -> "SourceCodec":
        """Construct the codec; ``arguments`` are the task's: ``shape`` of images, ``sampling_rate`` of audio."""
        from ...linklevel import sources

        return getattr(sources, self.codec)(**self.parameters(), **arguments)


class JPEG(_Codec):
    """Baseline JPEG (ITU-T T.81)."""

    codec, payload = "JPEG", "image"
    type: Literal["jpeg"] = "jpeg"
    abbreviated: Flag = Field(
        default=False,
        description="Tables agreed beforehand and not sent, as T.81's abbreviated format (true or false).",
    )


class JPEG2000(_Codec):
    """JPEG 2000 (ITU-T T.800)."""

    codec, payload = "JPEG2000", "image"
    type: Literal["jpeg2000"] = "jpeg2000"


class WebP(_Codec):
    """Lossy WebP (VP8 intra)."""

    codec, payload = "WebP", "image"
    type: Literal["webp"] = "webp"


class AVIF(_Codec):
    """AVIF (AV1 intra)."""

    codec, payload = "AVIF", "image"
    type: Literal["avif"] = "avif"


class HEVC(_Codec):
    """HEVC intra, which stands in for BPG; needs the extra ``hevc``."""

    codec, payload = "HEVC", "image"
    type: Literal["hevc"] = "hevc"


class UTF8(_Codec):
    """Text as UTF-8 bytes."""

    codec, payload = "UTF8", "text"
    type: Literal["utf8"] = "utf8"


class HuffmanText(_Codec):
    """UTF-8 bytes with a static Huffman code."""

    codec, payload = "HuffmanText", "text"
    type: Literal["huffman"] = "huffman"


class Opus(_Codec):
    """Opus for speech, at a hard constant bit rate; needs the extra ``data``.

    With ``bit_rate``, every utterance gets the channel uses that its file needs; without, the highest bit rate
    that fits the link's budget.
    """

    codec, payload = "Opus", "audio"
    type: Literal["opus"] = "opus"
    bit_rate: Literal[6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56, 64] | None = Field(
        default=None, description="The only bit rate (kb/s); null: the highest that fits the budget."
    )

    @property
    def fixed(self) -> bool:
        """Whether there is one bit rate only."""
        return self.bit_rate is not None


AMR_WB_RATES = (6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85)
"""Modes of AMR-WB, kb/s."""


class AMRWB(_Codec):
    """AMR-WB for speech at 8 or 16 kHz; needs the libraries vo-amrwbenc and opencore-amrwb.

    With ``bit_rate``, every utterance gets the channel uses that its file needs; without, the highest mode that
    fits the link's budget.
    """

    codec, payload = "AMRWB", "audio"
    type: Literal["amr_wb"] = "amr_wb"
    bit_rate: Real | None = Field(
        default=None, description="The only mode, 6.6 to 23.85 (kb/s); null: the highest that fits the budget."
    )

    @property
    def fixed(self) -> bool:
        """Whether there is one mode only."""
        return self.bit_rate is not None

    def rules(self) -> Iterator[Broken]:
        """Yield a bit rate that is no mode."""
        if self.bit_rate is not None and self.bit_rate not in AMR_WB_RATES:
            yield Broken("bit_rate", self.bit_rate, "is no mode of AMR-WB", AMR_WB_RATES)


class Clip(Config):
    """A clip and a question about it: each of the three by a codec and a device of its own, see the link ``devices``.

    The frames are coded as one picture, so they have one quality and share the budget.
    """

    payload: ClassVar[str] = "clip"
    type: Literal["clip"] = "clip"
    video: Annotated[JPEG | JPEG2000 | WebP | AVIF | HEVC, Field(discriminator="type")] = Field(
        description="Codec of the frames."
    )
    audio: Annotated[Opus | AMRWB, Field(discriminator="type")] = Field(description="Codec of the sound.")
    text: Annotated[UTF8 | HuffmanText, Field(discriminator="type")] = Field(description="Codec of the question.")

    def build(self, *, shape: tuple[int, int, int, int], sampling_rate: int) -> "tuple[SourceCodec, ...]":
        """Construct the codecs of video, audio and text.

        Args:
            shape: (num_frames, height, width, channels) of every clip.
            sampling_rate: of the audio, Hz.
        """
        from ...linklevel.sources import Frames

        num_frames, height, width, channels = shape
        pictures = self.video.build(shape=(num_frames * height, width, channels))
        frames = Frames(pictures, num_frames)
        return frames, self.audio.build(sampling_rate=sampling_rate), self.text.build()


Source = tagged(JPEG | JPEG2000 | WebP | AVIF | HEVC | UTF8 | HuffmanText | Opus | AMRWB | Clip | PythonTarget)
"""Any source coder; a Python class is called with ``options``, ``shape`` of images and ``sampling_rate`` of audio."""
