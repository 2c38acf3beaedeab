"""The diffusion head: a network that tells the noise in a token, and its loss."""

from typing import Any, Literal

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import nn

from ....linklevel.jscc.base import seeded
from ....linklevel.validation import check_choice, check_range, check_shape

PREDICTIONS = ("epsilon", "v_prediction")
SCHEDULE = "squaredcos_cap_v2"
"""The cosine schedule, as diffusers calls it."""

STEP_WIDTH = 128
"""Sines and cosines of a step."""

Prediction = Literal["epsilon", "v_prediction"]


class DiffusionHead(nn.Module):
    """Predicts a continuous token from the hidden state before it (arXiv 2507.01728, eqs 17-19; arXiv 2412.08635).

    ```
    hidden state ─► linear ─┐
    step ─► sines ─► MLP ───┴─► condition ──┬──────────┬──────────┐
    noisy token ─► linear ────────────► block 1 ─► block 2 ─► block 3 ─► norm ─► linear ─► noise, or velocity
    ```

    A block is a feed-forward layer with a gated unit (SwiGLU) whose input is shifted and scaled, and whose output is
    gated, by what a linear map makes of the condition; the maps begin at zero (adaLN-zero). Tokens should have unit
    deviation.

    Args:
        dim: width of a token.
        condition_dim: width of a hidden state.
        hidden: width of the blocks.
        num_blocks: of them.
        prediction: "epsilon", the noise, or "v_prediction", sqrt(ᾱ) ε - sqrt(1-ᾱ) x.
        num_draws: noise draws for each token in the loss.
        dropout: share of draws in training whose condition is left out, for guidance.
        num_train_steps: steps of the cosine schedule.
        seed: of the initial parameters.

    Raises:
        ValueError: for an unknown prediction, or sizes out of range.
    """

    def __init__(
        self, *, dim: int, condition_dim: int, hidden: int = 128, num_blocks: int = 3,
        prediction: Prediction = "epsilon", num_draws: int = 4, dropout: float = 0.1, num_train_steps: int = 1000,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.dim = check_range("dim", dim, 1, integer=True)
        self.condition_dim = check_range("condition_dim", condition_dim, 1, integer=True)
        self.prediction: Prediction = check_choice("prediction", prediction, PREDICTIONS)
        self.num_draws = check_range("num_draws", num_draws, 1, 1024, integer=True)
        self.dropout = check_range("dropout", dropout, 0, 1)
        self.num_train_steps = check_range("num_train_steps", num_train_steps, 2, 10**6, integer=True)
        check_range("hidden", hidden, 1, integer=True)
        check_range("num_blocks", num_blocks, 1, 1000, integer=True)
        with seeded(seed):
            self.sines = Timesteps(STEP_WIDTH, flip_sin_to_cos=True, downscale_freq_shift=0)
            self.step = TimestepEmbedding(STEP_WIDTH, hidden)
            self.condition = nn.Linear(condition_dim, hidden)
            self.absent = nn.Parameter(torch.randn(condition_dim) * 0.02)
            self.enter = nn.Linear(dim, hidden)
            self.blocks = nn.ModuleList(Block(hidden) for _ in range(num_blocks))
            self.last = nn.Linear(hidden, 2 * hidden)
            self.leave = nn.Linear(hidden, dim)
        for layer in (self.last, self.leave):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.device("cpu"):
            self._schedule = DDPMScheduler(num_train_timesteps=num_train_steps, beta_schedule=SCHEDULE)

    def forward(self, noisy: torch.Tensor, steps: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Return the noise or velocity in tokens, [batch, dim].

        Args:
            noisy: [batch, dim].
            steps: [batch], torch.int64; 0...num_train_steps-1.
            condition: [batch, condition_dim]; hidden states, or :meth:`without` them.
        """
        given = self.condition(condition) + self.step(self.sines(steps).to(condition.dtype))
        given = nn.functional.silu(given)
        hidden = self.enter(noisy.to(condition.dtype))
        for block in self.blocks:
            hidden = block(hidden, given)
        shift, scale = self.last(given).chunk(2, -1)
        return self.leave(_normed(hidden) * (1 + scale) + shift)

    def without(self, batch: int) -> torch.Tensor:
        """Return what stands for a condition that was left out, [batch, condition_dim]."""
        return self.absent.expand(batch, -1)

    def loss(self, condition: torch.Tensor, tokens: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the mean squared error of the prediction (eq 19), a scalar.

        Args:
            condition: [batch, condition_dim]; the hidden state before each token.
            tokens: [batch, dim]; with unit deviation; get no gradient.
            generator: of steps, noise and left-out conditions; on the CPU or the device.

        Raises:
            ValueError: for another shape.
        """
        check_shape("tokens", tokens, (len(condition), self.dim))
        clean = tokens.detach().float().repeat(self.num_draws, 1)
        condition = condition.repeat(self.num_draws, 1)
        draw: dict[str, Any] = {"generator": generator, "device": generator.device}
        steps = torch.randint(self.num_train_steps, (len(clean),), **draw).to(clean.device)
        noise = torch.randn(clean.shape, **draw).to(clean.device)
        if self.training and self.dropout:
            left_out = torch.rand(len(clean), 1, **draw).to(clean.device) < self.dropout
            condition = torch.where(left_out, self.absent.to(condition.dtype), condition)
        noisy = self._schedule.add_noise(clean, noise, steps)
        wanted = noise if self.prediction == "epsilon" else self._schedule.get_velocity(clean, noise, steps)
        return nn.functional.mse_loss(self(noisy, steps, condition).float(), wanted)


class Block(nn.Module):
    """A gated feed-forward layer under a condition.

    Args:
        hidden: width.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.rise = nn.Linear(hidden, 2 * hidden)
        self.fall = nn.Linear(hidden, hidden)
        self.modulation = nn.Linear(hidden, 3 * hidden)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, hidden: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Return the next state, [batch, hidden], of a state and a condition of the same shape."""
        shift, scale, gate = self.modulation(given).chunk(3, -1)
        one, two = self.rise(_normed(hidden) * (1 + scale) + shift).chunk(2, -1)
        return hidden + gate * self.fall(nn.functional.silu(one) * two)


def _normed(hidden: torch.Tensor) -> torch.Tensor:
    return nn.functional.layer_norm(hidden, hidden.shape[-1:])
