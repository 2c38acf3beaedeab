"""A small system to train: tokens of low rank through a learned link, in one or two stages."""

import torch
from torch import nn

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links.jscc import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.training import LoRA, Stage

DIM = 16


class Head(nn.Module):
    """Stands for a receiver model: linear layers with a dropout between them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(DIM, 32)
        self.dropout = nn.Dropout(0.2)
        self.statistics = nn.BatchNorm1d(32)
        self.second = nn.Linear(32, 1)

    def forward(self, tokens):
        hidden = self.dropout(self.first(tokens.mean(1)).relu())
        return self.second(self.statistics(hidden))[:, 0]


class CodecSystem:
    """Tokens of 16 dimensions that span 8, sent on 4 complex symbols each; a head regresses a number."""

    num_items = 100

    def __init__(self, channel="awgn", seed=3):
        generator = torch.Generator().manual_seed(seed)
        mixing = torch.randn(8, DIM, generator=generator) / 8**0.5
        self.tokens = torch.randn(self.num_items, 3, 8, generator=generator) @ mixing
        self.labels = self.tokens.mean(1)[:, :4].sum(1)
        codec = DenseCodec(dim=DIM, symbols_per_token=4, encoder_hidden=32, decoder_hidden=32, layer_norm=False)
        link = JSCCLink(FlatAirInterface(channel=channel), codec, length="known")
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.model = nn.ModuleDict({"link": link, "head": Head()})
        self.evaluated = 0

    def batch(self, items):
        return {"tokens": self.tokens[items], "labels": self.labels[items]}

    def losses(self, batch, snr_db, draws, wanted):
        reception = self.model["link"](Tokens(batch["tokens"]), snr_db, draws)
        terms = {"mse": (reception.payload.values - batch["tokens"]).square().mean()}
        if "task" in wanted:
            terms["task"] = (self.model["head"](reception.payload.values) - batch["labels"]).square().mean()
        return terms

    def evaluate(self, stage):
        self.evaluated += 1
        assert not self.model["head"].training
        assert not torch.is_grad_enabled()
        return {"accuracy": 0.5}


def stages(steps=12, **options):
    lora = LoRA(target_modules=("first", "second"), r=2, alpha=4.0, dropout=0.1)
    shared = {"steps": steps, "batch_size": 16, **options}
    return (
        Stage(name="codec", trainable=("link.codec",), losses={"mse": 1.0}, **shared),
        Stage(name="head", trainable=("head",), losses={"task": 1.0}, weight_decay=0.1, warmup_steps=3, **shared),
        Stage(name="joint", trainable=("link",), lora=lora, losses={"mse": 0.3, "task": 1.0}, accumulation=2, **shared),
    )


def arguments(**options):
    return {"seed": 5, "system": {"dim": DIM}, "data": {"items": 100}, "device": "cpu", "tensorboard": False, **options}
