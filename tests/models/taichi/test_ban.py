import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tokencom.models.taichi.ban import BilateralAttention


def network(**given):
    return BilateralAttention(
        **{"low_dim": 8, "high_dim": 5, "grid": (3, 4), "ratio": 2, "heads": 2, "seed": 1, **given}
    )


def inputs(ban, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    (h, w), m = ban.grid, ban.ratio
    low = torch.randn(batch, h * w, ban.low_norm.normalized_shape[0], generator=generator, dtype=torch.float64)
    high = torch.randn(batch, ban.cells.in_features, m * h, m * w, generator=generator, dtype=torch.float64)
    return low, high


def attend(query, keys, values, heads):
    """Softmax attention of one query over a list, head by head."""
    width = len(query) // heads
    out = []
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        scores = torch.stack([query[own] @ key[own] / math.sqrt(width) for key in keys])
        out.append(sum(s * value[own] for s, value in zip(scores.softmax(0), values, strict=True)))
    return torch.cat(out)


def by_loop(ban, low, high):
    """Equations 5 to 7, token by token and cell by cell."""
    (h, w), m, n = ban.grid, ban.ratio, ban.heads
    tokens = torch.empty_like(low)
    for item in range(len(low)):
        t = {(r, c): low[item, r * w + c] for r in range(h) for c in range(w)}
        normed = {place: ban.low_norm(token) for place, token in t.items()}
        for r in range(h):
            for c in range(w):
                places = [(r * m + i, c * m + j) for i in range(m) for j in range(m)]
                cells = [ban.cells(high[item, :, y, x]) for y, x in places]
                sharp = [ban.high_norm(cell) for cell in cells]
                down = attend(
                    ban.down_query(normed[r, c]),
                    [ban.down_key(s) for s in sharp],
                    [ban.down_value(s) for s in sharp],
                    n,
                )
                detail = torch.zeros_like(down)
                for cell, s in zip(cells, sharp, strict=True):
                    reach = ban.window // 2
                    near = [(a, b) for a in range(r - reach, r + reach + 1) for b in range(c - reach, c + reach + 1)]
                    near = [place for place in near if place in normed]
                    values = [ban.up_value(normed[place]) for place in near]
                    if ban.window == 1:
                        up = values[0]
                    else:
                        up = attend(ban.up_query(s), [ban.up_key(normed[place]) for place in near], values, n)
                    detail = detail + (cell + ban.up_out(up)) / m**2
                tokens[item, r * w + c] = t[r, c] + ban.down_out(down) + detail
    return tokens


@pytest.mark.parametrize(("window", "ratio"), [(1, 2), (3, 2), (3, 3), (5, 1)])
def test_equals_a_loop_written_from_the_equations(window, ratio):
    ban = network(window=window, ratio=ratio).double()
    low, high = inputs(ban)
    with torch.no_grad():
        torch.testing.assert_close(ban(low, high), by_loop(ban, low, high), atol=1e-10, rtol=0)


def test_pooling_averages_neighbours():
    ban, pooled = network(grid=(4, 4)).double(), network(grid=(4, 4), pooling=2).double()
    low, high = inputs(ban)
    with torch.no_grad():
        whole = ban(low, high).unflatten(1, (4, 4))
        expected = torch.stack(
            [whole[:, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean((1, 2)) for r in (0, 1) for c in (0, 1)], 1
        )
        torch.testing.assert_close(pooled(low, high), expected)
    assert pooled.num_tokens == 4


def test_a_token_sees_only_its_own_cells():
    ban = network().double()
    low, high = inputs(ban)
    other = high.clone()
    other[:, :, 2:4, 4:6] += 1.0  # those of the token in row 1, column 2
    with torch.no_grad():
        changed = (ban(low, high) - ban(low, other)).abs().amax((0, 2)) > 1e-9
    assert changed.nonzero().flatten().tolist() == [1 * 4 + 2]


def test_dense_variant_sees_everything():
    ban = network(variant="dense").double()
    low, high = inputs(ban)
    other = high.clone()
    other[:, :, 2:4, 4:6] += 1.0
    with torch.no_grad():
        changed = (ban(low, high) - ban(low, other)).abs().amax((0, 2)) > 1e-9
    assert changed.all()


@pytest.mark.parametrize("window", [1, 3])
def test_cost_is_linear_in_cells(window):
    def flops(side, variant):
        ban = BilateralAttention(
            low_dim=32, high_dim=16, grid=(side, side), ratio=2, window=window, variant=variant, seed=0
        )
        low, high = torch.zeros(1, side * side, 32), torch.zeros(1, 16, 2 * side, 2 * side)
        with FlopCounterMode(display=False) as counter:
            ban(low, high)
        return counter.get_total_flops()

    assert flops(16, "local") / flops(8, "local") <= 4.4
    assert flops(16, "dense") / flops(8, "dense") > 8


def test_variants_have_matched_parameters():
    def count(variant, window):
        ban = BilateralAttention(low_dim=128, high_dim=64, grid=(8, 8), window=window, variant=variant)
        return sum(p.numel() for p in ban.parameters())

    assert abs(count("none", 1) / count("local", 1) - 1) < 0.01
    assert abs(count("none", 3) / count("local", 3) - 1) < 0.01
    assert count("dense", 3) == count("local", 3)


@pytest.mark.parametrize("variant", ["local", "dense", "none"])
def test_every_parameter_gets_a_gradient(variant):
    ban = network(variant=variant, window=3).double()
    ban(*inputs(ban)).square().sum().backward()
    idle = [name for name, p in ban.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    # A bias of keys shifts all scores of a query alike; without attention, tokens are not normalised.
    assert [name for name in idle if "key.bias" not in name and not (variant == "none" and "low_norm" in name)] == []


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="window: 2 given"):
        network(window=2)
    with pytest.raises(ValueError, match="pooling: 2 given"):
        network(pooling=2)
    with pytest.raises(ValueError, match="heads: 3 given"):
        network(heads=3)
    ban = network().double()
    low, high = inputs(ban)
    with pytest.raises(ValueError, match="6 x 8 cells are needed"):
        ban(low, high[:, :, :4])
