"""Low-rank adapters in any model, by peft."""

from typing import Any

import torch
from torch import nn

from ...linklevel.validation import nearest
from .config import LoRA

ADAPTER_NAME = "default"


def add_adapters(model: nn.Module, lora: LoRA, *, seed: int = 0) -> None:
    """Add adapters to linear layers, unless the model has them already.

    What the model computes does not change, since B starts at zero. The names of the adapted layers'
    own parameters gain ``.base_layer``.

    Args:
        model: changed in place.
        lora: what to add where.
        seed: of the initial A.

    Raises:
        ValueError: if no layer has such a name, naming the nearest; or for a model with other adapters.
    """
    from peft import LoraConfig, inject_adapter_in_model

    if _layers(model):
        _check_same(model, lora)
        return
    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    alpha: Any = lora.alpha  # peft declares an integer, but only divides by r
    config = LoraConfig(r=lora.r, lora_alpha=alpha, lora_dropout=lora.dropout, target_modules=targets, bias="none")
    _check_targets(model, lora)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model, ADAPTER_NAME)


def merge_adapters(model: nn.Module) -> int:
    """Add the adapters' products to the weights and take the adapters out; return how many there were.

    Parameters have their first names again. The sum is rounded to the weights' dtype.
    """
    layers = _layers(model)
    for path, layer in layers.items():
        layer.merge()
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, layer.get_base_layer())
    return len(layers)


def _layers(model: nn.Module) -> dict[str, Any]:
    """Return the layers that have adapters, by path."""
    return {path: module for path, module in model.named_modules() if hasattr(module, "lora_A")}


def _check_targets(model: nn.Module, lora: LoRA) -> None:
    """Refuse names that no linear layer has."""
    if isinstance(lora.target_modules, str):
        return
    paths = [path for path, module in model.named_modules() if not list(module.children())]
    for target in lora.target_modules:
        if not any(path == target or path.endswith("." + target) for path in paths):
            close = nearest(target, sorted({path.rpartition(".")[2] for path in paths}))
            hint = f"; did you mean {close!r}?" if close else ""
            raise ValueError(f"lora.target_modules: no layer is named {target!r}{hint}")


def _check_same(model: nn.Module, lora: LoRA) -> None:
    for path, layer in _layers(model).items():
        have = (layer.r.get(ADAPTER_NAME), layer.lora_alpha.get(ADAPTER_NAME))
        if have != (lora.r, lora.alpha):
            raise ValueError(f"lora: {path} has adapters of r, alpha = {have}; {(lora.r, lora.alpha)} given")
