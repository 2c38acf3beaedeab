import sys
from pathlib import Path

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import AnalogLink, JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.tokcom import QuantisedBackward, SplitRound, backward_link, deployed
from tokencom.models.training import LoRA
from tokencom.models.training.lora import add_adapters

sys.path.insert(0, str(Path(__file__).parent))
from small_tokcom import SAMPLES, small

LORA = LoRA(target_modules=r".*language\..*\.(q_proj|v_proj)", r=4, alpha=16.0)


def trained(**changes):
    """Return a system whose F, G and adapters are trained, as in stage 2."""
    system = small(**changes)
    add_adapters(system, LORA)
    with torch.no_grad():
        for name, parameter in system.named_parameters():
            if "lora_B" in name:
                parameter.add_(0.1)
    for name, parameter in system.named_parameters():
        parameter.requires_grad_("projector" in name or "heads" in name or "lora_" in name)
    return system


def gradients(*modules):
    return [p.grad for module in modules for p in module.parameters() if p.requires_grad]


@pytest.mark.parametrize("changes", [{}, {"objective": "alignment"}, {"marks": True}])
def test_gradients_are_those_of_the_whole_model(changes):
    system = trained(**changes)
    devices, server = deployed(system)
    batch = system.collate(SAMPLES)
    whole = system.loss(system.tokens(batch), batch)
    whole.backward()
    loss, _ = SplitRound(devices, server).run(batch)
    torch.testing.assert_close(loss, whole.detach(), rtol=0, atol=1e-6)
    apart = gradients(*devices, server)
    expected = gradients(*system.devices.values(), system.server)
    assert len(apart) == len(expected) > 10
    used = [one for one in expected if one is not None and one.abs().sum() > 0]
    assert len(used) > 8
    for mine, other in zip(apart, expected, strict=True):
        if other is None:
            assert mine is None
        else:
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)


def test_gradients_through_links_are_those_of_the_whole_model():
    system = trained()
    devices, server = deployed(system)
    batch = system.collate(SAMPLES)
    air = FlatAirInterface(channel="rayleigh", fading="block")
    codecs = [DenseCodec(dim=16, symbols_per_token=4, encoder_hidden=8, decoder_hidden=8, seed=n) for n in range(3)]
    links = [JSCCLink(air, codec, length="known") for codec in codecs]
    round_ = SplitRound(devices, server, links=links)
    loss, traffic = round_.run(batch, snr_db=[10.0, 3.0, 7.0], draws=Draws(seed=4))
    apart = [p.grad.clone() for codec in codecs for p in codec.parameters()]
    for codec in codecs:
        codec.zero_grad()
    from tokencom.linklevel.multiuser.devices import draws_of_device

    draws = Draws(seed=4)
    parts = system.layout.split(system.tokens(batch))
    sent = [
        links[n](part, snr, draws_of_device(draws, n)).payload
        for n, (part, snr) in enumerate(zip(parts, (10.0, 3.0, 7.0), strict=True))
    ]
    whole = system.loss(system.layout.joined(sent), batch)
    whole.backward()
    torch.testing.assert_close(loss, whole.detach())
    for mine, other in zip(apart, [p.grad for codec in codecs for p in codec.parameters()], strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    for mine, other in zip(gradients(*devices, server), gradients(system.devices, system.server), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    assert traffic.up_uses["video"] == 3 * 5 * 4
    assert min(traffic.down_bytes.values()) > 0  # the codec of the text's link learns


def test_device_and_server_share_nothing():
    system = trained()
    devices, server = deployed(system)
    held = [{p.data_ptr() for p in (*m.parameters(), *m.buffers())} for m in (*devices, server, system)]
    assert all(not one & other for n, one in enumerate(held) for other in held[:n])


def test_bytes_are_a_direct_count():
    system = trained()
    devices, server = deployed(system)
    batch = system.collate(SAMPLES)
    words = sum(len(system.texts.ids(sample.inputs["question"])) for sample in SAMPLES)
    expected = {"video": 3 * 5 * 16 * 4, "audio": 3 * 4 * 16 * 4, "text": words * 16 * 4}
    _, traffic = SplitRound(devices, server).run(batch)
    assert traffic.up_bytes == expected
    assert traffic.down_bytes == {**expected, "text": 0}  # the embedding is frozen
    assert traffic.total_bytes == sum(expected.values()) + expected["video"] + expected["audio"]
    _, traffic = SplitRound(devices, server, backward=backward_link("quantised", bits=6)).run(batch)
    assert traffic.down_bytes["video"] == -(-3 * 5 * 16 * 6 // 8) + 3 * 4
    _, traffic = SplitRound(devices, server, backward=backward_link("noisy", snr_db=20.0)).run(batch, draws=Draws(1))
    header = AnalogLink(FlatAirInterface(channel="awgn"), 16, length="known").num_header_symbols
    assert traffic.down_uses["video"] == 3 * (5 * 8 + header)


def test_quantised_gradients_are_within_half_a_step():
    gradient = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    gradient[2] = 0
    mask = torch.ones(3, 5).bool()
    mask[1, 3:] = False
    errors = []
    for bits in (2, 6, 12):
        found = QuantisedBackward(bits).send(Tokens(gradient, mask), Draws(seed=1)).gradient
        assert (found[1, 3:] == 0).all()
        assert (found[2] == 0).all()
        step = gradient[:2].abs().amax((1, 2)).max() / (2 ** (bits - 1) - 1)
        error = (found - gradient)[mask].abs().max()
        assert error <= step / 2 + 1e-6
        errors.append(float(error))
    assert errors[0] > errors[1] > errors[2]


def test_noisy_gradients_have_the_noise_of_their_snr():
    gradient = torch.randn(64, 32, 16, generator=torch.Generator().manual_seed(1)) * 1e-5
    found = backward_link("noisy", snr_db=10.0).send(Tokens(gradient), Draws(seed=2)).gradient
    error = float((found - gradient).square().mean() / gradient.square().mean())
    # The estimate is x / (1 + N0) + its share of noise: the error is N0 / (1 + N0). 32,768 reals: 5 sigma = 4 %.
    assert error == pytest.approx(0.1 / 1.1, rel=0.05)
    silent = torch.zeros(2, 3, 16)
    assert (backward_link("noisy", snr_db=0.0).send(Tokens(silent), Draws(seed=2)).gradient == 0).all()


def test_a_device_that_is_off_takes_no_part():
    system = trained(off=("audio",))
    devices, server = deployed(system)
    _, traffic = SplitRound(devices, server).run(system.collate(SAMPLES))
    assert set(traffic.up_bytes) == {"video", "text"}


def test_errors():
    system = trained()
    devices, server = deployed(system)
    batch = system.collate(SAMPLES)
    with pytest.raises(ValueError, match="in this order"):
        SplitRound(devices[::-1], server)
    with pytest.raises(ValueError, match="links: 1 given for 3 devices"):
        SplitRound(devices, server, links=[AnalogLink(FlatAirInterface(channel="awgn"), 16)])
    with pytest.raises(ValueError, match="snr_db: 2 given for 3 devices"):
        SplitRound(devices, server).run(batch, snr_db=[1.0, 2.0])
    with pytest.raises(ValueError, match="draws: None given"):
        SplitRound(devices, server, backward=backward_link("noisy", snr_db=1.0)).run(batch)
    with pytest.raises(ValueError, match="send first"):
        devices[0].back(torch.zeros(1, 5, 16))
    with pytest.raises(ValueError, match="did you mean 'quantised'"):
        backward_link("quantized")
