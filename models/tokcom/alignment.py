"""Stage 1: text-anchored alignment of what the server receives."""

from collections.abc import Mapping

import torch

from ...linklevel.signal import sent_mask
from ...linklevel.tokens import Tokens
from .batches import Batch
from .losses import contrastive, pooled, reconstruction
from .server import Server


def alignment_terms(server: Server, received: Mapping[str, Tokens], batch: Batch) -> dict[str, torch.Tensor]:
    """Return ``reconstruction`` (eq 9) and ``contrastive`` (eq 11, all devices together), means over the batch.

    The text's means have no gradient in eq 11: it trains F_m and G_m, and eq 9 trains G_T.

    Args:
        server: with heads.
        received: tokens of each device, as received; those of the text device are a description.
        batch: ``words`` and ``lengths`` of the descriptions, one for each item.

    Raises:
        ValueError: if the text device, or every other, is off.
    """
    writer = server.config.writer
    others = [name for name in received if writer is None or name != writer.name]
    if writer is None or writer.name not in received or not others:
        raise ValueError(f"alignment: devices {list(received)} send; it needs the one with text, and another")
    text = received[writer.name]
    made = server.head(writer.name, (text.values, text.mask))
    sent = server.language.embed(batch["words"])
    mask = sent_mask(batch["lengths"], sent.shape[1]) & text.mask
    found = {"reconstruction": reconstruction(sent.float(), made.float(), mask)}
    anchor = pooled(made, mask).detach().float()
    losses = []
    for name in others:
        part = received[name]
        own = pooled(server.head(name, (part.values, part.mask)), part.mask).float()
        losses.append(
            contrastive(
                own, anchor, temperature=server.config.temperature, directions=server.config.directions,
                reduction="mean",
            )
        )  # fmt: skip
    found["contrastive"] = torch.stack(losses).sum()
    return found


def alignment_loss(server: Server, received: Mapping[str, Tokens], batch: Batch) -> torch.Tensor:
    """Return eq 9 + weight x eq 11 as means over the batch; arguments as for :func:`alignment_terms`."""
    terms = alignment_terms(server, received, batch)
    return terms["reconstruction"] + server.config.contrastive_weight * terms["contrastive"]
