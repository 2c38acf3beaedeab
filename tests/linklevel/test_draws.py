"""Random streams: independent, repeatable, and where they are meant to be shared, shared."""

import numpy as np
import pytest
import torch
from scipy import stats

from tokencom.linklevel.draws import STREAMS, Draws, ambient_draws


def test_streams_points_and_batches_differ():
    seeds = {
        Draws(seed, point, batch).seed_of(stream, index)
        for seed in (1, 2)
        for point in (0, 2**63 + 5)
        for batch in (0, 1)
        for stream in ("fade", "noise", "receiver")
        for index in (0, 1)
    }
    assert len(seeds) == 2 * 2 * 2 * 3 * 2


def test_payload_is_the_same_at_every_point():
    assert bool((Draws(3, 10, 4).bits(5, 64) == Draws(3, 11, 4).bits(5, 64)).all())
    assert not bool((Draws(3, 10, 4).bits(5, 64) == Draws(3, 10, 5).bits(5, 64)).all())


def test_noise_is_circular_with_half_the_variance_in_each_dimension():
    samples = Draws(7).complex_normal("noise", 0, (100_000,)).numpy()
    # Chi-square bounds; error probability 1e-6 each.
    low, high = stats.chi2(100_000).ppf([5e-7, 1 - 5e-7]) / 100_000 / 2
    assert low < np.mean(samples.real**2) < high
    assert low < np.mean(samples.imag**2) < high
    assert abs(np.mean(samples.real * samples.imag)) < 5 * 0.5 / np.sqrt(100_000)


def test_double_precision_meets_the_same_noise():
    single = Draws(7).complex_normal("noise", 0, (64,))
    double = Draws(7).complex_normal("noise", 0, (64,), dtype=torch.complex128)
    torch.testing.assert_close(single.to(torch.complex128), double, rtol=0, atol=0)


def test_sionna_draws_repeat_and_leave_the_default_generator_alone():
    from sionna.phy.channel import RayleighBlockFading

    model = RayleighBlockFading(1, 1, 1, 1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    taps = []
    for _ in range(2):
        with Draws(9).sionna("fade"):
            taps.append(model(4, 1)[0])
    torch.testing.assert_close(taps[0], taps[1], rtol=0, atol=0)
    assert bool((torch.get_rng_state() == before).all())


def test_ambient_draws_follow_sionnas_seed():
    from sionna.phy import config

    config.seed = 11
    first = ambient_draws()
    second = ambient_draws()
    config.seed = 11
    assert ambient_draws() == first != second


def test_unknown_stream_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'noise'"):
        Draws(1).seed_of("nois")
    assert set(STREAMS) == {"payload", "fade", "noise", "receiver"}
