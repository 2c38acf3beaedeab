"""M links over one scheme of access: every kind of link, its own payload, length and draws."""

import pytest
import torch

from tokencom.linklevel import AnalogLink, DigitalLink, FlatAirInterface, JSCCLink, QuantizedLink, Tokens
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links.base import Link
from tokencom.linklevel.multiuser import MultiUserLink, OrthogonalAccess, UplinkMIMO, draws_of_device
from tokencom.linklevel.quantizers import UniformQuantizer

DRAWS = Draws(seed=14)
AIR = FlatAirInterface(channel="rayleigh", num_rx_ant=8)
PILOTED = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=4, num_rx_ant=8)
ACCESSES = [UplinkMIMO, OrthogonalAccess]


def made(access_type=UplinkMIMO, air=AIR, **options) -> MultiUserLink:
    """A learned, an analog and a quantised device, with tokens of different widths."""
    access = access_type(air, 3, **options)
    quantizer = UniformQuantizer(dim=2, num_bits=4)
    links = [
        JSCCLink(air, DenseCodec(dim=6, symbols_per_token=3, seed=1), max_num_tokens=15),
        AnalogLink(air, dim=4, max_num_tokens=15),
        QuantizedLink(air, quantizer, code="uncoded", coderate=1.0, num_bits_per_symbol=2, max_num_tokens=15),
    ]
    return MultiUserLink(links, access).eval()


def payloads(batch: int = 3) -> list[Tokens]:
    generator = torch.Generator().manual_seed(5)
    sent = []
    for width, dim in ((6, 6), (4, 4), (5, 2)):
        mask = torch.arange(width) < 1 + (torch.arange(batch)[:, None] + width) % width
        sent.append(Tokens(torch.randn(batch, width, dim, generator=generator) * mask[..., None], mask))
    return sent


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("air", [AIR, PILOTED], ids=["perfect", "estimated"])
def test_every_device_receives_what_it_sent(access, air):
    link, sent = made(access, air), payloads()
    reception = link(sent, 60.0, DRAWS)
    assert reception.ok.tolist() == [True] * 3
    for received, payload, clean in zip(reception.payloads, sent, link.clean(sent, 60.0), strict=True):
        assert torch.equal(received.mask, payload.mask)
        torch.testing.assert_close(received.values, clean.values, atol=0.05, rtol=0.05)
    total = torch.stack([device.channel_uses.total for device in reception.devices], 1)
    expected = total.amax(1) if access is UplinkMIMO else 3 * total.amax(1)
    assert torch.equal(reception.uses.shared.airtime, expected)
    assert torch.equal(reception.uses.airtime, total)
    pilots = 4 if air is PILOTED else 0
    assert all(device.channel_uses.pilots.tolist() == [pilots] * 3 for device in reception.devices)


def test_orthogonal_access_is_each_link_by_itself():
    link, sent = made(OrthogonalAccess, path_gain_db=(0.0, 3.0, -2.0)), payloads()
    reception = link(sent, 8.0, DRAWS)
    for m, (one, payload) in enumerate(zip(link.links, sent, strict=True)):
        alone = one(payload, 8.0 + link.access.path_gain_db[m], draws_of_device(DRAWS, m))
        torch.testing.assert_close(reception.devices[m].payload.values, alone.payload.values)
        torch.testing.assert_close(reception.devices[m].snr_db, alone.snr_db)
        assert torch.equal(reception.devices[m].channel_uses.total, alone.channel_uses.total)


@pytest.mark.parametrize("access", ACCESSES)
def test_gradients_reach_every_device(access):
    link = made(access, PILOTED).train()
    sent = [Tokens(p.values.clone().requires_grad_(), p.mask) for p in payloads()]
    reception = link(sent, [20.0, 10.0, 30.0], DRAWS)
    loss = sum(received.values.square().sum() for received in reception.payloads) + link.auxiliary_loss
    loss.backward()
    for payload in sent:
        assert bool(torch.isfinite(payload.values.grad).all())
        assert float(payload.values.grad.abs().sum()) > 0.0
    codec = [parameter.grad for parameter in link.links[0].parameters() if parameter.requires_grad]
    assert all(grad is not None and bool(torch.isfinite(grad).all()) for grad in codec)


