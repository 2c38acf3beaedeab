"""A tiny random LLaVA behind a link for tasks: from a scenario to answers."""

import shutil

import numpy as np
import pytest
import torch

from tokencom.linklevel import Draws
from tokencom.models.export import TokenFile
from tokencom.models.systems import SourceSystemLink
from tokencom.models.vlm_link import _Seen
from tokencom.scenarios import run
from tokencom.scenarios.cli import main
from tokencom.scenarios.engine.exporting import export_scheme
from tokencom.scenarios.schema import ScenarioError, load_scenario

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

SCENARIO = """\
name: vlm
task: {type: vqa, num_items: 3, prior: false, data: {type: clevr_synth, num_images: 2, size: 32}}
air: {type: flat, channel: awgn}
schemes:
  - name: analog
    type: token
    system: &vlm
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


def sent(scenario):
    """Return what a run would send of the items, encoded together."""
    task, link = scenario.points()[0].scenario.build("analog")
    seen = _Seen(link.link)
    link.eval()._ask(seen, task.batch(0, 3, Draws(seed=1)), 10.0, Draws(seed=1))
    return [task.data[number].id for number in range(3)], seen.tokens[0]


@pytest.mark.parametrize("cut", ["model.multi_modal_projector", "model.language_model.layers.0"])
def test_export_has_what_a_run_would_send(file, tmp_path, capsys, cut):
    field = f"schemes.analog.system.cut={cut}"
    assert main(["export", str(file), field, "--output", str(tmp_path / "tokens"), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "tokens" / "tokens.h5")
    ids, expected = sent(load_scenario(file, [field]))
    with TokenFile(tmp_path / "tokens") as found:
        assert (list(found.ids), found.cut) == (ids, cut)
        tokens = found.tokens(range(3))
    assert torch.equal(tokens.mask, expected.mask)
    torch.testing.assert_close(tokens.values, expected.values * expected.mask[..., None])


def test_an_interrupted_export_goes_on(file, tmp_path):
    scenario, told = load_scenario(file), []

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    each = {"batch_size": 1, "shard_size": 1}
    with pytest.raises(KeyboardInterrupt):
        export_scheme(scenario, "analog", tmp_path / "a", progress=stop, **each)
    export_scheme(scenario, "analog", tmp_path / "a", progress=lambda *at: told.append(at), **each)
    assert told == [(0, 3), (2, 3), (3, 3), (3, 3)]
    export_scheme(scenario, "analog", tmp_path / "b", **each)
    with TokenFile(tmp_path / "a") as first, TokenFile(tmp_path / "b") as second:
        assert torch.equal(first.tokens(range(3)).values, second.tokens(range(3)).values)


def test_other_weights_in_the_same_folder_are_another_export(tmp_path, model):
    own, path = tmp_path / "model", tmp_path / "vlm.yaml"
    shutil.copytree(model, own)
    path.write_text(SCENARIO.replace("MODEL", str(own)), encoding="utf-8")
    export_scheme(load_scenario(path), "analog", tmp_path / "tokens")
    changed = transformers.LlavaForConditionalGeneration.from_pretrained(own)
    with torch.no_grad():
        changed.model.multi_modal_projector.linear_1.bias.add_(1.0)
    changed.save_pretrained(own)
    with pytest.raises(ValueError, match="another model, cut or data set"):
        export_scheme(load_scenario(path), "analog", tmp_path / "tokens")


JPEG = """\
  - name: JPEG
    type: token
    system: *vlm
    source: {type: jpeg}
    link: {type: digital, code: ldpc5g, coderate: 0.5, num_bits_per_symbol: 4, num_channel_uses: 1500}
sweep:"""


def test_the_same_model_answers_on_images_of_a_classical_chain(tmp_path, model):
    path = tmp_path / "chain.yaml"
    path.write_text(SCENARIO.replace("sweep:", JPEG).replace("MODEL", str(model)), encoding="utf-8")
    scenario = load_scenario(path)
    task, link = scenario.points()[1].scenario.build("JPEG")
    assert isinstance(link, SourceSystemLink)
    batch = task.batch(0, 3, Draws(seed=1))
    vlm, questions = link.system.vlm, [sample.inputs["question"] for sample in batch]
    reception = link(batch, 60.0, Draws(seed=1))
    assert bool(reception.ok.all())
    assert reception.channel_uses.total.tolist() == [1500] * 3
    images = [sample.inputs["image"] for sample in batch]
    decoded = link.link(images, 60.0, Draws(seed=1)).payload
    assert any((one != two).any() for one, two in zip(images, decoded, strict=True))
    # What is answered is the untouched model's answer about the decoded image, and nothing of the image sent.
    assert reception.payload == link.clean(batch, 60.0) == list(vlm.ask(decoded, questions))
    assert link.blind(batch) == list(vlm.ask([link.link.source.fallback()] * 3, questions))


def test_the_model_as_a_whole_is_the_model_itself(model):
    from tokencom.scenarios.schema.systems import HFVLM

    config = HFVLM(model=str(model), cut="model.multi_modal_projector", max_new_tokens=3, template="{image} {question}")
    system = config.build()
    images = list(np.random.default_rng(0).integers(0, 256, (2, 20, 24, 3), dtype=np.uint8))
    inputs = system.vlm._inputs(images, ["what color", "red cube"])
    ids = system.vlm.model.generate(**inputs, max_new_tokens=3, do_sample=False)
    texts = system.vlm.processor.tokenizer.batch_decode(
        ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )
    assert list(system.vlm.ask(images, ["what color", "red cube"])) == [text.strip() for text in texts]
    with pytest.raises(ValueError, match="questions: 1 given for 2 images"):
        system.vlm.ask(images, ["what"])


@pytest.fixture
def over_38901(model):
    """Overrides that put the tiny model into the shipped scenario."""
    fields = (f"model={model}", "cut=model.multi_modal_projector", "template='{image} {question}'")
    return [
        *(f"schemes.{index}.system.{field}" for index in (0, 1) for field in fields),
        "task.num_items=2", "task.prior=false", "task.data.size=32", "sweep.snr_db=[12]", "stop.batch_size=2",
        "task.data.questions_per_image=1", "schemes.1.link.num_channel_uses=1500",
    ]  # fmt: skip


def test_any_vlm_over_38901(over_38901, tmp_path):
    for missing in ("schemes.0.system.model", "schemes.1.system.model"):
        with pytest.raises(ScenarioError, match=missing.replace(".", r"\.")):
            load_scenario("tokens/any_vlm_38901")
    results = run(load_scenario("tokens/any_vlm_38901", over_38901), tmp_path / "out", workers=0, progress=False)
    assert list(results.schemes) == ["image tokens, analog", "JPEG + LDPC"]
    metrics = [metric.name for metric in results.metrics]
    uses = results.value[:, 0, metrics.index("channel_uses")]
    assert uses[1] == 1500
    assert 0 < results.value[0, 0, metrics.index("pilots")] < uses[0]
    assert np.isfinite(results.value[:, 0, metrics.index("accuracy")]).all()


@pytest.mark.verify
def test_any_vlm_over_38901_keeps_the_contract(over_38901, capsys):
    assert main(["audit", "tokens/any_vlm_38901", *over_38901, "--draws", "2500"]) == 0
    assert "every link keeps" in capsys.readouterr().out
