"""A tiny random LLaVA, saved and read like any other, over a link."""

import numpy as np
import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.analog import AnalogLink
from tokencom.models.hf_vlm import HFVLM

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

DRAWS = Draws(seed=1)
WORDS = [
    "what", "colour", "is", "the", "cube", "sphere", "red", "blue", "left", "of", "?", "yes", "no", "how", "many",
    "one", "two",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("llava")
    vocabulary = {w: i for i, w in enumerate(["<pad>", "<s>", "</s>", "<unk>", "<image>", *WORDS])}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )  # fmt: skip
    pictures = transformers.CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    transformers.LlavaProcessor(
        pictures, tokenizer, patch_size=8, vision_feature_select_strategy="default", image_token="<image>",
        num_additional_image_tokens=1,
    ).save_pretrained(path)  # fmt: skip
    text = {
        "model_type": "llama", "vocab_size": len(vocabulary), "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 4, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    vision = {
        "model_type": "clip_vision_model", "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 8, "projection_dim": 24,
    }  # fmt: skip
    torch.manual_seed(0)
    model = transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(vision_config=vision, text_config=text, image_token_index=4)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8.0 if parameter.ndim > 1 else 1.0)
    model.save_pretrained(path)
    return path


def link(dim=32, **options):
    return AnalogLink(FlatAirInterface(channel="awgn"), dim=dim, scale_range=(1e-4, 1e4), **options)


IMAGES = list(np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8))
QUESTIONS = ["what colour is the cube ?", "how many ?", "is the sphere red ?"]


def system(folder, cut="model.multi_modal_projector", **options):
    return HFVLM(model=str(folder), cut=cut, link=link(), max_new_tokens=5, **options)


def test_it_answers_and_counts(folder):
    answers = system(folder).answer(IMAGES, QUESTIONS, 20.0, DRAWS)
    assert len(answers.texts) == 3
    assert set(" ".join(answers.texts).split()) <= set(WORDS) | {"<unk>"}
    # 4 tokens of 32 reals each, and a header.
    assert answers.channel_uses.payload.tolist() == [64] * 3
    assert answers.channel_uses.side_information.min() > 0
    assert answers.downlink_bits.tolist() == [0] * 3


def test_without_noise_it_is_the_model_itself(folder):
    vlm = system(folder)
    inputs = vlm._inputs(IMAGES, QUESTIONS)
    ids = vlm.model.generate(**inputs, max_new_tokens=5, do_sample=False)[:, inputs["input_ids"].shape[1] :]
    expected = [t.strip() for t in vlm.processor.tokenizer.batch_decode(ids, skip_special_tokens=True)]
    assert list(vlm.answer(IMAGES, QUESTIONS, 150.0, DRAWS).texts) == expected


def test_a_sweep_encodes_once(folder):
    vlm = system(folder)
    asked = vlm.encode(IMAGES, QUESTIONS)
    calls = []
    handle = vlm.model.model.vision_tower.encoder.layers[0].register_forward_hook(lambda *_: calls.append(1))
    found = [vlm.receive(asked, snr_db, DRAWS).texts for snr_db in (-10.0, 10.0, 20.0)]
    assert not calls
    assert found == [vlm.answer(IMAGES, QUESTIONS, snr_db, DRAWS).texts for snr_db in (-10.0, 10.0, 20.0)]
    assert calls
    handle.remove()
    assert "forward" not in vlm.model.model.vision_tower.__dict__


@pytest.mark.parametrize("generation", ["receiver_only", "feedback"])
def test_cuts_inside_the_language_model(folder, generation):
    vlm = system(folder, "model.language_model.layers.0", generation=generation)
    answers = vlm.answer(IMAGES, QUESTIONS, 20.0, DRAWS)
    assert (answers.downlink_bits > 0).any() == (generation == "feedback")
    assert answers.channel_uses.payload.min() > 64


def test_bad_arguments(folder, tmp_path):
    with pytest.raises(ValueError, match=r"no module 'model.projector'; nearest: .*multi_modal_projector"):
        system(folder, "model.projector")
    with pytest.raises(ValueError, match="cannot be read as a vision-language model"):
        system(tmp_path)
    with pytest.raises(ValueError, match="past the cut"):
        system(folder, "model.vision_tower.encoder.layers.0.mlp").answer(IMAGES, QUESTIONS, 20.0, DRAWS)
    with pytest.raises(ValueError, match="questions: 2 given for 3 images"):
        system(folder).answer(IMAGES, QUESTIONS[:2], 20.0, DRAWS)
    with pytest.raises(ValueError, match="32 wide, but AnalogLink carries tokens of width 16"):
        HFVLM(model=str(folder), cut="model.multi_modal_projector", link=link(16)).answer(
            IMAGES, QUESTIONS, 20.0, DRAWS
        )
    with pytest.raises(ValueError, match="needs the field"):
        system(folder, template="{image}")
