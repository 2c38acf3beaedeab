"""Images and text within a fixed budget of channel uses."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from tokencom.linklevel.air.base import Received
from tokencom.linklevel.air.flat import FlatAirInterface
from tokencom.linklevel.air.ofdm import OFDMAirInterface
from tokencom.linklevel.air.tdl import TDLChannel
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.budget import symbols_within, uses_of
from tokencom.linklevel.links.source import SourceLink
from tokencom.linklevel.links.source_mode import LENGTH_BITS
from tokencom.linklevel.scrambling import gold_sequence
from tokencom.linklevel.sources import JPEG, UTF8, HuffmanText, WebP
from tokencom.linklevel.theory import constrained_capacity

SHAPE = (32, 32, 3)
MCS = [(0.5, 2), (0.5, 4), (0.75, 4), (0.75, 6)]
TEXTS = ["Down, down, down.", "Curiouser and curiouser!", "", "naïve 日本語", "x" * 100]


def image(seed: int, shape=SHAPE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / shape[0]
    a, b, c = rng.uniform(1, 5, 3)
    planes = [128 + 100 * np.sin(a * x + b * y + c * channel) for channel in range(shape[2])]
    return np.stack(planes, -1).astype(np.uint8)


IMAGES = [image(seed) for seed in range(4)]


def make(source=None, **options) -> SourceLink:
    options = {
        "air": FlatAirInterface(channel="awgn"),
        "mcs": [(0.5, 4)],
        "num_channel_uses": 1200,
        **options,
    }
    if options.get("code", "ldpc5g") == "ldpc5g":
        options.setdefault("code_options", {"num_iter": 6})
    return SourceLink(source=source or JPEG(shape=SHAPE, abbreviated=True), **options)


def equal(a, b) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("mcs", [[(0.5, 4)], MCS], ids=["one", "four"])
@pytest.mark.parametrize(
    ("source", "items"),
    [
        (JPEG(shape=SHAPE), IMAGES),
        (JPEG(shape=SHAPE, abbreviated=True), IMAGES),
        (WebP(shape=SHAPE), IMAGES),
        (UTF8(), TEXTS),
        (HuffmanText(), TEXTS),
    ],
    ids=["jpeg", "abbreviated", "webp", "utf8", "huffman"],
)
def test_without_noise_the_receiver_has_the_clean_reference(source, items, mcs):
    link = make(source, mcs=mcs, num_channel_uses=2000)
    reception = link(items, 60.0, Draws(seed=1))
    clean = link.clean(items, 60.0)
    assert reception.ok.all()
    assert equal(reception.payload, clean)
    assert not reception.payload.damaged.any()
    assert not reception.payload.fallback.any()
    if isinstance(items[0], str):
        assert list(clean) == items


@pytest.mark.parametrize("mcs", [[(0.5, 4)], MCS], ids=["one", "four"])
@pytest.mark.parametrize("budget", [901, 2500])
@pytest.mark.parametrize(
    ("air", "pilots"),
    [
        (FlatAirInterface(channel="awgn"), 0),
        (FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=7), 7),
        (
            FlatAirInterface(
                channel="rayleigh",
                csi="estimated",
                num_pilots=3,
                num_streams=2,
                num_rx_ant=2,
                equalizer="lmmse",
            ),
            6,
        ),
    ],
    ids=["awgn", "pilots", "mimo"],
)
def test_the_budget_is_used_and_every_use_is_counted(air, pilots, budget, mcs):
    link = make(air=air, mcs=mcs, num_channel_uses=budget)
    uses = link(IMAGES, 15.0, Draws(seed=1)).channel_uses
    assert uses.total.tolist() == [budget] * 4
    assert uses.pilots.tolist() == [pilots] * 4
    assert (uses.payload + uses.pilots + uses.side_information == uses.total).all()
    rates = link.choose(IMAGES, 15.0)
    for side, rate in zip(uses.side_information.tolist(), rates, strict=True):
        mode = link.modes[rate]
        crc = mode.coder.num_crc_bits
        share = (LENGTH_BITS + crc) / (mode.coder.k + crc) * mode.num_symbols
        symbols = link.num_header_symbols + share
        assert 0 <= side - symbols / air.num_streams < 2
    assert (link.num_header_symbols > 0) == (len(mcs) > 1)


def test_a_budget_over_ofdm_grids():
    air = OFDMAirInterface(
        channel=TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9),
        fft_size=48,
        subcarrier_spacing=30e3,
        num_guard_carriers=(2, 1),
        dc_null=True,
        csi="estimated",
        cyclic_prefix_length=6,
    )
    for budget in (1000, 2345):
        link = make(air=air, num_channel_uses=budget, mcs=MCS[:2])
        reception = link(IMAGES[:2], 25.0, Draws(seed=3))
        uses = reception.channel_uses
        assert (uses.total <= budget).all()
        assert uses_of(air, link.num_symbols + 1) > budget
        assert (uses.pilots > 0).all()
        assert (uses.airtime > uses.total).all()


def test_the_largest_number_of_symbols_within_a_budget():
    air = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=5)
    for budget in (1, 4, 5, 6, 100, 1000):
        symbols = symbols_within(air, budget)
        assert symbols == max(0, budget - 5)
        assert symbols == 0 or uses_of(air, symbols) <= budget < uses_of(air, symbols + 1)


def test_blocks_hold_the_rate_that_was_asked_for():
    link = make(mcs=MCS, num_channel_uses=4000)
    room = 4000 - link.num_header_symbols
    for (coderate, bits), mode in zip(MCS, link.modes, strict=True):
        assert mode.coder.n == room * bits
        assert coderate - 8 / mode.coder.n < mode.coder.k / mode.coder.n <= coderate
        assert mode.coder.k == LENGTH_BITS + 8 * mode.num_bytes


@pytest.mark.parametrize("backoff", [0.0, 2.5])
def test_the_rate_is_the_highest_that_the_snr_supports(backoff):
    link = make(mcs=MCS, num_channel_uses=4000, mcs_backoff_db=backoff)
    for snr_db in np.arange(-5.0, 25.0, 1.7):
        met = [
            index
            for index, (rate, bits) in enumerate(MCS)
            if constrained_capacity(snr_db - backoff, bits, coded_modulation="bicm") >= rate * bits
        ]
        expected = max(met, key=lambda index: MCS[index][0] * MCS[index][1], default=0)
        assert link.choose(IMAGES, snr_db) == [expected] * 4


def test_the_order_of_the_list_does_not_matter():
    order = [2, 0, 3, 1]
    sorted_link, mixed = make(mcs=MCS), make(mcs=[MCS[index] for index in order])
    for snr_db in (-3.0, 4.0, 9.0, 13.0, 20.0):
        assert [order[index] for index in mixed.choose(IMAGES, snr_db)] == sorted_link.choose(IMAGES, snr_db)
    reception = mixed(IMAGES, 60.0, Draws(seed=1))
    assert equal(reception.payload, mixed.clean(IMAGES, 60.0))


def test_items_that_do_not_fit_take_a_higher_rate():
    link = make(UTF8(), mcs=MCS, num_channel_uses=400)
    sizes = [mode.num_bytes for mode in link.modes]
    texts = ["a" * size for size in (1, sizes[0], sizes[0] + 1, sizes[1] + 1, sizes[3])]
    assert link.choose(texts, -20.0) == [0, 0, 1, 2, 3]
    reception = link(texts, 40.0, Draws(seed=1))
    assert list(reception.payload) == texts
    low = SourceLink.encode(link, texts, torch.full((5,), -20.0))
    assert low.num_symbols.tolist() == [400] * 5
    received = Received(low.symbols, torch.full(low.symbols.shape, 1e-4), torch.full((5,), 1e-4))
    decoded, ok = link.decode(received)
    assert list(decoded) == texts
    assert ok.all()


@pytest.mark.parametrize(
    "air",
    [
        FlatAirInterface(channel="awgn"),
        FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=4, num_streams=2, num_rx_ant=2),
    ],
    ids=["awgn", "mimo"],
)
def test_too_small_a_budget_names_the_smallest_that_would_do(air):
    link = make(UTF8(), air=air, mcs=MCS, num_channel_uses=300)
    text = "a" * 2000
    needed = link.smallest_budget([text, "b"])
    with pytest.raises(
        ValueError, match=rf"num_channel_uses: 300 .* at least {needed} .* utf8 .* 2000 bytes"
    ):
        link([text], 30.0, Draws(seed=1))
    enough = make(UTF8(), air=air, mcs=MCS, num_channel_uses=needed)
    assert enough.choose([text], -10.0) == [3]
    assert enough.clean([text], -10.0) == [text]
    with pytest.raises(ValueError, match=f"at least {needed} are needed"):
        make(UTF8(), air=air, mcs=MCS, num_channel_uses=needed - 1).choose([text], 30.0)


def test_a_budget_without_room_for_an_empty_file():
    with pytest.raises(ValueError, match=r"num_channel_uses: 20 .* at least \d+ .* an empty file") as caught:
        make(UTF8(), mcs=[(0.5, 2)], num_channel_uses=20)
    needed = int(str(caught.value).split("at least ")[1].split()[0])
    link = make(UTF8(), mcs=[(0.5, 2)], num_channel_uses=needed)
    assert link([""], 30.0, Draws(seed=1)).payload == [""]


@pytest.mark.parametrize("snr_db", [-15.0, 2.0, 5.5])
@pytest.mark.parametrize("source", [JPEG(shape=SHAPE), WebP(shape=SHAPE)], ids=["jpeg", "webp"])
def test_errors_are_counted_and_never_raise(source, snr_db):
    link = make(source, mcs=[(0.5, 4), (0.75, 4)], num_channel_uses=1500, mcs_backoff_db=-20.0)
    reception = link(IMAGES * 2, snr_db, Draws(seed=2))
    payload, ok = reception.payload, reception.ok.numpy()
    assert all(item.shape == SHAPE for item in payload)
    assert ((payload.damaged == 1) >= ~ok).all()
    assert (payload.fallback <= payload.damaged).all()
    for item, lost in zip(payload, payload.fallback, strict=True):
        assert not lost or (item == 128).all()
    if snr_db < 5:
        assert not ok.any()


def test_damaged_files_are_decoded_as_far_as_they_go():
    """Uncoded, at a bit error rate of about 1e-3: no CRC holds, and most pictures are still there."""
    link = make(JPEG(shape=SHAPE, abbreviated=True), code="uncoded", mcs=[(1.0, 2)], num_channel_uses=3000)
    reception = link(IMAGES * 4, 9.8, Draws(seed=1))
    damaged = reception.payload.damaged == 1
    assert damaged.mean() > 0.5
    assert reception.payload.fallback.sum() < damaged.sum()


def test_text_with_bit_errors_is_delivered_and_flagged():
    link = make(UTF8(), code="uncoded", mcs=[(1.0, 2)], num_channel_uses=800)
    text = "It was the White Rabbit, trotting slowly back again. " * 3
    reception = link([text] * 10, 9.0, Draws(seed=1))
    assert not reception.ok.all()
    for received, damaged in zip(reception.payload, reception.payload.damaged, strict=True):
        assert damaged == (received != text) or damaged
    assert sum(a == b for r in reception.payload for a, b in zip(r, text, strict=False)) > 500


def test_a_header_that_names_no_rate_gives_the_fallback():
    link = make(mcs=MCS[:3], num_channel_uses=1200)
    signal = link.encode(IMAGES[:2], torch.full((2,), 30.0))
    start = link.num_header_symbols
    symbols = signal.symbols.clone()
    symbols[1, :start] = link._header.encode(torch.tensor([3])).to(symbols)
    received = Received(symbols, torch.full(symbols.shape, 1e-4), torch.full((2,), 1e-4))
    decoded, ok = link.decode(received)
    assert ok.tolist() == [True, False]
    assert decoded.fallback.tolist() == [0, 1]
    assert (decoded[1] == 128).all()


def test_an_impossible_length_is_no_intact_file():
    link = make(UTF8(), crc=None)
    mode = link.modes[0]
    raw = (mode.num_bytes + 1).to_bytes(3, "big") + b"a" * mode.num_bytes
    bits = torch.from_numpy(np.unpackbits(np.frombuffer(raw, np.uint8)))[None].float()
    symbols = mode.modulation.map((mode.coder.encode(bits) + gold_sequence(mode.coder.n, 38211)) % 2)
    files, ok = mode.decode(symbols, torch.full(symbols.shape, 1e-3))
    assert files == [b"a" * mode.num_bytes]
    assert ok.tolist() == [False]


class Counting(JPEG):
    calls = 0

    def compress(self, image, level):
        self.calls += 1
        return super().compress(image, level)


def test_a_sweep_encodes_each_item_once_per_block_size():
    source = Counting(shape=SHAPE, abbreviated=True)
    link = make(source, mcs=MCS[:2])
    link(IMAGES, 0.0, Draws(seed=1))
    first = source.calls
    assert first <= len(IMAGES) * (2 + math.ceil(math.log2(100)))
    for snr_db in (0.5, 1.0, 1.5):
        link([item.copy() for item in IMAGES], snr_db, Draws(seed=1))
    assert source.calls == first
    link(IMAGES, 30.0, Draws(seed=1))
    assert first < source.calls <= 2 * first


@pytest.mark.parametrize("mcs", [(0.5, 2), (0.5, 4), (0.75, 8)], ids=str)
def test_the_mean_energy_is_one_even_where_a_block_is_mostly_fill(mcs):
    """400 blocks of 1,000 symbols; without scrambling the fill alone is off by up to 2.6 dB."""
    for code, rate in (("uncoded", 1.0), ("ldpc5g", mcs[0])):
        link = make(UTF8(), code=code, mcs=[(rate, mcs[1])], num_channel_uses=1000)
        energy = link.encode(["tiny", "a" * 60], torch.full((2,), 40.0)).symbols.abs().square().mean(1)
        assert (10 * energy.log10()).abs().max() < 0.25


def test_the_blind_reference_is_the_fallback():
    blind = make().blind(IMAGES)
    assert all((item == 128).all() for item in blind)
    assert blind.fallback.tolist() == [1] * 4
    assert make(UTF8()).blind(TEXTS) == [""] * 5


def test_double_precision_gives_the_same_items():
    single, double = make(), make(air=FlatAirInterface(channel="awgn", precision="double"))
    received = [link(IMAGES, 9.5, Draws(seed=1)) for link in (single, double)]
    assert equal(received[0].payload, received[1].payload)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"air": FlatAirInterface(channel="rayleigh", csi="none")}, "csi='none'"),
        ({"mcs": []}, "mcs: empty"),
        ({"mcs": [(0.0, 2)]}, "coderate"),
        ({"mcs": [(1.5, 2)]}, "coderate"),
        ({"mcs": [(0.5, 9)]}, "num_bits_per_symbol"),
        ({"num_channel_uses": 0}, "num_channel_uses"),
        ({"constellation_type": "quam"}, "'quam'.*'qam'"),
        ({"code": "ldcp5g"}, "ldpc5g"),
        ({"mcs_backoff_db": float("nan")}, "mcs_backoff_db"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_flags_are_of_the_item_that_was_hit():
    link = make(UTF8(), mcs=[(0.5, 4)], num_channel_uses=600)
    signal = link.encode(TEXTS[:3], torch.full((3,), 30.0))
    symbols = signal.symbols.clone()
    symbols[1] = -symbols[1]
    received = Received(symbols, torch.full(symbols.shape, 1e-3), torch.full((3,), 1e-3))
    decoded, ok = link.decode(dataclasses.replace(received))
    assert ok.tolist() == [True, False, True]
    assert decoded.damaged.tolist() == [0, 1, 0]
    assert decoded[0] == TEXTS[0]
    assert decoded[2] == TEXTS[2]
