import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tokencom.models.unitocom.diffusion import DiffusionHead, Sampler
from tokencom.models.unitocom.language import MultimodalLanguage, Packed, joined, next_texts, next_tokens
from tokencom.models.unitocom.language.generation import chosen
from tokencom.models.unitocom.language.packing import last_of, positions, seen_mask

DIM, WIDTH, WORDS = 4, 32, 20


def language():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        tie_word_embeddings=True, initializer_range=0.3,
    )  # fmt: skip
    return MultimodalLanguage(LlamaForCausalLM(config), dim=DIM, modalities=("image", "text"), seed=1).eval()


def head(seed=0):
    made = DiffusionHead(dim=DIM, condition_dim=WIDTH, hidden=16, prediction="v_prediction", seed=seed)
    for number, layer in enumerate((made.leave, made.last)):
        torch.nn.init.normal_(layer.weight, std=0.3, generator=torch.Generator().manual_seed(number))
    return made.eval()


def values(*shape, seed=3):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def prompt(model, rows, *, left=False):
    """Words of prompts, padded."""
    size = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), size, dtype=torch.int64)
    segment = torch.full((len(rows), size), -1)
    for number, row in enumerate(rows):
        place = slice(size - len(row), size) if left else slice(0, len(row))
        ids[number, place], segment[number, place] = torch.tensor(row), 1
    return model.words(ids, segment)


def received(model, mask):
    mask = torch.tensor(mask)
    return model.received(values(*mask.shape, DIM), mask, "image")


def test_mask_equals_a_loop():
    segment = torch.tensor([[0, 0, 1, 1, 2, -1], [-1, 0, 1, -1, 1, 2]])
    seen = seen_mask(segment)
    for item, row in enumerate(segment.tolist()):
        for asks in range(6):
            for told in range(6):
                same = row[told] in (0, row[asks]) and row[told] >= 0 and row[asks] >= 0 and told <= asks
                assert bool(seen[item, 0, asks, told]) == (same or asks == told)
    assert positions(seen).tolist() == [[0, 1, 2, 3, 2, 0], [0, 0, 1, 0, 2, 1]]
    assert last_of(segment).tolist() == [4, 5]
    with pytest.raises(ValueError, match="a row has no token"):
        last_of(torch.tensor([[-1, -1]]))


@torch.no_grad()
def test_packed_texts_are_as_if_alone():
    model = language()
    shared = received(model, [[True, True, False]])
    ids = torch.tensor([[3, 4, 5, 6, 7, 8, 0]])
    both = model([shared, model.words(ids, torch.tensor([[1, 1, 1, 2, 2, 2, -1]]))])
    one = model([shared, prompt(model, [[3, 4, 5]])])
    two = model([shared, prompt(model, [[6, 7, 8]])])
    assert torch.allclose(both[:, :3], one, atol=1e-5)
    assert torch.allclose(both[:, 3:6], two, atol=1e-5)


@torch.no_grad()
def test_padding_on_either_side_changes_nothing():
    model = language()
    rows = [[3, 4, 5, 6, 7], [8, 9]]
    shared = received(model, [[True, True], [True, False]])
    found = {left: model.begin([shared, prompt(model, rows, left=left)])[0] for left in (False, True)}
    assert torch.allclose(found[False], found[True], atol=1e-5)
    for number, row in enumerate(rows):
        own = Packed(shared.vectors[number : number + 1], shared.segment[number : number + 1])
        alone, _ = model.begin([own, prompt(model, [row])])
        assert torch.allclose(found[True][number : number + 1], alone, atol=1e-5)


def uncached(model, parts, draw, count):
    """Continue rows by running all of them anew for every token; ``draw`` gives a token and its vectors."""
    found, hidden_states = [], []
    for _ in range(count):
        rows = joined(parts)
        hidden = model([rows])[torch.arange(len(rows.segment)), last_of(rows.segment)]
        token, vectors = draw(hidden)
        hidden_states.append(hidden)
        found.append(token)
        parts = [*parts, Packed(vectors[:, None], torch.ones(len(vectors), 1, dtype=torch.int64))]
    return torch.stack(found, 1), torch.stack(hidden_states, 1)


@torch.no_grad()
@pytest.mark.parametrize("left", [False, True])
def test_cached_equals_uncached_for_words(left):
    model = language()
    parts = [received(model, [[True, True, True], [True, False, True]]), prompt(model, [[3, 4, 5], [6]], left=left)]

    def draw(hidden):
        ids = model.logits(hidden).argmax(-1)
        return ids, model.embed(ids)

    wanted, states = uncached(model, parts, draw, 6)
    assert next_texts(model, parts, ends=(WORDS,), limit=6) == wanted.tolist()
    hidden, reading = model.begin(parts)
    for place in range(6):
        assert torch.allclose(hidden, states[:, place], atol=1e-5)
        hidden = model.further(model.embed(wanted[:, place]), reading)


@torch.no_grad()
def test_cached_equals_uncached_for_continuous_tokens():
    model, made = language(), head()
    sampler = Sampler(prediction="v_prediction", num_steps=3, guidance=2.0)
    words = model.received(values(2, 3, DIM, seed=5), torch.tensor([[True] * 3, [True, False, False]]), "text")
    parts = [words, model.drawing(values(2, 0, DIM), "image")]
    generator = torch.Generator().manual_seed(4)

    def draw(hidden):
        token = sampler(made, hidden, generator)
        return token, model.read(token, "image")

    wanted, _ = uncached(model, parts, draw, 5)
    given = {"modality": "image", "count": 5, "generator": torch.Generator().manual_seed(4)}
    found = next_tokens(model, made, sampler, parts, **given)
    assert torch.allclose(found, wanted, atol=1e-5)
    # The same hidden states as in training, where all tokens are known.
    hidden = model([words, model.drawing(found[:, :-1], "image")])
    again = sampler(made, hidden[:, 0], torch.Generator().manual_seed(4))
    assert torch.allclose(again, found[:, 0], atol=1e-5)


@torch.no_grad()
def test_ends_and_limit():
    model = language()
    parts = [prompt(model, [[3, 4], [5, 6]])]
    free = next_texts(model, parts, ends=(WORDS,), limit=4)
    assert [len(row) for row in free] == [4, 4]
    end = free[0][1]
    cut = next_texts(model, parts, ends=(end,), limit=4)
    assert cut[0] == free[0][: free[0].index(end)]


def test_top_p_draws_from_the_likeliest():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(2000, 4)
    drawn = chosen(logits, 0.7, torch.Generator().manual_seed(0))
    assert sorted(set(drawn.tolist())) == [0, 1]
    # 0.5 / 0.8 of 2000 draws, within 5 standard deviations: wrong with probability below 1e-6.
    assert abs((drawn == 0).float().mean().item() - 0.625) < 5 * (0.625 * 0.375 / 2000) ** 0.5
    assert chosen(logits[:2], None, None).tolist() == [0, 0]
    seeds = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    assert chosen(logits[:2], 0.9, seeds)[1] == chosen(logits[:1], 0.9, [torch.Generator().manual_seed(2)])[0]
    with pytest.raises(ValueError, match="one for each is needed"):
        chosen(logits[:2], 0.9, [torch.Generator()])


def test_what_is_refused():
    model = language()
    with pytest.raises(ValueError, match=r"top_p = 0\.9 draws"):
        next_texts(model, [prompt(model, [[3]])], ends=(1,), limit=1, top_p=0.9)
    with pytest.raises(ValueError, match="modality: 'imge' is not known"):
        model.read(values(1, 1, DIM), "imge")
