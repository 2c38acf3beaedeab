"""Image metrics against scikit-image."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tokencom.linklevel.metrics import MIN_SIDE_MS_SSIM, PSNR_CAP_DB, ms_ssim, mse, psnr_db, ssim


def _pair(shape, noise, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / 20
    sent = 127 + 100 * np.sin(x[..., None] + np.arange(shape[2])) * np.cos(y[..., None])
    received = sent + rng.normal(0, noise, shape)
    return sent.astype(np.uint8), np.clip(received, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(16, 16, 1), (40, 64, 3)])
def test_psnr_and_mse_are_scikit_images(shape):
    pairs = [_pair(shape, noise, seed) for seed, noise in enumerate((1, 10, 60))]
    sent, received = zip(*pairs, strict=True)
    expected = [peak_signal_noise_ratio(a, b, data_range=255) for a, b in pairs]
    np.testing.assert_allclose(psnr_db(sent, received), expected, rtol=1e-6)
    np.testing.assert_allclose(10 * np.log10(255**2 / mse(sent, received)), expected, rtol=1e-9)


def test_equal_images_get_the_cap():
    image = _pair((16, 16, 1), 1)[0]
    one_off = image.copy()
    one_off[0, 0, 0] ^= 1
    values = psnr_db([image, image], [image, one_off])
    np.testing.assert_allclose(values, [PSNR_CAP_DB, PSNR_CAP_DB], rtol=1e-12)
    assert math.isclose(PSNR_CAP_DB, 10 * math.log10(255**2 * 12))
    assert mse([image], [image]) == 0


@pytest.mark.parametrize("shape", [(32, 32, 1), (48, 64, 3)])
@pytest.mark.parametrize("noise", [2, 20])
def test_ssim_is_scikit_images(shape, noise):
    """torchmetrics mirrors the image at its borders, where scikit-image crops; so mirror it before."""
    sent, received = _pair(shape, noise)
    margin = ((5, 5), (5, 5), (0, 0))
    _, local = structural_similarity(
        np.pad(sent, margin, mode="reflect"),
        np.pad(received, margin, mode="reflect"),
        channel_axis=2,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim([sent], [received])[0] == pytest.approx(local[5:-5, 5:-5].mean(), abs=1e-4)


def test_ms_ssim_orders_damage_and_is_one_for_equal_images():
    images = [_pair((192, 176, 3), noise) for noise in (0, 5, 20, 80)]
    values = ms_ssim([images[0][0]] * 5, [images[0][0], *(b for _, b in images)])
    assert values[0] == pytest.approx(1.0)
    assert np.all(np.diff(values[1:]) < 0)
    assert np.all((values >= 0) & (values <= 1))


def test_ms_ssim_is_the_weighted_product_over_scales():
    """Against a direct evaluation of eq. (7) of Wang, Simoncelli and Bovik with scipy."""
    from scipy.ndimage import gaussian_filter

    sent, received = _pair((192, 192, 1), 15)
    a, b = sent[..., 0].astype(float), received[..., 0].astype(float)
    c1, c2, value = (0.01 * 255) ** 2, (0.03 * 255) ** 2, 1.0
    for scale, beta in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        blur = lambda x: gaussian_filter(x, 1.5, truncate=3.4)[5:-5, 5:-5]  # noqa: E731
        ma, mb = blur(a), blur(b)
        va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
        contrast = (2 * cov + c2) / (va + vb + c2)
        if scale == 4:
            contrast = contrast * (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)
        value *= contrast.mean() ** beta
        a, b = (x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2).mean((1, 3)) for x in (a, b))
    assert ms_ssim([sent], [received])[0] == pytest.approx(value, abs=2e-3)


def test_values_do_not_depend_on_the_batch():
    pairs = [_pair((176, 176, 1), noise, noise) for noise in (3, 30)]
    sent, received = zip(*pairs, strict=True)
    for metric in (psnr_db, ssim, ms_ssim, mse):
        alone = [metric([a], [b])[0] for a, b in pairs]
        np.testing.assert_allclose(metric(sent, received), alone, rtol=1e-6)


def test_small_images_are_refused_by_name():
    image = np.zeros((MIN_SIDE_MS_SSIM - 1, 200, 1), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"ms_ssim: an image of 175 x 200 .* 176"):
        ms_ssim([image], [image])
    larger = np.zeros((MIN_SIDE_MS_SSIM, MIN_SIDE_MS_SSIM, 1), dtype=np.uint8)
    assert ms_ssim([larger], [larger])[0] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="ssim"):
        ssim([image[:10]], [image[:10]])


def test_other_shapes_are_refused():
    image = np.zeros((16, 16, 1), dtype=np.uint8)
    with pytest.raises(ValueError, match="1 and 2 images"):
        mse([image], [image, image])
    with pytest.raises(ValueError, match=r"\(16, 8, 1\)"):
        psnr_db([image], [image[:, :8]])
