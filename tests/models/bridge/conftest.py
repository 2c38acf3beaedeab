"""Tiny random models that tests of the bridge share."""

import pytest
import torch

VOCAB, IMAGE = 99, 90
TEXT = {
    "vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "max_position_embeddings": 512,
}  # fmt: skip
CLIP = {
    "model_type": "clip_vision_model", "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 2, "image_size": 16, "patch_size": 8, "projection_dim": 24,
}  # fmt: skip
SIGLIP = {**CLIP, "model_type": "siglip_vision_model"}
BLIP_VISION = {
    "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 16, "patch_size": 8,
}  # fmt: skip
QFORMER = {
    "vocab_size": 40, "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 2, "encoder_hidden_size": 24, "cross_attention_frequency": 1,
}  # fmt: skip
QWEN_VISION = {
    "depth": 2, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "in_channels": 3,
    "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2,
}  # fmt: skip
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}


def text_ids(batch, length, seed):
    return torch.randint(3, 80, (batch, length), generator=torch.Generator().manual_seed(seed))


def noise(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _prompt(num_image_tokens, batch=2, seed=0):
    """Some text, the image tokens, more text; the first item is padded on the left."""
    words = text_ids(batch, 7, 5)
    ids = torch.cat([words[:, :3], torch.full((batch, num_image_tokens), IMAGE), words[:, 3:]], 1)
    mask = torch.ones_like(ids)
    ids[0, :2], mask[0, :2] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}


def llava(seed=0):
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    config = LlavaConfig(vision_config=CLIP, text_config={**TEXT, "model_type": "llama"}, image_token_index=IMAGE)
    model = LlavaForConditionalGeneration(config)
    return model, {**_prompt(4), "pixel_values": noise(2, 3, 16, 16, seed=seed)}


def llava_next(seed=0):
    from transformers import LlavaNextConfig, LlavaNextForConditionalGeneration
    from transformers.models.llava_next.modeling_llava_next import image_size_to_num_patches

    config = LlavaNextConfig(
        vision_config=CLIP, text_config={**TEXT, "model_type": "llama"}, image_token_index=IMAGE,
        image_grid_pinpoints=[[16, 32], [32, 16]],
    )  # fmt: skip
    model = LlavaNextForConditionalGeneration(config)
    sizes = torch.tensor([[16, 32], [16, 32]])
    assert image_size_to_num_patches([16, 32], config.image_grid_pinpoints, 16) == 3
    # 2 x 2 tokens of the whole, 2 x 4 of its tiles, one newline token for each of two lines.
    return model, {**_prompt(14), "pixel_values": noise(2, 3, 3, 16, 16, seed=seed), "image_sizes": sizes}


def _qwen(vl, config_class, vision, seed):
    config = config_class(
        text_config={**TEXT, "rope_parameters": ROPE}, vision_config=vision, image_token_id=IMAGE,
        vision_start_token_id=91, vision_end_token_id=92, video_token_id=93,
    )  # fmt: skip
    # Images of 16 x 16 and 16 x 8 pixels: 4 and 2 tokens, so items differ in length.
    words, ids = text_ids(2, 7, 5), torch.zeros(2, 11, dtype=torch.int64)
    mask = torch.ones_like(ids)
    for row, count in enumerate((4, 2)):
        line = torch.cat([words[row, :3], torch.full((count,), IMAGE), words[row, 3:]])
        ids[row, 11 - len(line) :] = line
        mask[row, : 11 - len(line)] = 0
    grid = torch.tensor([[1, 4, 4], [1, 4, 2]])
    inputs = {
        "input_ids": ids, "attention_mask": mask, "pixel_values": noise(24, 3 * 2 * 4 * 4, seed=seed),
        "image_grid_thw": grid, "mm_token_type_ids": (ids == IMAGE).int(),
    }  # fmt: skip
    return vl(config), inputs


def qwen2_vl(seed=0):
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    return _qwen(Qwen2VLForConditionalGeneration, Qwen2VLConfig, QWEN_VISION, seed)


def qwen2_5_vl(seed=0):
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    vision = {
        "depth": 2, "hidden_size": 16, "out_hidden_size": 32, "num_heads": 2, "intermediate_size": 32,
        "in_channels": 3, "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 8,
        "fullatt_block_indexes": [1],
    }  # fmt: skip
    return _qwen(Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig, vision, seed)


