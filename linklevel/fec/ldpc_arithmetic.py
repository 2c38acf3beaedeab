"""Number formats of the LDPC decoders: float32, and fixed point for layered min-sum."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .simd import ROW_BYTES


@dataclass(frozen=True)
class Arithmetic:
    """A number format for channel values, messages and totals.

    In fixed point a message stays below half of the format's largest value. So a saturated total, less
    one of its messages, still outweighs any message: without that limit the totals of a converging frame
    saturate, their differences to the messages vanish, and the decoder falls apart.

    Attributes:
        dtype: numpy type of a lane.
        step: units per unit of LLR.
        largest: bound on channel values, in units.
        largest_message: bound on messages from a check, in units.
    """

    dtype: type
    step: float
    largest: float
    largest_message: float

    @property
    def lanes(self) -> int:
        """Frames of a group."""
        return ROW_BYTES // np.dtype(self.dtype).itemsize

    @property
    def is_float(self) -> bool:
        """Whether this is a floating-point format."""
        return issubclass(self.dtype, np.floating)

    def bound(self, llr_max: float | None) -> float:
        """Bound on channel values, in units, under Sionna's ``llr_max``."""
        return self.largest if llr_max is None else min(llr_max * self.step, self.largest)

    def minsum_rule(self, scale: float, offset: float, llr_max: float | None) -> tuple[Any, Any, Any]:
        """The rule of `minsum_pass`: scale, offset and the bound on magnitudes that enter a check."""
        limit = min(self.bound(llr_max), self.largest_message / scale)
        if self.is_float:
            return self.dtype(scale), self.dtype(offset), self.dtype(limit)
        return np.uint16(round(scale * 256)), self.dtype(round(offset * self.step)), self.dtype(limit)


ARITHMETICS = {
    "float32": Arithmetic(np.float32, step=1.0, largest=1e6, largest_message=1e6),
    "int16": Arithmetic(np.int16, step=64.0, largest=16383, largest_message=8191),
    "int8": Arithmetic(np.int8, step=4.0, largest=127, largest_message=63),
}
