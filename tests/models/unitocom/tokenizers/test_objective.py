"""Rate and distortion of the tokenizers against closed forms, and against loops written from the equations."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch.distributions import Normal, kl_divergence

from tokencom.models.unitocom.tokenizers import Posterior, Tokenizer, TokenizerConfig, build_tokenizer, diagnose
from tokencom.models.unitocom.tokenizers.diagnostics import _capacity, rate_distortion, rate_nats
from tokencom.models.unitocom.tokenizers.posterior import drawn_deviation, noise

SMALL = {"modality": "image", "hidden": 16, "num_layers": 1, "num_heads": 2, "num_tokens": 4, "dim": 3,
         "image_size": 16, "patch_size": 4}  # fmt: skip


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(**changes) -> Tokenizer:
    return build_tokenizer(TokenizerConfig(**{**SMALL, **changes}))


def pictures(count: int = 5) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=seeded(2)) * 2 - 1


class Linear(Tokenizer):
    """A tokenizer of vectors [batch, 6], whose expected loss has a closed form."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__(config)
        out = config.num_tokens * config.dim
        self.into = torch.nn.Parameter(torch.randn(out, 6, generator=seeded(3)))
        self.back = torch.nn.Parameter(0.5 * torch.randn(6, out, generator=seeded(4)))
        self.spread = torch.nn.Parameter(0.3 * torch.randn(out, 6, generator=seeded(5)))

    def collate(self, contents):
        return torch.stack(contents)

    def posterior(self, inputs):
        shape = (self.num_tokens, self.dim)
        mean = (inputs @ self.into.T).unflatten(1, shape)
        return Posterior(mean, (inputs @ self.spread.T).unflatten(1, shape) if self.config.learned_variance else None)

    def decode(self, tokens):
        return tokens.flatten(1) @ self.back.T

    def distortion(self, inputs, reconstruction):
        return (inputs - reconstruction).square().mean(1)

    def contents(self, reconstruction):
        return list(reconstruction)

    def expected(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the loss with the expectation over the noise taken by hand."""
        config, posterior = self.config, self.posterior(inputs)
        clean = self.distortion(inputs, self.decode(posterior.mean)).mean()
        # E|A (σ ⊙ ε)|² = Σ_j |a_j|² E σ_j², and E σ² = C_σ, one σ for all reals or one each.
        if posterior.log_variance is None:
            variance = torch.full_like(posterior.mean, config.c_sigma)
        else:
            variance = posterior.log_variance.exp()
        noisy = (variance.flatten(1) @ self.back.square().sum(0)).mean() / 6
        rate = posterior.kl().sum() / posterior.mean.numel()
        return clean + (1 - config.share) * noisy + config.xi * rate


KINDS = {
    "per item": {"kind": "sigma_genib", "lam": 0.3, "num_samples": 3},
    "per dimension": {"kind": "sigma_genib", "lam": 0.0, "num_samples": 2, "per_dimension": True},
    "genib": {"kind": "genib", "num_samples": 4},
    "vae": {"kind": "vae"},
}


def test_rate_with_a_learned_variance_is_the_divergence_of_two_normal_distributions():
    mean, log_variance = torch.randn(2, 4, 3, 5, generator=seeded()).double()
    found = Posterior(mean, log_variance).kl()
    torch.testing.assert_close(found, kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)))


def test_rate_with_a_drawn_deviation_is_the_divergence_but_for_what_no_encoder_changes():
    first, second = torch.randn(2, 4, 3, 5, generator=seeded()).double()
    for deviation in (0.1, 0.7, 3.0):
        wanted = kl_divergence(Normal(first, deviation), Normal(0.0, 1.0)) - kl_divergence(
            Normal(second, deviation), Normal(0.0, 1.0)
        )
        torch.testing.assert_close(Posterior(first).kl() - Posterior(second).kl(), wanted)
    assert Posterior(torch.zeros(1, 1, 1)).kl() == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channel", [False, True], ids=["alone", "channel in the loop"])
def test_the_loss_is_a_loop_over_items_and_samples(kind, channel):
    tokenizer, x = small(**KINDS[kind], xi=0.2), pictures()
    config = tokenizer.config
    received = (lambda t: 0.5 * t + 0.1) if channel else (lambda t: t)
    found = tokenizer.losses(x, seeded(), received if channel else None)
    posterior, generator = tokenizer.posterior(x), seeded()
    samples = []
    for _ in range(config.num_samples):
        if config.learned_variance:
            sigma = posterior.log_variance.exp().sqrt()
        else:
            sigma = drawn_deviation(posterior.mean, config.c_sigma, generator, per_dimension=config.per_dimension)
        samples.append(posterior.mean + sigma * noise(posterior.mean, generator))
    distortion, rate = 0.0, 0.0
    for item in range(len(x)):
        clean = (x[item] - tokenizer.decode(received(posterior.mean[item : item + 1]))[0]).square().mean()
        noisy = sum(
            (x[item] - tokenizer.decode(received(sample[item : item + 1]))[0]).square().mean() for sample in samples
        )
        distortion += (config.share * clean + (1 - config.share) / config.num_samples * noisy) / len(x)
        for token in range(4):
            for real in range(3):
                mu = posterior.mean[item, token, real]
                rate += 0.5 * mu**2 / (len(x) * 12)
                if config.learned_variance:
                    v = posterior.log_variance[item, token, real].exp()
                    rate += 0.5 * (v - 1 - v.log()) / (len(x) * 12)
    for name, value in {"distortion": distortion, "rate": rate, "tokenizer": distortion + 0.2 * rate}.items():
        torch.testing.assert_close(found[name], torch.as_tensor(value), atol=1e-5, rtol=1e-4, msg=name)


def test_the_channel_meets_the_mean_first_and_then_every_sample():
    tokenizer, seen = small(kind="sigma_genib", lam=0.5, num_samples=3), []
    x = pictures()
    tokenizer.losses(x, seeded(), lambda t: (seen.append(t), t)[1])
    assert len(seen) == 4
    assert torch.equal(seen[0], tokenizer.encode(x))
    assert len({t.sum().item() for t in seen}) == 4
    with pytest.raises(ValueError, match=r"received: shape \[5, 2, 3\] given, \[5, 4, 3\] expected"):
        tokenizer.losses(x, seeded(), lambda t: t[:, :2])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_with_samples_are_unbiased(kind):
    """Means of 1500 gradients along 8 directions; all within 5.5 deviations but with probability 4e-7 (normal)."""
    tokenizer = Linear(TokenizerConfig(**{**SMALL, **KINDS[kind], "num_tokens": 1, "xi": 0.1})).double()
    x = torch.randn(3, 6, generator=seeded(6)).double()
    parameters = [tokenizer.into, tokenizer.back] + ([tokenizer.spread] if tokenizer.config.learned_variance else [])

    def gradient(loss):
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])

    wanted = gradient(tokenizer.expected(x))
    directions = torch.randn(len(wanted), 8, generator=seeded(7)).double()
    generator = seeded(8)
    found = torch.stack([gradient(tokenizer.losses(x, generator)["tokenizer"]) @ directions for _ in range(1500)])
    apart = (found.mean(0) - wanted @ directions).abs() / (found.std(0) / math.sqrt(len(found)))
    assert float(apart.max()) < 5.5
    assert float(found.std(0).min()) > 1e-3


def test_an_autoencoder_has_neither_noise_nor_rate():
    tokenizer, x = small(kind="ae"), pictures()
    found = tokenizer.losses(x, seeded())
    clean = (x - tokenizer.decode(tokenizer.encode(x))).square().mean()
    torch.testing.assert_close(found["tokenizer"], clean)
    assert found["rate"] == 0
    assert torch.equal(tokenizer.sample(tokenizer.encode(x), seeded()), tokenizer.encode(x))


def test_one_deviation_an_item_or_one_for_every_real():
    """Squared deviations: mean C_σ within 6 standard errors, √(2 / n) of it; false alarm below 1e-8."""
    mean = torch.zeros(4000, 4, 3)
    one = drawn_deviation(mean, 0.25, seeded(), per_dimension=False)
    each = drawn_deviation(mean, 0.25, seeded(), per_dimension=True)
    assert one.shape == (4000, 1, 1)
    assert each.shape == mean.shape
    for drawn in (one, each):
        assert abs(float(drawn.square().mean()) / 0.25 - 1) < 6 * math.sqrt(2 / drawn.numel())
        assert (drawn < 0).any()


def test_a_learned_variance_is_not_forgotten():
    tokenizer = small(kind="genib")
    with pytest.raises(ValueError, match="μ alone given; kind 'genib' learns its variance"):
        tokenizer.sample(tokenizer.encode(pictures()), seeded())


def test_capacity_is_its_integral():
    for ratio in (0.0, 1e-3, 0.3, 5.0, 1e3):
        density = lambda s: 2 * math.exp(-0.5 * s * s) / math.sqrt(2 * math.pi)  # noqa: E731
        wanted = sum(
            quad(lambda s: 0.5 * math.log1p(ratio / s**2) * density(s), *ends, limit=200)[0]  # noqa: B023
            for ends in ((0, 0.01), (0.01, 1), (1, 40))
        )
        assert _capacity(ratio) == pytest.approx(wanted, abs=2e-6)


def test_diagnosis_sees_collapse_and_what_is_active():
    mean = torch.zeros(50, 4, 3)
    mean[:, :, 0] = torch.randn(50, 4, generator=seeded())
    tokenizer = small(kind="vae")
    tokenizer.posterior = lambda inputs: Posterior(mean, torch.full_like(mean, math.log(1e-4)))
    found = diagnose(tokenizer, pictures(50))
    assert (found.active_units, found.num_units) == (4, 12)
    np.testing.assert_allclose(found.signal, np.var(mean.numpy(), axis=0, ddof=1), rtol=1e-5)
    np.testing.assert_allclose(found.noise, 1e-4, rtol=1e-5)
    np.testing.assert_allclose(found.dimension_variance, (found.signal + 1e-4).mean(0), rtol=1e-5)
    assert found.rate_nats == pytest.approx(
        float(kl_divergence(Normal(mean, 0.01), Normal(0.0, 1.0)).sum((1, 2)).mean()), rel=1e-5
    )


def test_rates_without_an_encoder_that_learns_them():
    x = pictures()
    assert rate_nats(TokenizerConfig(**SMALL, kind="ae"), small(kind="ae").posterior(x)) == math.inf
    rates = [
        rate_nats(TokenizerConfig(**SMALL, c_sigma=c), Posterior(torch.randn(99, 4, 3, generator=seeded())))
        for c in (1.0, 0.1)
    ]
    assert 0 < rates[0] < rates[1] < math.inf


def test_points_are_in_order_of_their_rate():
    tokenizers = [small(kind="genib", xi=xi, seed=seed) for seed, xi in enumerate((0.1, 0.5, 0.2))]
    points = rate_distortion(tokenizers, pictures(), seeded())
    assert [p.rate_nats for p in points] == sorted(p.rate_nats for p in points)
    assert {p.xi for p in points} == {0.1, 0.5, 0.2}
    assert all(p.distortion > 0 for p in points)
