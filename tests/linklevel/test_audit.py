"""The audit passes right links and catches planted faults."""

import math
from dataclasses import replace

import pytest
import torch
from sionna.phy.mapping import Mapper

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.audit import AuditReport, audit_link
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.base import Link, Signal
from tokencom.linklevel.signal import ebno_db_to_snr_db, normalize_power, snr_db_to_no

CHANNEL = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
GRID = {"fft_size": 48, "num_ofdm_symbols": 7, "pilot_ofdm_symbol_indices": (2,), "cyclic_prefix_length": 20}
DRAWS = Draws(seed=5)


class TokenLink(Link):
    """Sends complex tokens of different lengths, each item normalised over what it sends."""

    def encode(self, payload, snr_db):
        tokens, lengths = payload
        return Signal(normalize_power(tokens, lengths), lengths, torch.zeros_like(lengths))

    def decode(self, received):
        return received.symbols, torch.ones(len(received.symbols), dtype=torch.bool)

    def forward(self, payload, snr_db, draws):
        return super().forward(_Sized(payload), snr_db, draws)


class _Sized(tuple):
    def __len__(self):
        return len(self[1])


class QAMLink(Link):
    """Sends 16-QAM."""

    num_bits_per_symbol = 4

    def encode(self, payload, snr_db):
        symbols = Mapper("qam", 4)(payload)
        count = torch.full((len(payload),), symbols.shape[1])
        return Signal(symbols, count, torch.full_like(count, 8))

    def decode(self, received):
        return received.symbols, torch.ones(len(received.symbols), dtype=torch.bool)


def tokens(batch=12, width=300):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, width, dtype=torch.complex64, generator=generator)
    lengths = torch.linspace(20, width, batch).long()
    return torch.where(torch.arange(width) < lengths[:, None], x, 0), lengths


def failed(report: AuditReport):
    return {check.name for check in report.checks if not check.ok}


AIRS = {
    "awgn": lambda: FlatAirInterface(channel="awgn"),
    "rayleigh": lambda: FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=2, num_rx_ant=2),
    "rician": lambda: FlatAirInterface(channel="rician", k_factor_db=3.0, fading="symbol"),
    "ofdm": lambda: OFDMAirInterface(channel=CHANNEL, **GRID, csi="estimated", num_rx_ant=2),
    "mimo": lambda: OFDMAirInterface(channel=CHANNEL, **GRID, num_streams=2, num_rx_ant=2),
    "time": lambda: OFDMAirInterface(channel=CHANNEL, **GRID, domain="time", num_rx_ant=2),
}


@pytest.mark.parametrize("air", AIRS)
def test_right_links_pass(air):
    for link, payload in (
        (TokenLink(AIRS[air]()), tokens()),
        (QAMLink(AIRS[air]()), Draws(seed=2).bits(32, 4000)),
    ):
        report = audit_link(link, payload, 7.0, DRAWS, num_draws=5000)
        assert report.ok, str(report)
        assert report["Es/N0"].expected == 7.0
        assert "FAILED" not in str(report)
        assert "transmit" not in vars(link.air)


def test_power_over_padding_is_caught():
    class Fault(TokenLink):
        def encode(self, payload, snr_db):
            x, lengths = payload
            return Signal(normalize_power(x), lengths, torch.zeros_like(lengths))

    report = audit_link(Fault(AIRS["ofdm"]()), tokens(), 7.0, DRAWS, num_draws=5000)
    assert failed(report) == {"symbol power", "Es/N0"}
    # The shortest item sends 20 of 300 positions.
    assert report["symbol power"].measured == pytest.approx(10 * math.log10(15), abs=1e-3)


def test_padding_that_is_sent_is_caught():
    class Fault(TokenLink):
        def encode(self, payload, snr_db):
            x, lengths = payload
            full = torch.full_like(lengths, x.shape[1])
            return Signal(normalize_power(x), full, torch.zeros_like(lengths))

    report = audit_link(Fault(AIRS["awgn"]()), tokens(), 7.0, DRAWS, num_draws=100)
    assert failed(report) == {"padding", "channel uses"}
    assert "radiate nothing" in report["channel uses"].note


@pytest.mark.parametrize("where", ["fade", "propagate"])
@pytest.mark.parametrize("air", ["rayleigh", "ofdm"])
def test_wrong_gain_is_caught(air, where):
    air = AIRS[air]()
    right = getattr(air, where)
    setattr(air, where, lambda *args: math.sqrt(2.0) * right(*args))
    report = audit_link(TokenLink(air), tokens(), 7.0, DRAWS, num_draws=5000)
    assert failed(report) == {"gain", "Es/N0"}
    assert report["gain"].measured == pytest.approx(10 * math.log10(2), abs=0.1)


