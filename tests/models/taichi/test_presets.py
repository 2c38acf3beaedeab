"""Sizes as published, and weights in their original formats."""

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import transformers as hf
from safetensors.torch import save_file

from tokencom.models.pretrained import WeightsNotFoundError
from tokencom.models.systems.state import state_of
from tokencom.models.taichi import TaiChi
from tokencom.models.taichi.parts import build_detail, build_language, build_low
from tokencom.models.taichi.presets import GEMMA_2B, PAPER, QWEN2_14B, TINY, DetailConfig, GlobalConfig, preset
from tokencom.models.taichi.vision import convnext_of_timm
from tokencom.models.training import LoRA, add_adapters

sys.path.insert(0, str(Path(__file__).parent))
from small_taichi import SAMPLES, SMALL


def count(module):
    return sum(p.numel() for p in module.parameters())


def on_meta(config):
    with torch.device("meta"):
        return TaiChi(config, weights=False)


def decoder(width, inner, layers, heads, groups, head, *, biases=False):
    """Parameters of the layers of a Llama-like model and its last norm."""
    attention = 2 * width * heads * head + 2 * width * groups * head
    attention += (heads + 2 * groups) * head if biases else 0
    return layers * (attention + 3 * width * inner + 2 * width) + width


def test_tiny_has_the_size_that_its_baselines_are_measured_by():
    assert count(on_meta(TINY)) == 1_732_112


def test_clip_vit_large_has_its_published_size():
    # 303.5 million: embeddings, first norm and 24 layers; the norm behind them plays no part.
    d, inner = 1024, 4096
    layer = 4 * (d * d + d) + 2 * d * inner + inner + d + 4 * d
    expected = 24 * layer + (24 * 24 + 1) * d + d + 3 * 14 * 14 * d + 2 * d
    with torch.device("meta"):
        low = build_low(PAPER.low, weights=False)
    assert count(low) == expected == 303_505_408
    assert (low.grid, low.dim) == ((24, 24), 1024)


def test_convnext_large_has_its_published_size():
    widths, depths = (192, 384, 768, 1536), (3, 3, 27, 3)
    blocks = sum(n * (w * 49 + w + 2 * w + 8 * w * w + 5 * w + w) for n, w in zip(depths, widths, strict=True))
    between = sum(2 * a + 4 * a * b + b for a, b in pairwise(widths))
    with torch.device("meta"):
        detail = build_detail(PAPER.detail, weights=False)
    assert count(detail) == blocks + between + 3 * 16 * 192 + 3 * 192 == 196_227_264
    assert (detail.grid, detail.dim) == ((48, 48), 768 + 1536)


def test_language_models_have_their_published_sizes():
    with torch.device("meta"):
        gemma, _ = build_language(GEMMA_2B, weights=False)
        qwen, _ = build_language(QWEN2_14B, weights=False)
    assert count(gemma) == 256_000 * 2048 + decoder(2048, 16384, 18, 8, 1, 256) == 2_506_172_416
    assert count(qwen) == 2 * 152_064 * 5120 + decoder(5120, 13824, 48, 40, 8, 128, biases=True) == 14_770_033_664


@pytest.mark.parametrize("language", ["gemma-2b", "qwen2.5-14b"])
def test_paper_preset_is_the_sum_of_its_parts(language):
    system = on_meta(preset("paper", language=language))
    whole = {"gemma-2b": 2_506_172_416, "qwen2.5-14b": 14_770_033_664}[language]
    own = count(system.bilateral) + count(system.projector) + count(system.cells)
    assert count(system) == 303_505_408 + 196_227_264 + whole + own
    assert system.num_tokens == 576
    trained = sum(t.numel() for name, t in state_of({"system": system}).items() if not name.endswith("knots"))
    assert trained == own


CLIP = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}


def test_clip_in_the_format_of_the_hub(tmp_path):
    torch.manual_seed(0)
    text = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 50,
    }
    whole = hf.CLIPModel(hf.CLIPConfig(vision_config=CLIP, text_config=text, projection_dim=8))
    whole.save_pretrained(tmp_path)
    low = build_low(GlobalConfig(source=str(tmp_path), config={}, layer=-2))
    pixels = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = whole.vision_model((pixels - 0.5) / 0.25, output_hidden_states=True).hidden_states[-2][:, 1:]
        torch.testing.assert_close(low(pixels), expected)


def convnext_files(state, folder):
    """The same tensors in the formats of timm and OpenCLIP."""
    folder.mkdir()
    save_file(state, folder / "timm.safetensors")
    clip = {f"visual.trunk.{name}": tensor for name, tensor in state.items()}
    clip |= {"visual.head.proj.weight": torch.zeros(2, 2), "logit_scale": torch.zeros(())}
    (folder / "open").mkdir()
    save_file(clip, folder / "open" / "open_clip_model.safetensors")
    (folder / "pickled").mkdir()
    torch.save(clip, folder / "pickled" / "open_clip_pytorch_model.bin")
    return [folder / "timm.safetensors", folder / "open", folder / "pickled"]


