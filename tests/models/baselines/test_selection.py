"""Feature selection by SNR: what is sent, charged and learned."""

import pytest
import torch

from tokencom.linklevel import FlatAirInterface, audit_link
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DeepJSCC, DenseCodec, ModNetCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.baselines import FeatureSelection, SelectiveLink

DIM, PLACES, SYMBOLS = 8, 6, 3
DRAWS = Draws(seed=4)


class BySize(torch.nn.Module):
    """Keeps tokens whose first value exceeds the SNR in dB over 10; surely so with a high ``slope``."""

    def __init__(self, slope: float = 100.0) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        return self.slope * (values[..., 0] - snr_db[:, None] / 10.0)


def link(channel: str = "awgn", **options: float) -> SelectiveLink:
    codec = DenseCodec(dim=DIM, symbols_per_token=SYMBOLS)
    air = FlatAirInterface(channel=channel)
    made = SelectiveLink(air, codec, num_selectable=PLACES, max_num_tokens=15, **options)  # type: ignore[arg-type]
    made.selection = BySize()
    return made.eval()


def tokens(words: int = 2) -> Tokens:
    values = torch.randn(2, PLACES + words, DIM, generator=torch.Generator().manual_seed(2))
    values[:, :, 0] = 0.0
    values[0, [1, 3, 4], 0] = torch.tensor([0.7, 2.0, 1.4])
    values[1, 5, 0] = 3.0
    mask = torch.ones(2, PLACES + words, dtype=torch.bool)
    mask[1, -1] = False
    return Tokens(values, mask)


def test_the_number_kept_falls_with_the_threshold_and_is_charged() -> None:
    made, sent = link(), tokens()
    plain = JSCCLink(made.air, made.codec, max_num_tokens=15)
    header = {"selective": made.num_header_symbols, "plain": plain.num_header_symbols}
    assert header["selective"] > header["plain"] > 0
    for snr_db, kept in ((5.0, [3, 1]), (10.0, [2, 1]), (15.0, [1, 1])):
        uses = made(sent, snr_db, DRAWS).channel_uses
        assert uses.payload.tolist() == [SYMBOLS * (kept[0] + 2), SYMBOLS * (kept[1] + 1)]
        assert uses.side_information.tolist() == [header["selective"]] * 2


def test_kept_tokens_come_first_and_the_rest_stays() -> None:
    """Without noise, the link equals a plain one that is given the chosen tokens."""
    made, sent = link(), tokens()
    arrived = made.clean(sent, 5.0)
    chosen = torch.cat([sent.values[:1, [1, 3, 4]], sent.values[:1, PLACES:]], 1)
    plain = JSCCLink(made.air, made.codec, max_num_tokens=15).eval().clean(Tokens(chosen), 5.0).values
    torch.testing.assert_close(arrived.values[0, :3], plain[0, :3])
    torch.testing.assert_close(arrived.values[0, PLACES:], plain[0, 3:])
    assert not bool(arrived.values[0, 3:PLACES].any())
    assert torch.equal(arrived.mask, sent.mask)


def test_what_is_left_out_does_not_reach_the_receiver() -> None:
    made, sent = link("rayleigh"), tokens()
    changed = sent.values.clone()
    changed[0, [0, 2, 5], 1:] += 5.0
    one, two = (made(t, 5.0, DRAWS).payload.values for t in (sent, Tokens(changed, sent.mask)))
    assert torch.equal(one, two)
    received = made(sent, 12.0, DRAWS).payload
    again = made.decode(
        made.air(made.encode(sent, torch.full((2,), 12.0)).symbols, torch.full((2,), 10 ** (-1.2)), DRAWS,
                 num_symbols=made.encode(sent, torch.full((2,), 12.0)).num_symbols),
        num_tokens=PLACES + 2,
    )[0]  # fmt: skip
    torch.testing.assert_close(received.values, again.values, rtol=1e-4, atol=1e-4)


def test_a_header_that_cannot_be_gives_an_empty_item() -> None:
    made, sent = link(), tokens()
    bits = torch.ones(2, PLACES.bit_length(), dtype=torch.bool)  # 7 of 6 places
    assert made._possible(sent.mask, bits, 10**6).tolist() == [False, False]
    one = torch.tensor([[False, False, True]] * 2)
    assert made._possible(sent.mask, one, SYMBOLS * 3).tolist() == [True, True]
    assert made._possible(sent.mask, one, SYMBOLS * 2).tolist() == [False, True]


def test_as_many_are_sent_as_probabilities_add_up_to() -> None:
    """Not all, where each is likelier to be sent than not: the share of the training holds in evaluation too."""
    made = link()
    made.selection = BySize(1.0)
    values = torch.zeros(2, PLACES + 1, DIM)
    values[0, :, 0] = torch.tensor([1.1, 1.0, 1.3, 1.2, 0.9, 0.8, 0.0])
    values[1, :PLACES, 0] = -5.0
    kept, probability = made.select(values, torch.ones(2, PLACES + 1, dtype=torch.bool), torch.zeros(2), None)
    assert 4.3 < float(probability[0].detach().sum()) < 4.5
    assert kept[0].nonzero()[:, 0].tolist() == [0, 1, 2, 3, PLACES]
    assert kept[1].sum() == 2  # the least that is always sent, and what is not selected from


