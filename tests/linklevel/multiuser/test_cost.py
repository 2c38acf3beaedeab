"""Latency and energy of a round against numbers worked out by hand."""

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.multiuser import OrthogonalAccess, UplinkMIMO, round_cost

AIR = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=2, num_rx_ant=2)
COUNTS = [torch.tensor([98, 8]), torch.tensor([48, 0])]


def test_round_by_hand():
    uses = UplinkMIMO(AIR, 2, path_gain_db=(3.0103, 0.0), power_control="inversion").uses(COUNTS, 10.0)
    cost = round_cost(
        uses, bandwidth=1e6, power=0.5, computation=[1e-3, 4e-3], computation_power=[2.0, 1.0],
        server_computation=1e-2, server_power=50.0,
    )  # fmt: skip
    assert cost.airtime.tolist() == pytest.approx([1e-4, 1e-5])
    assert cost.latency.tolist() == pytest.approx([0.0141, 0.01401])
    assert cost.device_airtime.flatten().tolist() == pytest.approx([1e-4, 5e-5, 1e-5, 0.0])
    radiated = torch.tensor([[25e-6, 25e-6], [2.5e-6, 0.0]]).double()  # device 1 radiates half the power
    expected = radiated + torch.tensor([2e-3, 4e-3])
    torch.testing.assert_close(cost.device_energy, expected, rtol=1e-5, atol=0.0)
    assert cost.server_energy.tolist() == [0.5, 0.5]
    torch.testing.assert_close(cost.energy, expected.sum(1) + 0.5)


def test_orthogonal_access_takes_longer_and_the_same_energy():
    together, turns = (
        round_cost(access(AIR, 2).uses(COUNTS, 10.0), bandwidth=1e5, power=1.0)
        for access in (UplinkMIMO, OrthogonalAccess)
    )
    torch.testing.assert_close(turns.latency, 2.0 * together.latency)
    torch.testing.assert_close(turns.energy, together.energy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth": 0.0}, "bandwidth: 0 given"),
        ({"bandwidth": -1.0}, "bandwidth: -1.0 is outside"),
        ({"power": -1.0}, "power: -1.0 is outside"),
        ({"computation": [1.0]}, "computation: 1 values given for 2 devices"),
        ({"computation": [1.0, -1.0]}, "computation: -1.0 is outside"),
        ({"server_power": float("nan")}, "server_power: nan is not finite"),
    ],
)
def test_wrong_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        round_cost(UplinkMIMO(AIR, 2).uses(COUNTS, 0.0), **{"bandwidth": 1e6, "power": 1.0, **options})
