"""Devices behind the interface of one link for tokens, and the audit of each."""

import pytest
import torch

from tokencom.linklevel import AnalogLink, FlatAirInterface, JSCCLink, QuantizedLink, Tokens, audit_link
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.multiuser import DevicesLink, OrthogonalAccess, UplinkMIMO, audit_devices
from tokencom.linklevel.quantizers import UniformQuantizer

DRAWS = Draws(seed=16)
AIR = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=4, num_rx_ant=4)
DIM, AGREED = 6, (4, 3)
ACCESSES = [UplinkMIMO, OrthogonalAccess]


def links(air=AIR) -> list:
    return [
        JSCCLink(air, DenseCodec(dim=DIM, symbols_per_token=5, seed=1), length="known"),
        JSCCLink(air, DenseCodec(dim=DIM, symbols_per_token=2, seed=2), length="known"),
        AnalogLink(air, dim=DIM, max_num_tokens=15),
    ]


def made(access=UplinkMIMO, air=AIR, **options) -> DevicesLink:
    return DevicesLink(links(air), access(air, 3, **options), num_tokens=AGREED).eval()


def tokens(batch: int = 3) -> Tokens:
    """Tokens whose first devices have all of theirs, the last device 1 to 5."""
    values = torch.randn(batch, sum(AGREED) + 5, DIM, generator=torch.Generator().manual_seed(5))
    mask = torch.arange(values.shape[1]) < sum(AGREED) + 1 + torch.arange(batch)[:, None] % 5
    return Tokens(values * mask[..., None], mask)


@pytest.mark.parametrize("access", ACCESSES)
def test_devices_send_their_own_tokens(access):
    link, sent = made(access), tokens()
    reception = link(sent, 60.0, DRAWS)
    assert torch.equal(reception.payload.mask, sent.mask)
    torch.testing.assert_close(reception.payload.values, link.clean(sent, 60.0).values, atol=0.05, rtol=0.05)
    parts = link.users(link.split(sent), 60.0, DRAWS)
    assert torch.equal(torch.cat([part.values for part in parts.payloads], 1), reception.payload.values)
    own = torch.stack([device.channel_uses.total for device in parts.devices], 1)
    assert torch.equal(reception.channel_uses.total, own.sum(1))
    assert torch.equal(reception.channel_uses.airtime, own.amax(1) * (1 if access is UplinkMIMO else 3))
    header = link.users.devices[2].num_header_symbols
    assert reception.channel_uses.pilots.tolist() == [12] * 3
    assert reception.channel_uses.side_information.tolist() == [header] * 3
    signal = link.encode(sent, torch.full((3,), 60.0))
    assert signal.num_symbols.tolist() == (own.sum(1) - 12).tolist()
    assert signal.num_side.tolist() == [header] * 3


