"""Trains what a scenario's schemes need and nobody has made yet."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schema import trained
from ..schema.schemes import TokenScheme
from ..schema.starting import chain, same_link, started_by

if TYPE_CHECKING:
    from ...models.training.progress import Hook
    from ..schema import Scenario


@dataclass(frozen=True)
class Job:
    """One training.

    Args:
        scenario: with the values of the sweep's point that needs it.
        scheme: whose weights are made.
        key: of the weights.
    """

    scenario: "Scenario"
    scheme: TokenScheme
    key: str

    @property
    def steps(self) -> int:
        """Optimiser steps over all stages."""
        training = self.scheme.training
        return sum(stage.steps for stage in training.stages) if training is not None else 0


def jobs(scenario: "Scenario", names: Sequence[str] | None = None) -> list[Job]:
    """Return the trainings that schemes need, made or not; a scheme comes after those that it starts from.

    Args:
        scenario: the scenario.
        names: of the schemes; if `None`, those that are compared.
    """
    return _jobs(scenario, names, lambda job: False)


def missing(scenario: "Scenario", names: Sequence[str] | None = None) -> list[Job]:
    """Return the trainings to run, in order: of weights that are neither shipped nor in the cache.

    What weights that are there were started from is not needed again.
    """
    return _jobs(scenario, names, lambda job: trained.find(job.key) is not None)


def _jobs(scenario: "Scenario", names: Sequence[str] | None, there: Callable[[Job], bool]) -> list[Job]:
    """Return the trainings that schemes need, each after those that it starts from, as far back as one is ``there``."""
    found: dict[str, Job] = {}
    for point in scenario.points():
        for scheme in point.scenario.schemes:
            wanted = not getattr(scheme, "train_only", False) if names is None else scheme.name in names
            if not wanted or not isinstance(scheme, TokenScheme):
                continue
            needed: list[Job] = []
            for one in chain(scheme, point.scenario.schemes):
                if one.trains and one.training is not None and one.training.makes_weights:
                    job = Job(point.scenario, one, trained.key_of(point.scenario, one))
                    if there(job):
                        break
                    needed.append(job)
            for job in reversed(needed):
                found.setdefault(job.key, job)
    return list(found.values())


def make(
    job: Job, *, progress: "Hook | bool | None" = None, command: str = "", tensorboard: bool | None = None
) -> Path:  # fmt: skip
    """Run a training, or go on with one that was interrupted, and leave its weights in the cache.

    Args:
        job: what to train; what it starts from must be there.
        progress: as :func:`~tokencom.models.training.train` takes it.
        command: what to type to make the weights again, for the card.
        tensorboard: whether to write TensorBoard's events; `None` if it is installed.

    Returns:
        path of the safetensors file with all parameters; log and model card are beside it.

    Raises:
        TrainingInterrupted: on Ctrl-C, after a checkpoint.
        TrainingError: for a loss that is not finite, or files that cannot be written.
        ValueError: for a system that cannot be trained, data that cannot be read, and whatever a stage has wrong.
    """
    from ...models.systems.state import save_state
    from ...models.training import train, weights_path

    training, scenario = job.scheme.training, job.scenario
    assert training is not None
    assert training.data is not None
    trainable, modules = _trainable(job, tuple(one.build() for one in training.data))
    stages = trained.stages_of(job.scheme)
    folder = weights_path(job.key).parent
    try:
        train(
            trainable, stages, folder=folder, device=scenario.device.split(":")[0], progress=progress, command=command,
            licence=training.licence, tensorboard=tensorboard, **trained.arguments(scenario, job.scheme),
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ValueError(f"scheme {job.scheme.name!r}: training: {error}") from error
    lora = next((stage.lora for stage in stages if stage.lora is not None), None)
    save_state(folder / trained.STATE, modules, key=job.key, lora=lora)
    return folder / trained.STATE


def train_missing(
    scenario: "Scenario", names: Sequence[str] | None = None, *, progress: "Hook | bool | None" = None,
    command: Callable[[Job], str] = lambda job: "", announce: Callable[[Job], None] = lambda job: None,
    tensorboard: bool | None = None,
) -> list[Path]:  # fmt: skip
    """Make the weights that are neither shipped nor in the cache.

    Args:
        scenario: the scenario.
        names: of the schemes that need weights; if `None`, those that are compared.
        progress: as :func:`~tokencom.models.training.train` takes it.
        command: what to type to make the weights of a job again, for its card.
        announce: called with each job before it starts.
        tensorboard: whether to write TensorBoard's events; `None` if it is installed.

    Returns:
        the files that were made.

    Raises:
        see :func:`make`.
    """
    made = []
    for job in missing(scenario, names):
        announce(job)
        made.append(make(job, progress=progress, command=command(job), tensorboard=tensorboard))
    return made


def provide(
    scenario: "Scenario", names: Sequence[str] | None = None, *, train: bool = True, off: str = "train=False",
    progress: "Hook | bool | None" = None, command: Callable[[Job], str] | None = None,
    announce: Callable[[Job], None] = lambda job: None,
) -> None:  # fmt: skip
    """See to it that weights are there before they are used: make what is missing, or refuse.

    Args:
        scenario: the scenario; nothing is done for one whose schemes need no training.
        names: of the schemes that need weights; if `None`, those that are compared.
        train: whether to make what is missing.
        off: what the user gave to have nothing trained, for the message.
        progress: as :func:`~tokencom.models.training.train` takes it.
        command: what to type to make the weights of a job, for its card and for the message.
        announce: called with each job before it starts.

    Raises:
        NotTrainedError: where weights are missing and ``train`` is false; it names the command.
        TrainingInterrupted, TrainingError, ValueError: see :func:`make`.
    """
    if not any(getattr(scheme, "trains", False) for scheme in scenario.schemes):
        return
    if train:
        typed = (lambda job: "") if command is None else command
        train_missing(scenario, names, progress=progress, command=typed, announce=announce)
        return
    jobs_left = missing(scenario, names)
    if jobs_left:
        told = ", ".join(repr(job.scheme.name) for job in jobs_left)
        first = jobs_left[0]
        unnamed = f"tokencom train <scenario> {shlex.join(['--scheme', first.scheme.name])}"
        line = unnamed if command is None else command(first)
        raise trained.NotTrainedError(f"weights of {told} are missing, and {off} is given; make them with: {line}")


def _trainable(job: Job, data: tuple[Any, ...]) -> tuple[Any, dict[str, Any]]:
    """Return what is trained, and its modules by name."""
    from ...models.systems import ImageTraining, LinkTraining, SystemLink

    training, scenario, scheme = job.scheme.training, job.scenario, job.scheme
    assert training is not None
    system, link = trained.parts(scenario, scheme, data=data[0])
    modules: dict[str, Any] = {"link": link} if system is None else {"system": system, "link": link}
    started = _begin(job, modules)
    airs = [air.build(precision="single", device=scenario.device) for air in training.air or ()]
    seed = trained.arguments(scenario, scheme)["seed"]
    if system is None:
        return ImageTraining(link, data[0], airs=airs, seed=seed), modules
    try:
        model = SystemLink(system, link)
        return LinkTraining(model, data, airs=airs, group=training.group, seed=seed, started=started), modules
    except TypeError as error:
        raise ValueError(f"scheme {scheme.name!r}: training: {error}") from error


def _begin(job: Job, modules: dict[str, Any]) -> tuple[bool, bool]:
    """Copy what the training starts from; return whether system and link begin with trained weights."""
    scheme = job.scheme
    named = getattr(scheme.system, "weights", None) is not None, getattr(scheme.link, "weights", None) is not None
    start = started_by(scheme, job.scenario.schemes)
    if start is None:
        return named
    alike = same_link(scheme, start) and not named[1]
    wanted = {"system"} - ({"system"} if named[0] else set()) | ({"link"} if alike else set())
    trained.put(job.scenario, start, {name: module for name, module in modules.items() if name in wanted})
    return True, named[1] or alike
