"""The resource grid: where things go, and grids that cannot work."""

import pytest
import torch
from sionna.phy.utils import ebnodb2no

from tokencom.linklevel.air import OFDMAirInterface, TDLChannel
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.signal import ebno_db_to_snr_db, snr_db_to_no

CHANNEL = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
GRID = {"fft_size": 76, "cyclic_prefix_length": 6, "num_guard_carriers": (5, 6), "dc_null": True}


def make(**options):
    return OFDMAirInterface(**{"channel": CHANNEL, **GRID, **options})


@pytest.mark.parametrize("num_streams", [1, 4])
@pytest.mark.parametrize("pilot_pattern", ["kronecker", "none"])
def test_ebno_equals_sionnas(num_streams, pilot_pattern):
    air = make(num_streams=num_streams, num_rx_ant=4, pilot_pattern=pilot_pattern)
    snr_db = ebno_db_to_snr_db(
        5.0, coderate=0.5, num_bits_per_symbol=4, num_streams=num_streams, overhead=air.energy_overhead
    )
    torch.testing.assert_close(snr_db_to_no(snr_db), ebnodb2no(5.0, 4, 0.5, air.grid.resource_grid))


def test_guards_and_dc_stay_empty_and_pilots_lie_where_told():
    air = make(num_streams=2, num_rx_ant=2, pilot_ofdm_symbol_indices=(11, 2))
    count = air.symbols_per_grid
    tx = air.transmit(torch.ones(1, count, dtype=torch.complex64), torch.tensor([count]))[0, 0]
    energy = tx.abs().square().sum(0)
    empty = torch.zeros(76, dtype=torch.bool)
    empty[:5] = empty[-6:] = empty[38] = True
    assert bool((energy[:, empty] == 0).all())
    torch.testing.assert_close(energy[:, ~empty], torch.ones(14, 64))
    alone = (tx.abs() > 0).sum(0)
    assert [i for i in range(14) if bool((alone[i, ~empty] == 1).all())] == [2, 11]


def test_symbols_alternate_between_streams():
    air = make(num_streams=2, num_rx_ant=2)
    x = torch.arange(1.0, 6.0)[None].to(torch.complex64)
    tx = air.transmit(x, torch.tensor([5]))[0, 0]
    data = air.grid.data(tx) * 2**0.5
    torch.testing.assert_close(data[:, :4].real, torch.tensor([[1.0, 3, 5, 0], [2, 4, 0, 0]]))


def test_uses_and_airtime():
    air = make(num_streams=2, num_rx_ant=2)
    uses = air.channel_uses(torch.tensor([0, 1, 5, air.symbols_per_grid + 1]), torch.tensor([0, 0, 3, 0]))
    assert uses.payload.tolist() == [0, 1, 1, 12 * 64 + 1]
    assert uses.side_information.tolist() == [0, 0, 2, 0]
    assert uses.pilots.tolist() == [0, 128, 128, 256]
    assert uses.airtime.tolist() == [0, 14 * 82, 14 * 82, 28 * 82]


def test_pilots_are_always_the_same():
    first, again = (make().grid.resource_grid.pilot_pattern.pilots for _ in range(2))
    assert torch.equal(first, again)


def test_building_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(3)
    want = torch.rand(4)
    torch.manual_seed(3)
    make()
    assert torch.equal(torch.rand(4), want)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pilot_ofdm_symbol_indices": (2, 14)}, "14 is outside the grid; allowed: 0 to 13"),
        ({"pilot_ofdm_symbol_indices": ()}, "needs at least one OFDM symbol"),
        ({"pilot_ofdm_symbol_indices": (2, 2)}, "each at most once"),
        ({"num_ofdm_symbols": 2, "pilot_ofdm_symbol_indices": (0, 1)}, "none is left for data"),
        ({"num_streams": 3, "num_rx_ant": 3}, "num_streams: 3 streams cannot share the pilots of 64"),
        ({"num_streams": 2}, "num_streams: 2 streams given with num_rx_ant=1"),
        ({"num_guard_carriers": (40, 36)}, "guard"),
        ({"num_guard_carriers": (1,)}, "two counts are needed"),
        ({"cyclic_prefix_length": 77}, "cyclic_prefix_length: 77 is outside"),
        ({"pilot_pattern": "kroneker"}, "did you mean 'kronecker'"),
        ({"csi": "estimated", "pilot_pattern": "none"}, "pilot_pattern: 'none' given with csi='estimated'"),
        ({"interpolation": "cubic"}, "interpolation: 'cubic' is not known"),
        ({"domain": "delay"}, "domain: 'delay' is not known"),
        ({"slots": "continous"}, "did you mean 'continuous'"),
        ({"csi": "none", "num_rx_ant": 2}, "num_rx_ant: 2 given with csi='none'"),
    ],
)
def test_grids_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_fade_and_noise_do_not_depend_on_the_scheme():
    perfect, estimated = make(), make(csi="estimated")
    assert torch.equal(perfect.fade(2, 1, Draws(seed=1)), estimated.fade(2, 1, Draws(seed=1)))
    y = torch.zeros(2, 1, 1, 14, 76, dtype=torch.complex64)
    no = torch.ones(2)
    assert torch.equal(perfect.add_noise(y, no, Draws(seed=1)), estimated.add_noise(y, no, Draws(seed=1)))