def timm_names(model):
    """The tensors of a ConvNextModel as timm names them, by a table of its own."""
    inner = {"dwconv": "conv_dw", "layernorm": "norm", "pwconv1": "mlp.fc1", "pwconv2": "mlp.fc2"}
    found = {"head.norm.weight": torch.ones(3), "head.fc.weight": torch.ones(3, 3)}
    for name, tensor in model.state_dict().items():
        parts = name.split(".")
        if parts[0] == "embeddings":
            found[f"stem.{'0' if parts[1] == 'patch_embeddings' else '1'}.{parts[2]}"] = tensor
        elif "downsampling_layer" in parts:
            found[f"stages.{parts[2]}.downsample.{parts[4]}.{parts[5]}"] = tensor
        elif parts[-1] == "layer_scale_parameter":
            found[f"stages.{parts[2]}.blocks.{parts[4]}.gamma"] = tensor
        elif parts[0] == "encoder":
            found[f"stages.{parts[2]}.blocks.{parts[4]}.{inner[parts[5]]}.{parts[6]}"] = tensor
    return found


def test_convnext_in_the_formats_of_timm_openclip_and_the_hub(tmp_path):
    torch.manual_seed(0)
    shape = {"depths": [1, 1, 2, 1], "hidden_sizes": [4, 6, 8, 10]}
    model = hf.ConvNextModel(hf.ConvNextConfig(**shape)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    model.save_pretrained(tmp_path / "hub")
    pixels = torch.rand(1, 3, 64, 64)
    results = []
    for source in [*convnext_files(timm_names(model), tmp_path / "timm"), tmp_path / "hub"]:
        given = DetailConfig(type="convnext", source=str(source), config={}, size=64, stages=(3, 4))
        detail = build_detail(given).eval()
        assert (detail.dim, detail.grid) == (18, (4, 4))
        with torch.no_grad():
            results.append(detail(pixels))
    assert all(torch.equal(result, results[0]) for result in results)
    assert set(convnext_of_timm(timm_names(model))) == {n for n in model.state_dict() if not n.startswith("layernorm.")}


WIDTH = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2,
         "num_key_value_heads": 1, "vocab_size": 300}  # fmt: skip
FAMILIES = {
    "gemma": (hf.GemmaConfig, hf.GemmaForCausalLM, hf.GemmaTokenizer),
    "qwen2": (hf.Qwen2Config, hf.Qwen2ForCausalLM, hf.Qwen2Tokenizer),
}


def letters(kind):
    """A tokenizer of a family that knows single letters."""
    from tokenizers.pre_tokenizers import ByteLevel

    marks = ["<pad>", "<eos>", "<bos>", "<unk>", "<|endoftext|>", "\u2581"]
    alphabet = [*marks, *sorted(ByteLevel.alphabet())]
    return kind(vocab={mark: number for number, mark in enumerate(alphabet)}, merges=[])


@pytest.mark.parametrize("family", FAMILIES)
def test_language_models_in_the_format_of_transformers_load_and_answer(tmp_path, family):
    settings, kind, tokenizer = FAMILIES[family]
    torch.manual_seed(0)
    extra = {"head_dim": 8} if family == "gemma" else {}
    model = kind(settings(**WIDTH, **extra)).eval()
    model.save_pretrained(tmp_path)
    letters(tokenizer).save_pretrained(tmp_path)
    system = TaiChi(replace(SMALL, language=replace(GEMMA_2B, source=str(tmp_path), num_layers=1))).eval()
    assert len(system.texts.ids("cube")) >= 4
    tokens = system.encode(SAMPLES[:2])
    answers = system.answer(tokens, SAMPLES[:2])
    assert len(answers) == 2
    # Text that crosses gives what the whole model gives.
    ids = torch.randint(6, 260, (1, 7), generator=torch.Generator().manual_seed(3))
    there = torch.ones(1, 7, dtype=torch.bool)
    with torch.no_grad():
        sent = system.language.send(system.language.embed(ids), there)
        hidden = system.language.upper.decoder(inputs_embeds=sent).last_hidden_state
        torch.testing.assert_close(system.language.logits(hidden), model(ids).logits, atol=1e-5, rtol=1e-4)


def test_frozen_weights_are_not_in_the_state_but_adapters_are(tmp_path):
    torch.manual_seed(0)
    hf.CLIPVisionModel(hf.CLIPVisionConfig(**CLIP)).save_pretrained(tmp_path)
    config = replace(SMALL, low=GlobalConfig(source=str(tmp_path), config={}))
    system = TaiChi(config)
    assert not any(p.requires_grad for p in system.low.parameters())
    names = set(system.state_dict())
    assert not any(name.startswith("low.") for name in names)
    assert any(name.startswith("bilateral.") for name in names)
    add_adapters(system, LoRA(target_modules=r"low\..*\.q_proj"))
    added = set(system.state_dict()) - names
    assert len(added) == 4
    assert all("lora_" in name for name in added)
    other = TaiChi(config)
    other.load_state_dict({name: tensor for name, tensor in system.state_dict().items() if "lora_" not in name})
    with pytest.raises(RuntimeError, match="projector"):
        other.load_state_dict({name: t for name, t in system.state_dict().items() if "projector.layers.0" not in name})


def test_missing_weights_and_unknown_names():
    with pytest.raises(WeightsNotFoundError, match="nowhere/at/all"):
        build_low(GlobalConfig(source="nowhere/at/all", config={}))
    with pytest.raises(WeightsNotFoundError, match="nowhere/at/all"):
        build_detail(DetailConfig(type="convnext", source="nowhere/at/all", size=64))
    with pytest.raises(ValueError, match="preset: 'tyni'"):
        preset("tyni")
    with pytest.raises(ValueError, match="language"):
        preset("paper", language="gemma")
    with pytest.raises(ValueError, match="projektor"):
        preset("tiny", projektor="kan")
