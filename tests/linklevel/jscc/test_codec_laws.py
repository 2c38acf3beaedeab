"""What every learned codec keeps to, through flat and OFDM channels."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.audit import audit_link
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import AdaptiveCodec, DeepJSCC, DenseCodec, ModNetCodec, SwinJSCC
from tokencom.linklevel.jscc.modnet import ModNet
from tokencom.linklevel.links.jscc import JSCCLink
from tokencom.linklevel.tokens import Tokens

SMALL = {"dim": 12, "symbols_per_token": 3, "encoder_hidden": 16, "decoder_hidden": 16}
SWIN = {"size": (16, 16), "channels": 8, "embed": (16, 24), "depths": (1, 2), "heads": (2, 4), "window": 2}
TOKEN_CODECS = {
    "dense": lambda: DenseCodec(**SMALL),
    "plain": lambda: DenseCodec(**SMALL, reliability=False, layer_norm=False),
    "attention": lambda: AdaptiveCodec(**SMALL),
    "film": lambda: AdaptiveCodec(**SMALL, adaptation="film"),
    "modnet-sa": lambda: ModNetCodec(**SMALL),
    "modnet-ra": lambda: ModNetCodec(**SMALL, snr=False, rates=(2, 4)),
    "modnet-sa-ra": lambda: ModNetCodec(**SMALL, rates=(2, 4, 6)),
    "modnet-any-length": lambda: ModNetCodec(**SMALL, rates=(2, 4, 6), layer_norm=False),
}
IMAGE_CODECS = {
    "deepjscc": lambda: DeepJSCC(size=(16, 16), channels=6, filters=(4, 6, 6, 6)),
    "deepjscc-gdn": lambda: DeepJSCC(size=(16, 16), channels=6, filters=(4, 6, 6, 6), activation="gdn"),
    "adjscc": lambda: DeepJSCC(size=(16, 16), channels=6, filters=(4, 6, 6, 6), adaptation="attention"),
    "swinjscc": lambda: SwinJSCC(**SWIN),
    "swinjscc-ra": lambda: SwinJSCC(**SWIN, rates=(4, 8)),
}
CODECS = {**TOKEN_CODECS, **IMAGE_CODECS}
CHANNEL = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9, speed=3.0)
GRID = {"fft_size": 24, "num_ofdm_symbols": 7, "pilot_ofdm_symbol_indices": (2,), "csi": "estimated"}


def ofdm(estimator: str, **options) -> OFDMAirInterface:
    return OFDMAirInterface(channel=CHANNEL, **GRID, estimator=estimator, **options)


AIRS = {
    "awgn": lambda **o: FlatAirInterface(channel="awgn", **o),
    "rayleigh": lambda **o: FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=2, **o),
    "rician": lambda **o: FlatAirInterface(channel="rician", k_factor_db=3.0, fading="symbol", **o),
    "ofdm-ls": lambda **o: ofdm("ls", **o),
    "ofdm-lmmse": lambda **o: ofdm("lmmse", **o),
}


@lru_cache
def the_air(name: str, **options):
    """Return an air interface; it has no state."""
    return AIRS[name](**options)


SNR_DB = torch.tensor([4.0, 9.0, 14.0])


@dataclass(frozen=True)
class RowDraws(Draws):
    """Gives some items of a batch the fades and noise that they have in the whole batch."""

    rows: tuple[int, ...] = ()
    total: int = 0

    def complex_normal(self, stream, index, shape, device="cpu", dtype=torch.complex64):
        whole = super().complex_normal(stream, index, (self.total, *shape[1:]), device, dtype)
        return whole[list(self.rows)]


def tokens(dtype=torch.float32, batch=3, width=5) -> Tokens:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(batch, width, SMALL["dim"], generator=generator).to(dtype)
    lengths = torch.linspace(width, 1, batch).round().long()
    return Tokens(values, torch.arange(width) < lengths[:, None])


def images(dtype=torch.float32, batch=3) -> torch.Tensor:
    return torch.rand(batch, 3, 16, 16, generator=torch.Generator().manual_seed(4)).to(dtype)


def payload_for(name, dtype=torch.float32, **options):
    return tokens(dtype, **options) if name in TOKEN_CODECS else images(dtype, **options)


def plain(payload) -> torch.Tensor:
    return payload.values if isinstance(payload, Tokens) else payload


def make(name, air="awgn", **options) -> JSCCLink:
    return JSCCLink(the_air(air), CODECS[name](), **{"max_num_tokens": 63, **options}).eval()


def train(link, payload, num_steps=8) -> None:
    """Take a few steps, enough to move every weight."""
    optimizer = torch.optim.Adam(link.parameters(), lr=1e-2)
    link.train()
    for step in range(num_steps):
        snr_db = torch.linspace(4.0, 14.0, len(payload))
        reception = link(payload, snr_db, Draws(seed=2, batch=step))
        loss = (plain(reception.payload) - plain(payload)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    link.eval()


FEW = ("dense", "modnet-sa-ra", "deepjscc")
PAIRS = [(name, air) for name in CODECS for air in AIRS if air in {"awgn", "rayleigh"} or name in FEW]
REST = [(name, air) for name in CODECS for air in AIRS if (name, air) not in PAIRS]


@pytest.mark.parametrize(("name", "air"), PAIRS)
def test_what_arrives_has_the_shape_of_what_was_sent(name, air):
    link, payload = make(name, air), payload_for(name)
    reception = link(payload, 60.0, Draws(seed=1))
    assert plain(reception.payload).shape == plain(payload).shape
    assert plain(reception.payload).dtype == torch.float32
    assert reception.ok.all()
    if isinstance(payload, Tokens):
        assert (reception.payload.mask == payload.mask).all()
        assert (reception.payload.values[~payload.mask] == 0).all()


@pytest.mark.parametrize("name", CODECS)
def test_every_item_has_unit_power_over_what_it_sends(name):
    link, payload = make(name), payload_for(name)
    signal = link.encode(payload, SNR_DB)
    body = torch.arange(signal.symbols.shape[1]) >= link.num_header_symbols
    sent = (torch.arange(signal.symbols.shape[1]) < signal.num_symbols[:, None]) & body
    energy = (signal.symbols.abs().square() * sent).sum(1) / sent.sum(1)
    torch.testing.assert_close(energy, torch.ones(3), atol=1e-5, rtol=0)
    assert (signal.num_side == link.num_header_symbols).all()
    assert (signal.symbols[:, : link.num_header_symbols].abs() - 1 < 1e-6).all()
    counted = torch.tensor([link.num_channel_uses(int(n)) for n in _num_tokens(link, payload)])
    assert (signal.num_symbols == counted).all()


def _num_tokens(link, payload):
    return payload.num_tokens if isinstance(payload, Tokens) else [link.codec.num_tokens] * len(payload)


@pytest.mark.parametrize("air", ["rayleigh", "ofdm-lmmse"])
@pytest.mark.parametrize("name", ["dense", "modnet-sa-ra", "deepjscc", "swinjscc-ra"])
def test_equal_draws_give_equal_receptions(name, air):
    payload = payload_for(name)
    first = make(name, air)(payload, SNR_DB, Draws(seed=1))
    torch.manual_seed(0)
    second = make(name, air)(payload, SNR_DB, Draws(seed=1))
    other = make(name, air)(payload, SNR_DB, Draws(seed=2))
    assert torch.equal(plain(first.payload), plain(second.payload))
    assert not torch.equal(plain(first.payload), plain(other.payload))


@pytest.mark.parametrize("air", ["rayleigh", pytest.param("rician", marks=pytest.mark.verify)])
@pytest.mark.parametrize("name", CODECS)
def test_an_item_alone_or_in_a_padded_batch_arrives_the_same(name, air):
    link, payload = make(name, air), payload_for(name)
    whole = link(payload, SNR_DB, Draws(seed=1))
    for row in range(3):
        count = int(payload.num_tokens[row]) if isinstance(payload, Tokens) else None
        alone = Tokens(payload.values[row : row + 1, :count]) if count else payload[row : row + 1]
        reception = link(alone, SNR_DB[row : row + 1], RowDraws(seed=1, rows=(row,), total=3))
        got, want = plain(reception.payload)[0], plain(whole.payload)[row][:count]
        torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4)
        assert reception.channel_uses.total[0] == whole.channel_uses.total[row]


@pytest.mark.parametrize("air", ["ofdm-ls", "ofdm-lmmse"])
@pytest.mark.parametrize("name", ["dense", "attention", "modnet-sa-ra"])
def test_neighbours_and_padding_make_no_difference_over_ofdm(name, air):
    link, payload = make(name, air), tokens()
    first = link(payload, SNR_DB, Draws(seed=1))
    values = torch.full((3, 9, SMALL["dim"]), torch.nan)
    mask = torch.zeros(3, 9, dtype=torch.bool)
    values[1, :5], mask[1, :5] = payload.values[1], payload.mask[1]
    values[0], mask[0] = torch.randn(9, SMALL["dim"]), True
    second = link(Tokens(values, mask), SNR_DB, Draws(seed=1))
    torch.testing.assert_close(second.payload.values[1, :5], first.payload.values[1], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", CODECS)
def test_gradients_reach_every_parameter_in_training(name):
    link, payload = make(name, "rayleigh").train(), payload_for(name)
    if isinstance(link.codec, AdaptiveCodec):  # FiLM starts at zero
        train(link, payload, 1)
        link.train()
    reception = link(payload, SNR_DB, Draws(seed=1))
    (plain(reception.payload) - plain(payload)).square().mean().backward()
    reached = dict.fromkeys((name.rpartition(".")[0] for name, _ in link.codec.named_parameters()), 0.0)
    for parameter_name, parameter in link.codec.named_parameters():
        assert torch.isfinite(parameter.grad).all(), parameter_name
        reached[parameter_name.rpartition(".")[0]] += float(parameter.grad.abs().sum())
    # A narrow hidden layer of an adapter may start with all its rectifiers shut.
    assert all(total > 0 for layer, total in reached.items() if "adapters" not in layer), reached


@pytest.mark.parametrize(("name", "air"), [*PAIRS, *(pytest.param(*pair, marks=pytest.mark.verify) for pair in REST)])
def test_gradients_equal_finite_differences_in_double_precision(name, air):
    link = JSCCLink(the_air(air, precision="double"), CODECS[name](), max_num_tokens=63).double().eval()
    payload = payload_for(name, torch.float64)
    mask = payload.mask if isinstance(payload, Tokens) else None
    generator = torch.Generator().manual_seed(7)
    start = plain(payload).clone() if mask is not None else 0.2 + 0.6 * plain(payload)
    moved = [start.requires_grad_(True), *link.codec.parameters()]
    weight, *directions = (torch.randn(x.shape, generator=generator, dtype=torch.float64) for x in (start, *moved))
    # The input of the modulation networks is detached, where gradients and differences part by design.
    for module in link.codec.modules():
        if isinstance(module, ModNet):
            module.detach_input = False

    def value():
        reception = link(start if mask is None else Tokens(start, mask), SNR_DB, Draws(seed=1))
        return (plain(reception.payload) * weight).sum()

    def value_at(shift):
        with torch.no_grad():
            for x, direction in zip(moved, directions, strict=True):
                x.add_(shift * direction)
            result = float(value())
            for x, direction in zip(moved, directions, strict=True):
                x.sub_(shift * direction)
        return result

    value().backward()
    assert all(torch.isfinite(x.grad).all() for x in moved)
    slope = sum(float((x.grad * direction).sum()) for x, direction in zip(moved, directions, strict=True))
    step = 1e-7
    assert slope == pytest.approx((value_at(step) - value_at(-step)) / (2 * step), rel=1e-5, abs=1e-5)


AUDITED = [(name, "awgn") for name in CODECS] + [
    pytest.param(name, air, marks=pytest.mark.verify) for name in FEW for air in ("rayleigh", "ofdm-lmmse")
]


@pytest.mark.parametrize("trained", [False, True], ids=["untrained", "trained"])
@pytest.mark.parametrize(("name", "air"), AUDITED)
def test_the_audit_passes(name, air, trained):
    # Enough symbols behind the headers that the audit does not take the few points of QPSK for an alphabet.
    link, payload = make(name, air), payload_for(name, batch=6, **({"width": 40} if name in TOKEN_CODECS else {}))
    if trained:
        train(link, payload, 4)
    report = audit_link(link, payload, 10.0, Draws(seed=5), 100 if air == "awgn" else 20_000)
    assert report.ok, str(report)


@pytest.mark.parametrize("name", CODECS)
def test_weights_move_to_another_codec(name):
    link, other, payload = make(name), make(name), payload_for(name)
    train(link, payload, 3)
    assert not torch.equal(*(plain(one(payload, 10.0, Draws(seed=1)).payload) for one in (link, other)))
    other.load_state_dict(link.state_dict())
    assert torch.equal(*(plain(one(payload, 10.0, Draws(seed=1)).payload) for one in (link, other)))


@pytest.mark.parametrize("name", CODECS)
def test_clean_is_the_limit_without_noise_and_blind_knows_nothing(name):
    link, payload = make(name), payload_for(name)
    near = link(payload, 10.0, Draws(seed=1))
    clean = link.clean(payload, 120.0)
    far = link(payload, 120.0, Draws(seed=1))
    torch.testing.assert_close(plain(clean), plain(far.payload), atol=1e-3, rtol=1e-3)
    assert (plain(near.payload) - plain(clean)).abs().max() > 1e-4
    other = (
        Tokens(payload.values.flip(0) * payload.mask[..., None] + 1.0, payload.mask)
        if name in TOKEN_CODECS
        else payload.flip(0)
    )
    assert torch.equal(plain(link.blind(payload)), plain(link.blind(other)))


@pytest.mark.parametrize("name", IMAGE_CODECS)
def test_arrays_of_bytes_come_back_as_such(name):
    link = make(name)
    arrays = [np.full((16, 16, 3), 40 * i, np.uint8) for i in range(3)]
    reception = link(arrays, 10.0, Draws(seed=1))
    assert isinstance(reception.payload, list)
    for received in (reception.payload, link.clean(arrays, 10.0), link.blind(arrays)):
        assert [image.shape for image in received] == [(16, 16, 3)] * 3
        assert all(image.dtype == np.uint8 for image in received)
    tensor = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2) / 255.0
    as_tensor = link(tensor, 10.0, Draws(seed=1)).payload.clamp(0, 1).permute(0, 2, 3, 1) * 255
    assert np.abs(as_tensor.detach().numpy() - np.stack(reception.payload)).max() <= 0.51


@pytest.mark.parametrize("name", ["dense", "film", "modnet-sa-ra", "adjscc", "swinjscc"])
def test_training_lowers_the_error_through_fading(name):
    link, payload = make(name, "rayleigh", length="known"), payload_for(name)
    wanted = plain(payload) * payload.mask[..., None] if name in TOKEN_CODECS else payload
    errors = []
    for steps in (0, 8 if name in IMAGE_CODECS else 25):
        train(link, Tokens(wanted, payload.mask) if name in TOKEN_CODECS else wanted, steps)
        received = plain(link(payload, 20.0, Draws(seed=9)).payload).detach()
        errors.append(float((received - wanted).square().mean()))
    assert errors[1] < errors[0]
