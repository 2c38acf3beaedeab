"""A scenario: everything that one run needs to know."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from . import trained
from .air import Air
from .base import FULL, Config
from .building import MEDIA, build_link
from .digital import Digital
from .noise import link_snr_db
from .number import Integer, Real
from .rules import Broken
from .schemes import Scheme, TokenScheme
from .starting import start_rules
from .stop import Stop
from .sweep import Point, expand, point_of, well_formed
from .tasks import Bits, Task
from .theory import ErgodicCapacity, Theory
from .token_links import JSCC, Quantized

if TYPE_CHECKING:
    from ...linklevel.links import Link
    from ..tasks.base import Task as TaskObject


class Scenario(Config):
    """Schemes over an air interface, at every point of a sweep.

    Fields that are swept hold the value of the first point.
    """

    name: str = Field(min_length=1, max_length=120, description="Name of the run, and of its folder.")
    description: str = Field(default="", description="What the figure shows.")
    figure: Literal["curves", "training"] = Field(
        default="curves", description="What is drawn: metrics at the sweep's points, or losses of the last training "
        "stage against its steps.",
    )  # fmt: skip
    along: str | None = Field(
        default=None, description="Swept path on the x axis; if absent the SNR, else the first path of numbers."
    )
    seed: Integer = Field(default=1, ge=0, description="Root of every random number.")
    device: str = Field(
        default="cpu",
        pattern=r"^(cpu|cuda(:\d{1,3})?)$",
        description="Where tensors live: cpu, cuda, cuda:1.",
    )
    precision: Literal["single", "double"] = Field(
        default="single", description="Of real and complex numbers."
    )
    threads_per_worker: Integer = Field(
        default=1,
        ge=1,
        le=1024,
        description="Threads of torch, BLAS and numba in a worker (count); results depend on it.",
    )
    snr_db: Real | None = Field(
        default=None, ge=-200, le=200, description="Es/N0 at one receive antenna, averaged over fading (dB)."
    )
    ebno_db: Real | None = Field(
        default=None, ge=-200, le=200, description="Eb/N0, for links that carry bits (dB)."
    )
    task: Task | None = Field(
        default=None, description="What is sent and judged, unless a scheme has its own."
    )
    air: Air | None = Field(default=None, description="Air interface, unless a scheme has its own.")
    schemes: tuple[Scheme, ...] = Field(min_length=1, max_length=200, description="What is compared.")
    sweep: dict[str, tuple[Any, ...]] = Field(
        default={}, description="Dotted path of a field to the values it takes; all combinations are run."
    )
    stop: Stop = Field(default=Stop(), description="When a point has been simulated enough.")
    theory: tuple[Theory, ...] = Field(default=(), max_length=100, description="Reference lines.")

    @model_validator(mode="before")
    @classmethod
    def _at_first_point(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and well_formed(data.get("sweep")) and data["sweep"]:
            return {**next(expand(data)).data, "sweep": data["sweep"]}
        return data

    def rules(self) -> Iterator[Broken]:
        """Yield what the parts of the scenario rule out for each other."""
        for path, values in self.sweep.items():
            if not values:
                yield Broken(f"sweep.{path}", [], "is empty; give at least one value")
        yield from self._snr_rules()
        names = [scheme.name for scheme in self.schemes]
        for index, scheme in enumerate(self.schemes):
            if scheme.name in names[:index]:
                first = names.index(scheme.name)
                yield Broken(
                    f"schemes.{index}.name",
                    scheme.name,
                    f"is the name of schemes.{first} too; names are unique",
                )
            yield from self._scheme_rules(f"schemes.{index}.", scheme)
            yield from start_rules(f"schemes.{index}.training.", scheme, self.schemes)
        yield from self._figure_rules()
        if all(getattr(scheme, "train_only", False) for scheme in self.schemes):
            yield Broken("schemes.0.train_only", True, "is set in all schemes, so nothing is left to compare")

    def _figure_rules(self) -> Iterator[Broken]:
        if self.along is not None and self.sweep and self.along not in self.sweep:
            yield Broken("along", self.along, "is not swept", tuple(self.sweep))
        if self.along not in (None, "snr_db", "ebno_db") and self.theory:
            yield Broken("along", self.along, "is on the x axis, but lines of theory are over the SNR")
        if self.figure == "training":
            for index, scheme in enumerate(self.schemes):
                if not getattr(scheme, "trains", False):
                    rule = f"needs schemes that are trained here; {scheme.name!r} is not"
                    yield Broken("figure", self.figure, rule + f" (schemes.{index})")

    def _snr_rules(self) -> Iterator[Broken]:
        if self.snr_db is None and self.ebno_db is None:
            yield Broken("snr_db", None, "is missing; give snr_db or ebno_db (dB), fixed or in the sweep")
        if self.snr_db is not None and self.ebno_db is not None:
            yield Broken("ebno_db", self.ebno_db, "is given beside snr_db; one of the two sets the noise")
        for index, line in enumerate(self.theory if self.ebno_db is not None else ()):
            if isinstance(line, ErgodicCapacity):
                rule = "has no rate, so it has no place on an Eb/N0 axis; sweep snr_db"
                yield Broken(f"theory.{index}.type", line.type, rule)

    def _scheme_rules(self, prefix: str, scheme: Scheme) -> Iterator[Broken]:
        task, air, link = self.task_of(scheme), self.air_of(scheme), scheme.link
        if task is None:
            yield Broken(f"{prefix}task", None, "is missing; the scenario has no task for all schemes either")
        if air is None:
            yield Broken(
                f"{prefix}air", None, "is missing; the scenario has no air interface for all schemes either"
            )
        if air is not None and isinstance(link, (Digital, Quantized)) and not getattr(air, "has_csi", True):
            rule = f"needs the channel's phase: {link.constellation_type.upper()} is detected coherently"
            yield Broken(f"{prefix}air.csi" if scheme.air else "air.csi", getattr(air, "csi", None), rule)
        if self.ebno_db is not None and (scheme.source is not None or isinstance(scheme, TokenScheme)):
            what = "tokens are not" if scheme.source is None else "the bits of a source are not information"
            rule = f"has no meaning for scheme {scheme.name!r}: {what} bits; give snr_db"
            yield Broken("ebno_db", self.ebno_db, rule)
        if isinstance(link, Digital) and isinstance(task, Bits) and link.k not in {None, task.num_bits}:
            yield Broken(f"{prefix}link.k", link.k, f"is not the task's num_bits = {task.num_bits}")
        if task is not None:
            yield from _payload_rules(prefix, scheme, task)

    def points(self) -> list[Point]:
        """Return the points of the sweep in order, the last swept path varying fastest.

        Raises:
            ValueError: if the scenario is not valid at one of them.
        """
        if not self.sweep:
            return [Point({}, self)]
        return [point_of(c, type(self).model_validate(c.data)) for c in expand(self.model_dump())]

    def scheme(self, name: str) -> Scheme:
        """Return the scheme of a name.

        Raises:
            KeyError: if there is none.
        """
        return next(scheme for scheme in self.schemes if scheme.name == name)

    def task_of(self, scheme: Scheme) -> Task | None:
        """Return the scheme's own task, or else the scenario's."""
        return self.task if scheme.task is None else scheme.task

    def air_of(self, scheme: Scheme) -> Air | None:
        """Return the scheme's own air interface, or else the scenario's."""
        return self.air if scheme.air is None else scheme.air

    def build_key(self, scheme: str) -> str:
        """Return canonical JSON of all that :meth:`build` uses for a scheme; it holds no SNR."""
        chosen = self.scheme(scheme)
        parts = {**chosen.parts(), "task": self.task_of(chosen), "air": self.air_of(chosen)}
        key: dict[str, Any] = {"device": self.device, "precision": self.precision}
        for name, part in parts.items():
            key[name] = None if part is None else part.model_dump(mode="json", context=FULL)
        if isinstance(chosen, TokenScheme):
            key["weights"] = chosen.weights()
            if chosen.trains:
                key["training"] = trained.identity(self, chosen)
        return json.dumps(key, sort_keys=True, separators=(",", ":"))

    def build(self, scheme: str) -> tuple["TaskObject", "Link"]:
        """Construct the task and the link of a scheme.

        Raises:
            KeyError: if there is no scheme of this name.
            ValueError: from a constructor that refuses its arguments.
        """
        chosen = self.scheme(scheme)
        task, air = self.task_of(chosen), self.air_of(chosen)
        if task is None or air is None:
            raise ValueError(f"scheme {scheme!r}: a task and an air interface are needed")
        sends = task.build()
        through = air.build(precision=self.precision, device=self.device)
        link = build_link(chosen, task, sends, through, self.device)
        if isinstance(chosen, TokenScheme) and chosen.trains:
            trained.load(self, chosen, link)
        return sends, link

    def link_snr_db(self, scheme: str, link: "Link") -> float:
        """Return the Es/N0 (dB) of a scheme: ``snr_db``, or ``ebno_db`` converted with the link's rate."""
        return self.snr_db if self.snr_db is not None else link_snr_db(link, self.ebno_db)


