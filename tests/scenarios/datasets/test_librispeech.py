import numpy as np
import pytest

from tokencom.scenarios.datasets.librispeech import LibriSpeech

soundfile = pytest.importorskip("soundfile", reason="FLAC needs soundfile")


def tone(path, rate=16_000, seconds=0.25, channels=1):
    time = np.arange(int(rate * seconds)) / rate
    samples = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(path, np.repeat(samples[:, None], channels, axis=1), rate)


@pytest.fixture
def root(tmp_path):
    for speaker, chapter, count in (("84", "121123", 2), ("84", "121550", 1), ("1272", "128104", 1)):
        folder = tmp_path / "LibriSpeech" / "dev-clean" / speaker / chapter
        folder.mkdir(parents=True)
        names = [f"{speaker}-{chapter}-{number:04d}" for number in range(count)]
        lines = [f"{name} MISTER QUILTER'S WORDS {name[-1]}" for name in names]
        (folder / f"{speaker}-{chapter}.trans.txt").write_text("\n".join(lines) + "\n")
        for name in names:
            tone(folder / f"{name}.flac")
    return tmp_path


def test_reads(root):
    data = LibriSpeech(path=str(root))
    assert len(data) == 4
    by_id = {sample.id: sample for sample in data}
    sample = by_id["84-121123-0001"]
    assert sample.references == ("MISTER QUILTER'S WORDS 1",)
    assert sample.inputs["audio"].dtype == np.float32
    assert sample.inputs["audio"].shape == (4000,)
    assert "resampled_from" not in sample.extra
    assert len({s.cluster for s in data}) == 2
    assert LibriSpeech(path=str(root / "LibriSpeech")).sampling_rate == 16_000


def test_another_rate_is_resampled_and_stated(root):
    folder = root / "LibriSpeech" / "dev-clean" / "1272" / "128104"
    tone(folder / "1272-128104-0000.flac", rate=44_100, channels=2)
    sample = next(s for s in LibriSpeech(path=str(root)) if s.id.startswith("1272"))
    audio = sample.inputs["audio"]
    assert (sample.extra["resampled_from"], sample.extra["channels"]) == (44_100, 2)
    assert abs(len(audio) - 4000) <= 1
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(audio)) / 16_000)
    assert np.abs(audio - expected)[200:-200].max() < 0.01
    low = LibriSpeech(path=str(root), sampling_rate=8000)[1]
    assert (len(low.inputs["audio"]), low.extra["resampled_from"]) == (2000, 16_000)


def test_broken(root):
    folder = root / "LibriSpeech" / "dev-clean" / "84" / "121123"
    (folder / "84-121123-0001.flac").unlink()
    with pytest.raises(ValueError, match=r"84-121123-0001\.flac: missing"):
        LibriSpeech(path=str(root))
    tone(folder / "84-121123-0007.flac")
    text = folder / "84-121123.trans.txt"
    text.write_text(text.read_text() + "84-121123-0009\n")
    whole = (folder / "84-121123-0000.flac").read_bytes()
    (folder / "84-121123-0000.flac").write_bytes(whole[: len(whole) // 2])
    (root / "LibriSpeech" / "dev-clean" / "84" / "121550" / "84-121550.trans.txt").unlink()
    data = LibriSpeech(path=str(root), on_error="skip", check_media=True)
    assert [s.id for s in data] == ["1272-128104-0000"]
    told = " | ".join(f"{s.where}: {s.why}" for s in data.skipped)
    for part in (
        "0001.flac: missing",
        "0007.flac: no transcript",
        "84-121123-0009 of 84-121123.trans.txt: not '<speaker>",
        "84-121550.trans.txt: No such file",
        "84-121123-0000.flac: ",
    ):
        assert part in told
    assert len(data.skipped) == 5


def test_wrong_layout(root):
    with pytest.raises(ValueError, match=r"no 'test-clean' or 'LibriSpeech/test-clean'"):
        LibriSpeech(path=str(root), split="test-clean")
    with pytest.raises(ValueError, match="did you mean 'dev-clean'"):
        LibriSpeech(path=str(root), split="dev_clean")
