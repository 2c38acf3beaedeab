"""What the fast blocks ask of their input, and when they hand it to Sionna's own block."""

import numpy as np
import torch
from sionna.phy import Block


def runs_fast(block: Block, *tensors: torch.Tensor | None) -> bool:
    """Whether the kernels cover this call: on the CPU, in single precision, with no gradient asked for."""
    wants_gradient = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)
    on_cpu = all(x is None or x.device.type == "cpu" for x in tensors)
    return on_cpu and block.precision == "single" and not wants_gradient


def frames_of(name: str, tensor: torch.Tensor, length: int) -> np.ndarray:
    """Return ``tensor`` [..., length] as contiguous float32 frames [num_frames, length].

    Raises:
        ValueError: if the last dimension is not ``length``.
    """
    if tensor.ndim == 0 or tensor.shape[-1] != length:
        raise ValueError(f"{name}: shape {list(tensor.shape)} given, [..., {length}] expected")
    num_frames = int(np.prod(tensor.shape[:-1]))
    return tensor.detach().to(torch.float32).reshape(num_frames, length).contiguous().numpy()


def refuse_nan(name: str) -> None:
    """Raise the `ValueError` of a kernel that met NaN in ``name``."""
    raise ValueError(f"{name}: contains NaN; every LLR must be a number (±inf marks a bit that is known)")
