"""Schemes of type token: what they may say, what is built from them, and that they run."""

import json

import numpy as np
import pytest
import torch

from tokencom.linklevel import FlatAirInterface, jscc, links, quantizers
from tokencom.linklevel.links import AnalogLink, JSCCLink, Protection, QuantizedLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import SourceSystemLink, SystemLink, TokenSystem
from tokencom.models.systems.packing import packed
from tokencom.models.training.tensors import save_tensors
from tokencom.scenarios import run
from tokencom.scenarios.cli import main
from tokencom.scenarios.schema import JSCC, Analog, Quantized, Scenario, TokenScheme, json_schema, load_scenario
from tokencom.scenarios.schema.jscc import AnyCodec
from tokencom.scenarios.schema.quantizers import AnyQuantizer
from tokencom.scenarios.schema.token_links import UnequalProtection
from tokencom.scenarios.schema.union import members_of
from tokencom.scenarios.schema.weights import fingerprint
from tokencom.scenarios.tasks.medium_link import MediumLink

from .test_parity import parameters_of

IMAGES = """\
name: images
task: {type: pictures, num_items: 5, data: {type: photo_tiles, size: 16, resolution: 32}}
air: {type: flat, channel: awgn}
schemes:
  - {name: conv, type: token, link: {type: jscc, codec: {type: deepjscc, channels: 4, filters: [2, 2, 2, 2]}}}
  - name: swin
    type: token
    link:
      type: jscc
      codec: {type: swinjscc, channels: 8, embed: [4, 8], depths: [1, 1], heads: [1, 2], rates: [4, 8]}
      rate: 4
  - name: jpeg
    source: {type: jpeg, abbreviated: true}
    link: {type: digital, code: ldpc5g, num_channel_uses: 512, coderate: 0.5, num_bits_per_symbol: 4}
sweep: {snr_db: [20]}
stop: {batch_size: 4}
"""
TOKENS = """\
name: tokens
task: {type: classification, num_items: 6, data: {type: text_synth, num_sentences: 40}}
air: {type: flat, channel: awgn}
schemes:
  - name: dense
    type: token
    system: &system {type: python, target: "MODULE:Letters"}
    link: {type: jscc, codec: dense}
  - {name: analog, type: token, system: *system, link: {type: analog}}
  - name: quantized
    type: token
    system: *system
    link: {type: quantized, quantizer: {type: uniform}, code: conv, coderate: 0.5, num_bits_per_symbol: 2}
  - name: text
    type: token
    system: *system
    source: {type: huffman}
    link: {type: digital, code: conv, num_channel_uses: 2000, coderate: 0.5, num_bits_per_symbol: 2}
sweep: {snr_db: [20]}
stop: {batch_size: 4}
"""


class Letters(TokenSystem):
    """Tokens of words by their letters; the sign of the first number is the answer."""

    dim, modality = 4, "text"

    def encode(self, samples):
        words = [sample.inputs["text"].split()[:3] for sample in samples]
        values = torch.zeros(len(samples), 3, self.dim)
        for row, line in enumerate(words):
            for place, word in enumerate(line):
                values[row, place] = torch.tensor([len(word), ord(word[0]) - 109, ord(word[-1]) - 109, 1.0])
        return Tokens(values, torch.tensor([[place < len(line) for place in range(3)] for line in words]))

    def answer(self, tokens, samples):
        return ["positive" if value > 0 else "negative" for value in tokens.values.sum(1)[:, 1].tolist()]


def test_links_and_codecs_take_what_a_file_gives():
    for config, cls, given in [
        *((c, getattr(jscc, c.codec), {"dim", "size"}) for c in members_of(AnyCodec) if hasattr(c, "codec")),
        *((c, getattr(quantizers, c.quantizer), {"dim"}) for c in members_of(AnyQuantizer) if hasattr(c, "quantizer")),
    ]:
        expected = {name: value for name, value in parameters_of(cls).items() if name not in given}
        fields = {name: field for name, field in config.model_fields.items() if name != "type"}
        if "options" not in parameters_of(cls):
            shared = parameters_of(jscc.DenseCodec) if issubclass(cls, jscc.DenseCodec) else {}
            expected = {**{n: v for n, v in shared.items() if n not in given}, **expected}
        assert set(fields) == set(expected), config
        for name, default in expected.items():
            assert fields[name].is_required() or fields[name].default == default, (config, name)
    options = parameters_of(links.TokenLink)
    for config, cls, own in ((Analog, AnalogLink, {"dim"}), (Quantized, QuantizedLink, {"code_options"})):
        expected = {**options, **parameters_of(cls)}
        for name in ("air", "num_extra_bits", "num_tokens_agreed", "options", *own):
            expected.pop(name, None)
        assert set(config.model_fields) - {"type", "weights"} == set(expected)
        for name, default in expected.items():
            assert config.model_fields[name].is_required() or config.model_fields[name].default == default, name
    assert set(UnequalProtection.model_fields) == set(parameters_of(Protection))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"codec": "dense", "max_num_tokens": 7}, jscc.DenseCodec),
        ({"codec": {"type": "adaptive", "adaptation": "film", "symbols_per_token": 3}}, jscc.AdaptiveCodec),
        ({"codec": {"type": "modnet", "rates": [4, 8]}, "rate": 4}, jscc.ModNetCodec),
    ],
)
def test_codecs_of_tokens(given, kind):
    link = JSCC(**given).build(air=FlatAirInterface(channel="awgn"), dim=6)
    assert isinstance(link, JSCCLink)
    assert type(link.codec) is kind
    assert link.codec.dim == 6
    assert link.codec.rate == given.get("rate")


