"""Padding, headers, precision and errors of token links with a learned codec."""

import math

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import AdaptiveCodec, DeepJSCC, DenseCodec, ModNetCodec
from tokencom.linklevel.links.jscc import JSCCLink
from tokencom.linklevel.tokens import Tokens

DIM = 12
AIR = FlatAirInterface(channel="rayleigh")
AWGN = FlatAirInterface(channel="awgn")
DRAWS = Draws(seed=1)


def link(air=AIR, codec=None, **options) -> JSCCLink:
    codec = codec or DenseCodec(dim=DIM, symbols_per_token=3, encoder_hidden=16, decoder_hidden=16)
    return JSCCLink(air, codec, **{"max_num_tokens": 63, **options}).eval()


def tokens(*lengths, width=None, dtype=torch.float32) -> Tokens:
    width = width or max(lengths)
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(len(lengths), width, DIM, generator=generator).to(dtype)
    return Tokens(values, torch.arange(width) < torch.tensor(lengths)[:, None])


def test_padding_is_neither_sent_nor_counted():
    reception = link()(tokens(5, 2, 0, width=9), 10.0, DRAWS)
    assert reception.channel_uses.payload.tolist() == [15, 6, 0]
    assert reception.channel_uses.side_information.tolist() == [16, 16, 16]
    known = link(length="known")(tokens(5, 2, 0, width=9), 10.0, DRAWS)
    assert known.channel_uses.total.tolist() == [15, 6, 0]


def test_values_at_padding_do_not_matter():
    payload = tokens(5, 2, width=6)
    spoilt = Tokens(torch.where(payload.mask[..., None], payload.values, torch.nan), payload.mask)
    first, second = (link()(one, 10.0, DRAWS).payload.values for one in (payload, spoilt))
    assert torch.equal(first, second)


@pytest.mark.parametrize("padding", ["left", "any"])
def test_padding_elsewhere(padding):
    payload = tokens(5, 2)
    mask = payload.mask.flip(1)
    if padding == "any":
        mask[0] = torch.tensor([True, False, True, True, False])
    one = link(AWGN, padding=padding, max_num_tokens=7)
    reception = one(Tokens(payload.values, mask), 20.0, DRAWS)
    assert torch.equal(reception.payload.mask, mask)
    assert reception.channel_uses.side_information.tolist() == [32 if padding == "any" else 16] * 2
    # The same tokens, packed to the left, are received alike.
    packed = Tokens(payload.values[:1][mask[:1]][None])
    alone = link(AWGN, max_num_tokens=7, header_repetitions=2 if padding == "any" else 1)(packed, 20.0, DRAWS)
    torch.testing.assert_close(alone.payload.values[0], reception.payload.values[0][mask[0]])


def test_the_receiver_believes_the_header():
    one, payload = link(AWGN), tokens(4, 4, 4)
    signal = one.encode(payload, torch.zeros(3))
    wrong = one.encode(tokens(4, 2, 4), torch.zeros(3)).symbols[1, :16]
    signal.symbols[1, :16] = wrong
    signal.symbols[2, :16] = one.encode(tokens(9), torch.zeros(1)).symbols[0, :16]
    received = one.air(signal.symbols, 1e-3, DRAWS)
    decoded, ok = one.decode(received, num_tokens=4)
    assert decoded.num_tokens.tolist() == [4, 2, 0]
    assert ok.tolist() == [True, True, False]
    assert (decoded.values[2] == 0).all()


def test_a_receiver_that_is_not_told_the_mask_asks_for_it():
    one = link(length="known")
    received = one.air(one.encode(tokens(4), torch.zeros(1)).symbols, 0.1, DRAWS)
    with pytest.raises(ValueError, match="mask: None given"):
        one.decode(received)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_tokens_come_back_in_their_own_precision(dtype):
    payload = tokens(5, 2, dtype=dtype)
    one = link()
    received = one(payload, 10.0, DRAWS).payload.values
    assert received.dtype == dtype
    as_float = one(Tokens(payload.values.float(), payload.mask), 10.0, DRAWS).payload.values
    assert torch.equal(received, as_float.to(dtype))
    assert one.clean(payload, 10.0).values.dtype == one.blind(payload).values.dtype == dtype


