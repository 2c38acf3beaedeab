"""Text, then diffusion: what is sent, what is drawn, and a few steps of training over a link."""

import numpy as np
import pytest
import torch
from baseline_cases import Item

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.baselines import TextDiffusion
from tokencom.models.systems import SystemLink
from tokencom.models.systems.trainable import LinkTraining

CAPTIONS = ("a red cube", "two blue balls and a large metal cylinder")


def system(**options: object) -> TextDiffusion:
    given = {"preset": "tiny", "dim": 16, "size": 16, "channels": (8, 8, 16, 16), "steps": 4}
    return TextDiffusion(**{**given, **options}).eval()  # type: ignore[arg-type]


@pytest.fixture
def items() -> list[Item]:
    """Two captions; the picture of the first is red, that of the second blue."""
    pictures = np.full((2, 16, 16, 3), 20, np.uint8)
    pictures[0, ..., 0] = pictures[1, ..., 2] = 235
    return [Item(f"p{n}", n, {"text": CAPTIONS[n]}, (CAPTIONS[n],), {"picture": pictures[n]}) for n in range(2)]


def test_batches_equal_items_alone(items: list[Item]) -> None:
    made = system()
    both = made.encode(items)
    assert both.num_tokens.tolist() == [3, 8]
    drawn = made.answer(both, items)
    for row, item in enumerate(items):
        one = made.encode([item])
        torch.testing.assert_close(one.values[0], both.values[row, : one.values.shape[1]], rtol=1e-4, atol=1e-5)
        alone = made.answer(one, [item])[0]
        assert alone.shape == (16, 16, 3)
        assert alone.dtype == np.uint8
        assert np.abs(alone.astype(int) - drawn[row]).max() <= 1


def test_pictures_follow_from_the_id_and_what_arrives_only(items: list[Item]) -> None:
    made = system()
    tokens = made.encode(items[:1])
    bare = Item("p0", 0, {}, ())
    assert np.array_equal(made.answer(tokens, [bare])[0], made.answer(tokens, items[:1])[0])
    assert not np.array_equal(made.answer(tokens, [Item("p9", 0, {}, ())])[0], made.answer(tokens, [bare])[0])
    none = Tokens(torch.zeros(1, 0, 16), torch.zeros(1, 0, dtype=torch.bool))
    assert made.answer(none, [bare])[0].shape == (16, 16, 3)


def test_what_does_not_fit_is_refused(items: list[Item]) -> None:
    with pytest.raises(ValueError, match="size: 20 given"):
        system(size=20)
    with pytest.raises(ValueError, match="channels"):
        system(channels=(8, 8))
    with pytest.raises(ValueError, match=r"size: 24 given, but pictures are \(16, 16, 3\)"):
        system(size=24).collate(items)


def test_some_steps_over_a_link_give_each_caption_its_colour(items: list[Item]) -> None:
    torch.manual_seed(1)
    model = SystemLink(
        system(channels=(16, 16, 16, 16)),
        JSCCLink(FlatAirInterface(channel="awgn"), DenseCodec(dim=16), max_num_tokens=63),
    )
    training = LinkTraining(model, items, seed=1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    batch = training.system.collate(items * 4)
    for step in range(150):
        loss = training.losses(batch, torch.full((8,), 20.0), Draws(seed=1, batch=step), ("task",))["task"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    red, blue = (picture.astype(int) for picture in model(items, 20.0, Draws(seed=9)).payload)
    assert red[..., 0].mean() - red[..., 2].mean() > 100
    assert blue[..., 2].mean() - blue[..., 0].mean() > 100
