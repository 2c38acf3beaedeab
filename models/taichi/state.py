"""Modules whose pretrained, frozen parameters are no part of their state."""

from collections.abc import Sequence
from typing import Any

from torch import nn

ADAPTER = "lora_"


def keep_out_of_state(module: nn.Module, parts: Sequence[str]) -> None:
    """Freeze parts of a module, and leave them out of its state; adapters that are put into them later are in it.

    Args:
        module: changed in place; its state dict then has only what is trained here, and loads so.
        parts: names of children.
    """
    prefixes = tuple(f"{part}." for part in parts)
    for part in parts:
        module.get_submodule(part).requires_grad_(False)

    def left_out(name: str) -> bool:
        return name.startswith(prefixes) and ADAPTER not in name

    def leave_out(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
        for name in [name for name in state if name.startswith(prefix) and left_out(name.removeprefix(prefix))]:
            del state[name]

    def forgive(module: nn.Module, found: Any) -> None:
        kept = [name for name in found.missing_keys if not left_out(name) and not _within(name, prefixes)]
        found.missing_keys[:] = kept

    if parts:
        module._register_state_dict_hook(leave_out)
        module.register_load_state_dict_post_hook(forgive)


def _within(name: str, prefixes: tuple[str, ...]) -> bool:
    """Tell whether a name is of a part, also where the module is itself a part of another (``system.low...``)."""
    return ADAPTER not in name and any(f".{prefix}" in name for prefix in prefixes)