def test_autocast_does_not_reach_the_link():
    payload, one = tokens(5, 2), link()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = one(payload, 10.0, DRAWS).payload.values
    assert torch.equal(inside, one(payload, 10.0, DRAWS).payload.values)


def test_gradients_pass_through_half_precision():
    payload = tokens(5, 2, dtype=torch.bfloat16)
    values = payload.values.requires_grad_(True)
    link()(Tokens(values, payload.mask), 10.0, DRAWS).payload.values.float().square().sum().backward()
    assert values.grad.dtype == torch.bfloat16
    assert torch.isfinite(values.grad).all()
    assert (values.grad[1, 2:] == 0).all()
    assert values.grad.abs().sum() > 0


def test_double_precision_of_the_codec_over_an_air_interface_in_single():
    payload, one = tokens(5, 2), link()
    single = one(payload, 10.0, DRAWS).payload.values
    double = one.double()(Tokens(payload.values.double(), payload.mask), 10.0, DRAWS).payload.values
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, atol=1e-4, rtol=1e-4)


def test_a_codec_in_half_precision_is_refused():
    with pytest.raises(TypeError, match=r"link: parameters are torch.bfloat16"):
        link().to(torch.bfloat16)(tokens(2), 10.0, DRAWS)


def test_bad_tokens():
    one = link()
    with pytest.raises(ValueError, match=r"payload.values: tokens of width 7 given; the link carries dim = 12"):
        one(Tokens(torch.zeros(1, 2, 7)), 10.0, DRAWS)
    payload = tokens(3)
    payload.values[0, 1, 4] = torch.nan
    with pytest.raises(ValueError, match=r"payload.values: 1 of 36 elements are NaN or infinite"):
        one(payload, 10.0, DRAWS)
    payload = tokens(3, dtype=torch.float16)
    payload.values[0, 1, 4] = 65504.0 * 2
    with pytest.raises(ValueError, match=r"infinite values in torch.float16, an overflow"):
        one(payload, 10.0, DRAWS)
    with pytest.raises(TypeError, match="payload: Tensor given; JSCCLink takes Tokens"):
        one(torch.zeros(1, 2, DIM), 10.0, DRAWS)
    with pytest.raises(ValueError, match="max_num_tokens is 4"):
        link(max_num_tokens=4)(tokens(5), 10.0, DRAWS)


def test_received_tokens_that_half_precision_cannot_hold_are_an_error():
    one = link()
    one.codec.deviation.fill_(1e6)
    with pytest.raises(ValueError, match=r"received tokens: magnitude .* overflows torch.float16"):
        one(tokens(3, dtype=torch.float16), 10.0, DRAWS)
    assert one(tokens(3, dtype=torch.bfloat16), 10.0, DRAWS).payload.values.isfinite().all()


def test_bad_links():
    with pytest.raises(TypeError, match="codec: Linear given"):
        JSCCLink(AIR, torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"length: 'charge' is not known; .*did you mean 'charged'"):
        link(length="charge")
    deaf = FlatAirInterface(channel="rayleigh", csi="none")
    with pytest.raises(ValueError, match="needs a header, which is detected coherently"):
        link(deaf)
    assert link(deaf, length="known")(tokens(3), 10.0, DRAWS).ok.all()


def test_images_of_another_size_or_range():
    one = JSCCLink(AIR, DeepJSCC(size=(16, 16), channels=2))
    with pytest.raises(ValueError, match=r"shape \[1, 3, 8, 8\] given"):
        one(torch.zeros(1, 3, 8, 8), 10.0, DRAWS)
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        one(torch.full((1, 3, 16, 16), 255.0), 10.0, DRAWS)
    with pytest.raises(TypeError, match=r"list of numpy.uint8"):
        one([[1]], 10.0, DRAWS)
    with pytest.raises(ValueError, match=r"size: .* multiples of 4"):
        DeepJSCC(size=(18, 16), channels=2)


def test_each_item_has_its_own_snr():
    payload, one = tokens(5, 5), link(AWGN)
    mixed = one(payload, torch.tensor([0.0, 60.0]), DRAWS).payload.values
    for row, snr_db in enumerate((0.0, 60.0)):
        torch.testing.assert_close(mixed[row], one(payload, snr_db, DRAWS).payload.values[row], atol=1e-5, rtol=1e-5)
    clean = one.clean(payload, 0.0).values
    error = (mixed - clean).square().mean((1, 2))
    assert error[0] > 100 * error[1]


