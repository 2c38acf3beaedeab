"""The bridge around a link: checks, precision, what is sent."""

import pytest
import torch
from torch import nn

from tokencom.linklevel.draws import Draws
from tokencom.linklevel.tokens import Tokens
from tokencom.models.bridge import TokenBridge

DRAWS = Draws(seed=1)


def tokens(dtype=torch.float32, scale=1.0):
    values = scale * torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[True] * 5, [True, True, False, False, True]])
    return Tokens(values.to(dtype), mask)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_values_come_back_in_their_dtype(links, dtype):
    link = links["ideal"]()
    received = TokenBridge(link)(tokens(dtype), 10.0, DRAWS).payload
    sent = tokens(dtype)
    assert received.values.dtype == dtype
    assert torch.equal(received.values[sent.mask], sent.values[sent.mask])
    assert link.calls[0][0].values.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_the_link_computes_in_the_precision_of_its_parameters(links):
    link = links["ideal"]()
    link.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    assert TokenBridge(link)(tokens(), 10.0, DRAWS).payload.values.dtype == torch.float32
    assert link.calls[0][0].values.dtype == torch.float64


def test_padding_is_not_sent_whatever_it_holds(links):
    link, padded = links["noisy"](), tokens()
    padded.values[~padded.mask] = float("nan")
    received = TokenBridge(link)(padded, 10.0, DRAWS).payload.values
    assert not received[~padded.mask].any()
    assert not link.calls[0][0].values[~padded.mask].any()
    assert torch.isfinite(received).all()


def test_a_width_the_link_cannot_carry_is_refused(links):
    link = links["ideal"]()
    link.dim = 8
    with pytest.raises(ValueError, match=r"cut 'here': tokens are 6 wide, but Ideal carries tokens of width 8"):
        TokenBridge(link)(tokens(), 10.0, DRAWS, where="cut 'here'")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_tokens_that_are_not_finite_are_refused(links, bad):
    broken = tokens()
    broken.values[0, 2, 3] = bad
    with pytest.raises(ValueError, match="1 elements of the tokens to send are NaN or infinite"):
        TokenBridge(links["ideal"]())(broken, 10.0, DRAWS)


def test_half_precision_overflow_is_refused(links):
    class Loud(links["ideal"]):
        def deliver(self, tokens, draws):
            return 1e6 * tokens.values

    with pytest.raises(ValueError, match=r"half-precision overflow: .* does not fit torch.float16"):
        TokenBridge(Loud())(tokens(torch.float16), 10.0, DRAWS)
    assert torch.isfinite(TokenBridge(Loud())(tokens(torch.bfloat16), 10.0, DRAWS).payload.values).all()


def test_a_link_for_other_payloads_is_refused():
    class Bytes(nn.Module):
        def forward(self, payload, snr_db, draws):
            return None

    with pytest.raises(TypeError, match="Bytes returned NoneType"):
        TokenBridge(Bytes())(tokens(), 10.0, DRAWS)
    with pytest.raises(TypeError, match="link: int given"):
        TokenBridge(3)


def test_messages_of_the_link_say_where(links):
    class Picky(links["ideal"]):
        def deliver(self, tokens, draws):
            raise ValueError("num_symbols: too many")

    with pytest.raises(ValueError, match="too many") as caught:
        TokenBridge(Picky())(tokens(), 10.0, DRAWS, where="'model.x'")
    assert "crossed the link at 'model.x'" in caught.value.__notes__[0]
