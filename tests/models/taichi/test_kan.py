import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from tokencom.models.taichi.kan import KANLayer
from tokencom.models.taichi.projectors import KANProjector, projector


def by_hand(layer, x):
    """Equations 8 to 10 edge by edge, with scipy's splines."""
    x = x.detach().numpy()
    y = np.zeros((len(x), layer.out_features))
    for i in range(layer.in_features):
        knots = layer.knots[i].double().numpy()
        for j in range(layer.out_features):
            coefficients = layer.coefficients[j, i].detach().double().numpy()
            spline = BSpline(knots, coefficients, layer.order, extrapolate=False)
            # Between the outer knots scipy has no value; the basis functions that there are fade out.
            inner = np.concatenate([knots[:1].repeat(layer.order + 1), knots, knots[-1:].repeat(layer.order + 1)])
            padded = np.concatenate([np.zeros(layer.order + 1), coefficients, np.zeros(layer.order + 1)])
            inside = np.nan_to_num(spline(x[:, i]))
            whole = np.nan_to_num(BSpline(inner, padded, layer.order, extrapolate=False)(x[:, i]))
            grid = (x[:, i] >= knots[layer.order]) & (x[:, i] < knots[-layer.order - 1])
            np.testing.assert_allclose(inside[grid], whole[grid], atol=1e-12)
            silu = x[:, i] / (1 + np.exp(-x[:, i]))
            w_b, w_s = layer.base_weight[j, i].item(), layer.spline_weight[j, i].item()
            y[:, j] += w_b * silu + w_s * whole
    return y


@pytest.mark.parametrize(("grid_size", "order"), [(5, 3), (1, 0), (4, 1), (3, 2), (8, 5)])
def test_layer_equals_scipy_splines_edge_by_edge(grid_size, order):
    layer = KANLayer(3, 2, grid_size=grid_size, order=order, seed=1).double()
    with torch.no_grad():
        layer.coefficients.normal_(generator=torch.Generator().manual_seed(2))
    x = torch.linspace(-2.5, 2.5, 101, dtype=torch.float64)[:, None] * torch.tensor(
        [1.0, 0.7, -0.3], dtype=torch.float64
    )
    np.testing.assert_allclose(layer(x).detach().numpy(), by_hand(layer, x), atol=1e-10)


def test_bases_sum_to_one_on_the_grid_and_only_silu_acts_beyond():
    layer = KANLayer(2, 3, seed=0)
    x = torch.linspace(-1, 0.999, 57)[:, None].expand(-1, 2)
    torch.testing.assert_close(layer.bases(x).sum(-1), torch.ones(57, 2))
    far = torch.full((1, 2), 9.0)
    expected = torch.nn.functional.silu(far) @ layer.base_weight.T
    torch.testing.assert_close(layer(far), expected)


def test_parameters_per_edge():
    layer = KANLayer(7, 11, grid_size=5, order=3)
    assert sum(p.numel() for p in layer.parameters()) == 7 * 11 * 10


def test_gradients_are_right():
    layer = KANLayer(2, 2, grid_size=3, order=3, seed=3).double()
    x = torch.tensor([[0.11, -0.53], [0.37, 0.91]], dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def run(x, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), x)

    assert torch.autograd.gradcheck(run, (x, *layer.parameters()))


def test_a_finer_grid_keeps_any_function():
    layer = KANLayer(3, 4, grid_size=4, order=3, seed=4)
    with torch.no_grad():
        layer.coefficients.normal_(generator=torch.Generator().manual_seed(5))
        layer.spline_weight.fill_(0.3)
    ends = 1 - 2e-6
    samples = torch.linspace(-ends, ends, 400)[:, None].expand(-1, 3)
    before = layer(samples)
    layer.update_grid(samples, grid_size=8, uniform=1.0)
    assert layer.coefficients.shape == (4, 3, 11)
    torch.testing.assert_close(layer(samples), before, atol=1e-4, rtol=0)


def test_moving_the_grid_to_the_samples_keeps_a_smooth_function_and_does_not_scale_it_twice():
    layer = KANLayer(2, 3, grid_size=6, order=3, grid_range=(-4.0, 4.0), seed=6)
    generator = torch.Generator().manual_seed(7)
    # Products of three neighbouring knots are the coefficients of x³, which any grid can have.
    cubic = torch.stack([knots.unfold(0, 3, 1).prod(-1) for knots in layer.knots[:, 1:-1]])
    slopes = torch.randn(3, 2, 1, generator=generator)
    with torch.no_grad():
        layer.coefficients.copy_(slopes * cubic)
        layer.spline_weight.fill_(0.25)
    samples = 0.8 * torch.randn(500, 2, generator=generator).clamp(-3, 3)
    before, old = layer(samples), layer.knots.clone()
    layer.update_grid(samples)
    assert not torch.allclose(layer.knots, old)
    assert (layer.knots.diff(dim=1) > 0).all()
    torch.testing.assert_close(layer(samples), before, atol=1e-4, rtol=0)
    # The grid now ends where the samples do.
    assert float(layer.knots[:, 3].min()) >= float(samples.min()) - 0.1


def test_repeated_samples_give_a_grid_that_still_rises():
    layer = KANLayer(1, 1, grid_size=5)
    layer.update_grid(torch.cat([torch.zeros(80, 1), torch.linspace(-1, 1, 20)[:, None]]))
    assert (layer.knots.diff(dim=1) > 0).all()
    assert layer(torch.zeros(1, 1)).isfinite().all()


def test_projector_update_keeps_the_function_on_a_finer_grid():
    net = KANProjector(8, 6, hidden=4, grid_size=3, seed=8)
    samples = torch.randn(600, 8, generator=torch.Generator().manual_seed(9))
    before = net(samples)
    net.update_grid(samples, grid_size=40)
    assert (net(samples) - before).abs().max() < 0.05 * before.std()


def test_projectors_have_equal_parameters():
    sizes = {kind: sum(p.numel() for p in projector(kind, 128, 128, hidden=32).parameters()) for kind in ("kan", "mlp")}
    assert abs(sizes["mlp"] / sizes["kan"] - 1) < 0.01


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="grid_range"):
        KANLayer(2, 2, grid_range=(1.0, -1.0))
    with pytest.raises(ValueError, match="grid_size"):
        KANLayer(2, 2, grid_size=0)
    with pytest.raises(ValueError, match="projector"):
        projector("cnn", 2, 2, hidden=2)
    layer = KANLayer(2, 2)
    with pytest.raises(ValueError, match=r"x: \[3, 5\] given"):
        layer(torch.zeros(3, 5))
    with pytest.raises(ValueError, match="number of samples"):
        layer.update_grid(torch.zeros(4, 2))
