"""Sampling from a diffusion head with the schedulers of diffusers."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor

from ....linklevel.validation import check_range, nearest
from .head import SCHEDULE, DiffusionHead, Prediction

DEFAULT = "DPMSolverMultistepScheduler"
LEAST_LAMBDA = {"epsilon": -2.5, "v_prediction": -5.1}
"""Least half log SNR that a solver starts from. At the end of the cosine schedule next to nothing of a token is left;
to get the token from a predicted noise is to divide the head's error by its share, exp(2.5) = 12 at most here. A
velocity has no such division; the value is the one that diffusers advises."""

Generators = torch.Generator | Sequence[torch.Generator]


class Sampler:
    """Draws tokens given hidden states, in a few steps of a scheduler.

    Args:
        scheduler: class name of any scheduler of diffusers with a choice of the schedule and of the prediction type.
        num_steps: of the scheduler.
        guidance: w of classifier-free guidance, prediction = (1-w) unconditional + w conditional; 1 for none.
        prediction: what the head predicts.
        num_train_steps: of the head.

    Raises:
        ValueError: for an unknown scheduler, or one that does not know the prediction type or the schedule.

    Example:
        >>> Sampler(num_steps=5).num_steps
        5
    """

    def __init__(
        self, *, scheduler: str = DEFAULT, num_steps: int = 20, guidance: float = 1.0,
        prediction: Prediction = "epsilon", num_train_steps: int = 1000,
    ) -> None:  # fmt: skip
        self.num_steps = check_range("num_steps", num_steps, 1, num_train_steps, integer=True)
        self.guidance = check_range("guidance", guidance, 0, 100)
        self.name, self.prediction = scheduler, prediction
        self._scheduler = built_scheduler(scheduler, prediction, num_train_steps)
        self._takes_generator = "generator" in inspect.signature(self._scheduler.step).parameters

    @torch.no_grad()
    def __call__(self, head: DiffusionHead, condition: torch.Tensor, generator: Generators) -> torch.Tensor:
        """Return one token for each condition, [batch, dim], torch.float32.

        Args:
            head: that predicts the same.
            condition: [batch, condition_dim].
            generator: of the noise; one for each item makes an item's token independent of the batch.

        Raises:
            ValueError: for a head of another prediction, or another number of generators.
        """
        if head.prediction != self.prediction:
            raise ValueError(f"head: predicts {head.prediction!r}, but the sampler is for {self.prediction!r}")
        given = generator if isinstance(generator, torch.Generator) else list(generator)
        noise = randn_tensor((len(condition), head.dim), generator=given, device=condition.device)
        self._scheduler.set_timesteps(self.num_steps, device=condition.device)
        tokens = noise * self._scheduler.init_noise_sigma
        more = {"generator": given} if self._takes_generator else {}
        for step in self._scheduler.timesteps:
            scaled = self._scheduler.scale_model_input(tokens, step)
            found = self._predicted(head, scaled, step.expand(len(condition)), condition)
            tokens = self._scheduler.step(found, step, tokens, **more).prev_sample
        return tokens

    def _predicted(
        self, head: DiffusionHead, tokens: torch.Tensor, steps: torch.Tensor, condition: torch.Tensor
    ) -> torch.Tensor:
        if self.guidance == 1:
            return head(tokens, steps, condition).float()
        both = torch.cat([head.without(len(tokens)).to(condition.dtype), condition])
        without, given = head(tokens.repeat(2, 1), steps.repeat(2), both).float().chunk(2)
        return without + self.guidance * (given - without)


def built_scheduler(name: str, prediction: str, num_train_steps: int) -> Any:
    """Return a scheduler of diffusers for the cosine schedule.

    Args:
        name: of its class.
        prediction: type that it must know.
        num_train_steps: of the schedule.

    Raises:
        ValueError: naming what it lacks.
    """
    import diffusers

    kind: Any = getattr(diffusers, name, None) if name.endswith("Scheduler") else None
    if kind is None or not hasattr(kind, "set_timesteps"):
        known = [one for one in dir(diffusers) if one.endswith("Scheduler")]
        close = nearest(name, known)
        raise ValueError(
            f"scheduler: {name!r} is none of diffusers"
            + (f"; did you mean {close!r}?" if close else f"; try {DEFAULT}")
        )
    own = inspect.signature(kind.__init__).parameters
    for parameter, meaning in (("prediction_type", f"prediction type {prediction!r}"), ("beta_schedule", "schedule")):
        if parameter not in own:
            raise ValueError(f"scheduler: {name} has no {parameter}, so not the {meaning} needed; try {DEFAULT}")
    wanted: dict[str, Any] = {"clip_sample": False, "lambda_min_clipped": LEAST_LAMBDA[prediction]}
    if prediction == "epsilon" and "lambda_min_clipped" not in own:
        wanted["timestep_spacing"] = "leading"  # leaves the very end of the schedule out
    given = {key: value for key, value in wanted.items() if key in own}
    # On the CPU, where schedulers keep their tables, whatever torch's default device.
    with torch.device("cpu"):
        scheduler = kind(
            num_train_timesteps=num_train_steps, beta_schedule=SCHEDULE, prediction_type=prediction, **given
        )
        _tried(scheduler, name, prediction)
    return scheduler


def _tried(scheduler: Any, name: str, prediction: str) -> None:
    """Take one step, since schedulers tell only then which prediction types they know."""
    scheduler.set_timesteps(2)
    nothing = torch.zeros(1, 1)
    try:
        scheduler.scale_model_input(nothing, scheduler.timesteps[0])
        scheduler.step(nothing, scheduler.timesteps[0], nothing)
    except (ValueError, NotImplementedError) as error:
        raise ValueError(
            f"scheduler: {name} does not know the prediction type {prediction!r} ({error}); try {DEFAULT}"
        ) from error
