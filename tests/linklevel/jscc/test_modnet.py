"""SwinJSCC's modulation networks."""

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import ChannelModNets, Heard, ModNetCodec
from tokencom.linklevel.jscc.base import to_reals
from tokencom.linklevel.jscc.modnet import ModNet
from tokencom.linklevel.links.jscc import JSCCLink
from tokencom.linklevel.tokens import Tokens

MASK = torch.ones(2, 3, dtype=torch.bool)
SNR_DB = torch.tensor([3.0, 10.0])


def latent(channels=8):
    return torch.randn(2, 3, channels, generator=torch.Generator().manual_seed(2))


def test_shapes_are_those_of_the_paper():
    net = ModNet(96)
    assert len(net.stages) == len(net.gates) == 7
    assert {stage.out_features for stage in net.stages} == {144}
    assert [layer.in_features for layer in net.gates[0] if isinstance(layer, torch.nn.Linear)] == [1, 144, 144]
    values = net(torch.randn(2, 3, 96, generator=torch.Generator().manual_seed(1)), SNR_DB)
    assert values.shape == (2, 3, 96)
    assert ((values > 0) & (values < 1)).all()


def test_no_gradient_reaches_the_input():
    x = latent().requires_grad_(True)
    assert not ModNet(8).requires_grad_(False)(x, SNR_DB).requires_grad


def test_the_channels_with_the_largest_sums_are_sent():
    nets = ChannelModNets(8, snr=False, rates=(2, 4, 8))
    x, mask = latent(), MASK.clone()
    mask[1, 1:] = False
    rate = torch.tensor([4, 2])
    coded = nets.encode(x, mask, SNR_DB, rate)
    score = (nets.encoder_rate(x, rate) * mask[..., None]).sum(1)
    assert coded.bits.sum(1).tolist() == [4, 2]
    assert coded.num_symbols.tolist() == [2, 1]
    for row in range(2):
        chosen = coded.bits[row]
        assert score[row][chosen].min() > score[row][~chosen].max()
        sent = to_reals(coded.symbols)[row, :, : int(rate[row])]
        torch.testing.assert_close(sent, (x * nets.encoder_rate(x, rate))[row][:, chosen])


def test_of_equal_sums_the_first_channels_are_sent():
    nets = ChannelModNets(8, snr=False, rates=(4,))
    torch.nn.init.zeros_(nets.encoder_rate.last.weight)
    torch.nn.init.zeros_(nets.encoder_rate.last.bias)
    coded = nets.encode(latent(), MASK, SNR_DB, torch.tensor([4, 4]))
    assert coded.bits.int().tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]] * 2


def test_the_receiver_puts_channels_back_in_place():
    nets = ChannelModNets(8, snr=False, rates=(2, 4, 8))
    x, rate = latent(), torch.tensor([4, 2])
    coded = nets.encode(x, MASK, SNR_DB, rate)
    sent = torch.arange(4) < coded.num_symbols[:, None, None]
    symbols = torch.where(sent, coded.symbols, torch.zeros_like(coded.symbols))
    heard = Heard(symbols, sent.expand(symbols.shape).float(), MASK, SNR_DB, coded.bits)
    reals, reliability = nets.decode(heard)
    torch.testing.assert_close(reals, x * nets.encoder_rate(x, rate) * coded.bits[:, None])
    torch.testing.assert_close(reliability, coded.bits[:, None].float().expand_as(reals))


def test_one_codec_serves_every_rate_and_its_mask_is_charged():
    codec = ModNetCodec(dim=8, symbols_per_token=4, rates=(2, 4, 8), layer_norm=False).eval()
    link = JSCCLink(FlatAirInterface(channel="awgn"), codec, max_num_tokens=63)
    fixed = JSCCLink(
        FlatAirInterface(channel="awgn"), ModNetCodec(dim=8, symbols_per_token=4, layer_norm=False), max_num_tokens=63
    )
    values = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
    without = fixed(Tokens(values), SNR_DB, Draws(seed=1)).channel_uses
    for rate in (2, 4, 8):
        codec.rate = rate
        uses = link(Tokens(values), SNR_DB, Draws(seed=1)).channel_uses
        assert uses.payload.tolist() == [5 * rate // 2] * 2
        assert (uses.side_information > without.side_information).all()
        sent = codec.encode(values, torch.ones(2, 5, dtype=torch.bool), SNR_DB).bits
        assert sent.sum(1).tolist() == [rate] * 2
    codec.train()
    drawn = codec.draw_rates(200, Draws(seed=1), torch.device("cpu"))
    assert set(drawn.tolist()) == {2, 4, 8}


def test_bad_rates():
    with pytest.raises(ValueError, match="rates: 3 channels given; two reals make a symbol, so 2 or 4"):
        ModNetCodec(dim=8, rates=(3,))
    with pytest.raises(ValueError, match="rates: 18 is outside"):
        ModNetCodec(dim=8, symbols_per_token=8, rates=(18,))
