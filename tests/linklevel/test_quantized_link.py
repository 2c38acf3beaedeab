"""Quantised tokens over coded links."""

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.air.base import Received
from tokencom.linklevel.audit import audit_link
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.protection import Protection
from tokencom.linklevel.links.quantized import FAILURES, QuantizedLink, agreement
from tokencom.linklevel.quantizers import FSQQuantizer, UniformQuantizer, VectorQuantizer
from tokencom.linklevel.tokens import Tokens

DIM = 8
AIR = FlatAirInterface(channel="rayleigh")
AWGN = FlatAirInterface(channel="awgn")
DRAWS = Draws(seed=1)
QUANTIZERS = {
    "uniform": lambda: UniformQuantizer(dim=DIM, num_bits=4),
    "fsq": lambda: FSQQuantizer(dim=DIM, num_groups=2),
    "vq": lambda: VectorQuantizer(dim=DIM, codebook_size=16, num_groups=4),
}


def tokens(*lengths, dtype=torch.float32) -> Tokens:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(len(lengths), max(lengths), DIM, generator=generator).to(dtype)
    return Tokens(values, torch.arange(max(lengths)) < torch.tensor(lengths)[:, None])


def link(air=AWGN, quantizer="uniform", **options) -> QuantizedLink:
    options = {"code": "conv", "num_bits_per_symbol": 4, "coderate": 0.5, "max_num_tokens": 15, **options}
    return QuantizedLink(air, QUANTIZERS[quantizer](), **options).eval()


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("protection", [None, Protection(share=0.5, coderate=1 / 3, num_bits_per_symbol=2)])
def test_without_errors_tokens_arrive_as_quantised(quantizer, protection, padding):
    payload = tokens(5, 2, 1)
    if padding == "left":
        payload = Tokens(payload.values, payload.mask.flip(1))
    one = link(quantizer=quantizer, protection=protection, padding=padding)
    reception = one(payload, 30.0, DRAWS)
    wanted = one.quantizer(payload.values.flatten(0, 1))[1].reshape(payload.values.shape)
    assert reception.ok.all()
    assert torch.equal(reception.payload.mask, payload.mask)
    torch.testing.assert_close(reception.payload.values, wanted * payload.mask[..., None], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(one.clean(payload, 0.0).values, reception.payload.values)


def test_channel_uses_are_payload_bits_header_and_crc():
    one = link()
    reception = one(tokens(5, 2), 30.0, DRAWS)
    # 32 bits a token at 2 bits a symbol; the rate is that of payload bits, so the CRC raises the code's own.
    assert reception.channel_uses.total.tolist() == [16 + 80, 16 + 32]
    assert reception.channel_uses.side_information.tolist() == [16 + 8, 16 + 7]
    assert [one.num_channel_uses(n) for n in (5, 2)] == [96, 48]


def test_padding_and_neighbours_make_no_difference():
    payload, one = tokens(5, 2), link(AIR, on_failure="decoded")
    first = one(payload, 3.0, DRAWS)
    values = torch.full((2, 9, DIM), torch.nan)
    values[1, :2], values[0] = payload.values[1, :2], 1.0
    second = one(Tokens(values, torch.arange(9) < torch.tensor([9, 2])[:, None]), 3.0, DRAWS)
    assert torch.equal(second.payload.values[1, :2], first.payload.values[1, :2])


@pytest.mark.parametrize("on_failure", FAILURES)
def test_failed_blocks_are_declared(on_failure):
    payload = tokens(*[4] * 30)
    one = link(AIR, on_failure=on_failure, length="known")
    one.quantizer.mean.fill_(0.3)
    reception = one(payload, 10.0, DRAWS)
    bad = ~reception.ok
    assert 0 < bad.sum() < 30
    decoded = link(AIR, on_failure="decoded", length="known")(payload, 10.0, DRAWS).payload.values
    received = reception.payload.values
    assert torch.equal(received[~bad], decoded[~bad])
    if on_failure == "zero":
        assert (received[bad] == 0).all()
    elif on_failure == "mean":
        assert (received[bad] == 0.3).all()
    elif on_failure == "soft":
        share = (received[bad] - 0.3) / (decoded[bad] - 0.3)
        torch.testing.assert_close(share, share[:, :1, :1].expand_as(share), atol=1e-4, rtol=1e-4)
        assert ((share >= 0) & (share <= 1)).all()


def test_agreement_is_one_for_what_was_sent_and_none_for_something_else():
    generator = torch.Generator().manual_seed(1)
    sent, other = (torch.randn(4, 4000, generator=generator, dtype=torch.complex64) for _ in range(2))
    noise = 0.3**0.5 * torch.randn(4, 4000, generator=generator, dtype=torch.complex64)
    heard = Received(sent + noise, torch.full((4, 4000), 0.3), torch.full((4,), 0.3))
    # Deviations are below 1/sqrt(4000) = 0.016; five of them.
    assert (agreement(sent, heard) > 1 - 0.08).all()
    assert (agreement(other, heard) < 0.08).all()


def test_important_tokens_get_the_better_code():
    protection = Protection(share=0.25, coderate=1 / 3, num_bits_per_symbol=2)
    payload = tokens(*[8] * 40)
    one = link(protection=protection, length="known")
    reception = one(payload, 5.0, DRAWS)
    important = protection.important(payload.values, payload.mask)
    assert (important.sum(1) == 2).all()
    norm = payload.values.norm(dim=-1)
    assert (norm[important].reshape(40, 2).min(1).values >= norm[~important].reshape(40, 6).max(1).values).all()
    arrived = (reception.payload.values != 0).any(-1)
    assert arrived[important].float().mean() > 0.9
    assert arrived[~important].float().mean() < 0.5
    assert reception.channel_uses.side_information.min() >= 48  # a bit for each of 15 tokens in three blocks


def test_importance_by_position_costs_nothing_and_a_function_may_decide():
    payload = tokens(6, 3)
    by_place = Protection(share=0.5, coderate=0.4, importance="position")
    assert by_place.important(payload.values, payload.mask).int().tolist() == [[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0]]
    assert link(protection=by_place).num_header_symbols == link().num_header_symbols
    last = Protection(share=0.5, coderate=0.4, importance=lambda values, mask: torch.arange(6.0).expand(mask.shape))
    assert last.important(payload.values, payload.mask).int().tolist() == [[0, 0, 0, 1, 1, 1], [0, 1, 1, 0, 0, 0]]
    reception = link(protection=last)(payload, 30.0, DRAWS)
    assert reception.ok.all()


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_gradients_pass_where_tokens_arrive(quantizer):
    payload = tokens(*[4] * 30)
    one = link(AIR, quantizer=quantizer, length="known").train()
    values = payload.values.requires_grad_(True)
    reception = one(Tokens(values, payload.mask), 10.0, DRAWS)
    (reception.payload.values.sum() + 0.0 * one.auxiliary_loss).backward()
    assert 0 < reception.ok.sum() < 30
    assert (values.grad[~reception.ok] == 0).all()
    assert (values.grad[reception.ok] != 0).any(-1).all()


def test_the_quantiser_learns_over_the_link():
    payload, one = tokens(*[4] * 30), link(AWGN, "vq", length="known").train()
    losses = []
    for step in range(5):
        one(payload, 30.0, Draws(seed=1, batch=step))
        losses.append(float(one.auxiliary_loss))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["flat", "protected", pytest.param("ofdm", marks=pytest.mark.verify)])
