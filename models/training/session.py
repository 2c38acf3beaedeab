"""One start of a training: from a checkpoint, or the beginning, to the end."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .checkpoint import NAME, Moment, read_checkpoint, restore_model, restore_optimizer, save_checkpoint
from .config import Stage
from .errors import TrainingError, TrainingInterrupted
from .interrupt import Interrupt
from .log import Log
from .lora import add_adapters
from .order import item_order
from .parameters import groups_of, select, set_modes
from .place import Place
from .progress import Hook, TrainingProgress
from .randomness import ambient_generators, set_ambient, start_seed
from .tensors import base_digest
from .trainable import Objective, Trainable, share_of_step

CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What changes no weights: how often something is written or shown.

    Args:
        checkpoint_every: steps between checkpoints; one a minute if `None`.
        log_every: steps that a line of the log averages over.
        evaluate_every: steps between evaluations; none if `None`.
        tensorboard: whether to write TensorBoard's events; `None` if it is installed.
        hook: called after every step.
    """

    checkpoint_every: int | None = None
    log_every: int = 10
    evaluate_every: int | None = None
    tensorboard: bool | None = None
    hook: Hook | None = None


class Session:
    """Runs the stages that are left.

    Args:
        trainable: what to train.
        stages: all of them.
        seed: of everything random.
        key: of the training.
        folder: for log and checkpoint.
        place: where it runs.
        habits: see there.
    """

    def __init__(
        self, trainable: Trainable, stages: tuple[Stage, ...], seed: int, key: str, folder: Path, place: Place,
        habits: Habits,
    ) -> None:  # fmt: skip
        self._trainable, self._stages, self._seed = trainable, stages, seed
        self._folder, self._place, self._habits = folder, place, habits
        found = read_checkpoint(folder, key)
        self._moment, self._tensors = found or (Moment(key), {})
        self._total = sum(stage.steps for stage in stages)

    def run(self) -> Moment:
        """Run to the end; return the last moment.

        Raises:
            TrainingInterrupted: on Ctrl-C or SIGTERM, after a checkpoint.
            TrainingError: for a loss that is not finite, or files that cannot be written.
        """
        with ambient_generators(), Interrupt() as self._interrupt:
            self._restore()
            self._log = None
            if self._place.is_main:
                self._log = Log(self._folder, self._done, self._habits.tensorboard)
            try:
                while self._moment.stage < len(self._stages):
                    self._run_stage(self._stages[self._moment.stage])
                self._begin()
            finally:
                if self._log is not None:
                    self._log.close()
        return self._moment

    @property
    def _done(self) -> int:
        """Steps over all stages that are done."""
        return sum(stage.steps for stage in self._stages[: self._moment.stage]) + self._moment.step

    def _restore(self) -> None:
        """Bring the model to where the checkpoint was written."""
        moment, model = self._moment, self._trainable.model
        if not self._tensors:
            return
        for stage in self._stages[: moment.stage + (moment.step > 0)]:
            self._add_adapters(stage)
        path = self._folder / NAME
        restore_model(model, self._tensors, path)
        if base_digest(model, moment.trained) != moment.base:
            raise ValueError(f"{path}: was written with other frozen parameters than the model has now; start afresh")

    def _add_adapters(self, stage: Stage) -> None:
        if stage.lora is not None:
            add_adapters(self._trainable.model, stage.lora, seed=start_seed(self._seed, stage.name))
            own = dict(self._trainable.model.named_parameters())
            self._moment.trained = [n if n in own else _below_adapter(n) for n in self._moment.trained]

    def _begin(self) -> None:
        """Let the trainable set what it does not learn by gradients, before a stage and at the end."""
        begin = getattr(self._trainable, "begin", None)
        if begin is not None:
            self._trainable.model.eval()
            names = begin(self._stages, self._moment.stage)
            self._moment.trained = sorted({*self._moment.trained, *names})

    def _run_stage(self, stage: Stage) -> None:
        model, moment = self._trainable.model, self._moment
        self._add_adapters(stage)
        if not moment.step:
            self._begin()
        chosen = select(model, stage)
        moment.trained = sorted({*moment.trained, *chosen})
        if not moment.step:
            moment.base = base_digest(model, moment.trained)
        optimizer = torch.optim.AdamW(
            groups_of(model, chosen, stage), lr=stage.learning_rate, betas=stage.betas, eps=stage.eps
        )
        objective = Objective(self._trainable, stage.losses, stage.precision)
        wrapped = self._place.prepare(objective, optimizer, stage)
        if moment.step:
            restore_optimizer(optimizer, self._tensors)
        self._tensors = {}
        set_modes(model)
        self._run_steps(stage, *wrapped, optimizer)
        moment.stage, moment.step, moment.window = moment.stage + 1, 0, {}
        self._save(None)
        self._place.accelerator.free_memory(*wrapped)

    def _run_steps(self, stage: Stage, objective: Any, optimizer: Any, plain: torch.optim.Optimizer) -> None:
        moment, habits = self._moment, self._habits
        parameters = [p for p in self._trainable.model.parameters() if p.requires_grad]
        clock = saved = time.monotonic()
        for step in range(moment.step, stage.steps):
            set_ambient(self._seed, stage.name, step, self._place.process)
            factor = stage.learning_rate_factor(step)
            for group in optimizer.param_groups:
                group["lr"] = group["learning_rate"] * factor
            values = self._step(stage, step, objective, optimizer, parameters)
            now = time.monotonic()
            pace, clock = now - clock, now
            moment.step, moment.seconds = step + 1, moment.seconds + pace
            interrupted = values.pop("interrupted") > 0
            self._note(stage, values | {"learning_rate": stage.learning_rate * factor}, pace)
            last = moment.step == stage.steps
            if habits.evaluate_every and (last or moment.step % habits.evaluate_every == 0):
                self._evaluate(stage)
            if interrupted:
                self._stop(stage, plain)
            due = now - saved >= CHECKPOINT_SECONDS if habits.checkpoint_every is None else (
                moment.step % habits.checkpoint_every == 0
            )  # fmt: skip
            if due and not last and not self._place.deepspeed:
                self._save(plain)
                saved = time.monotonic()

    def _step(
        self, stage: Stage, step: int, objective: Any, optimizer: Any, parameters: list[torch.nn.Parameter]
    ) -> dict[str, float]:
        """Do one optimiser step; return means of the losses, the norm of the gradient, and whether to stop."""
        from accelerate.utils import send_to_device

        accelerator, place = self._place.accelerator, self._place
        items = item_order(self._seed, stage.name, step, stage.batch_size, self._trainable.num_items)
        sums: dict[str, float] = {}
        norm = None
        for own, snr_db, draws in share_of_step(self._seed, stage, step, items, place.process, place.num_processes):
            batch = send_to_device(self._trainable.batch(own), place.device)
            with accelerator.accumulate(objective):
                loss, terms = objective(batch, snr_db.to(place.device), draws)
                for name, value in {**terms, "loss": loss.detach()}.items():
                    sums[name] = sums.get(name, 0.0) + float(value) / stage.accumulation
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(parameters, stage.gradient_clip or math.inf)
                    values = {**sums, "gradient_norm": 0.0 if norm is None else float(norm)}
                    values = place.mean({**values, "interrupted": float(self._interrupt.asked)})
                    self._check(stage, step, values, own)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        return values

    def _check(self, stage: Stage, step: int, values: dict[str, float], items: np.ndarray) -> None:
        """Refuse a step that would spoil the weights."""
        for name in ("loss", "gradient_norm"):
            if not math.isfinite(values[name]):
                raise TrainingError(
                    f"stage {stage.name!r}, step {step}: {name} is {values[name]} (items {items[:4].tolist()}...); the"
                    f" last checkpoint in {self._folder} is kept; lower learning_rate or gradient_clip, or use float32"
                )

    def _note(self, stage: Stage, values: dict[str, float], pace: float) -> None:
        """Add a step to the log and to the progress line."""
        moment, window = self._moment, self._moment.window
        for name, value in {**values, "count": 1.0}.items():
            window[name] = window.get(name, 0.0) + value
        if moment.step % self._habits.log_every == 0 or moment.step == stage.steps:
            count = window.pop("count")
            means = {name: value / count for name, value in window.items()}
            moment.window = {}
            moment.final[stage.name] = {n: v for n, v in means.items() if n not in {"learning_rate", "gradient_norm"}}
            if self._log is not None:
                timing = {"seconds": round(moment.seconds, 3), "steps_per_second": 1.0 / max(pace, 1e-9)}
                self._log.write(stage.name, moment.step, self._done, means | timing)
        if self._habits.hook is not None:
            self._habits.hook(self._progress(stage, values["loss"], pace))

    def _progress(self, stage: Stage, loss: float, pace: float) -> TrainingProgress:
        done = self._done
        left = (self._total - done) * self._moment.seconds / done
        return TrainingProgress(
            stage.name, self._moment.step, stage.steps, done, self._total, loss, self._moment.seconds,
            1.0 / max(pace, 1e-9), left,
        )  # fmt: skip

    def _evaluate(self, stage: Stage) -> None:
        model = self._trainable.model
        model.eval()
        with torch.no_grad():
            values = self._trainable.evaluate(stage)  # type: ignore[attr-defined]
        set_modes(model)
        if self._log is not None:
            line = {f"evaluation/{name}": float(value) for name, value in values.items()}
            self._log.write(stage.name, self._moment.step, self._done, line)

    def _save(self, optimizer: torch.optim.Optimizer | None) -> None:
        if self._place.is_main:
            save_checkpoint(self._folder, self._moment, self._trainable.model, optimizer)

    def _stop(self, stage: Stage, optimizer: torch.optim.Optimizer) -> None:
        done = f"interrupted after step {self._moment.step} of {stage.steps} of stage {stage.name!r}"
        if self._place.deepspeed:
            raise TrainingInterrupted(f"{done}; the same training goes on from the end of the stage before")
        self._save(optimizer)
        raise TrainingInterrupted(f"{done}; saved in {self._folder / NAME}, and the same training goes on from there")


def _below_adapter(name: str) -> str:
    """Return the name that an adapted layer's own parameter has."""
    head, _, tail = name.rpartition(".")
    return f"{head}.base_layer.{tail}"
