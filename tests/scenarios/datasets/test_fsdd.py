import lzma
import pickle
import tarfile
import wave

import numpy as np
import pytest

from tokencom.scenarios.datasets.fsdd import FSDD


def tone(path, rate=8000, count=800, width=2, channels=1):
    samples = 0.5 * np.sin(2 * np.pi * 300 * np.arange(count) / rate)
    scaled = samples * (2.0 ** (8 * width - 1) - 1) + (128 if width == 1 else 0)
    kind = {1: np.uint8, 2: "<i2", 4: "<i4"}[width]
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(np.repeat(scaled.astype(kind), channels).tobytes())


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for digit in (0, 7):
        for speaker in ("theo", "lucas"):
            for index in (0, 4, 5):
                tone(folder / f"{digit}_{speaker}_{index}.wav")
    (folder / "README.md").write_text("x")
    return tmp_path


def packed(root, name, mode):
    with tarfile.open(root / name, mode) as archive:
        archive.add(root / "recordings", "recordings")
    return root / name


@pytest.mark.parametrize("layout", ["folder", "w:", "w:xz", "w:gz"])
def test_reads(root, layout):
    path = root if layout == "folder" else packed(root, f"fsdd.tar{layout[1:].replace(':', '.')}", layout)
    data = FSDD(path=str(path))
    assert len(data) == 8
    assert len(FSDD(path=str(path), split="train")) == 4
    assert len(FSDD(path=str(path), split="all")) == 12
    assert dict(data.answers()[""]) == {"0": 4, "7": 4}
    sample = data[-1]
    assert (sample.id, sample.extra) == ("7_theo_4", {"speaker": "theo", "index": 4})
    expected = 0.5 * np.sin(2 * np.pi * 300 * np.arange(800) / 8000)
    np.testing.assert_allclose(sample.inputs["audio"], expected, atol=2e-4)
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again[3].inputs["audio"], data[3].inputs["audio"])


def test_archive_in_the_folder(root):
    packed(root, "fsdd.tar.xz", "w:xz")
    for file in (root / "recordings").iterdir():
        file.unlink()
    (root / "recordings").rmdir()
    assert len(FSDD(path=str(root))) == 8


@pytest.mark.parametrize(("width", "tolerance"), [(1, 0.01), (4, 1e-4)])
def test_other_rates_and_widths(root, width, tolerance):
    tone(root / "recordings" / "0_lucas_0.wav", rate=16_000, count=1600, width=width, channels=2)
    sample = FSDD(path=str(root))[0]
    assert sample.id == "0_lucas_0"
    assert (sample.extra["resampled_from"], sample.extra["channels"]) == (16_000, 2)
    expected = 0.5 * np.sin(2 * np.pi * 300 * np.arange(800) / 8000)
    assert np.abs(sample.inputs["audio"] - expected)[50:-50].max() < tolerance + 0.005


def test_clusters(root):
    assert len({s.cluster for s in FSDD(path=str(root))}) == 8
    assert len({s.cluster for s in FSDD(path=str(root), cluster_by="speaker")}) == 2


def test_broken_recordings(root):
    folder = root / "recordings"
    whole = (folder / "0_lucas_0.wav").read_bytes()
    (folder / "0_lucas_0.wav").write_bytes(whole[:500])
    (folder / "0_lucas_4.wav").write_bytes(whole[:10])
    (folder / "0_theo_0.wav").write_bytes(b"no sound at all, but some bytes")
    tone(folder / "0_theo_4.wav", count=0)
    with pytest.raises(ValueError, match=r"0_lucas_0\.wav: truncated: 228 of 800 samples"):
        FSDD(path=str(root))[0]
    data = FSDD(path=str(root), on_error="skip", check_media=True)
    assert len(data) == 4
    assert len(data.skipped) == 4
    tone(folder / "zero_theo.wav")
    with pytest.raises(ValueError, match=r"zero_theo\.wav: not named"):
        FSDD(path=str(root))


def test_broken_archive(root):
    path = packed(root, "fsdd.tar", "w:")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="the archive breaks off"):
        FSDD(path=str(path))
    data = FSDD(path=str(path), on_error="skip")
    assert 0 < len(list(data)) < 8
    assert len(data.skipped) == 1
    squeezed = root / "fsdd.tar.xz"
    squeezed.write_bytes(lzma.compress(whole)[:-60])
    with pytest.raises(ValueError, match=r"the archive breaks off after|no readable tar"):
        FSDD(path=str(squeezed))
    squeezed.write_bytes(b"nothing of that kind")
    with pytest.raises(ValueError, match=r"fsdd\.tar\.xz' is no readable tar archive"):
        FSDD(path=str(squeezed))


def test_wrong_layout(tmp_path):
    (tmp_path / "recording").mkdir()
    with pytest.raises(ValueError, match="no 'recordings'; nearest there: 'recording'"):
        FSDD(path=str(tmp_path))
