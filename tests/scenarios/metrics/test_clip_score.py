"""The CLIP score of a small random model against cosines that are taken here."""

import json

import numpy as np
import pytest
import torch

from tokencom.scenarios.metrics import ClipScore

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

WORDS = ["a</w>", "b</w>", "c</w>", "d</w>", "e</w>", "<|startoftext|>", "<|endoftext|>"]
SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CLIP model as ``transformers`` keeps it, of random weights and five words."""
    path = tmp_path_factory.mktemp("clip")
    (path / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(WORDS)}))
    (path / "merges.txt").write_text("#version: 0.2\n")
    start, end = len(WORDS) - 2, len(WORDS) - 1
    text = {**SIZES, "vocab_size": len(WORDS), "max_position_embeddings": 8, "bos_token_id": start, "eos_token_id": end}
    config = transformers.CLIPConfig(
        text_config=text, vision_config={**SIZES, "image_size": 32, "patch_size": 8}, projection_dim=12
    )
    torch.manual_seed(3)
    model = transformers.CLIPModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0.0, 0.5)
    model.save_pretrained(path)
    kept = {"tokenizer_class": "CLIPTokenizer", "bos_token": WORDS[start], "eos_token": WORDS[end],
            "pad_token": WORDS[end], "unk_token": WORDS[end], "model_max_length": 8}  # fmt: skip
    (path / "tokenizer_config.json").write_text(json.dumps(kept))
    transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32).save_pretrained(path)
    return path


def _cosines(folder, images, ids):
    """Cosines from images that are normalised here and words that are numbered by hand."""
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    mean, deviation = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    pixels = torch.from_numpy(((np.stack(images) / 255.0 - mean) / deviation).astype(np.float32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        a = model.visual_projection(model.vision_model(pixels).pooler_output).double()
        pairs = []
        for x, row in zip(a, ids, strict=True):
            y = model.text_projection(model.text_model(torch.tensor([row])).pooler_output)[0].double()
            pairs.append(float(x @ y / x.norm() / y.norm()))
    return np.array(pairs)


def test_score_is_a_hundred_times_the_positive_cosine(folder, pictures):
    score = ClipScore(path=folder)
    images = list(pictures(6, 32, 32, seed=5))
    texts = ["a b c", "e", "d", "a d", "b b", "c a"]
    ids = [[5, *(WORDS.index(f"{word}</w>") for word in text.split()), 6] for text in texts]
    cosines = _cosines(folder, images, ids)
    found = score(images, texts)
    assert found == pytest.approx(100 * np.maximum(cosines, 0), abs=1e-3)
    assert (cosines > 0.01).any()
    assert (cosines < -0.01).any()
    assert score.weights.origin == "path"


def test_numbers_must_agree(folder):
    with pytest.raises(ValueError, match="texts: 1 given, 2 expected"):
        ClipScore(path=folder)([np.zeros((8, 8, 3), np.uint8)] * 2, ["a"])
