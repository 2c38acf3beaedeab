"""Orthogonal access: shares of a round, airtime, and its comparison with uplink MIMO."""

import math

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.multiuser import OrthogonalAccess, UplinkMIMO, draws_of_device, max_min_shares

DRAWS = Draws(seed=13)
AIR = FlatAirInterface(channel="rayleigh", num_rx_ant=2)
COUNTS = [torch.tensor([100, 10]), torch.tensor([40, 0]), torch.tensor([60, 0])]


def test_each_device_is_received_as_if_alone():
    access = OrthogonalAccess(AIR, 3, path_gain_db=(0.0, -6.0, 2.0))
    sent = [torch.ones(4, width, dtype=torch.complex64) for width in (20, 300, 5)]
    for m, received in enumerate(access.transmit(sent, 10.0, DRAWS)):
        no = 10.0 ** (-(10.0 + access.path_gain_db[m]) / 10.0)
        alone = AIR(sent[m], no, draws_of_device(DRAWS, m))
        torch.testing.assert_close(received.symbols, alone.symbols)
        torch.testing.assert_close(received.no_eff, alone.no_eff)
        torch.testing.assert_close(received.no, alone.no)


def test_power_control_makes_all_devices_arrive_like_the_weakest():
    access = OrthogonalAccess(AIR, 3, path_gain_db=(0.0, -6.0, 2.0), power_control="inversion")
    levels = access.levels([10.0, 10.0, 5.0], 2)
    torch.testing.assert_close(levels.snr_db, torch.full((2, 3), 4.0), rtol=0.0, atol=1e-5)
    assert float(levels.power.max()) == 1.0
    torch.testing.assert_close(access.uses(COUNTS, [10.0, 10.0, 5.0]).energy[0] / torch.tensor([100, 40, 60]),
                               levels.power[0].double())  # fmt: skip


