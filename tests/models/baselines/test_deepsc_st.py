"""DeepSC-ST: features, what is sent, the best path, and a few steps of training over a link."""

import itertools

import numpy as np
import pytest
import torch
from baseline_cases import Item

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.baselines import DeepSCST
from tokencom.models.baselines.deepsc_st import LETTERS, best_path
from tokencom.models.systems import SystemLink
from tokencom.models.systems.trainable import LinkTraining

TONES = {"a": 400, "b": 900, "c": 1800}


def system(**options: object) -> DeepSCST:
    given = {"preset": "tiny", "dim": 32, "channels": 4, "num_mels": 16, "sampling_rate": 8000}
    return DeepSCST(**{**given, **options}).eval()  # type: ignore[arg-type]


def spoken(word: str, seed: int = 0) -> Item:
    """Return a word whose letters are tones of 0.2 s."""
    time = np.arange(1600) / 8000
    noise = 0.01 * np.random.default_rng(seed).normal(size=1600 * len(word))
    wave = np.concatenate([np.sin(2 * np.pi * TONES[letter] * time) * np.sin(np.pi * time / 0.2) for letter in word])
    return Item(f"{word}{seed}", seed, {"audio": (0.3 * wave + noise).astype(np.float32)}, (word,))


def test_batches_equal_items_alone_and_a_token_is_40_ms() -> None:
    made, items = system(), [spoken("abc"), spoken("ca", 1)]
    both = made.encode(items)
    assert both.num_tokens.tolist() == [16, 11]  # 61 and 41 frames of 10 ms
    for row, item in enumerate(items):
        one = made.encode([item])
        torch.testing.assert_close(one.values[0], both.values[row, : one.values.shape[1]], rtol=1e-4, atol=1e-5)
        assert made.answer(one, [item])[0] == made.answer(both, items)[row]


def test_features_peak_at_the_tone_whatever_the_sampling_rate() -> None:
    time = {rate: np.arange(rate) / rate for rate in (8000, 16_000)}
    tones = {rate: (0.3 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32) for rate, t in time.items()}
    found = {rate: system(sampling_rate=rate, num_mels=40).features(tones[rate]) for rate in tones}
    centre = 2595 * np.log10(1 + 1000 / 700) / (2595 * np.log10(1 + 4000 / 700)) * 41 - 1
    for one in found.values():
        assert one.shape == (101, 40)
        assert abs(int(one[50].argmax()) - centre) <= 1
    assert float((found[8000] - found[16_000])[5:-5, :30].abs().mean()) < 0.3


@pytest.mark.parametrize("path", list(itertools.product((0, 3, 4), repeat=4)))
def test_the_best_path_drops_repetitions_then_blanks(path: tuple[int, ...]) -> None:
    kept = [number for number, _ in itertools.groupby(path) if number]
    assert best_path(path) == "".join(LETTERS[number - 1] for number in kept)


@torch.no_grad()
def test_the_loss_is_that_of_all_paths() -> None:
    """Against the sum over every path of three tokens that spells "ab"."""
    made = system()
    item = spoken("ab")
    tokens = made.encode([item])
    short = Tokens(tokens.values[:, :3], tokens.mask[:, :3])
    chances = made.scores(short)[0].double().exp().tolist()
    wanted = [1 + LETTERS.index(letter) for letter in "ab"]
    total = 0.0
    for path in itertools.product(range(29), repeat=3):
        if [number for number, _ in itertools.groupby(path) if number] == wanted:
            total += float(np.prod([chances[step][number] for step, number in enumerate(path)]))
    assert float(made.loss(short, made.collate([item]))) == pytest.approx(-np.log(total) / 2, rel=1e-4)


def test_nothing_received_is_nothing_written() -> None:
    made = system()
    none = Tokens(torch.zeros(2, 0, 32), torch.zeros(2, 0, dtype=torch.bool))
    assert made.answer(none, [spoken("a"), spoken("b")]) == ["", ""]


def test_audio_shorter_than_a_window_is_sent() -> None:
    item = Item("x", 0, {"audio": np.zeros(10, np.float32)}, ("a",))
    assert system().encode([item]).num_tokens.tolist() == [1]


def test_odd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="dim: 33 given; it must be a multiple of 2"):
        system(dim=33)


def test_some_steps_over_a_link_recognise_tones() -> None:
    words = ("ab", "ca", "bc", "cab", "abc", "ba")
    items = [spoken(word, seed) for seed, word in enumerate(words)]
    torch.manual_seed(1)
    model = SystemLink(system(), JSCCLink(FlatAirInterface(channel="awgn"), DenseCodec(dim=32), max_num_tokens=63))
    training = LinkTraining(model, items, seed=1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    batch = training.system.collate(items)
    for step in range(260):
        loss = training.losses(batch, torch.full((6,), 20.0), Draws(seed=1, batch=step), ("task",))["task"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    assert model(items, 20.0, Draws(seed=9)).payload == list(words)
