"""The tokenizers of every modality: shapes, draws, round trips, wrong input."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tokencom.models.unitocom.tokenizers import Tokenizer, TokenizerConfig, build_tokenizer, tokenizer_preset
from tokencom.models.unitocom.tokenizers.mel import SCALE, LogMel
from tokencom.models.unitocom.tokenizers.networks import Cells
from tokencom.models.words import SPECIAL

NETWORK = {"hidden": 16, "num_layers": 1, "num_heads": 2, "dim": 4}
MODALITIES = {
    "image": {"num_tokens": 4, "image_size": 32},
    "image, convolutions": {"num_tokens": 8, "image_size": 32, "stem": "conv"},
    "audio": {"num_tokens": 8, "patch_size": 5, "duration_s": 0.8},
    "text": {"num_tokens": 4, "max_words": 12},
}
TEXTS = ["how many red balls ?", "red"]


def config(name: str, **changes) -> TokenizerConfig:
    return TokenizerConfig(modality=name.partition(",")[0], **{**NETWORK, **MODALITIES[name], **changes})


def contents(name: str) -> list:
    rng = np.random.default_rng(1)
    if name == "text":
        return TEXTS
    if name == "audio":
        return [tone(440.0, 6400), tone(1000.0, 3000)]
    return [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(2)]


def tone(frequency: float, count: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * frequency * np.arange(count) / 8000)).astype(np.float32)


CASES = [(name, pooling, kind) for name in MODALITIES for pooling in ("grid", "queries")
         for kind in ("sigma_genib", "genib")] + [("image", "grid", "vae"), ("audio", "grid", "ae")]  # fmt: skip


@pytest.mark.parametrize(("name", "pooling", "kind"), CASES)
def test_shapes_and_gradients(name, pooling, kind):
    tokenizer = build_tokenizer(config(name, pooling=pooling, kind=kind))
    x = tokenizer.collate(contents(name))
    mean = tokenizer.encode(x)
    assert mean.shape == (2, tokenizer.num_tokens, 4)
    assert tokenizer.sample(tokenizer.posterior(x), torch.Generator().manual_seed(1)).shape == mean.shape
    back = tokenizer.decode(mean)
    assert back.shape == ((2, 12, tokenizer.words.vocab_size) if name == "text" else x.shape)
    assert tokenizer.distortion(x, back).shape == (2,)
    found = tokenizer.contents(back)
    assert len(found) == 2
    assert isinstance(found[0], str if name == "text" else np.ndarray)
    found = tokenizer.losses(x, torch.Generator().manual_seed(1))
    assert set(found) == {"tokenizer", "distortion", "rate"}
    found["tokenizer"].backward()
    for parameter_name, parameter in tokenizer.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
    # A bias of the keys of an attention has no effect; every whole matrix has.
    assert all(p.grad.abs().sum() > 0 for p in tokenizer.parameters() if p.ndim > 1)


@pytest.mark.parametrize("name", MODALITIES)
def test_seeds_and_generators_say_it_all(name):
    first, second, other = (build_tokenizer(config(name, seed=seed)) for seed in (1, 1, 2))
    x = first.collate(contents(name))
    draws = [t.losses(x, torch.Generator().manual_seed(s))["tokenizer"] for t, s in ((first, 1), (second, 1))]
    torch.manual_seed(5)
    assert torch.equal(*draws)
    assert torch.equal(draws[0], first.losses(x, torch.Generator().manual_seed(1))["tokenizer"])
    assert not torch.equal(draws[0], first.losses(x, torch.Generator().manual_seed(2))["tokenizer"])
    assert not torch.equal(first.encode(x), other.encode(x))


@pytest.mark.parametrize("name", MODALITIES)
def test_an_item_alone_is_the_same(name):
    tokenizer = build_tokenizer(config(name)).eval()
    x = tokenizer.collate(contents(name))
    torch.testing.assert_close(tokenizer.encode(x[1:]), tokenizer.encode(x)[1:], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["image, convolutions", "audio", "text"])
def test_a_tokenizer_learns_two_items(name):
    """The deterministic reconstruction ends below 60 % of the error it starts from, and below the mean's."""
    tokenizer = build_tokenizer(config(name, hidden=32, c_sigma=0.01, xi=1e-4))
    given = contents(name)
    if name.startswith("image"):  # smooth, not noise
        ramp = np.linspace(0, 255, 32).astype(np.uint8)
        given = [np.broadcast_to(ramp[:, None, None], (32, 32, 3)), np.broadcast_to(ramp[None, :, None], (32, 32, 3))]
    x = tokenizer.collate(given)
    optimizer, generator = torch.optim.Adam(tokenizer.parameters(), lr=3e-3), torch.Generator().manual_seed(1)
    start = tokenizer.distortion(x, tokenizer.decode(tokenizer.encode(x))).mean().item()
    for _ in range(40):
        loss = tokenizer.losses(x, generator)["tokenizer"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    end = tokenizer.distortion(x, tokenizer.decode(tokenizer.encode(x))).mean().item()
    assert end < 0.6 * start
    if name == "text":
        assert tokenizer.contents(tokenizer.decode(tokenizer.encode(x)))[1] == "red"
    else:
        assert end < (x - x.mean(0)).square().mean()


def test_images_come_back_as_they_were():
    tokenizer = build_tokenizer(config("image"))
    given = contents("image")
    assert all(np.array_equal(a, b) for a, b in zip(tokenizer.contents(tokenizer.collate(given)), given, strict=True))
    large = np.full((50, 80, 3), 77, np.uint8)
    assert (tokenizer.contents(tokenizer.collate([large]))[0] == 77).all()


def test_texts_come_back_as_they_were():
    tokenizer = build_tokenizer(config("text"))
    x = tokenizer.collate(TEXTS)
    for row, text in zip(x.tolist(), TEXTS, strict=True):
        ids = tokenizer.words.ids(text)
        assert row == [*ids, tokenizer.words.end] + [tokenizer.words.pad] * (11 - len(ids))
    logits = torch.nn.functional.one_hot(x, tokenizer.words.vocab_size).float()
    assert tokenizer.contents(logits) == ["how many red balls?", "red"]
    # Uniform logits: ln of the vocabulary, whatever the padding.
    torch.testing.assert_close(
        tokenizer.distortion(x, torch.zeros_like(logits)), torch.full((2,), math.log(logits.shape[2]))
    )
    assert logits.shape[2] > len(SPECIAL)


def test_audio_comes_back_from_its_spectrogram():
    """Griffin-Lim gives back a spectrogram: error under a tenth of what the levels span, pitch to a bin."""
    tokenizer = build_tokenizer(config("audio"))
    x = tokenizer.collate(contents("audio"))
    wave = tokenizer.contents(x)[0]
    assert wave.shape == (6400,)
    assert wave.dtype == np.float32
    peak = np.abs(np.fft.rfft(wave[1000:5000])).argmax() * 2
    assert abs(peak - 440) < 26  # 25 Hz: a bin of the window of 320 samples
    again = tokenizer.collate([wave])
    assert (again - x[:1]).square().mean().sqrt() < 0.1 * (x.max() - x.min())
    assert np.array_equal(wave, tokenizer.contents(x)[0])
    assert np.abs(tokenizer.contents(x)[1][4000:]).max() < 1e-3


def test_a_spectrogram_is_its_definition():
    mel = LogMel(sampling_rate=8000, num_mels=6, hop=80, num_frames=10)
    wave = torch.randn(1, 800, generator=torch.Generator().manual_seed(1)) * 0.1
    padded = torch.nn.functional.pad(wave[0], (160, 160))
    window = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(320) / 320)
    magnitude = torch.fft.rfft(padded[3 * 80 : 3 * 80 + 320] * window).abs()
    bands = (magnitude @ mel.filters).clamp_min(1e-5)
    torch.testing.assert_close(mel.spectrogram(wave)[0, 3], (bands.log() - SCALE[0]) / SCALE[1], atol=1e-4, rtol=1e-4)


