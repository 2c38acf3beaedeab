"""Schemes: what a figure compares."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from .air import Air
from .base import Config
from .links import Digital, Link
from .rules import Broken
from .sources import Source
from .tasks import Task


class DigitalScheme(Config):
    """Bits over a digital link, or the items of a task through a source coder and a digital link."""

    type: Literal["digital"] = "digital"
    name: str = Field(min_length=1, max_length=80, description="Name in legends and results; unique.")
    source: Source | None = Field(default=None, description="Source coder; bits need none.")
    link: Link = Field(description="Channel code, constellation and rate.")
    task: Task | None = Field(default=None, description="The scheme's own task, instead of the scenario's.")
    air: Air | None = Field(
        default=None, description="The scheme's own air interface, instead of the scenario's."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield what the link lacks, or has too much of, for sending with or without a source."""
        if not isinstance(self.link, Digital):
            return
        if self.source is None:
            yield from self._without_source(self.link)
        else:
            yield from self._with_source(self.link)

    def _without_source(self, link: Digital) -> Iterator[Broken]:
        for name in ("num_channel_uses", "mcs", "mcs_backoff_db"):
            if getattr(link, name) is not None:
                yield Broken(
                    f"link.{name}", getattr(link, name), "is given, but serves a scheme with a source only"
                )
        if link.mcs is None and link.num_bits_per_symbol is None:
            yield Broken("link.num_bits_per_symbol", None, "is missing; give the coded bits per symbol")
        if link.mcs is None and link.rate is None:
            yield Broken("link.coderate", None, "is missing; give coderate, or k and n")

    def _with_source(self, link: Digital) -> Iterator[Broken]:
        if link.num_channel_uses is None:
            yield Broken("link.num_channel_uses", None, "is missing; a source fits its items to this budget")
        if link.k is not None or link.n is not None:
            yield Broken(
                "link.k",
                link.k,
                "is given, but the budget and the coderate set the sizes of a source's blocks",
            )
        if link.mcs is None and link.num_bits_per_symbol is None:
            yield Broken("link.num_bits_per_symbol", None, "is missing; give it and coderate, or a list mcs")
        if link.mcs is None and link.rate is None and link.k is None:
            yield Broken("link.coderate", None, "is missing; give it and num_bits_per_symbol, or a list mcs")
        if link.mcs is None and link.mcs_backoff_db is not None:
            yield Broken(
                "link.mcs_backoff_db",
                link.mcs_backoff_db,
                "is given, but there is no list mcs to choose from",
            )


Scheme = DigitalScheme
"""Any scheme."""
