"""Swin blocks against a loop over positions, and the shapes of SwinJSCC."""

import pytest
import torch

from tokencom.linklevel.jscc import DeepJSCC, SwinJSCC
from tokencom.linklevel.jscc.gdn import GDN
from tokencom.linklevel.jscc.swin import PatchMerging, PatchSplitting, WindowAttention
from tokencom.linklevel.jscc.swinjscc import PRESETS


def naive(attention: WindowAttention, x: torch.Tensor) -> torch.Tensor:
    """Attend position by position, with windows found by arithmetic."""
    (height, width), w, shift, heads = attention.grid, attention.window, attention.shift, attention.heads
    result = torch.zeros_like(x)

    def window(place, side):
        """Return the window of a place, and whether the wrap-around brought it there."""
        moved = (place - shift) % side
        return moved // w, moved % w, place < shift

    for row in range(height):
        for column in range(width):
            mine = window(row, height), window(column, width)
            others = [
                (r, c)
                for r in range(height)
                for c in range(width)
                if (o := (window(r, height), window(c, width)))[0][0] == mine[0][0]
                and o[1][0] == mine[1][0]
                and (o[0][2], o[1][2]) == (mine[0][2], mine[1][2])
            ]
            q, _, _ = attention.qkv(x[:, row, column]).unflatten(-1, (3, heads, -1)).unbind(1)
            scores, values = [], []
            for r, c in others:
                _, k, v = attention.qkv(x[:, r, c]).unflatten(-1, (3, heads, -1)).unbind(1)
                down, right = mine[0][1] - window(r, height)[1], mine[1][1] - window(c, width)[1]
                bias = attention.bias[:, (down + w - 1) * (2 * w - 1) + right + w - 1]
                scores.append((q * k).sum(-1) / q.shape[-1] ** 0.5 + bias)
                values.append(v)
            share = torch.stack(scores).softmax(0)[..., None]
            result[:, row, column] = attention.out((share * torch.stack(values)).sum(0).flatten(1))
    return result


@pytest.mark.parametrize(
    ("grid", "window", "shift"), [((4, 6), 2, 0), ((4, 6), 2, 1), ((6, 6), 3, 1), ((8, 4), 4, 2), ((8, 8), 4, 2)]
)
def test_window_attention_equals_a_loop(grid, window, shift):
    torch.manual_seed(1)
    attention = WindowAttention(8, heads=2, grid=grid, window=window, shift=shift).double()
    x = torch.randn(2, *grid, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(attention(x), naive(attention, x), atol=1e-12, rtol=1e-10)


def test_a_window_that_is_too_large_covers_the_picture():
    attention = WindowAttention(8, heads=2, grid=(4, 4), window=8, shift=4)
    assert (attention.window, attention.shift) == (4, 0)
    with pytest.raises(ValueError, match="window: 8 given; it must divide"):
        WindowAttention(8, heads=2, grid=(12, 12), window=8, shift=0)
    with pytest.raises(ValueError, match="heads: 3 given; it must divide the width 8"):
        WindowAttention(8, heads=3, grid=(4, 4), window=2, shift=0)


def test_merging_and_splitting_keep_neighbours_together():
    x = torch.arange(4 * 6.0).reshape(1, 4, 6, 1)
    merge = PatchMerging(1, 4)
    merge.norm, merge.reduce = torch.nn.Identity(), torch.nn.Identity()
    assert merge(x)[0, 0, 1].tolist() == [2.0, 3.0, 8.0, 9.0]
    split = PatchSplitting(4, 1)
    split.norm, split.expand = torch.nn.Identity(), torch.nn.Identity()
    assert torch.equal(split(merge(x)), x)


@pytest.mark.parametrize(
    "preset",
    ["cifar", "small", pytest.param("base", marks=pytest.mark.verify), pytest.param("large", marks=pytest.mark.verify)],
)
def test_presets_have_the_sizes_of_the_paper(preset):
    side = 32 if preset == "cifar" else 256
    with torch.device("meta"):
        codec = SwinJSCC(size=(side, side), channels=96, preset=preset)
    stages = len(PRESETS[preset]["embed"])
    assert codec.num_tokens == (side >> stages) ** 2
    # cbr = C / (6 · 4^stages)
    assert codec.num_tokens * codec.symbols_per_token * 6 * 4**stages == 96 * 3 * side**2
    blocks = [m for m in codec.encoder.modules() if type(m).__name__ == "SwinBlock"]
    assert len(blocks) == sum(PRESETS[preset]["depths"])


def test_gdn_is_its_equation():
    torch.manual_seed(1)
    gdn, inverse, x = GDN(3), GDN(3, inverse=True), torch.randn(2, 3, 4, 5)
    for module in (gdn, inverse):
        torch.nn.init.normal_(module.gamma)
    root = (
        gdn.beta.square()[:, None, None] + 1e-6 + torch.einsum("ij,bjhw->bihw", gdn.gamma.square(), x.square())
    ).sqrt()
    torch.testing.assert_close(gdn(x), x / root)
    inverse.load_state_dict(gdn.state_dict())
    torch.testing.assert_close(inverse(x), x * root)


def test_deepjscc_has_the_layers_of_the_paper():
    codec = DeepJSCC(size=(32, 32), channels=16, reliability=False)
    assert [tuple(layer.weight.shape[:2]) for layer in codec.encoder] == [
        (16, 3),
        (32, 16),
        (32, 32),
        (32, 32),
        (16, 32),
    ]
    assert [layer.weight.shape[1] for layer in codec.decoder] == [32, 32, 32, 16, 3]
    with pytest.raises(ValueError, match="channels: 7 given; two reals make a symbol, so 6 or 8"):
        DeepJSCC(size=(32, 32), channels=7)
