import pytest
import torch

from tokencom.models.tokcom import TokCom, preset
from tokencom.models.training import LoRA, Stage
from tokencom.models.training.lora import add_adapters
from tokencom.models.training.parameters import select

LORA = LoRA(target_modules=r".*language\..*\.(q_proj|v_proj)", r=4, alpha=16.0, dropout=0.1)


@pytest.fixture(scope="module")
def paper():
    with torch.device("meta"):
        return TokCom(preset("paper"), weights=False)


def test_the_paper_is_as_large_as_its_models(paper):
    assert paper.dim == 1536
    assert sum(p.numel() for p in paper.server.language.parameters()) == 1_543_714_304  # Qwen2.5-1.5B
    for name, count in (("audio", 1214), ("video", 3137)):
        encoder = paper.devices[name].encoder.model
        assert encoder.embeddings.position_embeddings.shape == (1, count, 768)
        assert len(encoder.layers) == 12
    head = paper.server.heads["video"].layers
    assert [tuple(layer.weight.shape) for layer in (head[0], head[2])] == [(1024, 1536), (1536, 1024)]
    assert paper.devices["audio"].projector.weight.shape == (1536, 768)
    assert all(tensor.is_meta for tensor in paper.parameters())


def test_adapters_have_the_parameters_that_the_configuration_counts(paper):
    add_adapters(paper, LORA)
    stage = Stage(
        name="stage 2", trainable=("devices.*.projector", "server.heads"), lora=LORA, steps=1, losses={"task": 1.0}
    )
    trained = select(paper, stage)
    sizes = {name: parameter.numel() for name, parameter in paper.named_parameters()}
    layers, width, keys, rank = 28, 1536, 2 * 128, 4
    adapters = layers * rank * ((width + width) + (width + keys))  # A and B of q, of v
    assert adapters == 544_768
    assert sum(sizes[name] for name in trained if "lora_" in name) == adapters
    projectors = 2 * (768 * width + width)
    heads = 3 * (width * 1024 + 1024 + 1024 * width + width)
    assert sum(sizes[name] for name in trained) == adapters + projectors + heads


def test_pretrained_parameters_are_not_in_the_state(paper):
    names = paper.state_dict().keys()
    assert not [name for name in names if ".encoder." in name]
    assert not [name for name in names if "server.language" in name and "lora_" not in name]
    assert [name for name in names if name.startswith("server.heads.text")]


def test_the_paper_without_weights_says_so(paper):
    with pytest.raises(ValueError, match="no tokenizer"):
        paper.texts  # noqa: B018


def test_tiny_is_small():
    system = TokCom()
    assert sum(p.numel() for p in system.parameters()) < 2_000_000
    for name, count in (("audio", 130), ("video", 129)):
        assert system.devices[name].encoder.model.embeddings.position_embeddings.shape[1] == count
    assert system.configuration()["type"] == "tokcom"


def test_mini_has_the_language_model_of_its_name():
    with torch.device("meta"):
        system = TokCom(preset("mini"), weights=False)
    assert system.dim == 576
    assert sum(p.numel() for p in system.server.language.parameters()) == 134_515_008  # SmolLM2-135M
    assert [name for name in system.state_dict() if ".encoder." in name]


def test_changes_of_a_preset():
    config = preset("tiny", devices=["audio", "text"], num_tokens={"audio": 16}, slide="pool", marks=True)
    assert [device.name for device in config.devices] == ["audio", "text"]
    assert (config.devices[0].num_tokens, config.devices[0].slide, config.marks) == (16, "pool", True)
    assert preset("paper", sources={"language": "/models/qwen"}).language.source == "/models/qwen"
    for given, message in [
        ({"devices": ["adio"]}, "did you mean 'audio'"),
        ({"num_tokens": {"smell": 3}}, "smell"),
        ({"hed": "x"}, "did you mean 'head'"),
    ]:
        with pytest.raises(ValueError, match=message):
            preset("tiny", **given)
    with pytest.raises(ValueError, match="tiny"):
        preset("tny")
