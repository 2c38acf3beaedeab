"""Bridges in a model: where they can be put, what they leave behind, what they charge."""

import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.draws import Draws
from tokencom.models.bridge import BridgeDraws, Cut, TokenBridge, bridged, check_sealed

DRAWS = Draws(seed=1)


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Linear(8, 2))


X = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))


def hooks_of(model):
    return [
        len(hooks) for module in model.modules()
        for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
    ]  # fmt: skip


def test_removing_leaves_no_trace(build, links):
    pytest.importorskip("transformers")
    model, inputs = build("llava")
    model(**inputs)
    before, hooks, names = copy.deepcopy(model.state_dict()), hooks_of(model), set(model.__dict__)
    clean = model(**inputs).logits
    cuts = {"model.multi_modal_projector": links["noisy"](), "model.language_model.layers.1": links["noisy"]()}
    with bridged(model, cuts, draws=DRAWS, snr_db=10.0):
        assert not torch.equal(model(**inputs).logits, clean)
    with pytest.raises(RuntimeError, match="stop"), bridged(model, cuts, draws=DRAWS, snr_db=10.0):
        raise RuntimeError("stop")
    assert hooks_of(model) == hooks
    assert set(model.__dict__) == names
    assert "generate" not in model.__dict__
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert torch.equal(model(**inputs).logits, clean)


def test_any_model_can_be_cut_at_several_places_each_with_its_own_link_and_snr(links):
    class Scaled(links["ideal"]):
        def forward(self, tokens, snr_db, draws):
            reception = super().forward(tokens, snr_db, draws)
            return replace(reception, payload=replace(tokens, values=tokens.values * snr_db[..., None, None]))

    model = plain()
    bridges = {"0": TokenBridge(Scaled(), snr_db=2.0), "2": TokenBridge(Scaled())}
    with bridged(model, bridges, draws=DRAWS, snr_db=torch.tensor([1.0, 2.0, 3.0])) as session:
        out = model(X)
    hidden = model[2](torch.tanh(2.0 * model[0](X)))
    assert torch.allclose(out, model[3](hidden * torch.tensor([1.0, 2.0, 3.0])[:, None, None]))
    assert session.channel_uses.total.tolist() == [40, 40, 40]


def test_positions_that_do_not_cross_before_a_language_model_are_dropped(links):
    model, mask = plain(), torch.arange(5) < torch.tensor([[2], [5], [0]])
    with bridged(model, {Cut(module="0", positions=mask): links["ideal"]()}, draws=DRAWS, snr_db=0.0) as session:
        out = model(X)
    kept = torch.where(mask[..., None], model[0](X), 0.0)
    assert torch.equal(out, model[3](model[2](torch.tanh(kept))))
    assert session.channel_uses.total.tolist() == [8, 20, 0]


def test_gradients_pass(links):
    model = plain()
    with bridged(model, {"0": links["noisy"]()}, draws=DRAWS, snr_db=0.0):
        model(X).square().sum().backward()
    assert model[0].weight.grad.abs().sum() > 0


def test_gradient_checkpointing_of_a_cut_is_refused(links):
    from torch.utils.checkpoint import checkpoint

    model = plain()
    with bridged(model, {"0": links["noisy"]()}, draws=DRAWS, snr_db=0.0):
        out = checkpoint(model, X.clone().requires_grad_(), use_reentrant=False)
        with pytest.raises(ValueError, match="gradient_checkpointing"):
            out.sum().backward()


