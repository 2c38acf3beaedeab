"""A scenario that costs next to nothing to run, for tests of the engine alone.

Only workers import torch, as with real scenarios, so that starting one is quick.
"""

import dataclasses
import hashlib
import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tokencom.scenarios.tasks.base import Task


def work(count):
    """Keep one core busy for a time that is proportional to ``count``."""
    ones = np.ones((64, 64))
    for _ in range(count):
        np.sqrt(ones)


@dataclass(frozen=True)
class Reception:
    payload: Any
    ok: Any
    channel_uses: Any
    snr_db: float


class FlippingLink:
    """Flips bits with a probability that falls with the SNR; misbehaves when told to."""

    gain_db = -2.5

    def __init__(self, scheme):
        self.scheme = scheme
        self.air = self
        if scheme.get("trouble") == "build":
            raise ValueError("coderate: 7 is outside the allowed range [0, 1]")

    def __call__(self, payload, snr_db, draws):
        import torch

        from tokencom.linklevel.accounting import ChannelUses

        self._misbehave(draws)
        if self.scheme.get("trouble") == "ambient":
            ambient = random.random() + np.random.random() + float(torch.rand(()))  # noqa: NPY002
            payload = torch.where(torch.rand(payload.shape) < ambient / 30, 1 - payload, payload)
        end = time.perf_counter() + self.scheme.get("milliseconds", 0) / 1000
        size = len(payload)
        fade = torch.rand(size, generator=draws.generator("fade"))
        p = self.scheme.get("error", 0.2) * 10 ** (-snr_db / 10) * fade
        noise = torch.rand(payload.shape, generator=draws.generator("noise"))
        received = torch.where(noise < p[:, None], 1 - payload, payload)
        count = torch.full((size,), payload.shape[1] // 2)
        none = torch.zeros_like(count)
        while time.perf_counter() < end:
            work(1)
        work(self.scheme.get("work", 0))
        return Reception(
            payload=received,
            ok=torch.ones(size, dtype=torch.bool),
            channel_uses=ChannelUses(payload=count, pilots=none, side_information=none, airtime=count),
            snr_db=snr_db,
        )

    def _misbehave(self, draws):
        trouble = self.scheme.get("trouble")
        if trouble and draws.batch == self.scheme.get("batch"):
            if trouble == "raise":
                raise ValueError("llr: 3 of 10 elements are NaN or infinite; all must be finite")
            once = self.scheme.get("once")
            if trouble == "die" and not (once and Path(once).exists()):
                if once:
                    Path(once).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        for path in self.scheme.get("log", []):
            with open(path, "a") as file:
                file.write(f"{os.getpid()} {draws.batch}\n")


class ItemsTask(Task):
    """Ten fixed items, each twice, judged by a score; with reference lines."""

    name: ClassVar[str] = "items"
    num_items = 20
    references: ClassVar[tuple[str, ...]] = ("clean", "blind")
    reference_metrics: ClassVar[tuple[str, ...]] = ("score",)

    @property
    def metrics(self):
        from tokencom.scenarios.statistics.metrics import MeanMetric, RateMetric

        return {
            "score": MeanMetric(name="score", column="score", unit="dB"),
            "right": RateMetric(name="right", column="right"),
        }

    def batch(self, index, batch_size, draws):
        import torch

        numbers = torch.tensor([i % 10 for i in self.items(index, batch_size)])
        return ((numbers[:, None] >> torch.arange(8)) & 1).float()

    def score(self, payload, reception):
        import torch

        numbers = (payload.long() << torch.arange(8)).sum(-1).numpy()
        wrong = (payload != reception.payload).float().mean(-1).double().numpy()
        return {"score": 10 - 10 * wrong, "right": wrong == 0, "cluster": numbers}

    def reference(self, kind, payload, link, snr_db):
        return payload if kind == "clean" else 0 * payload


@dataclass(frozen=True)
class CheapStop:
    batch_size: int = 16
    max_mc_iter: int = 8
    num_target_block_errors: int | None = None
    target_relative_width: float | None = None


@dataclass(frozen=True)
class CheapScheme:
    name: str


@dataclass(frozen=True)
class CheapPoint:
    values: dict[str, Any]
    scenario: "CheapPlan"

    @property
    def hash(self):
        text = json.dumps(self.values, sort_keys=True)
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class CheapPlan:
    name: str = "cheap"
    seed: int = 1
    threads_per_worker: int = 1
    stop: CheapStop = CheapStop()
    kinds: tuple[dict[str, Any], ...] = ({"name": "a"}, {"name": "b", "error": 0.4})
    snrs: tuple[float, ...] = (0.0, 5.0, 10.0)
    snr_db: float = 0.0
    ebno_db: float | None = field(default=None)

    @property
    def schemes(self):
        return [CheapScheme(kind["name"]) for kind in self.kinds]

    def points(self):
        if not self.snrs:
            return [CheapPoint({}, self)]
        at = dataclasses.replace
        return [CheapPoint({"snr_db": snr}, at(self, snrs=(), snr_db=snr)) for snr in self.snrs]

    def model_dump_json(self):
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def model_validate_json(cls, text):
        data = json.loads(text)
        data["stop"] = CheapStop(**data["stop"])
        return cls(**{**data, "kinds": tuple(data["kinds"]), "snrs": tuple(data["snrs"])})

    def _kind(self, scheme):
        return next(kind for kind in self.kinds if kind["name"] == scheme)

    def build_key(self, scheme):
        return json.dumps({k: v for k, v in self._kind(scheme).items() if k != "name"}, sort_keys=True)

    def build(self, scheme):
        from tokencom.scenarios.tasks.bits import BitsTask

        kind = self._kind(scheme)
        task = ItemsTask() if kind.get("task") == "items" else BitsTask(num_bits=kind.get("num_bits", 20))
        return task, FlippingLink(kind)

    def link_snr_db(self, scheme, link):
        return self.snr_db
