"""Two users: own fades, own power, every symbol counted."""

import pytest
import torch

from tokencom.linklevel import FlatAirInterface, audit_link
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.signal import snr_db_to_no
from tokencom.linklevel.tokens import Tokens
from tokencom.models.baselines import UsersLink
from tokencom.models.baselines.users import draws_of_user

DIM, FIRST = 6, 4
DRAWS = Draws(seed=2)


def made(channel: str = "rayleigh") -> UsersLink:
    air = FlatAirInterface(channel=channel)
    image = JSCCLink(air, DenseCodec(dim=DIM, symbols_per_token=5, seed=1), length="known")
    question = JSCCLink(air, DenseCodec(dim=DIM, symbols_per_token=2, seed=2), max_num_tokens=15)
    return UsersLink(image, question, num_first=FIRST).eval()


def tokens(batch: int = 3) -> Tokens:
    values = torch.randn(batch, FIRST + 5, DIM, generator=torch.Generator().manual_seed(5))
    mask = torch.arange(FIRST + 5) < FIRST + 1 + torch.arange(batch)[:, None] % 5
    return Tokens(values * mask[..., None], mask)


def test_both_transmissions_count() -> None:
    link, sent = made(), tokens()
    uses = link(sent, 10.0, DRAWS).channel_uses
    header = link.second.num_header_symbols
    assert header > 0
    assert uses.payload.tolist() == [5 * FIRST + 2 * count for count in (1, 2, 3)]
    assert uses.side_information.tolist() == [header] * 3
    signal = link.encode(sent, torch.full((3,), 10.0))
    assert signal.num_symbols.tolist() == uses.total.tolist()
    assert signal.num_side.tolist() == [header] * 3


def test_each_user_is_received_as_over_its_own_link() -> None:
    link, sent = made(), tokens()
    arrived = link(sent, 10.0, DRAWS).payload
    first = link.first(Tokens(sent.values[:, :FIRST], sent.mask[:, :FIRST]), 10.0, DRAWS).payload
    second = link.second(Tokens(sent.values[:, FIRST:], sent.mask[:, FIRST:]), 10.0, draws_of_user(DRAWS, 1)).payload
    assert torch.equal(arrived.values, torch.cat([first.values, second.values], 1))
    assert torch.equal(arrived.mask, torch.cat([first.mask, second.mask], 1))


def test_users_have_independent_fades_and_noise() -> None:
    """Over 20,000 items |correlation| stays below 5 / sqrt(20000), missed once in 1.7 million."""
    air, count = FlatAirInterface(channel="rayleigh"), 20_000
    ones, no = torch.ones(count, 1, dtype=torch.complex64), torch.full((count,), 1e-9)
    heard = [
        air(ones, no, draws, num_symbols=torch.ones(count)).no_eff[:, 0] for draws in (DRAWS, draws_of_user(DRAWS, 1))
    ]
    gains = [1e-9 / h for h in heard]  # |h|^2 of perfect CSI
    assert all(abs(float(gain.mean()) - 1) < 5 / count**0.5 for gain in gains)
    assert abs(float(torch.corrcoef(torch.stack(gains))[0, 1])) < 5 / count**0.5
    seeds = {DRAWS.seed_of("noise"), *(draws_of_user(DRAWS, user).seed_of("noise") for user in (1, 2))}
    assert len(seeds) == 3


def test_each_user_radiates_unit_power_over_its_own_symbols() -> None:
    link, sent = made("awgn"), tokens()
    signal = link.encode(sent, torch.full((3,), 10.0))
    start = 5 * FIRST
    for row in range(3):
        image = signal.symbols[row, :start]
        body = signal.symbols[row, start + link.second.num_header_symbols : int(signal.num_symbols[row])]
        for part in (image, body):
            assert float(part.abs().square().mean()) == pytest.approx(1.0, rel=1e-4)


def test_decode_undoes_encode() -> None:
    link, sent = made("awgn"), tokens()
    snr_db = torch.full((3,), 60.0)
    signal = link.encode(sent, snr_db)
    received = link.air(signal.symbols, snr_db_to_no(snr_db), DRAWS, num_symbols=signal.num_symbols)
    payload, ok = link.decode(received)
    clean = link.clean(sent, 60.0)
    width = clean.values.shape[1]
    assert ok.all()
    assert torch.equal(payload.mask[:, :width], sent.mask)
    torch.testing.assert_close(payload.values[:, :width], clean.values, rtol=0.0, atol=0.05)


def test_through_another_air_moves_both() -> None:
    link, sent = made(), tokens()
    other = FlatAirInterface(channel="awgn")
    moved = link.through(other)
    assert moved.first.air is moved.second.air is moved.air is other
    assert link.first.air is link.air is not other
    assert moved.first.codec is link.first.codec
    assert not torch.equal(moved(sent, 10.0, DRAWS).payload.values, link(sent, 10.0, DRAWS).payload.values)


def test_statistics_reach_both_codecs() -> None:
    link = made()
    link.codec.fit(torch.randn(200, DIM) * 3.0 + 1.0)
    assert torch.equal(link.first.codec.mean, link.second.codec.mean)
    assert abs(float(link.first.codec.deviation.mean()) - 3.0) < 0.5


def test_the_blind_line_knows_nothing_of_either() -> None:
    link, sent = made(), tokens()
    other = Tokens(torch.where(sent.mask[..., None], sent.values.flip(2), 0.0), sent.mask)
    assert torch.equal(link.blind(sent).values, link.blind(other).values)


def test_the_signal_contract_is_kept() -> None:
    report = audit_link(made(), tokens(256), 10.0, DRAWS, 20_000)
    assert report.ok, report


def test_wrong_parts_are_refused() -> None:
    link = made()
    with pytest.raises(ValueError, match="agreed"):
        UsersLink(link.second, link.second, num_first=2)
    with pytest.raises(ValueError, match="another object"):
        UsersLink(link.first, made().second, num_first=2)
    with pytest.raises(TypeError, match="second"):
        UsersLink(link.first, torch.nn.Identity(), num_first=2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fewer than"):
        link(Tokens(torch.ones(1, 2, DIM)), 10.0, DRAWS)
