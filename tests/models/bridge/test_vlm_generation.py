"""Models of transformers with bridges: noiseless links change nothing, blocked links let nothing through."""

import pytest
import torch

from tokencom.linklevel.draws import Draws
from tokencom.models.bridge import Cut, bridged, check_sealed

pytest.importorskip("transformers")

STEPS = 8
STACK = {
    "blip_2": "language_model.model.decoder", "instructblip": "language_model.model", "idefics3": "model.text_model",
    "smolvlm": "model.text_model", "llama": "model",
}  # fmt: skip
ENCODER = {
    "llava": [("model.multi_modal_projector", None), ("model.vision_tower", "hidden_states.-2"),
              ("model.vision_tower.encoder.layers.0", None)],
    "llava_next": [("model.multi_modal_projector", None)],
    "qwen2_vl": [("model.visual.merger", None), ("model.visual.blocks.0", None), ("model.visual", "pooler_output")],
    "qwen2_5_vl": [("model.visual.merger", None), ("model.visual.blocks.0", None)],
    "blip_2": [("language_projection", None), ("qformer", None), ("vision_model", None)],
    "instructblip": [("language_projection", None), ("qformer", None), ("vision_model", None)],
    "idefics3": [("model.connector", None), ("model.vision_model", None)],
    "smolvlm": [("model.connector", None), ("model.vision_model", None)],
    "paligemma": [("model.multi_modal_projector", None), ("model.vision_tower", None)],
    "gemma3": [("model.multi_modal_projector", None), ("model.vision_tower", None)],
    "llama": [],
}  # fmt: skip
QUICK = ("llava", "qwen2_5_vl")
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.verify) for name in ENCODER]


def stack_cuts(name):
    path = STACK.get(name, "model.language_model")
    norm = "final_layer_norm" if name == "blip_2" else "norm"
    return [f"{path}.embed_tokens", f"{path}.layers.0", f"{path}.layers.1", f"{path}.{norm}", path]


def generate(model, inputs):
    """Token ids [batch, STEPS] and the scores of each step, [STEPS, batch, vocabulary]."""
    out = model.generate(
        **inputs, max_new_tokens=STEPS, do_sample=False, return_dict_in_generate=True, output_scores=True
    )
    return out.sequences[:, -STEPS:], torch.stack(out.scores)


def run(model, inputs, cuts, link, generation):
    with bridged(model, dict.fromkeys(cuts, link), draws=Draws(seed=1), snr_db=10.0, generation=generation) as session:
        return (*generate(model, inputs), session)


