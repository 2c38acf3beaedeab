import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from tokencom.models.unitocom.diffusion import DiffusionHead, Sampler

POINTS = 1.3 * torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
SPREAD = torch.tensor([0.2, 0.1])
DEVIATION = (1.3**2 / 2 + SPREAD.square()).sqrt()


def mixture(count, generator):
    """Four Gaussians around the origin, with unit deviation along both axes."""
    place = torch.randint(4, (count,), generator=generator)
    return (POINTS[place] + SPREAD * torch.randn(count, 2, generator=generator)) / DEVIATION


def sliced(one, two, directions=32):
    """Sliced Wasserstein-1 distance."""
    angles = np.pi * np.arange(directions) / directions
    lines = np.stack([np.cos(angles), np.sin(angles)])
    pairs = zip((one.numpy() @ lines).T, (two.numpy() @ lines).T, strict=True)
    return np.mean([wasserstein_distance(a, b) for a, b in pairs])


def trained(prediction, *, steps, batch, hidden):
    head = DiffusionHead(dim=2, condition_dim=4, hidden=hidden, prediction=prediction, dropout=0.0, seed=1).train()
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        head.loss(torch.zeros(batch, 4), mixture(batch, generator), generator).backward()
        optimizer.step()
        schedule.step()
    return head.eval()


def drawn(head, count, **how):
    sampler = Sampler(prediction=head.prediction, **how)
    return sampler(head, torch.zeros(count, 4), torch.Generator().manual_seed(3))


def test_learns_a_mixture():
    # Two sets of 4,000 samples of the mixture itself are 0.02 to 0.04 apart; one Gaussian is 0.26 from it.
    head = trained("v_prediction", steps=250, batch=128, hidden=48)
    wanted = mixture(4000, torch.Generator().manual_seed(9))
    assert sliced(torch.randn(4000, 2, generator=torch.Generator().manual_seed(1)), wanted) > 0.15
    assert sliced(drawn(head, 4000), wanted) < 0.1


@pytest.mark.verify
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_fits_a_mixture(prediction):
    head = trained(prediction, steps=1000, batch=256, hidden=64)
    wanted = mixture(20_000, torch.Generator().manual_seed(9))
    for scheduler in ("DPMSolverMultistepScheduler", "DDIMScheduler"):
        assert sliced(drawn(head, 20_000, scheduler=scheduler, num_steps=20), wanted) < 0.05


def looped(head, condition, tokens, seed):
    """The loss, written as a loop over draws, with the schedule in closed form."""
    generator = torch.Generator().manual_seed(seed)
    count = len(tokens) * head.num_draws
    steps = torch.randint(1000, (count,), generator=generator)
    noise = torch.randn(count, tokens.shape[1], generator=generator)
    time = torch.arange(1001, dtype=torch.float64) / 1000
    share = torch.cos((time + 0.008) / 1.008 * torch.pi / 2) ** 2
    kept = (share[1:] / share[:-1]).clamp_min(1 - 0.999).cumprod(0)
    total = 0.0
    for place in range(count):
        item = place % len(tokens)
        power = float(kept[steps[place]])
        noisy = power**0.5 * tokens[item] + (1 - power) ** 0.5 * noise[place]
        wanted = noise[place]
        if head.prediction == "v_prediction":
            wanted = power**0.5 * noise[place] - (1 - power) ** 0.5 * tokens[item]
        found = head(noisy[None], steps[place][None], condition[item][None])[0]
        total += float((found - wanted).square().mean().detach()) / count
    return total


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_loss_is_that_of_the_equation(prediction):
    head = DiffusionHead(dim=3, condition_dim=4, hidden=16, prediction=prediction, seed=0).eval()
    torch.nn.init.normal_(head.leave.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.normal_(head.last.weight, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    condition, tokens = torch.randn(5, 4, generator=generator), torch.randn(5, 3, generator=generator)
    found = head.loss(condition, tokens, torch.Generator().manual_seed(7))
    assert float(found.detach()) == pytest.approx(looped(head, condition, tokens, 7), rel=1e-4)


def test_begins_as_a_constant_and_drops_conditions_in_training_only():
    head = DiffusionHead(dim=3, condition_dim=4, hidden=16, dropout=1.0)
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(5, 3, generator=generator)
    assert not head(tokens, torch.arange(5), torch.ones(5, 4)).any()
    torch.nn.init.normal_(head.leave.weight, generator=generator)
    torch.nn.init.normal_(head.last.weight, generator=generator)
    losses = {}
    for training in (True, False):
        head.train(training)
        for value in (0.0, 1.0):
            loss = head.loss(torch.full((5, 4), value), tokens, torch.Generator().manual_seed(1))
            losses[training, value] = float(loss.detach())
    assert losses[True, 0.0] == losses[True, 1.0]
    assert losses[False, 0.0] != losses[False, 1.0]


def test_guidance_is_between_and_beyond_the_two_predictions():
    head = DiffusionHead(dim=2, condition_dim=4, hidden=16, prediction="v_prediction")
    for layer in (head.leave, head.last):
        torch.nn.init.normal_(layer.weight, std=0.3, generator=torch.Generator().manual_seed(4))
    condition = torch.randn(3, 4, generator=torch.Generator().manual_seed(5))
    how = {"prediction": "v_prediction", "scheduler": "DDIMScheduler", "num_steps": 1}
    found = {
        weight: Sampler(guidance=weight, **how)(head, condition, torch.Generator().manual_seed(6))
        for weight in (0.0, 1.0, 3.0)
    }
    without = Sampler(**how)(head, head.without(3), torch.Generator().manual_seed(6))
    assert torch.allclose(found[0.0], without, atol=1e-6)
    # One DDIM step is linear in the prediction.
    assert torch.allclose(found[3.0], found[0.0] + 3 * (found[1.0] - found[0.0]), atol=1e-5)
    assert not torch.allclose(found[1.0], found[3.0], atol=1e-2)


def test_a_token_does_not_depend_on_the_batch():
    head = DiffusionHead(dim=2, condition_dim=4, hidden=16)
    torch.nn.init.normal_(head.leave.weight, std=0.3, generator=torch.Generator().manual_seed(4))
    sampler = Sampler(scheduler="DDPMScheduler", num_steps=4)
    condition = torch.randn(3, 4, generator=torch.Generator().manual_seed(5))
    seeds = [torch.Generator().manual_seed(seed) for seed in range(3)]
    together = sampler(head, condition, seeds)
    alone = sampler(head, condition[1:2], [torch.Generator().manual_seed(1)])
    assert torch.allclose(together[1:2], alone, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scheduler": "DPMSolverScheduler"}, "none of diffusers; did you mean"),
        ({"scheduler": "FlowMatchEulerDiscreteScheduler"}, "no prediction_type.*'v_prediction'"),
        ({"scheduler": "UnCLIPScheduler"}, "UnCLIPScheduler"),
        ({"num_steps": 0}, "num_steps: 0"),
    ],
)
def test_what_cannot_sample_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Sampler(prediction="v_prediction", **given)


def test_a_head_of_another_prediction_is_refused():
    head = DiffusionHead(dim=2, condition_dim=4, hidden=16, prediction="v_prediction")
    with pytest.raises(ValueError, match="predicts 'v_prediction', but the sampler is for 'epsilon'"):
        Sampler()(head, torch.zeros(1, 4), torch.Generator())
    with pytest.raises(ValueError, match="prediction: 'x' is not known"):
        DiffusionHead(dim=2, condition_dim=4, prediction="x")
