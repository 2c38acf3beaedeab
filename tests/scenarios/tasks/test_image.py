"""The image task: its data, its columns, its errors."""

import numpy as np
import pytest
import torch
from PIL import Image

from tokencom.linklevel.accounting import ChannelUses
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.base import Reception
from tokencom.linklevel.metrics import PSNR_CAP_DB, psnr_db
from tokencom.linklevel.sources import Decoded, DecodedItems
from tokencom.scenarios.tasks.image import ImageTask
from tokencom.scenarios.tasks.photos import PHOTOGRAPHS, folder_paths, photograph_paths, read_image


@pytest.fixture(scope="module")
def task():
    return ImageTask(size=32, num_images=3, repeats=2)


def _reception(payload, ok):
    ones = torch.ones(len(ok), dtype=torch.int64)
    uses = ChannelUses(payload=ones, pilots=ones, side_information=ones, airtime=ones)
    return Reception(payload=payload, ok=torch.tensor(ok), channel_uses=uses, snr_db=torch.zeros(len(ok)))


class FakeLink:
    def clean(self, payload, snr_db):
        return [image // 2 * 2 for image in payload]

    def blind(self, payload):
        return [np.full_like(image, 128) for image in payload]


def test_the_photographs_are_installed_and_have_a_licence():
    assert len(PHOTOGRAPHS) == 8
    for photograph, path in zip(PHOTOGRAPHS.values(), photograph_paths(), strict=True):
        assert path.is_file()
        assert path.suffix in (".jpg", ".png")
        assert photograph.licence in ("CC BY 2.0", "CC0", "public domain")
        assert photograph.source
        with Image.open(path) as image:
            assert image.mode == "RGB"
            assert min(image.size) >= 300


def test_items_are_fixed_and_repeat_as_clusters(task):
    assert task.num_items == 6
    assert task.shape == (32, 32, 3)
    batches = [task.batch(index, 4, Draws(seed=seed)) for seed, index in ((1, 0), (1, 1))]
    assert [len(batch) for batch in batches] == [4, 2]
    items = [*batches[0], *batches[1]]
    assert all(item.shape == (32, 32, 3) and item.dtype == np.uint8 for item in items)
    assert all(np.array_equal(a, b) for a, b in zip(items[:3], items[3:], strict=True))
    again = ImageTask(size=32, num_images=3, repeats=2).batch(0, 4, Draws(seed=9, point=5))
    assert all(np.array_equal(a, b) for a, b in zip(batches[0], again, strict=True))
    clusters = [task.score(batch, _reception(list(batch), [True] * len(batch)))["cluster"] for batch in batches]
    assert np.concatenate(clusters).tolist() == [0, 1, 2, 0, 1, 2]


def test_columns_tell_what_happened(task):
    payload = task.batch(0, 3, Draws(seed=1))
    grey = np.full((32, 32, 3), 128, dtype=np.uint8)
    received = DecodedItems(
        [Decoded(payload[0], False), Decoded(255 - payload[1], True), Decoded(grey, True, fallback=True)]
    )
    columns = task.score(payload, _reception(received, [True, False, True]))
    assert columns["block_error"].tolist() == [0, 1, 0]
    assert columns["damaged"].tolist() == [0, 1, 1]
    assert columns["fallback"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(columns["psnr"], psnr_db(payload, received))
    assert columns["psnr"][0] == pytest.approx(PSNR_CAP_DB)
    assert columns["mse"][0] == 0
    assert columns["ssim"][0] == pytest.approx(1, abs=1e-4)
    assert columns["ssim"][1] < columns["ssim"][0]
    assert {column.shape for column in columns.values()} == {(3,)}
    for metric in task.metrics.values():
        estimate = metric.estimate(columns)
        assert np.isfinite(estimate.value)
    assert task.metrics["psnr"].estimate(columns).value == pytest.approx(columns["psnr"].mean())


def test_a_payload_without_flags_is_intact_where_the_verdict_is_good(task):
    payload = task.batch(0, 2, Draws(seed=1))
    columns = task.score(payload, _reception(list(payload), [True, False]))
    assert columns["damaged"].tolist() == [0, 1]
    assert columns["fallback"].tolist() == [0, 0]


def test_references_come_from_the_link(task):
    payload = task.batch(0, 2, Draws(seed=1))
    assert np.array_equal(task.reference("clean", payload, FakeLink(), 3.0)[1], payload[1] // 2 * 2)
    assert (task.reference("blind", payload, FakeLink(), 3.0)[0] == 128).all()
    with pytest.raises(ValueError, match="prior"):
        task.reference("prior", payload, FakeLink(), 3.0)
    with pytest.raises(ValueError, match="object has no clean"):
        task.reference("clean", payload, object(), 3.0)
    assert set(task.reference_metrics) <= set(task.metrics)


def test_large_images_have_ms_ssim():
    task = ImageTask(size=176, grayscale=True, num_images=2)
    payload = task.batch(0, 8, Draws(seed=1))
    assert len(payload) == 2
    assert payload[0].shape == task.shape == (176, 176, 1)
    columns = task.score(payload, _reception(payload, [True, True]))
    assert "ssim" not in columns
    assert columns["ms_ssim"] == pytest.approx(1, abs=1e-4)
    assert "ms_ssim" in task.metrics
    assert "ms_ssim" in task.reference_metrics


def test_a_folder_of_images(tmp_path):
    for name, mode in (("b.png", "RGB"), ("a.jpg", "L"), ("c.png", "RGBA")):
        Image.new(mode, (50, 40), 100).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    assert [path.name for path in folder_paths(tmp_path)] == ["a.jpg", "b.png", "c.png"]
    task = ImageTask(data=str(tmp_path), size=16)
    assert task.num_items == 3
    assert (task.sources[0] == 100).all()
    assert task.sources[2].shape == (16, 16, 3)


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"this is no image")
    with pytest.raises(ValueError, match=r"broken\.png.*no readable image"):
        ImageTask(data=str(tmp_path))
    Image.new("RGB", (300, 300)).save(tmp_path / "whole.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "whole.png").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"broken\.png.*no readable image"):
        read_image(tmp_path / "broken.png", size=32)


def test_data_that_are_none(tmp_path):
    with pytest.raises(ValueError, match=r"no folder.*'photographs'"):
        ImageTask(data=str(tmp_path / "missing"))
    with pytest.raises(ValueError, match=r"no file in .* ends in any of \.png"):
        ImageTask(data=str(tmp_path))
    with pytest.raises(ValueError, match="num_images: 9 items wanted, but the data have 8"):
        ImageTask(size=32, num_images=9)
    with pytest.raises(ValueError, match="size"):
        ImageTask(size=4)
    with pytest.raises(ValueError, match="repeats"):
        ImageTask(size=32, repeats=0)
