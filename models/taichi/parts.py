"""Builds the parts of a configuration: from scratch, or from weights in their original formats."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...linklevel.jscc.base import seeded
from ..pretrained import WeightsNotFoundError, quiet
from ..words import WordTokenizer
from .presets import DetailConfig, GlobalConfig, LanguageConfig
from .prompts import Templates
from .texts import ChatTexts, Texts, WordTexts
from .vision import ConvNextDetail, ConvStem, FrozenFeatures, GlobalBranch, convnext_of_timm

OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
TIMM = ("model.safetensors", "pytorch_model.bin")


def build_low(config: GlobalConfig, *, online: bool = False, weights: bool = True, seed: int = 0) -> GlobalBranch:
    """Return the low-resolution branch.

    Args:
        config: its description.
        online: whether the hub may be asked.
        weights: whether to read ``config.source``, if it has one; else initial parameters.
        seed: of the initial parameters.
    """
    from transformers import CLIPVisionConfig, CLIPVisionModel

    if config.source is not None and weights:
        with quiet():
            model: Any = _read(CLIPVisionModel.from_pretrained, config.source, online)
    else:
        with seeded(seed):
            model = CLIPVisionModel(CLIPVisionConfig(**config.config))
    return GlobalBranch(model, layer=config.layer, mean=config.mean, deviation=config.deviation)


def build_detail(config: DetailConfig, *, online: bool = False, weights: bool = True, seed: int = 0) -> Any:
    """Return the high-resolution branch, a module; arguments as for :func:`build_low`."""
    if config.type == "stem":
        return ConvStem(**config.config, size=config.size, seed=seed)
    if config.type == "efficientnet":
        return FrozenFeatures(path=config.source, size=config.size, **config.config)
    from .presets import CLIP_DEVIATION, CLIP_MEAN

    model = _convnext(config, online, weights, seed)
    return ConvNextDetail(model, size=config.size, stages=config.stages, mean=CLIP_MEAN, deviation=CLIP_DEVIATION)


def build_language(
    config: LanguageConfig, *, online: bool = False, weights: bool = True, seed: int = 0
) -> tuple[Any, Any]:
    """Return a causal language model, and its tokenizer or `None`; arguments as for :func:`build_low`."""
    if config.source is not None and weights:
        if config.source == "smollm2":
            from ..smollm2 import load_smollm2

            model, tokenizer, _ = load_smollm2(online=online)
            return model, tokenizer
        from transformers import AutoModelForCausalLM, AutoTokenizer

        with quiet():
            return (
                _read(AutoModelForCausalLM.from_pretrained, config.source, online, attn_implementation="sdpa"),
                _read(AutoTokenizer.from_pretrained, config.source, online),
            )
    import transformers as hf

    kinds: dict[str, tuple[Any, Any]] = {
        "llama": (hf.LlamaConfig, hf.LlamaForCausalLM),
        "gemma": (hf.GemmaConfig, hf.GemmaForCausalLM),
        "qwen2": (hf.Qwen2Config, hf.Qwen2ForCausalLM),
    }
    settings, kind = kinds[config.family]
    given = dict(config.config)
    if config.vocabulary is not None:
        given["vocab_size"] = WordTokenizer.load(config.vocabulary).vocab_size
    with seeded(seed):
        return kind(settings(**given, attn_implementation="sdpa")), None


def build_texts(config: LanguageConfig, tokenizer: Any) -> Texts:
    """Return the texts of a language model."""
    if config.vocabulary is not None:
        return WordTexts(WordTokenizer.load(config.vocabulary), Templates("words"))
    return ChatTexts(tokenizer, Templates("chat"))


def _convnext(config: DetailConfig, online: bool, weights: bool, seed: int) -> Any:
    from transformers import ConvNextConfig, ConvNextModel

    if config.source is None or not weights:
        with seeded(seed):
            return ConvNextModel(ConvNextConfig(**config.config))
    state = _timm_state(config.source, online)
    if state is None:
        with quiet():
            return _read(ConvNextModel.from_pretrained, config.source, online)
    tensors = convnext_of_timm(state)
    model = ConvNextModel(ConvNextConfig(**shape_of_convnext(tensors)))
    missing, superfluous = model.load_state_dict(tensors, strict=False)
    # The norm behind the last stage is timm's head, which plays no part.
    missing = [name for name in missing if not name.startswith("layernorm.")]
    if missing or superfluous:
        raise ValueError(f"source: {config.source!r} is no ConvNeXt: {[*missing, *superfluous][:3]}")
    return model


def shape_of_convnext(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Return depths and widths of a ConvNeXt by its tensors, under the names of transformers."""
    depths: dict[int, int] = {}
    for name in tensors:
        parts = name.split(".")
        if parts[:2] == ["encoder", "stages"] and parts[3] == "layers":
            stage, layer = int(parts[2]), int(parts[4])
            depths[stage] = max(depths.get(stage, 0), layer + 1)
    widths = [tensors[f"encoder.stages.{s}.layers.0.dwconv.bias"].shape[0] for s in sorted(depths)]
    patch = tensors["embeddings.patch_embeddings.weight"].shape[-1]
    return {"depths": [depths[s] for s in sorted(depths)], "hidden_sizes": widths, "num_stages": len(widths),
            "patch_size": patch}  # fmt: skip


def _timm_state(source: str, online: bool) -> Mapping[str, torch.Tensor] | None:
    """Return the tensors of a file of OpenCLIP or timm; `None` for a folder of transformers."""
    path = Path(source).expanduser()
    if not path.exists():
        path = _fetched(source, online)
    if path.is_dir():
        named = [path / name for name in OPEN_CLIP if (path / name).is_file()]
        if not named and '"model_type"' in _text(path / "config.json"):
            return None
        named += [path / name for name in TIMM if (path / name).is_file()]
        if not named:
            raise WeightsNotFoundError(f"source: {source!r} has none of {', '.join((*OPEN_CLIP, *TIMM))}")
        path = named[0]
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(str(path))
    return torch.load(path, map_location="cpu", weights_only=True)


def _fetched(source: str, online: bool) -> Path:
    from huggingface_hub import hf_hub_download

    for name in OPEN_CLIP:
        try:
            return Path(hf_hub_download(source, name, local_files_only=not online))
        except Exception as error:
            reason = error
    raise WeightsNotFoundError(
        f"source: {source!r} is no folder or file, and not in the cache of the hub ({reason}); give a path, or online"
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read(load: Any, source: str, online: bool, **given: Any) -> Any:
    try:
        return load(source, local_files_only=not online, **given)
    except OSError as error:
        raise WeightsNotFoundError(
            f"source: {source!r} cannot be read ({str(error).splitlines()[0]}); give a folder, or ask the hub (online)"
        ) from error
