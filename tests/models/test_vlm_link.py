"""A tiny random LLaVA behind a link for tasks: from a scenario to answers."""

import numpy as np
import pytest
import torch

from tokencom.linklevel import Draws
from tokencom.scenarios import run
from tokencom.scenarios.cli import main
from tokencom.scenarios.schema import load_scenario

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

SCENARIO = """\
name: vlm
task: {type: vqa, num_items: 3, prior: false, data: {type: clevr_synth, num_images: 2, size: 32}}
air: {type: flat, channel: awgn}
schemes:
  - name: analog
    type: token
    system:
      type: hf_vlm
      model: "MODEL"
      cut: model.multi_modal_projector
      max_new_tokens: 2
      template: "{image} {question}"
    link: {type: analog, scale_range: [1.0e-4, 1.0e4]}
sweep: {snr_db: [0, 60]}
stop: {batch_size: 3}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("llava")
    words = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "what", "color", "cube", "sphere", "red", "yes", "no"]
    inner = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>")
    )
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
    shared = {"num_hidden_layers": 2, "num_attention_heads": 2}
    text = {
        "model_type": "llama", "vocab_size": len(words), "hidden_size": 32, "intermediate_size": 64,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **shared,
    }  # fmt: skip
    vision = {
        "model_type": "clip_vision_model", "hidden_size": 24, "intermediate_size": 48, "image_size": 16,
        "patch_size": 8, "projection_dim": 24, **shared,
    }  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = transformers.LlavaForConditionalGeneration(
            transformers.LlavaConfig(vision_config=vision, text_config=text, image_token_index=4)
        )
    found.save_pretrained(path)
    return path


@pytest.fixture
def file(tmp_path, model):
    path = tmp_path / "vlm.yaml"
    path.write_text(SCENARIO.replace("MODEL", str(model)), encoding="utf-8")
    return path


def test_it_runs_and_can_be_audited(file, tmp_path, capsys):
    results = run(load_scenario(file), tmp_path / "out", workers=0, progress=False)
    names = [metric.name for metric in results.metrics]
    assert {"accuracy", "clean_accuracy", "blind_accuracy"} <= set(names)
    uses = results.value[0, :, names.index("channel_uses")]
    # Four tokens of 32 reals, and a header for their number and scale.
    np.testing.assert_array_equal(uses - results.value[0, :, names.index("side_information")], [64, 64])
    assert main(["audit", str(file), "--draws", "500"]) == 0
    assert "every link keeps" in capsys.readouterr().out


def test_a_quiet_channel_changes_no_answer_and_batches_are_encoded_once(file):
    task, link = load_scenario(file).points()[1].scenario.build("analog")
    batch = task.batch(0, 3, Draws(seed=1))
    reception = link(batch, 200.0, Draws(seed=1))
    assert reception.payload == link.clean(batch, 200.0)
    assert len(link.blind(batch)) == len(batch)
    assert len(link._kept) == 1


def test_a_wrong_width_is_refused(file):
    link = load_scenario(file, ["schemes.analog.system.dim=31"]).build("analog")
    batch = link[0].batch(0, 1, Draws(seed=1))
    with pytest.raises(ValueError, match="tokens of width 32 given; the link carries dim = 31"):
        link[1](batch, 10.0, Draws(seed=1))
