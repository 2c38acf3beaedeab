"""Projector, shared decoder layer and block mask against direct computations; sizes of the publications."""

import pytest
import torch
from baseline_cases import Item, small
from torch import nn

from tokencom.linklevel.jscc import DenseCodec
from tokencom.models.baselines import DeepSC, DeepSCVQA, MobileVLM, UDeepSC
from tokencom.models.baselines.ldp import LDP, DepthwiseBlock, SqueezeExcitation
from tokencom.models.baselines.udeepsc import QueryLayer
from tokencom.models.systems.state import copy_state

ANSWERS = tuple(f"answer {n}" for n in range(3129))


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_block_equals_loops(stride: int) -> None:
    torch.manual_seed(0)
    block, x = DepthwiseBlock(8, stride).double(), torch.randn(1, 8, 4, 4).double()
    side = 4 // stride
    deep = torch.zeros(8, side, side).double()
    padded = nn.functional.pad(x[0], (1, 1, 1, 1))
    for c in range(8):
        for i in range(side):
            for j in range(side):
                window = padded[c, i * stride : i * stride + 3, j * stride : j * stride + 3]
                deep[c, i, j] = (window * block.depthwise.weight[c, 0]).sum()
    deep = nn.functional.layer_norm(deep.permute(1, 2, 0), (8,)).permute(2, 0, 1)
    deep = deep * (deep + 3).clamp(0, 6) / 6
    squeeze = block.excitation.layers
    hidden = (squeeze[0].weight[:, :, 0, 0] @ deep.mean((1, 2)) + squeeze[0].bias).relu()
    scale = ((squeeze[2].weight[:, :, 0, 0] @ hidden + squeeze[2].bias + 3).clamp(0, 6)) / 6
    mixed = torch.einsum("oc,cij->oij", block.pointwise.weight[:, :, 0, 0], deep * scale[:, None, None])
    wanted = nn.functional.layer_norm(mixed.permute(1, 2, 0), (8,)).permute(2, 0, 1)
    torch.testing.assert_close(block(x)[0], wanted + x[0] if stride == 1 else wanted)


def test_the_projector_leaves_a_quarter_of_the_tokens() -> None:
    projector = LDP(6, 8, (4, 6))
    assert projector(torch.randn(2, 24, 6)).shape == (2, projector.num_tokens, 8) == (2, 6, 8)
    with pytest.raises(ValueError, match="even"):
        LDP(6, 8, (3, 4))


def test_shared_memory_equals_the_library_layer() -> None:
    torch.manual_seed(0)
    layer = QueryLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    nn.init.normal_(layer.multihead_attn.in_proj_bias)
    pictures, words = torch.randn(2, 5, 8), torch.randn(3, 4, 8)
    seen = torch.tensor([[True] * 5, [True, False, True, False, False]])
    there = torch.tensor([[True] * 4, [True, False, False, False], [True, True, False, False]])
    owner = torch.tensor([1, 0, 1])
    queries = torch.randn(3, 6, 8)
    found = layer.shared(queries, [(pictures, seen, owner), (words, there, None)])
    memory, mask = torch.cat([pictures[owner], words], 1), torch.cat([seen[owner], there], 1)
    wanted = layer(queries, memory, memory_key_padding_mask=~mask)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_questions_behind_one_prefix_equal_questions_alone(questions: list[Item]) -> None:
    """The block mask, against one sequence for each question through the library's causal model."""
    system = small("mobile_vlm", full=False)
    batch = system.collate(questions)
    tokens = system.tokens(batch)
    found = system._scores(tokens, batch)[0]
    for row in range(3):
        ids = torch.tensor([*batch["words"][row, : batch["lengths"][row]], system.words.output])
        words = system.llm.get_input_embeddings()(ids)
        sequence = torch.cat([tokens.values[batch["owner"][row]], words])[None]
        logits = system.llm(inputs_embeds=sequence).logits[0, -1]
        torch.testing.assert_close(found[row], logits[system.answer_words], rtol=1e-4, atol=1e-4)


def test_answers_of_a_language_model_are_words() -> None:
    with pytest.raises(ValueError, match="one word"):
        small("mobile_vlm", answers=("yes", "certainly not"))


def test_squeeze_and_excitation_has_a_quarter() -> None:
    assert SqueezeExcitation(64).layers[0].out_channels == 16


def test_deepsc_has_the_sizes_of_its_publication() -> None:
    """Four layers of width 128, 8 heads, 512; channel codec 128-256-16 and 16-128-512-128."""
    system = DeepSC(preset="paper")
    d, f, words = 128, 512, system.words.vocab_size
    attention, feed, norm = 4 * d * d + 4 * d, 2 * d * f + f + d, 2 * d
    encoder, decoder = attention + feed + 2 * norm, 2 * attention + feed + 3 * norm
    assert system.encoder[0].self_attn.num_heads == 8
    assert count(system) == 4 * (encoder + decoder) + words * d + (d + 1) * words
    codec = DenseCodec(dim=d, reliability=False)
    sizes = (d + 1) * 256 + 257 * 16 + 17 * d + (d + 1) * f + (f + 1) * d + 2 * d
    assert count(codec) == sizes


