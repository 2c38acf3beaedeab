"""A scenario written as a Python program, with link objects instead of a file."""

import importlib
import inspect
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from .schema.noise import link_snr_db
from .schema.stop import Stop
from .schema.sweep import point_hash

if TYPE_CHECKING:
    from ..linklevel.links import Link
    from .tasks.base import Task

DEFAULT_STOP = Stop()
SNR = ("snr_db", "ebno_db")


class NamedScheme(NamedTuple):
    """A scheme, as far as the engine is concerned."""

    name: str


@dataclass(frozen=True)
class ProgramPoint:
    """One point of a program's sweep, with what the engine asks of it.

    Args:
        program: whose point it is.
        values: value of each swept name.
    """

    program: "Program"
    values: Mapping[str, Any]

    @property
    def hash(self) -> int:
        """64-bit hash of the values, the same as that of a scenario file's point with these values."""
        return point_hash(self.values)

    @property
    def scenario(self) -> Self:
        """The point itself: it answers for the program with its values applied."""
        return self

    @property
    def snr_db(self) -> float | None:
        """Es/N0, dB, or `None` where ``ebno_db`` is given."""
        return self.values.get("snr_db", self.program.snr_db)

    @property
    def ebno_db(self) -> float | None:
        """Eb/N0, dB, or `None` where ``snr_db`` is given."""
        return self.values.get("ebno_db", self.program.ebno_db)

    def _arguments(self) -> dict[str, Any]:
        return {key: value for key, value in self.values.items() if key not in SNR}

    def build_key(self, scheme: str) -> str:
        """Return canonical JSON of what :meth:`build` depends on, the program's text among it."""
        return json.dumps([self.program.text, scheme, self._arguments()], sort_keys=True)

    def build(self, scheme: str) -> tuple["Task", "Link"]:
        """Construct the task and the link of a scheme."""
        return self.program.build(scheme, **self._arguments())

    def link_snr_db(self, scheme: str, link: "Link") -> float:
        """Return Es/N0 (dB), from ``ebno_db`` with the link's rate where that is given."""
        return float(self.snr_db) if self.snr_db is not None else link_snr_db(link, self.ebno_db)


@dataclass(frozen=True, kw_only=True)
class Program:
    """A run described in Python: what is swept, and a function that builds each scheme.

    :func:`~tokencom.scenarios.run` takes it in place of a scenario, and gives the same numbers as a
    scenario file that says the same. Worker processes import ``build`` and make links of their own, so
    it must be a function at the top of a module or script, and a script calls ``run`` under
    ``if __name__ == "__main__":``.

    Args:
        name: names the run and its folder.
        links: name of each scheme.
        build: called with the name of a scheme, and the swept values but for the SNR as keywords;
            returns a task and a link.
        sweep: name to values; all combinations are run. ``snr_db`` or ``ebno_db`` sets the noise (dB).
        snr_db: Es/N0 (dB), if it is not swept.
        ebno_db: Eb/N0 (dB), if that is given instead and not swept.
        stop: when a point has been simulated enough.
        seed: root of every random number.
        threads_per_worker: threads of torch, BLAS and numba in a worker.
        theory: reference lines, as in a scenario file.

    Raises:
        ValueError: for a ``build`` that workers cannot import, or other than one of the two SNRs.

    Example:
        >>> from tokencom.scenarios.ber.codes_awgn import PROGRAM
        >>> len(PROGRAM.points()), [scheme.name for scheme in PROGRAM.schemes][:2]
        (7, ['LDPC 5G', 'Turbo LTE'])
    """

    name: str
    links: Sequence[str]
    build: Callable[..., tuple["Task", "Link"]]
    sweep: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    snr_db: float | None = None
    ebno_db: float | None = None
    stop: Stop = DEFAULT_STOP
    seed: int = 1
    threads_per_worker: int = 1
    theory: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        given = [name for name in SNR if name in self.sweep or getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"sweep: {given or 'neither'} of snr_db and ebno_db given; one of them sets the noise"
            )
        if "<" in self.build.__qualname__ or "." in self.build.__qualname__:
            raise ValueError(
                f"build: {self.build.__qualname__!r} cannot be imported; define it at the top of a module"
            )

    @property
    def schemes(self) -> list[NamedScheme]:
        """What is compared."""
        return [NamedScheme(name) for name in self.links]

    @property
    def text(self) -> str:
        """Source of the module that builds, so that batches of an edited program are not reused.

        The name alone where Python keeps no source, as of a function typed at a prompt.
        """
        try:
            return inspect.getsource(inspect.getmodule(self.build) or self.build)
        except (OSError, TypeError):
            return self.build.__qualname__

    def points(self) -> list[ProgramPoint]:
        """Return the points of the sweep, the last name varying fastest."""
        combinations = itertools.product(*self.sweep.values())
        return [ProgramPoint(self, dict(zip(self.sweep, values, strict=True))) for values in combinations]

    def model_dump_json(self) -> str:
        """Return the text from which a worker makes its own copy."""
        fields = {
            "name": self.name,
            "seed": self.seed,
            "threads_per_worker": self.threads_per_worker,
            "snr_db": self.snr_db,
            "ebno_db": self.ebno_db,
            "stop": self.stop.model_dump(),
            "sweep": dict(self.sweep),
            "schemes": [{"name": name} for name in self.links],
            "theory": list(self.theory),
            "build": [self.build.__module__, self.build.__qualname__],
            "program": self.text,
        }
        return json.dumps(fields)

    @classmethod
    def model_validate_json(cls, text: str) -> Self:
        """Make a copy from :meth:`model_dump_json`'s text; imports the module that builds."""
        fields = json.loads(text)
        del fields["program"]
        module, name = fields.pop("build")
        links = [scheme["name"] for scheme in fields.pop("schemes")]
        build = getattr(importlib.import_module(module), name)
        return cls(build=build, links=links, **{**fields, "stop": Stop(**fields["stop"])})
