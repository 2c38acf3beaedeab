"""What the engine needs of a scenario.

:class:`~tokencom.scenarios.schema.Scenario` satisfies :class:`Plan`; so does any class of a user
with the same members.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from ...linklevel.links.base import Link
    from ..tasks.base import Task


class Stop(Protocol):
    """When a point has been simulated enough. Data-set tasks read ``batch_size`` only."""

    @property
    def batch_size(self) -> int:
        """Items of a batch."""

    @property
    def max_mc_iter(self) -> int:
        """Largest number of batches of a Monte Carlo task at one point."""

    @property
    def num_target_block_errors(self) -> int | None:
        """Block errors after which a point is finished; no such limit if `None`."""

    @property
    def target_relative_width(self) -> float | None:
        """Width of the interval over the value at which a point is finished; `None`: no limit."""


class Named(Protocol):
    """A scheme, as far as the engine is concerned."""

    @property
    def name(self) -> str:
        """Unique within the scenario."""


class Configured(Protocol):
    """A scenario with the values of one sweep point applied."""

    @property
    def snr_db(self) -> float | None:
        """Es/N0, dB, or `None` where ``ebno_db`` is given."""

    @property
    def ebno_db(self) -> float | None:
        """Eb/N0, dB, or `None` where ``snr_db`` is given."""

    def build_key(self, scheme: str) -> str:
        """Return canonical JSON of all that :meth:`build` uses for ``scheme``; no SNR in it.

        Workers keep what they built under this key, and finished batches are reused for as long
        as it stays the same.
        """

    def build(self, scheme: str) -> tuple["Task", "Link"]:
        """Construct the task and the link of ``scheme``."""

    def link_snr_db(self, scheme: str, link: "Link") -> float:
        """Return Es/N0, dB, for ``scheme``; from ``ebno_db`` with the link's rate where that is given."""


class Point(Protocol):
    """One point of the sweep."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Value of each swept path."""

    @property
    def hash(self) -> int:
        """64-bit hash of :attr:`values` only: inserting a point changes no other's."""

    @property
    def scenario(self) -> Configured:
        """The scenario with :attr:`values` applied."""


class Plan(Protocol):
    """A whole scenario: schemes, points, seed and stop rule."""

    @property
    def name(self) -> str:
        """Names the run and its default folder."""

    @property
    def seed(self) -> int:
        """Root of every random number."""

    @property
    def threads_per_worker(self) -> int:
        """Threads of torch, BLAS and numba in each worker; results depend on it."""

    @property
    def stop(self) -> Stop:
        """When a point has been simulated enough."""

    @property
    def schemes(self) -> Sequence[Named]:
        """What is compared."""

    def points(self) -> Sequence[Point]:
        """Return the points of the sweep, in order."""

    def model_dump_json(self) -> str:
        """Return the text from which a worker rebuilds the scenario."""

    @classmethod
    def model_validate_json(cls, text: str) -> Self:
        """Rebuild a scenario from :meth:`model_dump_json`'s text."""


def compared(plan: Plan) -> list[Named]:
    """Return the schemes that are run; those that are only trained for others are left out."""
    return [scheme for scheme in plan.schemes if not getattr(scheme, "train_only", False)]