def test_long_audio_is_refused_or_cut():
    tokenizer = build_tokenizer(config("audio"))
    wave = tone(440.0, 15_000)
    with pytest.raises(ValueError, match=r"audio: 15000 samples given \(1.88 s\); at most 6400 \(0.8 s\) fit"):
        tokenizer.collate([wave])
    parts = tokenizer.chunks(wave)
    assert [len(part) for part in parts] == [6400, 6400, 2200]
    assert np.array_equal(np.concatenate(parts), wave)
    assert tokenizer.collate(parts).shape == (3, 80, 40)


def test_cells_are_cut_and_joined():
    cells = Cells((4, 6), (2, 3))
    x = torch.arange(24.0)[None, :, None]
    joined = cells.join(x)
    assert joined[0, 1].tolist() == [2, 3, 8, 9]
    assert joined.shape == (1, 6, 4)
    assert torch.equal(cells.split(joined), x)


@pytest.mark.parametrize(("change", "message"), [
    ({"num_tokens": 5}, "num_tokens: 5 given; 4 x 4 positions of image .* nearest: 4; or take pooling 'queries'"),
    ({"image_size": 30}, "image_size: 30 given; it must be a multiple of patch_size 8, such as 32"),
    ({"num_heads": 3}, "num_heads: 3 given; it must divide the width 16"),
    ({"kind": "vea"}, "kind: 'vea' is not known; .*did you mean 'vae'"),
    ({"kind": "vae", "lam": 0.5}, "lam: 0.5 given; kind 'vae' has 0, leave it out"),
    ({"kind": "ae", "num_samples": 2}, "num_samples: 2 given; kind 'ae' has 1"),
    ({"lam": 1.5}, "lam: 1.5 is outside"),
    ({"xi": -1.0}, "xi: -1.0 is outside"),
    ({"stem": "conv", "patch_size": 6, "image_size": 36}, "stem: 'conv' given with image and patch_size 6"),
])  # fmt: skip
def test_wrong_configurations(change, message):
    with pytest.raises(ValueError, match=message):
        config("image", **change)


