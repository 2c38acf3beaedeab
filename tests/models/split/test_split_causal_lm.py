"""A language model in two parts against the whole one."""

import pytest
import torch
from torch import nn

from tokencom.linklevel.draws import Draws
from tokencom.models.bridge import bridged
from tokencom.models.split import SplitCausalLM

transformers = pytest.importorskip("transformers")

DRAWS, STEPS = Draws(seed=1), 8
SIZES = {
    "vocab_size": 99, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "head_dim": 8,
    "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": None,
    "max_position_embeddings": 256,
}  # fmt: skip
SLIDING = {"sliding_window": 6, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
CLASSES = {
    "Llama": {}, "Qwen2": {}, "Gemma": {}, "Gemma2": {**SLIDING, "query_pre_attn_scalar": 8},
    "Gemma3": {**SLIDING, "query_pre_attn_scalar": 8},
}  # fmt: skip


@pytest.fixture(scope="module", params=CLASSES)
def model(request):
    suffix = "Text" if request.param == "Gemma3" else ""
    config = getattr(transformers, f"{request.param}{suffix}Config")(**SIZES, **CLASSES[request.param])
    torch.manual_seed(2)
    model = getattr(transformers, f"{request.param}ForCausalLM")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8.0)
    return model


def prompt(seed=0):
    ids = torch.randint(3, 99, (2, 9), generator=torch.Generator().manual_seed(seed))
    mask = torch.ones_like(ids)
    ids[0, :3], mask[0, :3] = 0, 0
    return ids, mask


def whole(model, **options):
    ids, mask = prompt()
    out = model.generate(
        ids, attention_mask=mask, max_new_tokens=STEPS, do_sample=False, return_dict_in_generate=True,
        output_logits=True, **options,
    )  # fmt: skip
    return out.sequences[:, -STEPS:], torch.stack(out.logits, 1)


@pytest.mark.parametrize("num_layers", [0, 1, 2])
def test_feedback_over_an_ideal_link_is_the_whole_model(model, num_layers, links):
    split = SplitCausalLM(model, num_layers, links["ideal"](), generation="feedback")
    ids, logits = whole(model)
    got = split.generate(*prompt(), snr_db=0.0, draws=DRAWS, max_new_tokens=STEPS)
    assert torch.equal(got.sequences, ids)
    assert torch.allclose(got.logits, logits, atol=1e-3)
    assert got.channel_uses.total.tolist() == [4 * (6 + 7), 4 * (9 + 7)]
    assert got.downlink_bits.tolist() == [7 * 7, 7 * 7]


@pytest.mark.parametrize("num_layers", [0, 1, 2])
def test_receiver_only_is_what_a_bridge_in_the_whole_model_does(model, num_layers, links):
    split = SplitCausalLM(model, num_layers, links["ideal"]())
    cut = f"model.layers.{num_layers - 1}" if num_layers else "model.embed_tokens"
    with bridged(model, {cut: links["ideal"]()}, draws=DRAWS, snr_db=0.0):
        ids, logits = whole(model)
    got = split.generate(*prompt(), snr_db=0.0, draws=DRAWS, max_new_tokens=STEPS)
    assert torch.allclose(got.logits, logits, atol=1e-3)
    assert torch.equal(got.sequences, ids)
    assert torch.allclose(got.logits[:, 0], whole(model)[1][:, 0], atol=1e-3)
    assert got.channel_uses.total.tolist() == [24, 36]
    assert got.downlink_bits.tolist() == [0, 0]


@pytest.mark.parametrize("generation", ["receiver_only", "feedback"])
def test_nothing_gets_past_a_link_of_pure_noise(model, generation, links):
    split = SplitCausalLM(model, 2, links["noise"](), generation=generation)
    found = []
    for seed in range(4):
        ids, mask = prompt(seed)
        found.append(split.generate(ids, mask, snr_db=0.0, draws=DRAWS, max_new_tokens=STEPS))
    assert all(torch.equal(other.logits, found[0].logits) for other in found)


@pytest.mark.parametrize("generation", ["receiver_only", "feedback"])
def test_teacher_forcing_has_the_logits_of_generation(model, generation, links):
    split = SplitCausalLM(model, 1, links["ideal"](), generation=generation)
    ids, mask = prompt()
    got = split.generate(ids, mask, snr_db=0.0, draws=DRAWS, max_new_tokens=STEPS)
    logits = split(ids, mask, 0.0, DRAWS, answer_ids=got.sequences[:, :-1])
    assert torch.allclose(logits[:, ids.shape[1] - 1 :], got.logits, atol=1e-3)
    logits.sum().backward()
    used = split.receiver_lower if generation == "receiver_only" else split.transmitter
    assert all(p.grad is not None for p in used.decoder.layers.parameters())
    assert split(ids, mask, 0.0, DRAWS).shape == (2, 9, 99)


def test_the_two_sides_share_nothing(model, links):
    split = SplitCausalLM(model, 1, links["ideal"]())
    sides = [split.transmitter, split.receiver_lower, split.receiver_upper]
    owners = [{p.data_ptr() for p in side.parameters()} for side in sides] + [
        {p.data_ptr() for p in model.parameters()}
    ]
    for i, mine in enumerate(owners):
        for other in owners[i + 1 :]:
            assert not mine & other
    assert len(split.transmitter.decoder.layers) == 1
    assert len(split.receiver_upper.decoder.layers) == 2


def test_tokens_received_earlier_can_be_continued(model, links):
    split = SplitCausalLM(model, 1, links["ideal"]())
    ids, mask = prompt()
    expected = split.generate(ids, mask, snr_db=0.0, draws=DRAWS, max_new_tokens=STEPS)
    got = split.generate_from(split.encode(ids, mask), mask.bool(), max_new_tokens=STEPS)
    assert torch.equal(got.sequences, expected.sequences)
    assert got.channel_uses is None
    with pytest.raises(ValueError, match="needs the transmitter"):
        SplitCausalLM(model, 1, links["ideal"](), generation="feedback").generate_from(
            split.encode(ids, mask), mask.bool()
        )


def test_items_end_at_an_end_token(model, links):
    split = SplitCausalLM(model, 1, links["ideal"](), generation="feedback")
    free = split.generate(*prompt(), snr_db=0.0, draws=DRAWS, max_new_tokens=STEPS)
    split.eos_token_id = end = int(free.sequences[0, 0])
    got = split.generate(*prompt(), snr_db=0.0, draws=DRAWS, max_new_tokens=STEPS)
    assert got.sequences[0].tolist() == [end] + [0] * (STEPS - 1)
    assert got.channel_uses.total[0] == 24
    assert got.downlink_bits[0] == 0


def test_bad_arguments(model, links):
    with pytest.raises(ValueError, match="num_layers: 3 is outside"):
        SplitCausalLM(model, 3, links["ideal"]())
    with pytest.raises(TypeError, match="Linear has no embed_tokens"):
        SplitCausalLM(nn.Linear(2, 3), 1, links["ideal"]())
    with pytest.raises(ValueError, match="feedback"):
        SplitCausalLM(model, 1, links["ideal"](), generation="both")
    ids, mask = prompt()
    with pytest.raises(ValueError, match="pad prompts on the left"):
        SplitCausalLM(model, 1, links["ideal"]()).generate(ids, mask.flip(1), snr_db=0.0, draws=DRAWS)