@pytest.mark.parametrize("name", NAMES)
def test_a_noiseless_link_before_the_language_model_changes_nothing(build, links, name):
    model, inputs = build(name)
    ids, scores = generate(model, inputs)
    for module, value in ENCODER[name]:
        got, got_scores, session = run(
            model, inputs, [Cut(module=module, value=value)], links["ideal"](), "receiver_only"
        )
        assert torch.equal(got, ids), module
        assert torch.equal(got_scores, scores), module
        assert session.downlink_bits.tolist() == [0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_a_noiseless_link_inside_the_language_model(build, links, name):
    model, inputs = build(name)
    ids, scores = generate(model, inputs)
    for cut in stack_cuts(name):
        got, got_scores, _ = run(model, inputs, [cut], links["ideal"](), "feedback")
        assert torch.equal(got, ids), cut
        got, got_scores, session = run(model, inputs, [cut], links["ideal"](), "receiver_only")
        assert torch.equal(got[:, 0], ids[:, 0]), cut
        assert torch.equal(got_scores[0], scores[0]), cut
        assert torch.equal(session.channel_uses.total, 4 * inputs["attention_mask"].sum(1))


def variations(name, build, what, count=3):
    """Inputs that differ in what should have crossed: the image, the text, or both."""
    for seed in range(count):
        inputs = dict(build(name, seed)[1])
        if "image" not in what and "pixel_values" in inputs:
            inputs["pixel_values"] = build(name, 0)[1]["pixel_values"]
        for key, part, size in (("input_ids", "text", 80), ("qformer_input_ids", "question", 40)):
            if part in what and key in inputs:
                ids = inputs[key]
                words = torch.randint(3, size, ids.shape, generator=torch.Generator().manual_seed(seed))
                inputs[key] = torch.where((ids > 2) & (ids < 80), words, ids)
        yield inputs


def assert_sealed(model, all_inputs, cuts, link, generation):
    found = [run(model, inputs, cuts, link(), generation)[:2] for inputs in all_inputs]
    for ids, scores in found[1:]:
        assert torch.equal(ids, found[0][0]), cuts
        assert torch.equal(scores, found[0][1]), cuts


@pytest.mark.parametrize("name", NAMES)
def test_outputs_depend_on_what_crosses(build, name):
    """Otherwise the leak tests would show nothing."""
    model, _ = build(name)
    for what in (["image"], ["text"]) if name != "llama" else (["text"],):
        scores = [generate(model, inputs)[1] for inputs in variations(name, build, what)]
        for step in range(STEPS):
            assert not torch.equal(scores[0][step], scores[1][step])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_gets_past_a_link_of_pure_noise(build, links, name):
    model, _ = build(name)
    for module, value in ENCODER[name]:
        what = ["image", "question"] if module in {"qformer", "language_projection"} else ["image"]
        cut = Cut(module=module, value=value)
        assert_sealed(model, variations(name, build, what), [cut], links["noise"], "receiver_only")
    for cut in stack_cuts(name):
        for generation in ("receiver_only", "feedback"):
            what = ["text"] if cut.endswith("embed_tokens") else ["image", "text", "question"]
            assert_sealed(model, variations(name, build, what), [cut], links["noise"], generation)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("positions", ["image", "text"])
def test_positions_that_do_not_cross_learn_nothing_from_those_that_do(build, links, name, positions):
    if name == "llama":
        pytest.skip("has no images")
    model, _ = build(name)
    for path in stack_cuts(name)[1:4:2]:
        for generation in ("receiver_only", "feedback"):
            cut = Cut(module=path, positions=positions)
            assert_sealed(model, variations(name, build, [positions]), [cut], links["noise"], generation)


@pytest.mark.parametrize("name", NAMES)
def test_no_path_leads_past_a_cut(build, name):
    model, inputs = build(name)
    for module, value in ENCODER[name]:
        check_sealed(model, [Cut(module=module, value=value)], inputs)
    for cut in stack_cuts(name):
        check_sealed(model, [cut], inputs)
        if name != "llama" and ".layers." in cut:
            check_sealed(model, [Cut(module=cut, positions="image")], inputs)
            check_sealed(model, [Cut(module=cut, positions="text")], inputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_receivers_cache_of_the_lower_layers_does_not_hold_the_prompt(build, links, name):
    model, inputs = build(name)
    cut = stack_cuts(name)[2]
    link = dict.fromkeys([cut], links["ideal"]())
    with bridged(model, link, draws=Draws(seed=1), snr_db=10.0):
        out = model.generate(**inputs, max_new_tokens=4, do_sample=False, return_dict_in_generate=True)
    layers = out.past_key_values.layers
    prompt = inputs["input_ids"].shape[1]
    for layer in layers[:2]:
        old = max(0, layer.keys.shape[-2] - 3)
        assert old <= prompt
        assert not layer.keys[..., :old, :].any()
        assert not layer.values[..., :old, :].any()
        assert layer.keys[..., old, :].abs().sum(-1).all()
    assert layers[2].keys[..., 0:-3, :].any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_models_keep_their_dtype(build, links, dtype):
    model, inputs = build("llava", dtype=dtype)
    try:
        inputs = {**inputs, "pixel_values": inputs["pixel_values"].to(dtype)}
        ids, _ = generate(model, inputs)
        link = links["ideal"]()
        got, _, _ = run(model, inputs, stack_cuts("llava")[2:3], link, "feedback")
        assert torch.equal(got, ids)
        assert {tokens.values.dtype for tokens, _ in link.calls} == {torch.float32}
    finally:
        build("llava", dtype=torch.float32)
