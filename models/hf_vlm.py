"""Any vision-language model of transformers, with a link at a cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..linklevel.accounting import ChannelUses
from ..linklevel.draws import Draws
from ..linklevel.validation import check_choice, check_range
from .bridge.bridge import TokenBridge
from .bridge.cut import Cut, as_cut, find_module
from .bridge.leaks import check_sealed
from .bridge.memo import Encoded, encode_up_to
from .bridge.session import GENERATION, bridged

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Answers:
    """What a receiver answered, and what it cost.

    Args:
        texts: [batch].
        channel_uses: of each item.
        downlink_bits: [batch], torch.int64; bits of ids that returned to the transmitter.
    """

    texts: tuple[str, ...]
    channel_uses: ChannelUses
    downlink_bits: torch.Tensor


@dataclass(frozen=True)
class Asked:
    """A batch of images and questions after encoding.

    Args:
        inputs: what the processor made of them.
        encoded: what the transmitter's modules computed; `None` for a cut inside the language model.
    """

    inputs: dict[str, Any]
    encoded: Encoded | None


class HFVLM(nn.Module):
    r"""Answers questions about images whose tokens cross a link.

    Questions are the receiver's own unless the cut, or its positions, say otherwise. Before the first
    batch the model is run once in both directions on one item, to see that nothing gets past the cut.

    Args:
        model: a vision-language model of transformers, or its name: a folder or hub id. Weights are
            read from safetensors only.
        cut: :class:`~tokencom.models.bridge.Cut` or module path.
        link: a token link or a bridge.
        processor: its processor; `None` reads it from where the model is.
        generation: "receiver_only" or "feedback".
        max_new_tokens: longest answer, tokens.
        template: text around a question, with the fields ``{image}`` and ``{question}``; the
            processor's chat template if `None`, or "{image}\n{question}" if it has none.
        dtype: "float32", "bfloat16" or "float16"; `None` keeps what the model has.
        check: whether to look for paths past the cut.

    Raises:
        ValueError: for a model that cannot be read, a cut it has not, or an unknown choice.
    """

    def __init__(
        self, *, model: str | nn.Module, cut: Cut | str, link: nn.Module, processor: Any = None,
        generation: str = "receiver_only", max_new_tokens: int = 16, template: str | None = None,
        dtype: str | None = None, check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.generation = check_choice("generation", generation, GENERATION)
        self.max_new_tokens = check_range("max_new_tokens", max_new_tokens, 1, 10**5, integer=True)
        if dtype is not None:
            check_choice("dtype", dtype, DTYPES)
        if template is not None and "{question}" not in template:
            raise ValueError(f"template: {template!r} given; it needs the field {{question}}")
        if processor is None and not isinstance(model, str):
            raise ValueError("processor: missing; a model that is given as an object needs its processor")
        self.model = _load_model(model) if isinstance(model, str) else model
        self.model.eval()
        if dtype is not None:
            self.model.to(DTYPES[dtype])
        self.cut = as_cut(cut)
        find_module(self.model, self.cut.module)
        self.bridge = link if isinstance(link, TokenBridge) else TokenBridge(link)
        self.processor = _load_processor(str(model)) if processor is None else processor
        self.processor.tokenizer.padding_side = "left"
        self.template, self._check = template, check

    def answer(
        self, images: Sequence[Any], questions: Sequence[str], snr_db: float | torch.Tensor, draws: Draws
    ) -> Answers:
        """Answer one question about each image.

        Args:
            images: [batch]; [height, width, 3], numpy.uint8, or PIL images.
            questions: [batch].
            snr_db: scalar or [batch], dB, Es/N0.
            draws: where fades and noise come from.

        Raises:
            ValueError: for numbers of images and questions that differ.
        """
        return self.receive(self.encode(images, questions), snr_db, draws)

    @torch.no_grad()
    def encode(self, images: Sequence[Any], questions: Sequence[str]) -> Asked:
        """Do what does not depend on the channel, once for all points of a sweep."""
        _check_counts(images, questions)
        inputs = self._inputs(images, questions)
        if self._check:
            first = inputs if len(images) == 1 else self._inputs(images[:1], questions[:1])
            check_sealed(self.model, [self.cut], first)
            self._check = False
        if self._inside:
            return Asked(inputs, None)
        return Asked(inputs, encode_up_to(self.model, self.cut.module, inputs))

    @torch.no_grad()
    def receive(self, asked: Asked, snr_db: float | torch.Tensor, draws: Draws) -> Answers:
        """Send a batch that :meth:`encode` prepared, and answer."""
        with bridged(
            self.model, {self.cut: self.bridge}, draws=draws, snr_db=snr_db, generation=self.generation
        ) as session:  # fmt: skip
            if asked.encoded is None:
                ids = self._generate(asked.inputs)
            else:
                with asked.encoded.reuse():
                    ids = self._generate(asked.inputs)
        return Answers(self._texts(ids, asked.inputs), session.channel_uses, session.downlink_bits)

    @torch.no_grad()
    def ask(self, images: Sequence[Any], questions: Sequence[str]) -> tuple[str, ...]:
        """Return the answers of the untouched model, without a link; arguments as for :meth:`answer`."""
        _check_counts(images, questions)
        inputs = self._inputs(images, questions)
        return self._texts(self._generate(inputs), inputs)

    def _texts(self, ids: torch.Tensor, inputs: dict[str, Any]) -> tuple[str, ...]:
        """Return what was generated behind the prompt."""
        prompt = inputs["input_ids"]
        if torch.equal(ids[:, : prompt.shape[1]], prompt):
            ids = ids[:, prompt.shape[1] :]
        texts = self.processor.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return tuple(text.strip() for text in texts)

    def _generate(self, inputs: dict[str, Any]) -> torch.Tensor:
        return self.model.generate(**inputs, max_new_tokens=self.max_new_tokens, do_sample=False, num_beams=1)  # type: ignore

    @property
    def _inside(self) -> bool:
        """Whether the cut lies inside the language model."""
        from .bridge.stack import decoder_stack

        stack = decoder_stack(self.model)
        return stack is not None and stack.depth(self.cut.module) is not None

    def _inputs(self, images: Sequence[Any], questions: Sequence[str]) -> dict[str, Any]:
        """Return the arguments of the model, on its device and in its dtype."""
        texts = [self._text(question) for question in questions]
        batch = self.processor(
            text=texts, images=[[_picture(image)] for image in images], return_tensors="pt", padding=True
        )
        parameter = next(self.model.parameters())
        return {
            name: value.to(parameter.device, parameter.dtype)
            if value.is_floating_point()
            else value.to(parameter.device)
            for name, value in batch.items()
            if isinstance(value, torch.Tensor)
        }

    def _text(self, question: str) -> str:
        if self.template is None and getattr(self.processor, "chat_template", None):
            content = [{"type": "image"}, {"type": "text", "text": question}]
            turns = [{"role": "user", "content": content}]
            return self.processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        template = "{image}\n{question}" if self.template is None else self.template
        return template.replace("{image}", _image_token(self.processor)).replace("{question}", question).lstrip("\n")


def _check_counts(images: Sequence[Any], questions: Sequence[str]) -> None:
    if len(images) != len(questions):
        raise ValueError(f"questions: {len(questions)} given for {len(images)} images; one for each is needed")


def _image_token(processor: Any) -> str:
    """Return the placeholder that a processor expects in the text, empty where it puts its own."""
    if type(processor).__name__.startswith(("Blip", "InstructBlip")):
        return ""
    token = getattr(processor, "boi_token", None) or getattr(processor, "image_token", "")
    return str(getattr(token, "content", token))


def _picture(image: Any) -> Any:
    from PIL import Image

    return image if isinstance(image, Image.Image) else Image.fromarray(image)


def _load_model(name: str) -> nn.Module:
    from transformers import AutoModelForImageTextToText

    try:
        return AutoModelForImageTextToText.from_pretrained(name, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise ValueError(f"model: {name!r} cannot be read as a vision-language model ({error})") from error


def _load_processor(name: str) -> Any:
    from transformers import AutoProcessor

    try:
        return AutoProcessor.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ValueError(f"processor: none can be read from {name!r} ({error})") from error