class Emits(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return self.value


@pytest.mark.parametrize(
    "value", [torch.ones(2, 3, 4, dtype=torch.int64), torch.ones(2, 3, 4, 5), torch.ones(4), "text", None, ()]
)
def test_modules_that_emit_no_tokens_are_refused(links, value):
    model = nn.Sequential(Emits(value))
    with (
        bridged(model, {"0": links["ideal"]()}, draws=DRAWS, snr_db=0.0),
        pytest.raises(ValueError, match=r"'0' emits .*tokens"),
    ):
        model(X)


def test_tuples_and_mappings_keep_what_is_not_sent_at_the_transmitter(links):
    tokens = torch.ones(2, 3, 4)
    model = nn.Sequential(Emits((tokens, tokens, 7)))
    with bridged(model, {"0": links["ideal"]()}, draws=DRAWS, snr_db=0.0):
        first, second, third = model(X)
    assert torch.equal(first, tokens)
    assert third == 7
    for use in (lambda: second + 1, lambda: second.shape, lambda: torch.cat([second]), lambda: second[0]):
        with pytest.raises(ValueError, match=r"uses '1' of '0', which did not cross"):
            use()
    model = nn.Sequential(Emits({"other": tokens, "deep": [tokens, 2 * tokens]}))
    cut = Cut(module="0", value="deep.-1")
    with bridged(model, {cut: links["ideal"]()}, draws=DRAWS, snr_db=0.0):
        out = model(X)
    assert torch.equal(out["deep"][1], 2 * tokens)
    for use in (lambda: out["other"] * 2, lambda: torch.sum(out["deep"][0])):
        with pytest.raises(ValueError, match="did not cross"):
            use()
    with (
        bridged(model, {Cut(module="0", value="nothing"): links["ideal"]()}, draws=DRAWS, snr_db=0.0),
        pytest.raises(ValueError, match="'nothing' is not in what '0' emits, dict with other, deep"),
    ):
        model(X)


def test_bad_cuts(build, links):
    pytest.importorskip("transformers")
    model, _ = build("llava")

    def put(*cuts, **options):
        with bridged(model, dict.fromkeys(cuts, links["ideal"]()), draws=DRAWS, snr_db=0.0, **options):
            pass

    with pytest.raises(ValueError, match=r"no module 'model.projector'; nearest: .*'model.multi_modal_projector'"):
        put("model.projector")
    with pytest.raises(ValueError, match=r"nearest: 'model.language_model.layers.1', 'model"):
        put("model.language_model.layers.11")
    for path in ("model.language_model.layers.1.mlp", "lm_head", "model", "model.language_model.rotary_emb"):
        with pytest.raises(ValueError, match=r"inside the language model cut at"):
            put(path)
    with pytest.raises(ValueError, match="is given twice"):
        put("model.vision_tower", Cut(module="model.vision_tower"))
    with pytest.raises(ValueError, match="'feedback'"):
        put("model.vision_tower", generation="feedbak")


def test_other_ways_of_generating_are_refused(build, links):
    pytest.importorskip("transformers")
    model, inputs = build("llava")
    cut = {"model.language_model.layers.1": links["ideal"]()}
    with bridged(model, cut, draws=DRAWS, snr_db=0.0):
        for options in ({"num_beams": 2}, {"num_return_sequences": 2, "do_sample": True}, {"use_cache": False}):
            with pytest.raises(ValueError, match=next(iter(options))):
                model.generate(**inputs, max_new_tokens=2, **options)
        with pytest.raises(ValueError, match="dynamic cache"):
            model.generate(**inputs, max_new_tokens=2, cache_implementation="static")


def test_paths_past_a_cut_are_found(build):
    pytest.importorskip("transformers")
    model, inputs = build("llava")
    tower = "model.vision_tower.encoder.layers"
    for path in (f"{tower}.0.mlp", f"{tower}.2"):
        with pytest.raises(ValueError, match="pixel_values reaches the output past the cut"):
            check_sealed(model, [path], inputs)


def test_ended_items_neither_send_nor_count(build, links):
    pytest.importorskip("transformers")
    model, inputs = build("llama")
    ids = model.generate(**inputs, max_new_tokens=6, do_sample=False)[:, -6:]
    end = int(ids[0, 2])
    link, prompt = links["ideal"](), inputs["attention_mask"].sum(1)
    with bridged(model, {"model.layers.1": link}, draws=DRAWS, snr_db=0.0, generation="feedback") as session:
        got = model.generate(**inputs, max_new_tokens=6, do_sample=False, eos_token_id=end, pad_token_id=0)
    got = got[:, -6:]
    fed_back = [row.index(end) if end in row else 5 for row in got.tolist()]
    assert fed_back[0] == ids[0].tolist().index(end)
    assert session.channel_uses.total.tolist() == [4 * (int(p) + n) for p, n in zip(prompt, fed_back, strict=True)]
    assert session.downlink_bits.tolist() == [7 * n for n in fed_back]
    with bridged(model, {"model.layers.1": link}, draws=DRAWS, snr_db=0.0, generation="feedback") as session:
        alone = {key: value[1:] for key, value in inputs.items()}
        single = model.generate(**alone, max_new_tokens=6, do_sample=False, eos_token_id=end, pad_token_id=0)
    assert session.channel_uses.total.tolist() == [4 * (int(prompt[1]) + fed_back[1])]
    assert single[0, -6:].tolist() == got[1].tolist()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_receiver_only_equals_one_pass_in_which_the_answer_is_the_receivers(build, links, name, attention):
    """So training on whole answers is training for what generation does."""
    pytest.importorskip("transformers")
    model, inputs = build(name)
    model.set_attn_implementation(attention)
    cut = "model.layers.1" if name == "llama" else "model.language_model.layers.1"
    with bridged(model, {cut: links["ideal"]()}, draws=DRAWS, snr_db=0.0):
        out = model.generate(
            **inputs, max_new_tokens=6, do_sample=False, return_dict_in_generate=True, output_logits=True
        )
    ids, prompt = out.sequences, inputs["input_ids"].shape[1]
    longer = {**inputs, "input_ids": ids}
    for key in ("attention_mask", "token_type_ids"):
        if key in inputs:
            tail = torch.full((len(ids), 6), int(key == "attention_mask"))
            longer[key] = torch.cat([inputs[key], tail], 1)
    positions = (torch.arange(prompt + 6) < prompt).expand(len(ids), -1)
    with bridged(model, {Cut(module=cut, positions=positions): links["ideal"]()}, draws=DRAWS, snr_db=0.0):
        logits = model(**longer, use_cache=False).logits
    generated = torch.stack(out.logits, 1)
    model.set_attn_implementation("sdpa")
    assert torch.allclose(logits[:, prompt - 1 : -1], generated, atol=1e-4, rtol=1e-4)


def test_a_noiseless_feedback_generation_with_noise_in_the_steps_only(build, links):
    """What arrives in a step, and nothing else, is what the receiver continues with."""
    pytest.importorskip("transformers")
    model, inputs = build("llama")

    class Later(links["noise"]):
        def deliver(self, tokens, draws):
            return tokens.values if draws.transmission == 0 else super().deliver(tokens, draws)

    def scores(link):
        with bridged(model, {"model.layers.1": link}, draws=DRAWS, snr_db=0.0, generation="feedback"):
            out = model.generate(**inputs, max_new_tokens=4, return_dict_in_generate=True, output_scores=True)
        return out.scores

    clean, noisy = scores(links["ideal"]()), scores(Later())
    assert torch.equal(clean[0], noisy[0])
    assert not torch.equal(clean[1], noisy[1])


def test_the_fade_of_an_item_goes_on_and_the_noise_is_new(build, links):
    pytest.importorskip("transformers")
    model, inputs = build("llama")
    link = links["ideal"]()
    with bridged(model, {"model.layers.1": link}, draws=DRAWS, snr_db=0.0, generation="feedback"):
        model.generate(**inputs, max_new_tokens=4, do_sample=False)
    draws = [d for _, d in link.calls]
    assert [d.transmission for d in draws] == [0, 1, 2, 3]
    flat = FlatAirInterface(channel="rayleigh")
    tdl = OFDMAirInterface(channel=TDLChannel(model="A", delay_spread=1e-7, carrier_frequency=3.5e9), fft_size=24)
    for air in (flat, tdl):
        fades = [air.fade(2, 1, d) for d in draws]
        assert all(torch.equal(fade, fades[0]) for fade in fades)
        assert torch.equal(fades[0], air.fade(2, 1, DRAWS))
    noises = [d.complex_normal("noise", 0, (8,)) for d in draws]
    assert torch.equal(noises[0], DRAWS.complex_normal("noise", 0, (8,)))
    assert all(not torch.equal(a, b) for a, b in pairwise(noises))
    other = BridgeDraws(seed=1, cut=1)
    assert not torch.equal(flat.fade(2, 1, other), flat.fade(2, 1, DRAWS))


def test_begin_starts_new_items(links):
    model, link = plain(), links["ideal"]()
    with bridged(model, {"0": link}, draws=DRAWS, snr_db=0.0) as session:
        with pytest.raises(ValueError, match="nothing has crossed"):
            _ = session.channel_uses
        model(X)
        with pytest.raises(ValueError, match=r"2 items arrive at '0' after 3 before"):
            model(X[:2])
        session.begin(Draws(seed=1, batch=4), snr_db=3.0)
        model(X[:2])
        assert session.channel_uses.total.tolist() == [20, 20]
    assert (link.calls[-1][1].batch, link.calls[-1][1].transmission) == (4, 0)
    with bridged(model, {"0": link}, draws=DRAWS), pytest.raises(ValueError, match="snr_db: missing"):
        model(X)


def test_rows_of_an_encoder_are_gathered_into_items(links):
    model, link = plain(), links["ideal"]()
    with bridged(model, {Cut(module="0", rows_per_item=[1, 2]): link}, draws=DRAWS, snr_db=0.0) as session:
        out = model(X)
    assert torch.equal(out, model(X))
    assert link.calls[0][0].mask.sum(1).tolist() == [5, 10]
    assert session.channel_uses.total.tolist() == [20, 40]
    with (
        bridged(model, {Cut(module="0", rows_per_item=[1, 3]): link}, draws=DRAWS, snr_db=0.0),
        pytest.raises(ValueError, match=r"rows_per_item: \[1, 3\] given"),
    ):
        model(X)
    with bridged(model, {"0": link}, draws=DRAWS, snr_db=0.0), pytest.raises(ValueError, match="give Cut"):
        model(X[0])


def test_encoder_decoder_models_are_cut_in_the_encoder_only(links):
    transformers = pytest.importorskip("transformers")
    config = transformers.T5Config(
        vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0
    )
    torch.manual_seed(0)
    model = transformers.T5ForConditionalGeneration(config).eval()
    ids = torch.randint(2, 40, (2, 6), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[0, 4:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    clean = model.generate(**inputs, max_new_tokens=6, do_sample=False)
    with bridged(model, {"encoder": links["ideal"]()}, draws=DRAWS, snr_db=0.0) as session:
        assert torch.equal(model.generate(**inputs, max_new_tokens=6, do_sample=False), clean)
    assert session.channel_uses.total.tolist() == [16, 24]
    with (
        pytest.raises(ValueError, match="decoder of an encoder-decoder"),
        bridged(model, {"decoder.block.0": links["ideal"]()}, draws=DRAWS, snr_db=0.0),
    ):
        pass
