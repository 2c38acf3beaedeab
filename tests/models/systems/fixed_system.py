"""A system without anything to train."""

import torch

from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import TokenSystem


class FixedSystem(TokenSystem):
    """Sends zeros, answers nothing."""

    dim, modality = 4, "text"

    def encode(self, samples):
        return Tokens(torch.zeros(len(samples), 1, 4))

    def answer(self, tokens, samples):
        return [""] * len(samples)