def test_quantized_and_analog_links():
    air = FlatAirInterface(channel="awgn")
    protection = {"share": 0.5, "coderate": 0.25, "importance": "position"}
    given = {"code": "conv", "coderate": 0.5, "num_bits_per_symbol": 2, "protection": protection}
    link = Quantized(quantizer={"type": "fsq", "levels": [4, 4]}, **given).build(air=air, dim=6)
    assert link.quantizer.bits_per_token == 32
    assert link.protection.coderate == 0.25
    headers = [Analog(scale=scale).build(air=air, dim=6).num_header_symbols for scale in ("charged", "none")]
    assert headers[0] > headers[1] > 0


def test_images_cross_every_kind_of_link(tmp_path, write):
    results = run(load_scenario(write(text=IMAGES)), tmp_path / "out", workers=0, progress=False)
    assert results.schemes == ("conv", "swin", "jpeg")
    names = [metric.name for metric in results.metrics]
    uses = results.value[:, 0, names.index("channel_uses")]
    assert uses[0] == 16 * 2
    assert uses[1] == 16 * 2 + results.value[1, 0, names.index("side_information")]
    assert uses[2] == 512
    assert (results.num_items == 5).all()
    for name in ("psnr", "clean_psnr", "blind_psnr", "ssim"):
        assert np.isfinite(results.value[:, 0, names.index(name)]).all()
    # Convolutional codec, no header: no verdict on blocks. Swin with rates and files have one.
    assert [results.has(scheme, "bler") for scheme in results.schemes] == [False, True, True]
    assert results.value[2, 0, names.index("psnr")] > 25
    assert results.value[2, 0, names.index("psnr")] == results.value[2, 0, names.index("clean_psnr")]


def test_images_of_the_image_task(tmp_path, write):
    text = IMAGES.replace(
        "{type: pictures, num_items: 5, data: {type: photo_tiles, size: 16, resolution: 32}}",
        "{type: image, data: {type: photos, size: 16, num_images: 3}}",
    )
    results = run(load_scenario(write(text=text)), tmp_path / "out", workers=0, progress=False)
    assert (results.num_items == 3).all()


def test_a_system_over_every_kind_of_link(tmp_path, write):
    path = write(text=TOKENS.replace("MODULE", __name__))
    scenario = load_scenario(path, allow_code=True)
    kinds = {scheme.name: scenario.build(scheme.name)[1] for scheme in scenario.schemes}
    assert {name: type(link) for name, link in kinds.items()} == {
        "dense": SystemLink, "analog": SystemLink, "quantized": SystemLink, "text": SourceSystemLink,
    }  # fmt: skip
    results = run(scenario, tmp_path / "out", workers=0, progress=False)
    names = [metric.name for metric in results.metrics]
    accuracy, clean = (results.value[:, 0, names.index(name)] for name in ("accuracy", "clean_accuracy"))
    np.testing.assert_allclose(accuracy[1:], clean[1:])
    assert clean[3] == clean[2] == clean[1]


def test_audit(write, capsys):
    path = write(text=IMAGES)
    assert main(["audit", str(path), "--draws", "2000"]) == 0
    assert capsys.readouterr().out.count("symbol power") == 3


def test_a_run_does_not_reuse_batches_of_other_weights(tmp_path, write):
    file = tmp_path / "codec.safetensors"
    text = IMAGES.replace("codec: {type: deepjscc", f"weights: {file}, codec: {{type: deepjscc")
    scenario, keys = load_scenario(write(text=text)), []
    for content in (b"one", b"two"):
        file.write_bytes(content)
        keys.append(scenario.build_key("conv"))
    assert keys[0] != keys[1]
    assert load_scenario(write(text=text)).build_key("swin") == scenario.build_key("swin")


