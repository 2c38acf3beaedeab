import numpy as np
import pytest
import torch

from tokencom.models.tokcom import Slide


@pytest.mark.parametrize(("total", "count"), [(1214, 64), (3137, 32), (10, 10), (7, 1), (9, 2)])
def test_even_selection_is_that_of_the_paper(total, count):
    tokens = torch.arange(float(total))[None, :, None]
    chosen = Slide(count)(tokens).flatten().tolist()
    assert chosen == [float(i * (total - 1) // max(1, count - 1)) for i in range(count)]
    assert len(set(chosen)) == count
    if count > 1:
        assert chosen[-1] == total - 1
        assert np.ptp(np.diff(chosen)) <= 1


@pytest.mark.parametrize(("total", "count", "window"), [(130, 16, None), (12, 5, 4), (8, 3, 8), (9, 9, None)])
def test_pooling_is_a_loop_over_windows(total, count, window):
    tokens = torch.randn(2, total, 3, generator=torch.Generator().manual_seed(1))
    size = window or -(-total // count)
    expected = []
    for i in range(count):
        start = i * (total - size) // max(1, count - 1)
        expected.append(tokens[:, start : start + size].mean(1))
    torch.testing.assert_close(Slide(count, kind="pool", window=window)(tokens), torch.stack(expected, 1))


def test_pooling_leaves_no_token_out():
    tokens = torch.randn(1, 130, 4, requires_grad=True)
    Slide(16, kind="pool")(tokens).sum().backward()
    assert (tokens.grad != 0).all()


@pytest.mark.parametrize(
    ("options", "total", "message"),
    [
        ({"num_tokens": 9}, 8, "num_tokens: 9 given, but the encoder makes 8"),
        ({"num_tokens": 2, "kind": "pool", "window": 9}, 8, "fewer than the window"),
        ({"num_tokens": 2, "window": 3}, 8, "'even' has none"),
        ({"num_tokens": 0}, 8, "num_tokens"),
        ({"num_tokens": 2, "kind": "pol"}, 8, "did you mean 'pool'"),
    ],
)
def test_errors(options, total, message):
    with pytest.raises(ValueError, match=message):
        Slide(**options)(torch.zeros(1, total, 2))