def _blip_text():
    return {
        "model_type": "opt", "vocab_size": VOCAB, "hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 3,
        "num_attention_heads": 4, "word_embed_proj_dim": 32, "max_position_embeddings": 512, "pad_token_id": 0,
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip


def blip_2(seed=0):
    from transformers import Blip2Config, Blip2ForConditionalGeneration

    config = Blip2Config(
        vision_config=BLIP_VISION, qformer_config=QFORMER, text_config=_blip_text(), num_query_tokens=4,
        image_token_index=IMAGE,
    )  # fmt: skip
    return Blip2ForConditionalGeneration(config), {**_prompt(4), "pixel_values": noise(2, 3, 16, 16, seed=seed)}


def instructblip(seed=0, text=None):
    from transformers import InstructBlipConfig, InstructBlipForConditionalGeneration

    config = InstructBlipConfig(
        vision_config=BLIP_VISION, qformer_config=QFORMER, num_query_tokens=4, image_token_index=IMAGE,
        text_config={**TEXT, "model_type": "llama"} if text is None else text,
    )  # fmt: skip
    model = InstructBlipForConditionalGeneration(config)
    question = {"qformer_input_ids": text_ids(2, 5, 6) % 40, "qformer_attention_mask": torch.ones(2, 5).long()}
    return model, {**_prompt(4), **question, "pixel_values": noise(2, 3, 16, 16, seed=seed)}


def _many_images(seed, num_image_tokens):
    """Two images in the first item, one in the second."""
    words = text_ids(2, 9, 5)
    one = torch.full((num_image_tokens,), IMAGE)
    first = torch.cat([words[0, :2], one, words[0, 2:4], one, words[0, 4:]])
    second = torch.cat([words[1, :5], one, words[1, 5:]])
    pad = len(first) - len(second)
    ids = torch.stack([first, torch.cat([torch.zeros(pad, dtype=torch.int64), second])])
    mask = torch.ones_like(ids)
    mask[1, :pad] = 0
    pixels = noise(2, 2, 3, 16, 16, seed=seed)
    pixels[1, 1] = 0
    return {"input_ids": ids, "attention_mask": mask, "pixel_values": pixels}


def idefics3(seed=0):
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    config = Idefics3Config(
        vision_config={**SIGLIP, "model_type": "idefics3_vision", "patch_size": 4},
        text_config={**TEXT, "model_type": "llama"}, scale_factor=2, image_token_id=IMAGE,
    )  # fmt: skip
    return Idefics3ForConditionalGeneration(config), _many_images(seed, 4)


def smolvlm(seed=0):
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

    config = SmolVLMConfig(
        vision_config={**SIGLIP, "model_type": "smolvlm_vision", "patch_size": 4},
        text_config={**TEXT, "model_type": "llama"}, scale_factor=2, image_token_id=IMAGE,
    )  # fmt: skip
    return SmolVLMForConditionalGeneration(config), _many_images(seed, 4)


def paligemma(seed=0):
    from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration

    config = PaliGemmaConfig(
        vision_config=SIGLIP, text_config={**TEXT, "model_type": "gemma", "head_dim": 8}, image_token_index=IMAGE,
        projection_dim=32,
    )  # fmt: skip
    model, inputs = PaliGemmaForConditionalGeneration(config), _prompt(4)
    inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
    return model, {**inputs, "pixel_values": noise(2, 3, 16, 16, seed=seed)}


def gemma3(seed=0):
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {**TEXT, "model_type": "gemma3_text", "head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}  # fmt: skip
    config = Gemma3Config(
        vision_config={**SIGLIP, "vision_use_head": False}, text_config=text, image_token_index=IMAGE,
        mm_tokens_per_image=4,
    )  # fmt: skip
    model, inputs = Gemma3ForConditionalGeneration(config), _prompt(4)
    inputs["token_type_ids"] = (inputs["input_ids"] == IMAGE).long()
    return model, {**inputs, "pixel_values": noise(2, 3, 16, 16, seed=seed)}


def llama(seed=0):
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**TEXT)), _prompt(0)


BUILDERS = {
    f.__name__: f
    for f in (
        llava, llava_next, qwen2_vl, qwen2_5_vl, blip_2, instructblip, idefics3, smolvlm, paligemma, gemma3, llama,
    )
}  # fmt: skip


@pytest.fixture(scope="session")
def build():
    """A function from a name (and a seed for the image) to a model and its inputs."""
    models = {}

    def _build(name, seed=0, dtype=torch.float32):
        torch.manual_seed(1)
        model, inputs = BUILDERS[name](seed)
        if name not in models:
            model.eval()
            with torch.no_grad():
                # Larger weights than at initialisation, so that outputs depend on everything.
                for parameter in model.parameters():
                    if parameter.ndim > 1:
                        parameter.mul_(8.0)
                        if not parameter.any():
                            parameter.normal_(0.0, 0.2)
            models[name] = model
        return models[name].to(dtype), inputs

    return _build
