import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from tokencom.models.unitocom import UniToCom, preset
from tokencom.models.words import WordTokenizer
from tokencom.scenarios.datasets.clevr_synth import ClevrCaptions, ClevrSynth
from tokencom.scenarios.datasets.speech_synth import DIGITS
from tokencom.scenarios.schema.systems import System
from tokencom.scenarios.schema.unitocom import UniToCom as Schema


def test_the_paper_is_as_large_as_published():
    with torch.device("meta"):
        system = UniToCom(preset("paper"), weights=False)
    assert all(tensor.is_meta for tensor in system.parameters())
    config = system.language.model.config
    assert (config.num_hidden_layers, config.hidden_size) == (24, 2048)
    assert sum(p.numel() for p in system.language.parameters()) == pytest.approx(1.4e9, rel=0.03)
    for modality in ("image", "audio"):
        assert system.senders[modality].tokenizer.config.num_layers == 6
    assert system.senders["image"].num_tokens == 32
    with pytest.raises(ValueError, match="no tokenizer of text"):
        system.texts  # noqa: B018


def test_the_tiny_one_is_small():
    system = UniToCom(preset("tiny"))
    assert sum(p.numel() for p in system.parameters()) < 6e6
    assert system.dim == 16


def test_every_word_of_the_data_is_known():
    words = WordTokenizer.load("unitocom")
    pictures = ClevrCaptions(num_images=12, split="test", seed=3)
    asked = ClevrSynth(num_images=12, questions_per_image=20, split="test", seed=3)
    said = [text for image in range(12) for text in pictures.references_of(image)[0]]
    said += [text for image in range(12) for one in asked.questions(image) for text in (one.text, one.answer)]
    assert not {text for text in (*said, *DIGITS) if words.unknown in words.ids(text)}


def test_fields_of_parts():
    config = preset("tiny", kind="vae", num_steps=7, diffusion_hidden=24, prediction="epsilon", tasks=["vqa"])
    assert [one.kind for one in config.tokenizers] == ["vae"]
    assert (config.generation.num_steps, config.diffusion.hidden, config.diffusion.prediction) == (7, 24, "epsilon")
    assert preset("tiny", num_steps=7).described() == preset("tiny").described()
    with pytest.raises(ValueError, match="preset: 'quidance' is not known"):
        preset("tiny", quidance=2.0)
    with pytest.raises(ValueError, match="tasks: 'vqb' is not known"):
        preset("tiny", tasks=["vqb"])
    with pytest.raises(ValueError, match="preset: 'mini' is not known"):
        preset("mini")


def test_schema_builds_what_it_describes():
    config = Schema(task=("asr",), num_audio_tokens=16, xi=0.1, max_new_tokens=4)
    system = config.build(sampling_rate=8000)
    assert config.identity() == system.configuration()
    assert config.payload == system.modality == "audio"
    assert system.senders["audio"].num_tokens == 16
    assert config.identity() != Schema(task=("asr",)).identity()
    # How answers are generated, and what a classical chain sends, change no weights.
    assert Schema(guidance=3.0, num_steps=9, sends="text").identity() == Schema().identity()
    with pytest.raises(ValueError, match="16000 Hz, the tokenizer hears at 8000 Hz"):
        config.build(sampling_rate=16_000)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task": ["vqa", "vqa"]}, "in the list twice"),
        ({"task": ["vqa"], "captions": "tokens"}, "the task text_to_image is not"),
        ({"text_source": "x"}, "is for the preset paper"),
        ({"scheduler": "DDIM"}, "no class name of a scheduler"),
        ({"guidence": 2}, "guidence"),
    ],
)
def test_schema_refuses(given, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(System).validate_python({"type": "unitocom", **given})
