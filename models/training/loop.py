"""Training from a call to weights with a card."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...linklevel.validation import check_range
from .card import JSON, write_card
from .checkpoint import NAME as CHECKPOINT
from .config import Stage, check_stages
from .key import training_key, weights_path
from .lock import alone
from .log import NAME as LOG
from .place import Place
from .progress import Hook, TextProgress, hook_of
from .session import Habits, Session
from .tensors import read_note
from .trainable import Trainable
from .weights import load_weights, save_weights

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Trained:
    """What a training left.

    Args:
        folder: log, weights and card are here.
        weights: the safetensors file.
        key: content hash of what made them.
        card: what the model card says.
    """

    folder: Path
    weights: Path
    key: str
    card: dict[str, Any]


def train(
    trainable: Trainable, stages: Sequence[Stage], *, seed: int, system: Mapping[str, Any], data: Mapping[str, Any],
    folder: str | Path | None = None, resume: bool = True, device: str | None = None,
    deepspeed_config: str | Path | None = None, checkpoint_every: int | None = None, log_every: int = 10,
    evaluate_every: int | None = None, tensorboard: bool | None = None, progress: Hook | bool | None = None,
    command: str = "", licence: str = "", versions: Mapping[str, str] | None = None,
) -> Trained:  # fmt: skip
    """Train, or go on with a training that was interrupted, or load what is there already.

    A training that was killed at any moment and started again gives the weights that it would have
    given, bit for bit, on the same machine type with the same number of threads and processes: data
    order, SNRs, fades, noise and dropout of a step follow from the seed, the stage and the step, and a
    checkpoint holds the rest. At the end ``trainable.model`` has the trained weights.

    Under several processes (``accelerate launch``) each works on its share of a batch. With DeepSpeed, an
    interrupted training goes on from the end of the last finished stage.

    A second process that is asked for the same training waits for the first one and takes its weights.

    Args:
        trainable: what to train; what is frozen in its model must be the same at each start.
        stages: one after the other.
        seed: of everything random.
        system: configuration of the model and the air interface, for the key; JSON types.
        data: identity of the items, for the key; JSON types.
        folder: for log, checkpoint, weights and card; the cache folder of the key if `None`.
        resume: whether to use what an earlier start left in the folder; otherwise it is deleted.
        device: "cpu", "cuda", or what accelerate finds if `None`.
        deepspeed_config: DeepSpeed's JSON file (ZeRO stages 0 to 2), passed on to accelerate.
        checkpoint_every: steps between checkpoints; one a minute if `None`.
        log_every: steps that a line of the log averages over.
        evaluate_every: steps between calls of ``trainable.evaluate``; none if `None`.
        tensorboard: whether to write TensorBoard's events; `None` if it is installed.
        progress: called after every step with a :class:`~tokencom.models.training.progress.TrainingProgress`;
            `True` for a line on standard error, `None` for that line if it is a terminal.
        command: what to type to make the weights again, for the card.
        licence: terms of the weights, for the card.
        versions: packages that count in the key; see :func:`~tokencom.models.training.training_key`.

    Raises:
        TrainingInterrupted: on Ctrl-C or SIGTERM, after a checkpoint.
        TrainingError: for a loss that is not finite, or files that cannot be written.
        ValueError: for a wrong stage, or a folder with another training.
    """
    stages = check_stages(stages)
    _check(trainable, seed, checkpoint_every, log_every, evaluate_every)
    key = training_key(system=system, stages=stages, data=data, seed=seed, versions=versions)
    folder = weights_path(key).parent if folder is None else Path(folder)
    weights = folder / WEIGHTS
    if resume and _finished(weights, key):
        return _made(trainable, folder, key)
    place = Place(device, deepspeed_config)
    with alone(folder) if place.is_main else nullcontext():
        if place.is_main and not resume:
            _make_room(folder)
        place.accelerator.wait_for_everyone()
        if _finished(weights, key):  # by a process that was waited for
            return _made(trainable, folder, key)
        hook = hook_of(progress) if place.is_main else None
        habits = Habits(
            checkpoint_every=checkpoint_every, log_every=log_every, evaluate_every=evaluate_every,
            tensorboard=tensorboard, hook=hook,
        )  # fmt: skip
        try:
            moment = Session(trainable, stages, seed, key, folder, place, habits).run()
        finally:
            if isinstance(hook, TextProgress):
                hook.close()
        trainable.model.eval()
        if place.is_main:
            write_card(
                folder, moment=moment, model=trainable.model, stages=stages, system=system, data=data, seed=seed,
                command=command, licence=licence, device=str(place.device), num_processes=place.num_processes,
            )  # fmt: skip
            lora = next((stage.lora for stage in stages if stage.lora is not None), None)
            save_weights(weights, trainable.model, moment.trained, key, lora)
            (folder / CHECKPOINT).unlink(missing_ok=True)
        place.accelerator.wait_for_everyone()
        return Trained(folder, weights, key, _card(folder))


def _check(
    trainable: Trainable, seed: int, checkpoint_every: int | None, log_every: int, evaluate_every: int | None
) -> None:
    """Refuse arguments that cannot work."""
    check_range("seed", seed, 0, 2**63 - 1, integer=True)
    for name, value in (
        ("checkpoint_every", checkpoint_every), ("log_every", log_every), ("evaluate_every", evaluate_every),
    ):  # fmt: skip
        if value is not None:
            check_range(name, value, 1, 2**31, integer=True)
    if not isinstance(trainable, Trainable):
        missing = [n for n in ("model", "num_items", "batch", "losses") if not hasattr(trainable, n)]
        raise TypeError(f"trainable: {type(trainable).__name__} has no {', '.join(missing)}")
    if evaluate_every is not None and not hasattr(trainable, "evaluate"):
        raise ValueError(f"evaluate_every: {evaluate_every} given, but {type(trainable).__name__} has no evaluate")


def _finished(weights: Path, key: str) -> bool:
    """Return whether the weights are there.

    Raises:
        ValueError: for weights of another training in their place.
    """
    if not weights.exists():
        return False
    found = read_note(weights)["key"]
    if found != key:
        raise ValueError(f"{weights}: is of another training (key {found}, not {key}); choose another folder")
    return True


def _made(trainable: Trainable, folder: Path, key: str) -> Trained:
    """Put the weights that are there into the model."""
    load_weights(trainable.model, folder / WEIGHTS, key)
    return Trained(folder, folder / WEIGHTS, key, _card(folder))


def _card(folder: Path) -> dict[str, Any]:
    return json.loads((folder / JSON).read_text(encoding="utf-8"))


def _make_room(folder: Path) -> None:
    for name in (WEIGHTS, CHECKPOINT, LOG):
        (folder / name).unlink(missing_ok=True)