@pytest.mark.parametrize(
    ("shares", "domain", "airtime", "devices"),
    [
        ("equal", "time", [300, 30], [[100, 40, 60], [10, 0, 0]]),
        ("equal", "frequency", [300, 30], [[300, 120, 180], [30, 0, 0]]),
        ("payload", "time", [200, 10], [[100, 40, 60], [10, 0, 0]]),
        ("payload", "frequency", [200, 10], [[200, 200, 200], [10, 0, 0]]),
    ],
)
def test_airtime_is_counted_by_hand(shares, domain, airtime, devices):
    uses = OrthogonalAccess(AIR, 3, shares=shares, domain=domain).uses(COUNTS, 10.0, [c // 5 for c in COUNTS])
    assert uses.shared.airtime.tolist() == airtime
    assert uses.airtime.tolist() == devices
    assert uses.shared.total.tolist() == [200, 10]
    assert uses.shared.side_information.tolist() == [40, 2]
    assert uses.energy.tolist() == [[100, 40, 60], [10, 0, 0]]


def test_shares_sum_to_one_and_follow_the_payload():
    elements = torch.tensor([[100, 40, 60], [7, 0, 0], [0, 0, 0]])
    for options in ({"shares": "equal"}, {"shares": "payload"}, {"shares": "weakest", "power": "shared"}):
        share = OrthogonalAccess(AIR, 3, **options).bandwidth(elements, torch.tensor([0.0, 5.0, 9.0]))
        torch.testing.assert_close(share.sum(1), torch.ones(3).double())
    share = OrthogonalAccess(AIR, 3, shares="payload").bandwidth(elements, 0.0)
    torch.testing.assert_close(share[0], torch.tensor([0.5, 0.2, 0.3]).double())


def test_weakest_shares_follow_each_items_snr():
    access = OrthogonalAccess(AIR, 2, shares="weakest", power="shared", path_gain_db=(0.0, -9.0), weights=(1.0, 2.0))
    snr_db = torch.tensor([0.0, 10.0, 0.0])
    bandwidth = access.bandwidth(torch.full((3, 2), 30), snr_db)
    levels = access.levels(snr_db, 3)
    for item, snr in enumerate(snr_db.tolist()):
        best = max_min_shares([snr, snr - 9.0], (1.0, 2.0), power="shared", channel="rayleigh", num_rx_ant=2)
        assert bandwidth[item].tolist() == pytest.approx(best.bandwidth, rel=1e-4)
        assert levels.power[item].tolist() == pytest.approx(best.energy, rel=1e-4)
    torch.testing.assert_close((bandwidth * levels.power).sum(1), torch.ones(3).double())  # energy 1 over the band
    no = access.transmit([torch.ones(3, 1, dtype=torch.complex64)] * 2, snr_db, DRAWS)[1].no
    torch.testing.assert_close(no, 10.0 ** (-(snr_db - 9.0) / 10.0) / levels.power[:, 1], rtol=1e-5, atol=0.0)


def test_guards_and_empty_grids_are_airtime():
    ofdm = OFDMAirInterface(
        channel=TDLChannel(model="A", delay_spread=1e-7, carrier_frequency=3.5e9), fft_size=12, cyclic_prefix_length=3
    )
    uses = OrthogonalAccess(ofdm, 2, shares="payload").uses([torch.tensor([10]), torch.tensor([400])], 0.0)
    own = [int(ofdm.channel_uses(torch.tensor([n])).airtime) for n in (10, 400)]
    assert uses.airtime.tolist() == [own]
    assert uses.shared.airtime.tolist() == [sum(own)]


@pytest.mark.parametrize("antennas", [4, 8])
def test_uplink_mimo_against_orthogonal_access_at_equal_energy_per_symbol(antennas):
    """Same fades, a third of the payload's airtime, and the SNR of N - M + 1 instead of N antennas.

    Mean post-detection SNRs within five standard deviations: right ones fail once in 1.7 million.
    """
    batch, width, pilots = 1000, 8, 3
    perfect = FlatAirInterface(channel="rayleigh", num_rx_ant=antennas)
    sent = [torch.ones(batch, width, dtype=torch.complex64)] * 3
    uplink, turns = UplinkMIMO(perfect, 3, detector="zf"), OrthogonalAccess(perfect, 3)
    together, alone = (
        torch.stack([1.0 / r.no_eff[:, 0] for r in access.transmit(sent, 12.0, DRAWS)], 1).mean(1).double()
        for access in (uplink, turns)
    )
    for snr, order in ((together, antennas - 2), (alone, antennas)):
        expected = order * 10.0**1.2
        assert abs(float(snr.mean()) - expected) < 5 * float(snr.std()) / math.sqrt(batch) < 0.1 * expected
    better = torch.stack([1.0 / r.no_eff[:, 0] for r in UplinkMIMO(perfect, 3).transmit(sent, 12.0, DRAWS)], 1).mean(1)
    assert bool((better >= together * (1 - 1e-4)).all()), "LMMSE has no less SINR than zero forcing"
    assert bool((better <= alone * (1 + 1e-4)).all()), "nor more than without interference"
    estimated = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=pilots, num_rx_ant=antennas)
    counts = [torch.full((1,), width)] * 3
    one, other = (access(estimated, 3).uses(counts, 12.0) for access in (UplinkMIMO, OrthogonalAccess))
    assert 3 * one.shared.payload == other.shared.payload
    assert (int(one.shared.airtime), int(other.shared.airtime)) == (width + pilots, 3 * (width + pilots))
    assert torch.equal(one.energy, other.energy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shares": "equals"}, "did you mean 'equal'"),
        ({"shares": "equal", "power": "shared"}, "shares: 'equal' given with power or weights"),
        ({"shares": "payload", "weights": (1.0, 1.0, 1.0)}, "shares: 'payload' given with power or weights"),
        ({"shares": "weakest", "weights": (1.0, 1.0)}, "weights: 2 entries given"),
        ({"shares": "weakest", "weights": (1.0, 1.0, 0.0)}, r"weights\[2\]: 0.0 is outside"),
        ({"shares": "weakest", "power": "shared", "power_control": "inversion"}, "power: 'shared' given with power"),
        ({"domain": "code"}, "domain: 'code' is not known"),
        ({"path_gain_db": (0.0, 1.0)}, "path_gain_db: 2 values given for 3 devices"),
        ({"path_gain_db": (0.0, 1.0, math.inf)}, "path_gain_db"),
    ],
)
def test_what_cannot_work_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OrthogonalAccess(AIR, 3, **options)


def test_lists_of_another_length_are_refused():
    access = OrthogonalAccess(AIR, 3)
    with pytest.raises(ValueError, match="num_symbols: 2 entries given"):
        access.uses(COUNTS[:2], 0.0)
    with pytest.raises(ValueError, match="num_side: 1 entries given"):
        access.uses(COUNTS, 0.0, COUNTS[:1])
    with pytest.raises(ValueError, match="snr_db: 2 values given for 3 devices"):
        access.transmit([torch.ones(2, 1, dtype=torch.complex64)] * 3, [0.0, 1.0], DRAWS)
    with pytest.raises(TypeError, match="air: int given"):
        OrthogonalAccess(3, 3)
    with pytest.raises(TypeError, match="air: int given"):
        access.over(3)