@pytest.mark.parametrize("length", ["charged", "known"])
def test_noise_alone_fills_all_places(length: str) -> None:
    """However few are sent."""
    made, sent = link(), tokens()
    made = SelectiveLink(made.air, made.codec, num_selectable=PLACES, max_num_tokens=15, length=length).eval()
    made.selection = BySize()
    heard = made.blind(sent, 15.0, DRAWS)
    assert torch.equal(heard.mask, sent.mask)
    assert bool(heard.values[sent.mask].any(1).all())


def test_at_least_the_best_are_sent() -> None:
    made, sent = link(min_tokens=2), tokens()
    kept, _ = made.select(sent.values, sent.mask, torch.full((2,), 60.0), None)
    assert kept[0, :PLACES].nonzero()[:, 0].tolist() == [3, 4]
    assert kept[:, :PLACES].sum(1).tolist() == [2, 2]


def test_training_draws_by_probability_and_asks_for_the_share() -> None:
    """An item's first token is always kept; of the others the count is within 5 deviations (1.7 million to 1)."""
    made = link(share=0.5, weight=2.0).train()
    made.selection = BySize(1.0)
    values = torch.zeros(1000, PLACES, DIM)
    values[..., 0] = torch.logit(torch.tensor(0.3))
    values[..., 1] = 1.0
    kept, probability = made.select(values, torch.ones(1000, PLACES, dtype=torch.bool), torch.zeros(1000), DRAWS)
    assert kept[:, 0].all()
    assert abs(int(kept[:, 1:].sum()) - 5000 * 0.3) < 5 * (5000 * 0.21) ** 0.5
    torch.testing.assert_close(probability, torch.full_like(probability, 0.3))
    made(Tokens(values), 0.0, DRAWS)
    assert float(made.auxiliary_loss) == pytest.approx(2.0 * 0.2**2, rel=1e-4)


def test_the_gradient_is_that_of_multiplied_probabilities() -> None:
    torch.manual_seed(0)
    made, sent = link(), tokens(0)
    made.selection = FeatureSelection(DIM)
    made.train()
    arrived = made(sent, 10.0, DRAWS).payload.values
    arrived.square().sum().backward()
    wanted = [parameter.grad.clone() for parameter in made.selection.parameters()]
    made.zero_grad()
    kept, probability = made.select(sent.values, sent.mask, torch.full((2,), 10.0), DRAWS)
    received = arrived.detach()
    total = torch.zeros(())
    for row in range(2):
        for place, source in enumerate(kept[row].nonzero()[:, 0].tolist()):
            p = probability[row, source]
            total = total + (received[row, place] * p / p.detach()).square().sum()
    total.backward()
    for parameter, gradient in zip(made.selection.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)
    assert any(bool(gradient.any()) for gradient in wanted)


def test_selection_learns_what_matters_and_to_depend_on_the_snr() -> None:
    """Only tokens with a positive first value matter: after some steps they are likelier to be sent."""
    torch.manual_seed(0)
    made = SelectiveLink(
        FlatAirInterface(channel="awgn"), DenseCodec(dim=DIM, symbols_per_token=4, layer_norm=False),
        num_selectable=PLACES, share=0.5, max_num_tokens=15,
    )  # fmt: skip
    optimizer = torch.optim.Adam(made.parameters(), 5e-3)
    for step in range(150):
        values = torch.randn(64, PLACES, DIM)
        matters = values[..., 0] > 0
        arrived = made(Tokens(values), 15.0, Draws(seed=1, batch=step)).payload.values
        wanted = (values * matters[..., None]).sum(1)
        loss = (arrived.sum(1) - wanted).square().mean() + made.auxiliary_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    odds = made.selection(values, torch.ones(64, PLACES, dtype=torch.bool), torch.full((64,), 15.0))
    assert bool(odds[matters].mean() > odds[~matters].mean() + 1.0)
    low = made.selection(values, torch.ones(64, PLACES, dtype=torch.bool), torch.full((64,), 0.0))
    assert not torch.equal(low, odds)


def test_the_link_keeps_the_signal_contract() -> None:
    made, sent = link("rayleigh"), tokens()
    many = Tokens(sent.values.repeat(64, 1, 1), sent.mask.repeat(64, 1))
    report = audit_link(made, many, 10.0, DRAWS, 20_000)
    assert report.ok, report


def test_other_codecs_are_refused() -> None:
    air = FlatAirInterface(channel="awgn")
    with pytest.raises(TypeError, match="codec of tokens"):
        SelectiveLink(air, DeepJSCC(size=(8, 8), channels=4), num_selectable=4)
    with pytest.raises(ValueError, match="one rate"):
        SelectiveLink(air, ModNetCodec(dim=8, rates=(4, 8)), num_selectable=4)
    with pytest.raises(ValueError, match="min_tokens"):
        SelectiveLink(air, DenseCodec(dim=8), num_selectable=4, min_tokens=5)
