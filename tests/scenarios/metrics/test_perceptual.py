"""Distances between sets of images."""

import numpy as np
import pytest
import torch

from tokencom.models.pretrained import available
from tokencom.scenarios.metrics import frechet_distance, frechet_estimate, image_distances, kid_estimate, lpips


def _sets(seed, count=600, dim=8):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dim)), rng.normal(0.3, 1.3, size=(count, dim)) @ np.diag(np.linspace(0.5, 1.5, dim))


def test_frechet_is_torchmetrics():
    from torchmetrics.image.fid import _compute_fid

    a, b = _sets(1)
    parts = [(torch.from_numpy(x.mean(0)), torch.from_numpy(np.cov(x, rowvar=False))) for x in (a, b)]
    expected = float(_compute_fid(*parts[0], *parts[1]))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    few = [np.concatenate([x[:30], np.ones((30, 40))], axis=1) for x in (a, b)]  # fewer samples than dimensions
    assert frechet_distance(*few) == pytest.approx(frechet_distance(a[:30], b[:30]), rel=1e-9)


def test_frechet_of_gaussians_is_the_formula():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, (200_000, 2)), rng.normal(1, 2, (200_000, 2))
    assert frechet_distance(a, b) == pytest.approx(2 * 1 + 2 * (1 - 2) ** 2, rel=0.02)  # 2 % is 8 deviations


def test_kernel_distance_is_torchmetrics_and_unbiased():
    from torchmetrics.image.kid import maximum_mean_discrepancy

    a, b = _sets(3, count=100)
    whole = kid_estimate(a, b, num_subsets=1, subset_size=100).value
    xx, yy, xy = ((torch.from_numpy(x @ y.T) / 8 + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    assert whole == pytest.approx(float(maximum_mean_discrepancy(xx, xy, yy)), rel=1e-9)
    draws = [np.random.default_rng(seed).normal(size=(200, 4)) for seed in range(40)]
    same = [kid_estimate(x[:100], x[100:], num_subsets=1).value for x in draws]
    assert abs(np.mean(same)) < 4.5 * np.std(same, ddof=1) / np.sqrt(40)  # false alarm below 1e-4


def test_intervals_are_the_same_every_time_and_hold_the_value():
    a, b = _sets(4)
    for estimate in (frechet_estimate(a, b, allow_few=True), kid_estimate(a, b, num_subsets=5, subset_size=300)):
        assert estimate.low < estimate.value < estimate.high
    assert frechet_estimate(a, b, allow_few=True) == frechet_estimate(a, b, allow_few=True)


def test_few_images_are_refused():
    a, b = _sets(5)
    with pytest.raises(ValueError, match=r"images: 600 given; .* 8 dimensions needs at least 5000"):
        frechet_estimate(a, b)
    wide = np.broadcast_to(0.0, (5001, 6000))
    with pytest.raises(ValueError, match="needs at least 6001"):
        frechet_estimate(wide, wide)
    images = [np.zeros((8, 8, 3), np.uint8)] * 10
    with pytest.raises(ValueError, match="needs at least 5000"):
        image_distances(images, images)
    with pytest.raises(ValueError, match="did you mean 'inception'"):
        image_distances(images, images, network="inceptoin")
    with pytest.raises(ValueError, match="path: FID needs the file"):
        image_distances(images, images, network="inception", allow_few=True)


def test_lpips_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ValueError, match=r"'lpips' needs vgg16-\*\.pth of torchvision in .*checkpoints"):
        lpips([np.zeros((64, 64, 3), np.uint8)], [np.zeros((64, 64, 3), np.uint8)], backbone="vgg")


@pytest.mark.skipif(not available("efficientnet-lite0"), reason="the weights of efficientnet-lite0 are not installed")
def test_efficientnet_distances_have_their_own_names():
    rng = np.random.default_rng(6)
    smooth = [np.full((32, 32, 3), rng.integers(0, 256), np.uint8) for _ in range(6)]
    noisy = [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(6)]
    found = image_distances(smooth, noisy, allow_few=True)
    assert set(found) == {"efficientnet_lite0_frechet", "efficientnet_lite0_kid"}
    assert found["efficientnet_lite0_kid"].value > 0