def test_one_weak_device_harms_itself():
    """Mean squared errors over 64 items: the weak device's rises, the others' stay within a factor of 1.5."""

    def errors(**options) -> list[float]:
        sent = payloads(64)
        received = made(**options)(sent, 15.0, DRAWS).payloads
        return [float((r.values - s.values).detach().square().mean()) for r, s in zip(received, sent, strict=True)]

    same, weak = errors(), errors(path_gain_db=(0.0, -25.0, 0.0))
    assert weak[1] > 3.0 * same[1]
    assert weak[0] < 1.5 * same[0]
    assert weak[2] < 1.5 * same[2]


def test_a_device_without_tokens_sends_its_header_only():
    link, sent = made(air=PILOTED), payloads()
    sent[1] = Tokens(torch.zeros(3, 0, 4))
    reception = link(sent, 40.0, DRAWS)
    assert reception.payloads[1].values.shape == (3, 0, 4)
    assert reception.devices[1].channel_uses.payload.tolist() == [0] * 3
    assert reception.devices[0].ok.tolist() == [True] * 3


@pytest.mark.parametrize("access", ACCESSES)
def test_results_depend_on_the_draws_only(access):
    link, sent = made(access), payloads()
    one, same, other = (link(sent, 3.0, draws).payloads[0].values for draws in (DRAWS, DRAWS, Draws(seed=15)))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_bits_go_through_as_well():
    link = DigitalLink(air=AIR, code="uncoded", coderate=1.0, num_bits_per_symbol=2, num_bits=64, crc="CRC16")
    both = MultiUserLink([link, link], UplinkMIMO(AIR, 2))
    bits = [DRAWS.bits(5, 64), Draws(seed=3).bits(5, 64)]
    reception = both(bits, 30.0, DRAWS)
    assert both.has_verdict
    assert reception.ok.tolist() == [True] * 5
    assert all(torch.equal(one, other) for one, other in zip(reception.payloads, bits, strict=True))


def test_through_another_air_interface_has_the_same_parameters():
    link = made()
    other = link.through(PILOTED)
    assert other.access.air is PILOTED
    assert link.access.air is AIR
    assert [id(p) for p in other.parameters()] == [id(p) for p in link.parameters()]
    assert other(payloads(), 10.0, DRAWS).devices[0].channel_uses.pilots.tolist() == [4] * 3


def test_blind_reception_knows_nothing_of_the_payload():
    link, sent = made(), payloads()
    others = [Tokens(-payload.values, payload.mask) for payload in sent]
    for one, other in zip(link.blind(sent, 5.0), link.blind(others, 5.0), strict=True):
        assert torch.equal(one.values, other.values)


def test_wrong_input_is_named():
    link, sent = made(), payloads()
    with pytest.raises(ValueError, match="payloads: 2 given; one for each of 3 devices"):
        link(sent[:2], 1.0, DRAWS)
    with pytest.raises(ValueError, match=r"payloads: batches of \[3, 3, 2\] items"):
        link([*sent[:2], payloads(2)[2]], 1.0, DRAWS)
    with pytest.raises(ValueError, match="snr_db: 2 values given for 3 devices"):
        link(sent, [1.0, 2.0], DRAWS)
    with pytest.raises(ValueError, match="links: 1 given; one for each of 3 devices"):
        MultiUserLink([link.links[0]], link.access)
    with pytest.raises(ValueError, match=r"links\[0\]: its air interface is another object"):
        MultiUserLink([AnalogLink(PILOTED, dim=4)] * 3, link.access)

    class Own(Link):
        encode = decode = None

        def forward(self, payload, snr_db, draws):
            return None

    with pytest.raises(TypeError, match=r"links\[0\]: Own given"):
        MultiUserLink([Own(AIR)], UplinkMIMO(AIR, 1))
