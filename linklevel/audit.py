"""Measures whether a link keeps the signal contract.

Everything is measured before the equaliser, each factor of the SNR by itself:

```
link.encode ─► transmit ─► propagate ─► demodulate     add_noise
  symbol        radiated          gain                   noise      ─► Es/N0
  power          power
```
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import norm

from .air.base import AirInterface
from .draws import Draws
from .links.base import Link, Reception
from .signal import sent_mask, snr_db_to_no
from .validation import check_range

LIMIT_DB = 0.1
"""Largest error of a power, a gain or an SNR."""

Z = float(norm.ppf(0.995))
"""Half-width of a 99 % interval in standard deviations."""

MAX_POINTS = 320
"""Symbols of more distinct values are no alphabet: 256-QAM and a header's QPSK have fewer."""

MIN_SEEN = 3
"""How often each point of an alphabet must occur for the alphabet to count as complete."""

MAX_EFFORT = 16
"""How many times ``num_draws`` are spent at most on an interval that straddles the limit."""


@dataclass(frozen=True)
class Check:
    """One measured quantity.

    Args:
        name: what was measured.
        measured: its estimate.
        expected: what the contract asks for.
        low: lower end of the 99 % interval (of the range over items where each item counts).
        high: upper end.
        unit: of all four.
        ok: whether the contract is kept.
        note: how it was measured, or what is wrong.
    """

    name: str
    measured: float
    expected: float
    low: float
    high: float
    unit: str
    ok: bool
    note: str = ""


