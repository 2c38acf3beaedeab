"""Systems that make pictures, with which others are compared."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from .baselines import Width, _Baseline, sized
from .number import Integer
from .rules import Broken


class TextDiffusion(_Baseline):
    """A caption's words cross; a conditional diffusion model at the receiver makes the picture."""

    system = "TextDiffusion"
    payload: ClassVar[str] = "text"
    type: Literal["text_diffusion"] = "text_diffusion"
    preset: Literal["base", "tiny"] = Field(  # type: ignore[assignment]
        default="base", description="Sizes: larger, or to train on a CPU."
    )
    dim: Width | None = sized("Width of a token (reals)")
    depth: Integer | None = sized("Layers of the encoder of words (count)", high=64)
    heads: Integer | None = sized("Its attention heads (count)", high=64)
    size: Integer | None = sized("Side of pictures, a multiple of 8 (pixels)", 8, 1024)
    channels: tuple[Width, ...] | None = Field(
        default=None,
        min_length=4,
        max_length=4,
        description="Widths of the U-Net, multiples of 8; the preset's if null.",
    )
    layers: Integer | None = sized("Residual blocks of the U-Net at each resolution (count)", high=16)
    steps: Integer = Field(default=20, ge=1, le=1000, description="Of sampling (count).")
    max_num_words: Integer = Field(default=80, ge=1, le=2**12, description="Longer captions are cut (words).")

    def rules(self) -> Iterator[Broken]:
        """Yield sizes that do not fit, and a wrong name of weights."""
        yield from super().rules()
        sizes = {"size": self.size, **{f"channels.{place}": width for place, width in enumerate(self.channels or ())}}
        for name, value in sizes.items():
            if value is not None and value % 8:
                yield Broken(name, value, "is no multiple of 8", (value // 8 * 8, value // 8 * 8 + 8))
