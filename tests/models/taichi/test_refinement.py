import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tokencom.models.pretrained import WeightsNotFoundError
from tokencom.models.taichi.refinement import DiffusionRefinement, asker, load_pipeline

sys.path.insert(0, str(Path(__file__).parent))
from small_taichi import small


def tiny_pipeline(folder):
    """A latent text-to-image pipeline of a few thousand parameters, as it would come from the hub."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 8), layers_per_block=1, cross_attention_dim=16, norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    )  # fmt: skip
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4, latent_channels=4)
    text = CLIPTextConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=40,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    names = ["<s>", "</s>", "<unk>", "red", "cube", "left", "of", "sphere", "draft", "large"]
    words = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        unk_token="<unk>",
        model_max_length=16,
    )
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder)


def scripted(asked):
    """A model that answers by what it is asked for, and notes it."""

    def ask(instruction):
        asked.append(instruction)
        last = instruction.rsplit("\n", 1)[-1]
        if last.startswith("Describe"):
            return " A red cube left of\na sphere. "
        return "" if last.startswith("style") else f"the {last.split(':')[0]}"

    return ask


def test_two_stages_by_the_same_model():
    asked = []
    found = DiffusionRefinement(scripted(asked)).prompt("draw the red cube")
    assert found.draft == "A red cube left of a sphere."
    assert found.parts == {
        "subject": "the subject",
        "attributes": "the attributes",
        "arrangement": "the arrangement",
        "style": "",
    }
    assert found.prompt == "A red cube left of a sphere, the subject, the attributes, the arrangement"
    assert len(asked) == 5
    assert all("draw the red cube" in instruction for instruction in asked)
    assert all("A red cube left of a sphere." in instruction for instruction in asked[1:])
    assert found.record() == {
        "request": "draw the red cube", "draft": found.draft, "parts": dict(found.parts), "prompt": found.prompt
    }  # fmt: skip


@pytest.mark.parametrize(("medium", "where"), [("audio", "audios"), ("video", "frames"), ("image", "images")])
def test_every_medium_gets_its_own_parts_and_output(medium, where):
    calls = []

    def pipeline(**given):
        calls.append(given)
        return SimpleNamespace(**{where: ["made"]})

    found = DiffusionRefinement(scripted([]), pipeline, medium=medium)("rain on a roof", num_inference_steps=3)
    assert found.output == "made"
    assert calls == [{"prompt": found.prompt, "num_inference_steps": 3}]
    assert len(found.parts) == 4


def test_a_silent_model_leaves_the_request():
    found = DiffusionRefinement(lambda instruction: "").prompt("a red cube")
    assert (found.draft, found.prompt) == ("a red cube", "a red cube")


def test_a_pipeline_from_its_folder_draws_the_refined_prompt(tmp_path):
    tiny_pipeline(tmp_path)
    pipeline = load_pipeline(tmp_path)
    pipeline.set_progress_bar_config(disable=True)

    def draw(request):
        generator = torch.Generator().manual_seed(1)
        refine = DiffusionRefinement(scripted([]), pipeline)
        return refine(request, num_inference_steps=2, generator=generator, output_type="pt", height=8, width=8)

    found = draw("draw the red cube")
    assert found.output.shape == (3, 8, 8)
    assert found.prompt.startswith(found.draft.rstrip("."))
    torch.testing.assert_close(draw("draw the red cube").output, found.output)
    given = {"num_inference_steps": 2, "output_type": "pt", "height": 8, "width": 8}
    plain = pipeline(prompt=found.draft, generator=torch.Generator().manual_seed(1), **given).images[0]
    assert not torch.equal(plain, found.output)


def test_the_language_model_of_a_system_can_be_asked():
    system = small()
    ask = asker(system, max_new_tokens=4)
    texts = [ask("describe the image ."), ask("how many red balls ?")]
    assert texts == [ask("describe the image ."), ask("how many red balls ?")]
    assert all(isinstance(text, str) for text in texts)


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="medium: 'smell'"):
        DiffusionRefinement(str, medium="smell")
    with pytest.raises(ValueError, match="pipeline: None"):
        DiffusionRefinement(str)("a cube")
    with pytest.raises(ValueError, match="none of"):
        DiffusionRefinement(str, lambda **_: SimpleNamespace(images=None))("a cube")
    with pytest.raises(WeightsNotFoundError, match="nowhere"):
        load_pipeline(tmp_path / "nowhere")