def test_the_decoder_gets_biased_estimates_and_their_reliability():
    seen = []
    one = link(AIR, length="known")
    decode = one.codec.decode
    one.codec.decode = lambda heard: seen.append(heard) or decode(heard)
    payload = tokens(5, 2)
    one(payload, torch.tensor([0.0, 10.0]), DRAWS)
    heard = seen[0]
    signal = one.encode(payload, torch.tensor([0.0, 10.0]))
    received = AIR(signal.symbols, torch.tensor([1.0, 0.1]), DRAWS, num_symbols=signal.num_symbols)
    torch.testing.assert_close(heard.symbols[0].flatten(), received.symbols[0] / (1 + received.no_eff[0]))
    torch.testing.assert_close(heard.reliability[0].flatten(), 1 / (1 + received.no_eff[0]))
    torch.testing.assert_close(heard.snr_db, torch.tensor([0.0, 10.0]))
    assert (heard.symbols[1, 2:] == 0).all()
    assert (heard.reliability[1, 2:] == 0).all()


def test_standardisation_follows_the_training_data():
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(400, DIM, generator=generator) * torch.linspace(0.1, 50, DIM) + torch.arange(DIM)
    codec = DenseCodec(dim=DIM, layer_norm=False)
    codec.fit(values)
    torch.testing.assert_close(codec.mean, values.mean(0))
    torch.testing.assert_close(codec.deviation, values.std(0))
    assert math.isclose(float(codec._standard(values).std()), 1.0, rel_tol=0.01)
    with pytest.raises(ValueError, match="NaN"):
        codec.fit(torch.full((3, DIM), torch.nan))


def test_rates_are_drawn_per_item_in_training_and_fixed_in_evaluation():
    codec = ModNetCodec(dim=DIM, symbols_per_token=4, rates=(2, 4, 8))
    one, payload = link(codec=codec), Tokens(torch.randn(64, 3, DIM, generator=torch.Generator().manual_seed(1)))
    assert one(payload, 10.0, DRAWS).channel_uses.payload.unique().tolist() == [12]
    codec.rate = 4
    assert one(payload, 10.0, DRAWS).channel_uses.payload.unique().tolist() == [6]
    codec.rate = 6
    with pytest.raises(ValueError, match="rate: 6 is not known; allowed: 2, 4, 8"):
        one(payload, 10.0, DRAWS)
    codec.rate = 4
    one.train()
    first = one(payload, 10.0, DRAWS).channel_uses.payload
    assert first.unique().tolist() == [3, 6, 12]
    assert torch.equal(first, one(payload, 10.0, DRAWS).channel_uses.payload)
    assert not torch.equal(first, one(payload, 10.0, Draws(seed=1, batch=1)).channel_uses.payload)


def test_the_mask_of_channels_is_charged():
    codec = ModNetCodec(dim=DIM, symbols_per_token=8, rates=(4, 8))
    reception = link(codec=codec, length="known")(tokens(3, 2), 10.0, DRAWS)
    assert reception.channel_uses.side_information.tolist() == [48, 48]  # 16 bits, 6 in 16 symbols
    assert reception.channel_uses.payload.tolist() == [12, 8]


def test_an_adaptive_codec_uses_the_snr():
    codec = AdaptiveCodec(dim=DIM, symbols_per_token=3)
    one, payload = link(AWGN, codec), tokens(4)
    low, high = (one.encode(payload, torch.tensor([snr])).symbols for snr in (0.0, 20.0))
    assert (low - high).abs().max() > 1e-4


def test_an_empty_batch():
    reception = link()(Tokens(torch.zeros(0, 3, DIM)), 10.0, DRAWS)
    assert reception.payload.values.shape == (0, 3, DIM)


@pytest.mark.verify
def test_accelerate_leaves_the_link_in_single_precision():
    accelerate = pytest.importorskip("accelerate")
    payload, one = tokens(5, 2), link()
    wanted = one(payload, 10.0, DRAWS).payload.values
    prepared = accelerate.Accelerator(cpu=True, mixed_precision="bf16").prepare(one)
    assert torch.equal(prepared(payload, 10.0, DRAWS).payload.values, wanted)
