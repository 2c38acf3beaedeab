"""Instructional diffusion refinement: a prompt is drafted, refined by the same model, and given to a pipeline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from ...linklevel.validation import check_choice
from ..pretrained import WeightsNotFoundError, quiet
from .prompts import read_templates

Medium = Literal["image", "audio", "video"]
MEDIA: Mapping[str, tuple[str, ...]] = {
    "image": ("images",),
    "audio": ("audios", "images"),
    "video": ("frames", "images"),
}
"""Where pipelines of diffusers put what they made, by medium."""


@dataclass(frozen=True, kw_only=True)
class Refined:
    """A prompt before and after, and what was made of it.

    Args:
        request: what was asked for, as it arrived.
        draft: the first prompt.
        parts: what the model said of each part, by name.
        prompt: the refined one, which the pipeline got.
        output: of the pipeline, for the one item; `None` if none was run.
    """

    request: str
    draft: str
    parts: Mapping[str, str] = field(default_factory=dict)
    prompt: str
    output: Any = None

    def record(self) -> dict[str, Any]:
        """Return all texts as JSON types, for results."""
        return {"request": self.request, "draft": self.draft, "parts": dict(self.parts), "prompt": self.prompt}


class DiffusionRefinement:
    """The two-stage template of TaiChi for output that is no text.

    ```
    request ─► draft ─► structured self-refinement, part by part ─► prompt ─► diffusion pipeline ─► image, audio, video
               └────────── the same language model ──────────┘
    ```

    Args:
        ask: answers an instruction by a text: the receiver's language model.
        pipeline: of diffusers, called with ``prompt``; `None` to stop at the prompt.
        medium: what the pipeline makes.
        templates: name or path of the templates.

    Raises:
        ValueError: for an unknown medium or templates without its parts.
    """

    def __init__(
        self, ask: Callable[[str], str], pipeline: Any | None = None, *, medium: Medium = "image",
        templates: str = "refinement",
    ) -> None:  # fmt: skip
        self.medium = check_choice("medium", medium, MEDIA)
        self._templates = read_templates(templates)
        for name in ("draft", "refine", "parts", "part", "joined"):
            if name not in self._templates:
                raise ValueError(f"templates: {templates!r} has no {name!r}")
        check_choice("medium", medium, self._templates["parts"])
        self.ask, self.pipeline = ask, pipeline

    def prompt(self, request: str) -> Refined:
        """Return the prompt that a request becomes, without running the pipeline.

        A part that the model leaves empty is left out; if it leaves all empty, the draft stays as it is.
        """
        draft = self._said("draft", request=request) or request
        context = self._filled("refine", request=request, draft=draft)
        parts = {}
        for name in self._templates["parts"][self.medium]:
            question = self._filled("part", request=request, draft=draft, name=name)
            parts[name] = _line(self.ask(f"{context}\n{question}"))
        details = ", ".join(text for text in parts.values() if text)
        whole = self._filled("joined", request=request, draft=draft.rstrip(". "), details=details) if details else draft
        return Refined(request=request, draft=draft, parts=parts, prompt=whole)

    def __call__(self, request: str, **arguments: Any) -> Refined:
        """Refine a request and run the pipeline on it.

        Args:
            request: what is asked for.
            arguments: for the pipeline, such as ``num_inference_steps`` and ``generator``.

        Raises:
            ValueError: without a pipeline, or if its output has nothing of the medium.
        """
        if self.pipeline is None:
            raise ValueError("pipeline: None given; give a pipeline of diffusers, or call prompt()")
        refined = self.prompt(request)
        made = self.pipeline(prompt=refined.prompt, **arguments)
        for name in MEDIA[self.medium]:
            if getattr(made, name, None) is not None:
                return Refined(**{**vars(refined), "output": getattr(made, name)[0]})
        raise ValueError(f"medium: {self.medium!r} given, but the pipeline's output has none of {MEDIA[self.medium]}")

    def _said(self, template: str, /, **values: str) -> str:
        return _line(self.ask(self._filled(template, **values)))

    def _filled(self, template: str, /, **values: str) -> str:
        return self._templates[template].format(medium=self.medium, **values)


def _line(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.split())


def load_pipeline(source: str | Path, *, online: bool = False, device: str = "cpu", **arguments: Any) -> Any:
    """Return a pipeline of diffusers for image, audio or video.

    Only safetensors are read.

    Args:
        source: folder that holds ``model_index.json``, or name on the hub.
        online: whether the hub may be asked.
        device: where the pipeline is.
        arguments: for ``DiffusionPipeline.from_pretrained``, such as ``torch_dtype``.

    Raises:
        WeightsNotFoundError: if it cannot be read.
    """
    from diffusers import DiffusionPipeline

    given = {"use_safetensors": True, "local_files_only": not online, **arguments}
    try:
        with quiet():
            return DiffusionPipeline.from_pretrained(str(source), **given).to(device)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsNotFoundError(
            f"pipeline: {str(source)!r} cannot be read ({reason}); give a folder of diffusers, or ask the hub (online)"
        ) from error


def asker(system: Any, *, max_new_tokens: int = 60) -> Callable[[str], str]:
    """Return the language model of a TaiChi system as a function from instruction to text.

    The receiver's model runs with nothing received: both stages of refinement are at the receiver.

    Args:
        system: :class:`~.system.TaiChi`.
        max_new_tokens: longest text.
    """
    from ...linklevel.tokens import Tokens
    from .batches import packed
    from .generation import generated

    def ask(instruction: str) -> str:
        prompt = system.texts.free(instruction)
        rows = packed([[(prompt, [])]], system.texts.pad)
        with torch.no_grad():
            nothing = Tokens(torch.zeros(1, 0, system.dim))
            found = generated(
                system.language, nothing, rows["ids"], rows["segment"], ends=system.texts.ends, limit=max_new_tokens
            )
        return system.texts.text(found[0])

    return ask