def test_udeepsc_has_the_sizes_of_its_publication() -> None:
    """ViT 6 x 384 x 6, BERT-small 4 x 512, decoder 2 x 128 x 4, 25 queries, 3 + 2 tokens, 3129 sigmoids."""
    with torch.device("meta"):
        system = UDeepSC(preset="paper", answers=ANSWERS, objective="sigmoid", question="sent")
    assert [len(part) for part in (system.image_encoder.layers, system.text_encoder.layers, system.decoder)] == [
        6,
        4,
        2,
    ]
    assert (system.num_image_tokens, system.num_sent_words) == (3, 2)
    assert system.queries["vqa"].shape == (25, 128)
    assert system.heads["vqa"].out_features == 3129
    for layers, d, heads in (
        (system.image_encoder.layers, 384, 6), (system.text_encoder.layers, 512, 8), (system.decoder, 128, 4),
    ):  # fmt: skip
        attention, feed, norm = 4 * d * d + 4 * d, 8 * d * d + 5 * d, 2 * d
        wanted = 2 * attention + feed + 3 * norm if layers is system.decoder else attention + feed + 2 * norm
        assert {count(layer) for layer in layers} == {wanted}
        assert layers[0].self_attn.num_heads == heads


def test_udeepsc_sends_as_many_tokens_as_published(questions: list[Item]) -> None:
    system = small("udeepsc", question="sent", class_tokens=3, num_sent_words=2)
    assert system.encode(questions).num_tokens.tolist() == [5, 5, 5]
    assert len(system.answer(system.encode(questions), questions)) == 3


def test_a_second_task_is_added_to_a_system_that_answers(questions: list[Item]) -> None:
    """Both then answer alike; the new head keeps its initial values, and what is started from must have the rest."""
    answering, both = small("udeepsc", seed=1), small("udeepsc", seed=2, classes=("no", "yes"))
    initial = {name: tensor.clone() for name, tensor in both.state_dict().items()}
    with pytest.raises(ValueError, match=r"system.queries.text is missing"):
        copy_state({"system": answering}, {"system": both})
    copy_state({"system": answering}, {"system": both}, starts=True)
    given = answering.state_dict()
    assert {name for name in initial if name not in given} == {"queries.text", "heads.text.weight", "heads.text.bias"}
    for name, tensor in both.state_dict().items():
        assert torch.equal(tensor, given.get(name, initial[name])), name
    assert both.answer(both.encode(questions), questions) == answering.answer(answering.encode(questions), questions)
    with pytest.raises(ValueError, match=r"system\..* is missing"):
        copy_state({"system": small("udeepsc", answers=(), classes=("no", "yes"))}, {"system": both}, starts=True)


def test_deepsc_vqa_has_resnet_101_up_to_its_third_stage_and_twelve_steps() -> None:
    with torch.device("meta"):
        system = DeepSCVQA(preset="paper", answers=ANSWERS)
        # ResNet-101 has 44,549,160 parameters; the fourth stage has 14,964,736, the classifier 2,049,000.
        assert count(system.eye) == 44_549_160 - 14_964_736 - 2_049_000
        assert (system.mac.num_steps, system.dim, system.num_image_tokens) == (12, 512, 14 * 14)
        assert system.features(torch.zeros(1, 3, 224, 224)).shape == (1, 196, 512)


def test_mobile_vlm_is_clip_and_a_1_4b_llama() -> None:
    with torch.device("meta"):
        system = MobileVLM(preset="paper")
    # CLIP-ViT-L/14-336's vision tower has 303,507,456 parameters; MobileLLaMA-1.4B 1,364,297,728.
    assert count(system.eye) == 303_507_456
    assert count(system.llm) == 1_364_297_728
    assert system.num_image_tokens == 144
    assert 18e6 < count(system.projector) < 20e6


@pytest.mark.parametrize("kind", [DeepSCVQA, UDeepSC, MobileVLM])
def test_tiny_sizes_are_alike(kind: type) -> None:
    """Within 10 % above the 1.73 million parameters of the tiny TaiChi."""
    assert 1.73e6 < count(kind(preset="tiny")) < 1.906e6


def test_tiny_systems_for_texts_are_as_large() -> None:
    classes = ("negative", "positive")
    texts = UDeepSC(preset="tiny", answers=(), classes=classes, text_depth=3, mlp_ratio=4.0)
    assert 1.73e6 < count(texts) < 1.906e6
    assert 1.73e6 < count(DeepSC(preset="tiny", task="classification", classes=classes)) < 1.906e6
