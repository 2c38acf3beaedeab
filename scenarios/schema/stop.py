"""When a point of a sweep has been simulated enough."""

from collections.abc import Iterator

from pydantic import Field

from .base import Config
from .number import Integer, Real
from .rules import Broken


class Stop(Config):
    """The stop rule. It reads batches in order, so the workers' number does not change a result.

    Tasks over a fixed data set send every item once and are not stopped by error counts.
    """

    batch_size: Integer = Field(default=64, ge=1, le=2**20, description="Items sent together (count).")
    max_mc_iter: Integer = Field(
        default=100, ge=1, le=2**31, description="Batches of a point at most (count)."
    )
    num_target_block_errors: Integer | None = Field(
        default=None, ge=2, description="Stop a point after this many block errors (count)."
    )
    target_relative_width: Real | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Stop a point when the interval's width over its estimate falls below this (ratio).",
    )

    def rules(self) -> Iterator[Broken]:
        """Yield a rule that two ways to stop break."""
        if self.num_target_block_errors is not None and self.target_relative_width is not None:
            rule = "is given beside num_target_block_errors; one of the two decides when to stop"
            yield Broken("target_relative_width", self.target_relative_width, rule)
