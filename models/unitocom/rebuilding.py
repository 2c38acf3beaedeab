"""What the de-tokenizers make of received tokens: the objective "reconstruction"."""

from typing import Any

import torch
from torch import nn

from ...linklevel.tokens import Tokens
from .sender import Batch, Sender
from .tokenizers.diagnostics import noise_variance

CARRIED = {"vqa": ("image", "image"), "asr": ("audio", "audio"), "text_to_image": ("caption", "text")}
"""What each task sends: its name in a batch, and the modality."""


def carried(senders: nn.ModuleDict, task: str) -> tuple[str, Sender]:
    """Return the name in a batch of what a task sends, and what makes its tokens.

    Raises:
        ValueError: for captions that cross as words.
    """
    key, modality = CARRIED[task]
    if modality not in senders:
        raise ValueError("objective: 'reconstruction' given, but captions cross as words; give a text tokenizer")
    sender: Any = senders[modality]
    return key, sender


def distortion(senders: nn.ModuleDict, tokens: Tokens, batch: Batch, task: str) -> torch.Tensor:
    """Return the mean distortion of what is rebuilt of received tokens, a scalar.

    Raises:
        ValueError: for captions that cross as words.
    """
    key, sender = carried(senders, task)
    return sender.distortion(batch[key], _own(tokens, sender, task).values)


def rebuilt(senders: nn.ModuleDict, tokens: Tokens, task: str) -> list[Any]:
    """Return what was sent, as samples have it, rebuilt of received tokens.

    Raises:
        ValueError: for captions that cross as words.
    """
    _, sender = carried(senders, task)
    return sender.contents(_own(tokens, sender, task))


def units(senders: nn.ModuleDict, batch: Batch, task: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and variance of the tokens of what a task sends, before shift and scale, [items, S, dim] each.

    Args:
        senders: of all modalities.
        batch: inputs of the transmitter.
        task: theirs.

    Raises:
        ValueError: for captions that cross as words.
    """
    key, sender = carried(senders, task)
    posterior = sender.tokenizer.posterior(batch[key])
    return posterior.mean, noise_variance(sender.tokenizer.config, posterior)


def _own(tokens: Tokens, sender: Sender, task: str) -> Tokens:
    """Return the tokens that a sender made: audio may have several chunks, behind others a question may follow."""
    if task == "asr":
        return tokens
    return Tokens(tokens.values[:, : sender.num_tokens], tokens.mask[:, : sender.num_tokens])