def test_a_duration_is_whole_patches():
    with pytest.raises(
        ValueError, match=r"duration_s: 0.83 given; it must be a multiple of patch_size hops, such as 0.85"
    ):
        config("audio", duration_s=0.83)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("image", np.zeros((32, 32, 3)), r"image: float64 \[32, 32, 3\] given; uint8"),
    ("audio", np.zeros((2, 100)), r"audio: float64 \[2, 100\] given"),
    ("audio", np.array([np.nan]), "audio: .* finite"),
    ("text", 3, "text: int given; str is needed"),
    ("text", "red " * 12, r"text: 12 words and an end mark given .* max_words is 12"),
    ("text", "red xyzzy", "text: 'red xyzzy' has unknown words"),
    ("text", "", "text: '' has no words"),
])  # fmt: skip
def test_wrong_contents(name, content, message):
    with pytest.raises(ValueError, match=message):
        build_tokenizer(config(name)).collate([content])


@pytest.mark.parametrize("modality", ["image", "audio", "text"])
def test_presets(modality):
    tiny = tokenizer_preset("tiny", modality)
    assert sum(p.numel() for p in build_tokenizer(tiny).parameters()) < 1_300_000
    assert replace(tiny, kind="vae").share == 0
    paper = tokenizer_preset("paper", modality)
    with torch.device("meta"):
        tokenizer: Tokenizer = build_tokenizer(paper)
    assert all(p.is_meta for p in tokenizer.parameters())
    assert len(tokenizer.encoder.trunk.layers) == len(tokenizer.decoder.trunk.layers) == 6
    for num_tokens in (16, 32, 64, 128):
        assert math.prod(tokenizer_preset("paper", "image", num_tokens=num_tokens).cells) == num_tokens
    with pytest.raises(ValueError, match=r"preset: 'papre' is not known; .*did you mean 'paper'"):
        tokenizer_preset("papre", modality)