def test_the_audit_passes(name):
    air = AWGN
    if name == "ofdm":
        channel = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
        air = OFDMAirInterface(
            channel=channel, fft_size=24, num_ofdm_symbols=7, pilot_ofdm_symbol_indices=(2,), csi="estimated"
        )
    one = link(air, protection=Protection(share=0.5, coderate=1 / 3) if name == "protected" else None)
    report = audit_link(one, tokens(*[15, 7, 1] * 25), 10.0, Draws(seed=5), 20_000 if name == "ofdm" else 100)
    assert report.ok, str(report)


def test_precision_comes_back():
    for dtype in (torch.bfloat16, torch.float64):
        assert link()(tokens(3, dtype=dtype), 30.0, DRAWS).payload.values.dtype == dtype
    double = link(FlatAirInterface(channel="awgn", precision="double")).double()
    assert double(tokens(3, dtype=torch.float64), 30.0, DRAWS).ok.all()


def test_blind_decodes_noise():
    one = link(protection=Protection(share=0.5, coderate=1 / 3))
    one.quantizer.mean.fill_(0.3)
    assert (one.blind(tokens(5, 2)).values == 0).all()
    assert one.blind(tokens(5, 2)).num_tokens.tolist() == [5, 2]


def test_bad_input():
    with pytest.raises(ValueError, match=r"on_failure: 'zeros' is not known; .*did you mean 'zero'"):
        link(on_failure="zeros")
    with pytest.raises(TypeError, match="quantizer: str given"):
        QuantizedLink(AWGN, "fsq", code="conv", num_bits_per_symbol=2, coderate=0.5)
    with pytest.raises(ValueError, match="tokens of width 3 given; the link carries dim = 8"):
        link()(Tokens(torch.ones(1, 2, 3)), 10.0, DRAWS)
    with pytest.raises(ValueError, match=r"share: 1.5 is outside"):
        Protection(share=1.5, coderate=0.5)
    with pytest.raises(ValueError, match="importance: 'norms' is not known"):
        Protection(share=0.5, coderate=0.5, importance="norms")