def _payload_rules(prefix: str, scheme: Scheme, task: Any) -> Iterator[Broken]:
    """Yield what a task's payload and a scheme rule out for each other."""
    sent = MEDIA.get(task.type) or getattr(task, "payload", None)
    if isinstance(scheme, TokenScheme):
        yield from _token_rules(prefix, scheme, task, sent)
        return
    coded = getattr(scheme.source, "payload", None)
    if sent == "bits" and scheme.source is not None:
        yield Broken(f"{prefix}source", scheme.source.type, "codes no bits; the task 'bits' needs no source")
    if sent not in {None, "bits"} and scheme.source is None and isinstance(scheme.link, Digital):
        yield Broken(
            f"{prefix}source",
            None,
            f"is missing; task {task.type!r} sends {sent}s, which need a source coder",
        )
    if coded is not None and sent not in {None, "bits", coded}:
        yield Broken(
            f"{prefix}source",
            getattr(scheme.source, "type", None),
            f"codes {coded}s, but task {task.type!r} sends {sent}s",
        )


def _token_rules(prefix: str, scheme: TokenScheme, task: Any, sent: str | None) -> Iterator[Broken]:
    """Yield what a task's payload and a scheme of tokens rule out for each other."""
    where = f"{prefix}task" if scheme.task is not None else "task"
    if sent == "bits":
        yield Broken(f"{prefix}type", scheme.type, "carries no bits; for task 'bits' give the type digital")
    elif scheme.system is not None and sent is not None and getattr(task, "payload", None) != "sample":
        rule = f"sends {sent}s without questions or labels; a system answers about the samples of a data set"
        yield Broken(f"{where}.type", task.type, rule)
    elif scheme.system is None and isinstance(scheme.link, JSCC) and sent not in {None, "image"}:
        yield Broken(f"{prefix}system", None, f"is missing; task {task.type!r} sends {sent}s, and no images to rebuild")
    if scheme.system is None and isinstance(scheme.link, JSCC):
        data, factor = getattr(task, "data", None), getattr(scheme.link.codec, "factor", 1)
        size = getattr(data, "size", None)
        if getattr(data, "grayscale", False):
            yield Broken(f"{where}.data.grayscale", True, "is set, but learned codecs take images of three channels")
        if sent == "image" and size is not None and size % factor:
            near = (size // factor * factor, (size // factor + 1) * factor)
            rule = f"is no multiple of the {factor} pixels of a latent position"
            yield Broken(f"{where}.data.size", size, rule, near)