@dataclass(frozen=True)
class AuditReport:
    """All checks of one link; printing it gives a table.

    Args:
        checks: in the order of the signal path.
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    def __getitem__(self, name: str) -> Check:
        return {check.name: check for check in self.checks}[name]

    def __str__(self) -> str:
        rows = [("check", "measured", "99 % interval", "expected", "unit", "")]
        rows += [
            (c.name, f"{c.measured:.3f}", f"[{c.low:.3f}, {c.high:.3f}]", f"{c.expected:.3f}", c.unit,
             ("ok" if c.ok else "FAILED") + (f": {c.note}" if c.note else ""))
            for c in self.checks
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(row, [*widths, 0], strict=True)).rstrip()
            for row in rows
        )


@dataclass(frozen=True)
class Transmission:
    """What passed through the air interface in one call.

    Args:
        x: [batch, width], complex; zero past what each item sends.
        num_symbols: [batch], torch.int64.
        tx: what ``AirInterface.transmit`` made of it.
        y: what ``AirInterface.propagate`` made of that.
        no: [batch], real.
    """

    x: torch.Tensor
    num_symbols: torch.Tensor
    tx: torch.Tensor
    y: torch.Tensor
    no: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        """Which symbols are sent, [batch, width], torch.bool."""
        return sent_mask(self.num_symbols, self.x.shape[1])


class Measured(NamedTuple):
    """A ratio in dB that should be 0, half the width of its 99 % interval, and a note."""

    db: float
    width: float
    note: str


def audit_link(
    link: Link, payload: Any, snr_db: float | torch.Tensor, draws: Draws, num_draws: int = 20_000
) -> AuditReport:
    """Send a payload once, and measure powers, gain, noise and channel uses.

    A quantity passes if its 99 % interval lies within ±0.1 dB. Where the interval of the gain straddles a
    limit, fades are added until it does not, up to 16 times ``num_draws``.

    Args:
        link: the link to audit.
        payload: as ``link`` takes it; large enough that the mean energy of its symbols is known to
            0.1 dB (5,000 symbols of 16-QAM).
        snr_db: scalar or [batch], dB.
        draws: where fades and noise come from.
        num_draws: fades behind the gain.

    Raises:
        ValueError: if nothing of the payload went through ``link.air``.

    Example:
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.links.base import Signal
        >>> class Plain(Link):
        ...     def encode(self, payload, snr_db):
        ...         count = torch.full((len(payload),), payload.shape[1])
        ...         return Signal(payload, count, torch.zeros_like(count))
        ...     def decode(self, received):
        ...         return received.symbols, torch.ones(len(received.symbols), dtype=torch.bool)
        >>> link = Plain(FlatAirInterface(channel="awgn"))
        >>> audit_link(link, torch.ones(8, 100, dtype=torch.complex64), 10.0, Draws(seed=1), 100).ok
        True
    """
    check_range("num_draws", num_draws, 1, integer=True)
    with torch.no_grad():
        with _recording(link.air) as sent:
            reception = link(payload, snr_db, draws)
        if not any(bool((t.num_symbols > 0).any()) for t in sent):
            raise ValueError("link: nothing went through link.air, so there is nothing to audit")
        power = (_symbol_power(sent), _radiated_power(link.air, sent))
        noise = (_noise_density(sent, reception.snr_db), _noise_variance(link.air, sent[0], draws))
        others = Measured(
            sum(m.db for m in power) - sum(m.db for m in noise),
            math.hypot(*(m.width for m in power + noise)), "",
        )
        gain = _gain(link.air, draws, num_draws, others)
    requested = float(reception.snr_db.double().mean())
    return AuditReport((
        _check("symbol power", power[0]),
        _check("radiated power", power[1]),
        _check("gain", gain),
        _check("noise density", noise[0]),
        _check("noise variance", noise[1]),
        _check("Es/N0", Measured(gain.db + others.db, math.hypot(gain.width, others.width), ""), requested),
        _padding(sent),
        _channel_uses(sent, reception),
    ))


@contextmanager
def _recording(air: AirInterface) -> Iterator[list[Transmission]]:
    """Note down what goes through an air interface."""
    sent: list[Transmission] = []
    transmitted: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    transmit, add_noise = air.transmit, air.add_noise

    def recorded_transmit(x: torch.Tensor, num_symbols: torch.Tensor) -> torch.Tensor:
        tx = transmit(x, num_symbols)
        transmitted.append((x, num_symbols, tx))
        return tx

    def recorded_add_noise(y: torch.Tensor, no: torch.Tensor, draws: Draws) -> torch.Tensor:
        sent.append(Transmission(*transmitted.pop(), y, no))
        return add_noise(y, no, draws)

    own = air.__dict__
    before: dict[str, Any] = {name: own[name] for name in ("transmit", "add_noise") if name in own}
    own.update(transmit=recorded_transmit, add_noise=recorded_add_noise)
    try:
        yield sent
    finally:
        del own["transmit"], own["add_noise"]
        own.update(before)


def _measured(value: float, deviation: float = 0.0, note: str = "") -> Measured:
    """Turn a ratio and its standard deviation into dB."""
    value = max(value, 1e-30)
    return Measured(10.0 * math.log10(value), 10.0 / math.log(10.0) * Z * deviation / value, note)


def _worst(ratios: torch.Tensor) -> float:
    """Return the ratio furthest from 1."""
    ratios = ratios.clamp_min(1e-30)
    return float(ratios[ratios.log().abs().argmax()])


def _symbol_power(sent: list[Transmission]) -> Measured:
    """Mean energy of a symbol: over the ensemble for a fixed alphabet, else of the worst item.

    An alphabet has energy 1 in expectation. Where all its points are seen and the mean over the symbols sent
    agrees with the mean over the points, the latter is taken: it has no spread. Items that send the same
    symbols, such as questions about one picture, count once: they are one draw of the alphabet.
    """
    symbols = torch.cat([_distinct(t) for t in sent])
    points, counts = torch.unique(torch.view_as_real(symbols * 1e4).round(), dim=0, return_counts=True)
    recurring = 2 * int((counts == 1).sum()) < len(points)  # learned symbols beside a header's alphabet are not
    if len(points) <= MAX_POINTS and 2 * len(points) < len(symbols) and recurring:
        energy = symbols.abs().square().double()
        mean, deviation = float(energy.mean()), float(energy.std()) / math.sqrt(len(symbols))
        even = float((points / 1e4).double().square().sum(1).mean())
        if int(counts.min()) >= MIN_SEEN and abs(mean - even) <= Z * deviation:
            mean, deviation = even, 0.0
        return _measured(mean, deviation, f"mean over an alphabet of {len(points)} points")
    items = torch.cat([
        ((t.x.abs().square().double() * t.mask).sum(1) / t.num_symbols)[t.num_symbols > 0] for t in sent
    ])
    return _measured(_worst(items), note=f"worst of {len(items)} items")


def _distinct(sent: Transmission) -> torch.Tensor:
    """Return the symbols of all items that differ, [num_symbols], complex."""
    rows = torch.view_as_real(sent.x * sent.mask).flatten(1).cpu().numpy()
    first = np.sort(np.unique(rows, axis=0, return_index=True)[1])
    return sent.x[first][sent.mask[first]]


def _radiated_power(air: AirInterface, sent: list[Transmission]) -> Measured:
    """Energy at the antennas over what the symbols, shared by the streams, and the pilots should have."""
    radiated = sum(float(t.tx.abs().square().double().sum()) for t in sent)
    symbols = sum(float(t.x.abs().square().double().sum()) for t in sent)
    pilots = sum(int(air.channel_uses(t.num_symbols).pilots.sum()) for t in sent)
    return _measured(radiated / (symbols / air.num_streams + pilots), note="all streams and pilots")


def _noise_density(sent: list[Transmission], snr_db: torch.Tensor) -> Measured:
    """N0 that reached the air interface over the one that the SNR asks for."""
    given = torch.cat([t.no for t in sent]).double().log10().mean()
    asked = snr_db_to_no(snr_db.double()).log10().mean()
    return Measured(10.0 * float(given - asked), 0.0, "N0 that the link asked for")


def _noise_variance(air: AirInterface, sent: Transmission, draws: Draws) -> Measured:
    """Variance that ``add_noise`` adds at the worst antenna over N0, from a million samples."""
    samples = sent.y[0, :, 0].numel()
    copies = -(-1_000_000 // samples)
    silence = torch.zeros_like(sent.y[:1]).expand(copies, *sent.y.shape[1:])
    noise = air.add_noise(silence, sent.no[:1].expand(copies), draws)
    variance = noise.abs().square().double().movedim(2, 0).flatten(1).mean(1) / float(sent.no[0])
    worst = _worst(variance)
    return _measured(worst, worst / math.sqrt(copies * samples), "worst antenna")


def _gain(air: AirInterface, draws: Draws, num_draws: int, others: Measured) -> Measured:
    """Mean energy of a resource element at a receive antenna over what was radiated."""
    gains = torch.zeros(0, dtype=torch.float64)
    batch, index, wanted = _fades_at_once(air, draws), draws.batch, num_draws
    while True:
        while len(gains) < wanted:
            index += 1
            more = _received_energy(air, min(batch, wanted - len(gains)), replace(draws, batch=index))
            gains = torch.cat([gains, more.cpu()])
        deviation = float(gains.std()) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
        gain = _measured(float(gains.mean()), deviation, f"E|h|² over {len(gains)} fades")
        width = math.hypot(gain.width, others.width)
        decided = _side(gain.db, gain.width) and _side(gain.db + others.db, width)
        if decided or wanted >= MAX_EFFORT * num_draws:
            return gain
        wanted *= 2


def _side(db: float, width: float) -> int:
    """Return 1 for an interval within the limits, -1 for one outside, 0 for one that straddles."""
    if abs(db) + width <= LIMIT_DB:
        return 1
    return -1 if abs(db) - width > LIMIT_DB else 0


def _fades_at_once(air: AirInterface, draws: Draws) -> int:
    """Return how many fades fit into some 30 MB."""
    h = air.fade(1, 1, draws)
    size = air.symbols_per_grid if h is None else max(h.numel(), air.symbols_per_grid)
    return min(2048, max(1, 2**22 // size))


def _received_energy(air: AirInterface, batch: int, draws: Draws) -> torch.Tensor:
    """Return the gain of one grid of random QPSK and its pilots in each of ``batch`` fades, float64."""
    bits = draws.bits(2 * batch, air.symbols_per_grid, air.device).to(air.dtype)
    x = torch.complex(*(math.sqrt(0.5) * (1.0 - 2.0 * bits)).chunk(2))
    tx = air.transmit(x, torch.full((batch,), x.shape[1], device=x.device))
    y = air.demodulate(air.propagate(tx, air.fade(batch, 1, draws)))
    radiated = tx.abs().square().sum(2)
    received = y.abs().square().mean(2) * (radiated > 0)
    return received.double().flatten(1).sum(1) / radiated.double().flatten(1).sum(1)


def _padding(sent: list[Transmission]) -> Check:
    """Count symbols that are declared sent and have no energy."""
    empty = sum(int(((t.x == 0) & t.mask).sum()) for t in sent)
    note = "" if empty == 0 else "the link sends, and is charged for, symbols without energy"
    return Check("padding", empty, 0, empty, empty, "symbols", empty == 0, note)


def _channel_uses(sent: list[Transmission], reception: Reception) -> Check:
    """Compare the resource elements that radiate with those that the link accounts for."""
    used = sum(int((t.tx.abs().square().sum(2) > 0).sum()) for t in sent)
    counted = int(reception.channel_uses.total.sum())
    note = ""
    if used != counted:
        note = f"{abs(used - counted)} " + ("are not counted" if used > counted else "radiate nothing")
    return Check("channel uses", used, counted, used, used, "elements", used == counted, note)


def _check(name: str, measured: Measured, expected: float = 0.0) -> Check:
    """Judge a quantity in dB."""
    value, width = expected + measured.db, measured.width
    ok = _side(measured.db, width) == 1
    return Check(name, value, expected, value - width, value + width, "dB", ok, measured.note)
