import math

import pytest
import torch

from tokencom.models.tokcom import contrastive, pooled, reconstruction


def draw(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def paper_loss(modality, text, temperature):
    """Eqs 10 and 11, written as a loop."""

    def cosine(x, y):
        return float(x @ y) / math.sqrt(float(x @ x) * float(y @ y))

    total = 0.0
    for k in range(len(modality)):
        positive = math.exp(cosine(modality[k], text[k]) / temperature)
        total -= math.log(positive / sum(math.exp(cosine(modality[k], row) / temperature) for row in text))
    return total


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_contrastive_is_the_loop_of_the_paper(temperature):
    modality, text = draw(7, 5), draw(7, 5, seed=2)
    expected = paper_loss(modality, text, temperature)
    assert float(contrastive(modality, text, temperature=temperature)) == pytest.approx(expected, rel=1e-10)
    mean = contrastive(modality, text, temperature=temperature, reduction="mean")
    assert float(mean) == pytest.approx(expected / 7, rel=1e-10)
    both = (expected + paper_loss(text, modality, temperature)) / 2
    found = contrastive(modality, text, temperature=temperature, directions="both")
    assert float(found) == pytest.approx(both, rel=1e-10)


@pytest.mark.parametrize("directions", ["one", "both"])
@pytest.mark.parametrize("size", [2, 32])
def test_identical_pairs_give_the_logarithm_of_the_batch(size, directions):
    same = draw(1, 6).expand(size, 6)
    loss = contrastive(same, same * 3, directions=directions)
    assert float(loss) == pytest.approx(size * math.log(size), rel=1e-12)


def test_pairs_that_fit_have_a_small_loss():
    text = torch.eye(4)
    assert contrastive(text, text) < 1e-4
    assert contrastive(text.roll(1, 0), text) > 4 / 0.07


def test_reconstruction_is_the_loop_of_the_paper():
    sent, restored = draw(3, 4, 5), draw(3, 4, 5, seed=2)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]).bool()
    squares = [float((sent[k, i, j] - restored[k, i, j]) ** 2) for k in range(3) for i in range(4) for j in range(5)
               if mask[k, i]]  # fmt: skip
    assert float(reconstruction(sent, restored, mask)) == pytest.approx(sum(squares) / len(squares))
    with pytest.raises(ValueError, match="no item has a word"):
        reconstruction(sent, restored, torch.zeros(3, 4).bool())


def test_reconstruction_does_not_pull_at_what_was_sent():
    sent, restored = draw(1, 2, 3).requires_grad_(), draw(1, 2, 3, seed=2).requires_grad_()
    reconstruction(sent, restored, torch.ones(1, 2).bool()).backward()
    assert sent.grad is None
    assert restored.grad.abs().sum() > 0


def test_means_leave_padding_out():
    values = draw(2, 4, 3)
    mask = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0]]).bool()
    found = pooled(values, mask)
    torch.testing.assert_close(found[0], (values[0, 0] + values[0, 2]) / 2)
    assert found[1].tolist() == [0, 0, 0]
    changed = values.clone()
    changed[~mask] = float("inf")
    torch.testing.assert_close(pooled(changed, mask), found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"directions": "bth"}, "did you mean 'both'"),
        ({"reduction": "men"}, "did you mean 'mean'"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        contrastive(torch.ones(2, 3), torch.ones(2, 3), **options)
    with pytest.raises(ValueError, match="must be"):
        contrastive(torch.ones(2, 3), torch.ones(3, 3))