def test_gain_a_little_wrong_is_caught():
    air = AIRS["ofdm"]()
    right = air.propagate
    air.propagate = lambda *args: 10 ** (0.3 / 20) * right(*args)
    assert failed(audit_link(TokenLink(air), tokens(), 7.0, DRAWS, num_draws=5000)) == {"gain", "Es/N0"}


def test_streams_that_do_not_share_the_power_are_caught():
    air = AIRS["mimo"]()
    right = air.transmit
    air.transmit = lambda *args: math.sqrt(2.0) * right(*args)
    report = audit_link(TokenLink(air), tokens(), 7.0, DRAWS, num_draws=2000)
    assert {"radiated power", "Es/N0"} <= failed(report)


def test_snr_taken_as_ebno_is_caught():
    class Fault(QAMLink):
        def forward(self, payload, snr_db, draws):
            wrong = ebno_db_to_snr_db(snr_db, coderate=0.5, num_bits_per_symbol=4)
            reception = super().forward(payload, wrong, draws)
            return replace(reception, snr_db=torch.full((len(payload),), snr_db))

    report = audit_link(Fault(AIRS["awgn"]()), Draws(seed=2).bits(32, 4000), 7.0, DRAWS, num_draws=100)
    assert failed(report) == {"noise density", "Es/N0"}
    assert report["Es/N0"].measured == pytest.approx(7.0 + 10 * math.log10(2), abs=0.1)


def test_noise_of_wrong_variance_is_caught():
    # N0 in each real dimension instead of N0 / 2.
    air = AIRS["rayleigh"]()
    right = air.add_noise
    air.add_noise = lambda y, no, draws: right(y, 2 * no, draws)
    report = audit_link(TokenLink(air), tokens(), 7.0, DRAWS, num_draws=5000)
    assert failed(report) == {"noise variance", "Es/N0"}


def test_power_normalised_over_the_batch_is_caught():
    class Fault(TokenLink):
        def encode(self, payload, snr_db):
            x, lengths = payload
            x = x * torch.linspace(0.5, 1.5, len(x))[:, None]
            x = x / (x.abs().square().sum() / lengths.sum()).sqrt()
            return Signal(x, lengths, torch.zeros_like(lengths))

    report = audit_link(Fault(AIRS["awgn"]()), tokens(), 7.0, DRAWS, num_draws=100)
    assert "symbol power" in failed(report)


def test_uses_that_are_not_counted_are_caught():
    class Fault(TokenLink):
        def forward(self, payload, snr_db, draws):
            reception = super().forward(payload, snr_db, draws)
            uses = reception.channel_uses
            return replace(reception, channel_uses=replace(uses, pilots=torch.zeros_like(uses.pilots)))

    report = audit_link(Fault(AIRS["ofdm"]()), tokens(), 7.0, DRAWS, num_draws=5000)
    assert failed(report) == {"channel uses"}
    assert "are not counted" in report["channel uses"].note


def test_silent_link_is_refused():
    class Fault(TokenLink):
        def forward(self, payload, snr_db, draws):
            return None

    with pytest.raises(ValueError, match=r"nothing went through link\.air"):
        audit_link(Fault(AIRS["awgn"]()), tokens(), 7.0, DRAWS, num_draws=5000)


def test_report_is_a_table():
    report = audit_link(TokenLink(AIRS["awgn"]()), tokens(), torch.full((12,), 3.0), DRAWS, num_draws=100)
    lines = str(report).splitlines()
    assert lines[0].split() == ["check", "measured", "99", "%", "interval", "expected", "unit"]
    assert len(lines) == 1 + len(report.checks)
    with pytest.raises(AttributeError):
        report.checks = ()
    assert float(snr_db_to_no(3.0)) == pytest.approx(0.5012, abs=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1.05])
def test_small_payload_of_a_fixed_alphabet_is_judged_by_its_points(scale):
    class Scaled(QAMLink):
        def encode(self, payload, snr_db):
            signal = super().encode(payload, snr_db)
            return replace(signal, symbols=scale * signal.symbols)

    report = audit_link(Scaled(AIRS["awgn"]()), Draws(seed=2).bits(8, 400), 7.0, DRAWS, num_draws=100)
    assert report["symbol power"].measured == pytest.approx(20 * math.log10(scale), abs=1e-2)
    assert report.ok == (scale == 1.0)


def test_items_that_send_the_same_count_once():
    """Sixteen copies of one block are no better measurement of an alphabet's power than one."""
    bits = Draws(seed=6).bits(1, 400)
    link = QAMLink(AIRS["awgn"]())
    once, often = (
        audit_link(link, bits.expand(count, -1), 7.0, DRAWS, num_draws=100)["symbol power"] for count in (1, 16)
    )
    assert (once.measured, once.low, once.high) == (often.measured, often.low, often.high)
