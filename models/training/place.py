"""Where a training runs: device, processes, and what accelerate wraps around a stage."""

import json
from pathlib import Path
from typing import Any

import torch

from ...linklevel.validation import check_choice
from .config import Stage
from .trainable import Objective


class Place:
    """One accelerator for all stages.

    Args:
        device: "cpu", "cuda", or what accelerate finds if `None`.
        deepspeed_config: DeepSpeed's JSON file, ZeRO stages 0 to 2; `None` without DeepSpeed.

    Raises:
        ValueError: for a device that is not there, or settings of DeepSpeed that a stage decides.
    """

    def __init__(self, device: str | None = None, deepspeed_config: str | Path | None = None) -> None:
        from accelerate import Accelerator, DeepSpeedPlugin, DistributedDataParallelKwargs

        check_choice("device", device, (None, "cpu", "cuda"))
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device: 'cuda' given, but torch finds none; allowed here: 'cpu'")
        plugin = None
        if deepspeed_config is not None:
            _check_deepspeed(Path(deepspeed_config))
            plugin = DeepSpeedPlugin(hf_ds_config=str(deepspeed_config))
        self.deepspeed = plugin is not None
        self.accelerator = Accelerator(
            cpu=device == "cpu",
            mixed_precision="no",  # a stage decides, see Objective
            deepspeed_plugin=plugin,
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.accelerator.is_main_process

    @property
    def device(self) -> torch.device:
        """Where tensors live."""
        return self.accelerator.device

    @property
    def process(self) -> int:
        """Rank of this process."""
        return self.accelerator.process_index

    @property
    def num_processes(self) -> int:
        """How many processes share a batch."""
        return self.accelerator.num_processes

    def prepare(self, objective: Objective, optimizer: torch.optim.Optimizer, stage: Stage) -> tuple[Any, Any]:
        """Wrap a stage's loss and optimiser.

        Raises:
            ValueError: if the batch cannot be shared evenly.
        """
        num_parts = self.num_processes * stage.accumulation
        if stage.batch_size % num_parts:
            raise ValueError(
                f"batch_size: {stage.batch_size} of stage {stage.name!r} cannot be shared by"
                f" {self.num_processes} processes in {stage.accumulation} parts each; {num_parts} must divide it"
            )
        self.accelerator.gradient_accumulation_steps = stage.accumulation
        self.accelerator.step = 0
        if self.deepspeed:
            settings = self.accelerator.deepspeed_plugin.deepspeed_config
            settings["train_micro_batch_size_per_gpu"] = stage.batch_size // num_parts
            settings["gradient_accumulation_steps"] = stage.accumulation
            settings["gradient_clipping"] = stage.gradient_clip or 0.0
        return self.accelerator.prepare(objective, optimizer)

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """Return the means over all processes."""
        if self.num_processes == 1:
            return values
        local = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        return dict(zip(values, self.accelerator.reduce(local, "mean").tolist(), strict=True))


def _check_deepspeed(path: Path) -> None:
    """Refuse what cannot be kept: parameters that are spread or of half precision."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"deepspeed_config: {path} cannot be read ({error})") from error
    zero = settings.get("zero_optimization", {}).get("stage", 0)
    if zero not in {0, 1, 2}:
        raise ValueError(f"deepspeed_config: zero_optimization.stage is {zero!r}; allowed: 0, 1, 2")
    for name in ("fp16", "bf16"):
        if settings.get(name, {}).get("enabled", False) not in {False, "auto"}:
            raise ValueError(
                f"deepspeed_config: {name} is enabled; leave it out and give the stage precision='bfloat16'"
            )
