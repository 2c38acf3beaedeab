"""Quantisers of tokens."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from .base import FULL, Config
from .number import Integer, Real
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged

if TYPE_CHECKING:
    from ...linklevel.quantizers.base import Quantizer

Level = Annotated[Integer, Field(ge=2, le=256)]


class _Quantizer(Config):
    """A class of ``tokencom.linklevel.quantizers``."""

    quantizer: ClassVar[str]

    def build(self, *, dim: int) -> "Quantizer":
        """Construct the quantiser for tokens of width ``dim``."""
        from ...linklevel import quantizers

        return getattr(quantizers, self.quantizer)(dim=dim, **self.parameters())

    def identity(self) -> dict[str, Any]:
        """Return what weights depend on: all fields but the seed that training starts from."""
        values = self.model_dump(mode="json", context=FULL)
        return {name: value for name, value in values.items() if name != "seed"}


class Uniform(_Quantizer):
    """Cells of equal width in every dimension, Gray-coded."""

    quantizer = "UniformQuantizer"
    type: Literal["uniform"] = "uniform"
    num_bits: Integer = Field(default=4, ge=1, le=16, description="Bits per dimension (bits).")
    limit: Real = Field(default=4.0, gt=0, le=1e12, description="Range is ±limit until statistics are loaded.")
    spread: Real = Field(default=4.0, ge=0.1, le=100, description="Range that fitting takes (standard deviations).")


class FSQ(_Quantizer):
    """Finite scalar quantisation: a few bounded numbers, each rounded to a few levels."""

    quantizer = "FSQQuantizer"
    type: Literal["fsq"] = "fsq"
    levels: tuple[Level, ...] = Field(
        default=(8, 5, 5, 5), min_length=1, max_length=16, description="Levels of each number of a group (count)."
    )
    num_groups: Integer = Field(default=8, ge=1, le=4096, description="Groups per token (count).")
    seed: Integer = Field(default=0, ge=0, le=2**62, description="Of the initial projections.")


class Vector(_Quantizer):
    """Learned vector quantisation: nearest codewords of groups of dimensions."""

    quantizer = "VectorQuantizer"
    type: Literal["vector"] = "vector"
    codebook_size: Integer = Field(
        default=256, ge=2, le=2**16, description="Codewords of a group, a power of two (count)."
    )
    num_groups: Integer = Field(default=8, ge=1, le=4096, description="Groups of a token's dimensions (count).")
    commitment: Real = Field(default=0.25, ge=0, description="Weight of the commitment loss.")
    update: Literal["ema", "loss"] = Field(default="ema", description="How the codebook learns.")
    decay: Real = Field(default=0.99, ge=0, le=1, description="Of the moving averages, per step.")
    seed: Integer = Field(default=0, ge=0, le=2**62, description="Of the initial codewords.")

    def rules(self) -> Iterator[Broken]:
        """Yield a codebook that does not fill its bits."""
        size = self.codebook_size
        if size & (size - 1):
            near = 1 << (size.bit_length() - 1)
            yield Broken("codebook_size", size, "is no power of two", (near, 2 * near))


AnyQuantizer = tagged(Uniform | FSQ | Vector | PythonTarget)
"""Any quantiser; a Python class is called with ``options`` and the tokens' ``dim``."""