def test_symbols_one_behind_the_other_are_decoded():
    perfect = FlatAirInterface(channel="awgn")
    link, sent = made(OrthogonalAccess, perfect), tokens()
    signal = link.encode(sent, torch.full((3,), 50.0))
    decoded, ok = link.decode(perfect(signal.symbols, 1e-5, DRAWS, num_symbols=signal.num_symbols))
    assert ok.tolist() == [True] * 3
    count = sent.mask.shape[1]
    torch.testing.assert_close(decoded.values[:, :count], link.clean(sent, 50.0).values, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("access", ACCESSES)
def test_the_whole_link_passes_the_audit(access):
    report = audit_link(made(access), tokens(64), 12.0, DRAWS, 4000)
    assert report.ok, str(report)


@pytest.mark.parametrize("antennas", [4, 8])
def test_every_device_of_an_uplink_passes_the_audit(antennas):
    air = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=4, num_rx_ant=antennas)
    link = made(air=air, path_gain_db=(0.0, -6.0, 3.0))
    reports = audit_devices(link.users, link.split(tokens(64)), 12.0, DRAWS, 12_000 // antennas)
    assert len(reports) == 3
    assert all(report.ok for report in reports), "\n".join(map(str, reports))
    assert reports[0]["channel uses"].measured == 64 * (20 + 4)
    assert reports[1]["channel uses"].measured == 64 * (6 + 4)


def test_the_audit_finds_a_device_that_is_too_strong():
    class Loud(UplinkMIMO):
        def radiate(self, symbols, num_symbols):
            return super().radiate([symbols[0], 1.05 * symbols[1], symbols[2]], num_symbols)

    link = made(Loud)
    reports = audit_devices(link.users, link.split(tokens(64)), 12.0, DRAWS, 50)
    assert [report["symbol power"].ok for report in reports] == [True, False, True]


def test_every_device_passes_the_audit_in_its_turn():
    link = made(OrthogonalAccess, path_gain_db=(0.0, -6.0, 3.0))
    reports = audit_devices(link.users, link.split(tokens(64)), 12.0, DRAWS, 4000)
    assert all(report.ok for report in reports), "\n".join(map(str, reports))
    assert [round(report["Es/N0"].expected, 3) for report in reports] == [12.0, 6.0, 15.0]


def test_training_reaches_all_devices_and_their_codecs():
    link, sent = made().train(), tokens()
    values = torch.randn(50, DIM, generator=torch.Generator().manual_seed(1)) + 3.0
    link.codec.fit(values)
    for device in link.users.devices[:2]:
        torch.testing.assert_close(device.codec.mean, values.mean(0))
    leaf = sent.values.clone().requires_grad_()
    reception = link(Tokens(leaf, sent.mask), torch.tensor([10.0, 0.0, 20.0]), DRAWS)
    (reception.payload.values.square().sum() + link.auxiliary_loss).backward()
    assert bool((leaf.grad.abs().sum(-1)[sent.mask] > 0).all())
    assert reception.snr_db.tolist() == pytest.approx([10.0, 0.0, 20.0], abs=1e-4)


def test_a_device_that_is_switched_off_sends_nothing():
    link, sent = made(), tokens()
    mask = sent.mask.clone()
    mask[:, : AGREED[0]] = False
    reception = link(Tokens(sent.values, mask), 40.0, DRAWS)
    assert torch.equal(reception.payload.mask, mask)
    assert not reception.payload.values[:, : AGREED[0]].any()
    assert reception.channel_uses.pilots.tolist() == [8] * 3


def test_through_another_air_interface():
    other = FlatAirInterface(channel="rayleigh", num_rx_ant=3)
    link = made()
    moved = link.through(other)
    assert moved(tokens(), 10.0, DRAWS).channel_uses.pilots.tolist() == [0] * 3
    assert link(tokens(), 10.0, DRAWS).channel_uses.pilots.tolist() == [12] * 3
    assert [id(p) for p in moved.parameters()] == [id(p) for p in link.parameters()]


def test_quantised_devices():
    access = UplinkMIMO(AIR, 2)
    quantized = [
        QuantizedLink(AIR, UniformQuantizer(dim=DIM, num_bits=3), code="uncoded", coderate=1.0, num_bits_per_symbol=2,
                      length="known")
        for _ in range(2)
    ]  # fmt: skip
    link, sent = DevicesLink(quantized, access, num_tokens=[4]), tokens()
    reception = link(sent, 60.0, DRAWS)
    torch.testing.assert_close(reception.payload.values, link.clean(sent, 60.0).values)
    assert link.has_verdict
    assert len(link.codec) == 2


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match="num_tokens: 1 given for 3 devices"):
        DevicesLink(links(), UplinkMIMO(AIR, 3), num_tokens=[4])
    with pytest.raises(TypeError, match=r"links\[1\]: int given"):
        DevicesLink([links()[0], 3], UplinkMIMO(AIR, 2), num_tokens=[4])
    with pytest.raises(TypeError, match="payload: list given"):
        made()([1.0], 3.0, DRAWS)
    with pytest.raises(ValueError, match="payload: 5 tokens given"):
        made()(Tokens(torch.zeros(2, 5, DIM)), 3.0, DRAWS)