def test_weights_are_the_same_however_their_numbers_are_written(tmp_path):
    numbers = {"link.a": torch.arange(-31.0, 32).repeat(32).reshape(63, 32).T.contiguous()}
    hashes = []
    for name, tensors in (
        ("plain", numbers),
        ("packed", packed(numbers, 6)),
        ("others", {"link.a": numbers["link.a"] + 1}),
    ):
        save_tensors(tmp_path / f"{name}.safetensors", tensors, {"key": name})
        hashes.append(fingerprint(str(tmp_path / f"{name}.safetensors")))
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("channels: 4", "channels: 5", "codec.channels: 5 is odd, but two reals make a symbol; allowed: 4, 6"),
        ("rate: 4", "rate: 6", "link.rate: 6 is not among the codec's rates; allowed: 4, 8"),
        ("rates: [4, 8]", "rates: [4, 10]", "codec.rates.1: 10 is more than the latent's 8 channels"),
        ("heads: [1, 2]", "heads: [1, 3]", "codec.heads.1: 3 does not divide the width 8 of its stage"),
        ("depths: [1, 1]", "depths: [1]", "codec.depths: [1] does not fit the other shapes, which have 2 stages"),
        ("type: deepjscc", "type: deepjsc", "codec.type: 'deepjsc' is not known; allowed: dense, adaptive"),
        ("size: 16", "size: 18", "task.data.resolution: 32 is no multiple of size = 18"),
        ("size: 16, resolution: 32", "size: 30, resolution: 30",
         "task.data.size: 30 is no multiple of the 4 pixels of a latent position"),
        ("{type: deepjscc, channels: 4, filters: [2, 2, 2, 2]}", "dense",
         "schemes.0.system: is missing; a link of type 'jscc' carries tokens, which one makes"),
        ("    source: {type: jpeg", "    type: token\n    source: {type: jpeg",
         "schemes.2.system: is missing; without one"),
        ("    source: {type: jpeg, abbreviated: true}", "    type: token",
         "schemes.2.source: is missing; a digital link carries the bytes of a source"),
        ("conv, type: token", "conv, type: digital", "link.type: 'jscc' carries tokens or images"),
        ("snr_db", "ebno_db", "has no meaning for scheme 'conv': tokens are not bits; give snr_db"),
        ("conv, type: token, link: {", "conv, type: token, link: {weights: nonsense, ",
         "link.weights: 'nonsense' is neither 'shipped', nor the name of shipped weights, nor a file"),
        ("conv, type: token", "conv, type: token, task: {type: bits, num_bits: 8}",
         "schemes.0.type: 'token' carries no bits"),
        ("conv, type: token", "conv, type: token, task: {type: text}",
         "schemes.0.system: is missing; task 'text' sends texts"),
    ],
)  # fmt: skip
def test_refused(refused, old, new, message):
    assert message in refused((old, new), text=IMAGES)


def test_weights_that_are_not_there(tmp_path, write):
    text = IMAGES.replace(
        "link: {type: jscc, codec: {type: deep", "link: {type: jscc, weights: shipped, codec: {type: deep"
    )
    with pytest.raises(ValueError, match=r"link\.weights: no shipped weights|'shipped' given, but no weights"):
        load_scenario(write(text=text)).build("conv")
    with pytest.raises(ValueError, match="which does not exist, needs its card"):
        load_scenario(write(text=text.replace("weights: shipped", "weights: gone.safetensors"))).build("conv")


def test_schema_for_editors():
    import jsonschema

    schema = json_schema()
    schemes = schema["properties"]["schemes"]["items"]
    assert set(schemes["discriminator"]["mapping"]) == {"digital", "token"}
    import yaml

    document = {**yaml.safe_load(IMAGES), "snr_db": 20}
    jsonschema.Draft202012Validator(schema).validate(document)
    document["schemes"][0]["link"]["codec"]["channels"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(document)


def test_a_scheme_survives_its_text():
    scenario = load_scenario("image/jscc")
    again = Scenario.model_validate_json(scenario.model_dump_json())
    assert again == scenario
    assert isinstance(again.schemes[0], TokenScheme)
    assert json.loads(again.build_key("DeepJSCC")) == json.loads(scenario.build_key("DeepJSCC"))
    assert isinstance(scenario.build("DeepJSCC")[1], MediumLink)
