"""UniToCom: one causal model at the receiver that understands and generates."""

from collections.abc import Collection, Hashable, Sequence
from typing import Any

import torch
from torch import nn

from ...linklevel.tokens import Tokens, joined
from ..systems.source_link import hash_of
from ..systems.trainable import TrainableSystem
from ..taichi.batches import NOTHING
from ..taichi.parts import build_language
from ..training.tensors import digest_of
from . import rebuilding
from . import tasks as samples_of
from .diffusion.head import DiffusionHead
from .diffusion.sampling import Sampler
from .language.generation import next_texts, next_tokens
from .language.model import MultimodalLanguage
from .language.packing import Packed
from .presets import UniToComConfig, preset
from .scenes import Scenes
from .sender import Batch, Sender, generator_of, needed
from .standard import WordTable


class UniToCom(TrainableSystem):
    """The system of arXiv 2507.01728.

    ```
    image ───► σ-GenIB ─► S tokens ─┐                             ┌─► language head ──► answer, transcript
    audio ───► σ-GenIB ─► S tokens ─┼─► link ─► causal model ─────┤
    caption ─► embeddings ──────────┘          (and a question)   └─► diffusion head ─► S tokens ─► de-tokenizer
    ```

    One model for up to three tasks, which samples are recognised for by their inputs: an ``image`` and a ``question``
    are answered in text; ``audio`` is written down; a ``text`` becomes a picture (its reference, for training, is
    ``extra["picture"]``). Tokens cross with unit deviation; words as embeddings of the same width. Audio longer than
    the tokenizer takes is cut, and the chunks' tokens follow each other. In training tokens are sampled, in evaluation
    they are the means; what is drawn for an answer depends on the sample's ``id`` alone.

    The loss of received tokens is the cross-entropy of the answers, the diffusion loss of the picture's tokens (which
    the tokenizer gets no gradient from), or, for the objective "reconstruction", the distortion of what the
    de-tokenizer makes of them. Further losses (:meth:`auxiliary`): ``tokenizer_image``, ``tokenizer_audio`` and
    ``tokenizer_text``; with ``scenes`` also ``cells`` and ``referents`` of :class:`~.scenes.Scenes`, for which samples
    need a scene graph in ``extra["scene"]`` and a program in ``extra["program"]``, as CLEVR has them.

    Args:
        config: as :func:`~.presets.preset` gives it.
        online: whether the hub may be asked for a tokenizer of text.
        weights: whether what is pretrained is read; without, a system with ``text_source`` can only be counted.

    Raises:
        ValueError: for a configuration whose parts do not fit, or a scheduler that does not fit the diffusion head.
    """

    draws = True
    modality = "image"

    def __init__(self, config: UniToComConfig | None = None, *, online: bool = False, weights: bool = True) -> None:
        super().__init__()
        self.config = c = preset("tiny") if config is None else config
        self.dim = c.dim
        self.senders = nn.ModuleDict({one.modality: Sender(one) for one in c.tokenizers})
        model, _ = build_language(c.language, seed=c.seed)
        modalities = sorted({*self.senders, *(["text"] if c.reads else [])})
        self.language = MultimodalLanguage(model, dim=c.dim, modalities=modalities, seed=c.seed + 1)
        self.words = WordTable(model.config.vocab_size, c.dim, seed=c.seed + 2) if c.reads else None
        self._texts = samples_of.texts_of(c, online) if weights or c.text_source is None else None
        self.diffusion: DiffusionHead | None = None
        if "text_to_image" in c.tasks:
            shape = vars(c.diffusion)
            self.diffusion = DiffusionHead(dim=c.dim, condition_dim=self.language.width, **shape, seed=c.seed + 3)
            own = {name: getattr(c.generation, name) for name in ("scheduler", "num_steps", "guidance")}
            steps, prediction = c.diffusion.num_train_steps, c.diffusion.prediction
            self.sampler = Sampler(**own, prediction=prediction, num_train_steps=steps)
        self.scenes = Scenes(c.image, seed=c.seed + 4) if c.scenes else None
        self._digest: tuple[Any, Hashable] | None = None

    @property
    def texts(self) -> Any:
        """How the language model reads and writes.

        Raises:
            ValueError: if it was built without its tokenizer of text.
        """
        if self._texts is None:
            raise ValueError(
                "weights: False given, so there is no tokenizer of text; build the system with its weights"
            )
        return self._texts

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to, as JSON types."""
        return {"type": "unitocom", **self.config.described()}

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return a training batch; see :meth:`TrainableSystem.collate`.

        Raises:
            ValueError: for samples of several tasks, or of one that the model is not for.
        """
        task = samples_of.task_of(samples, self.config.tasks)
        items = samples_of.items_of(samples, task, question=self.config.question)
        batch, crosses = self._sent([item[0] for item in items], task), self._crosses(task)
        if task == "text_to_image":
            pictures = [samples_of.reference_picture(sample) for sample in samples]
            return batch | {"picture": self._sender("image").tokenizer.collate(pictures)}
        rows = samples_of.rows_of(self.texts, items, crosses=crosses)
        batch |= samples_of.answered(rows, self.texts.pad)
        if self.scenes is not None and task == "vqa":
            batch |= self.scenes.entries(items, rows, self.texts, crosses=crosses)
        return batch

    def _sent(self, samples: Sequence[Any], task: str) -> dict[str, torch.Tensor]:
        """Return the inputs of the transmitter, an item for each sample."""
        if task == "asr":
            return samples_of.cut(self._sender("audio").tokenizer, [sample.inputs["audio"] for sample in samples])
        if task == "text_to_image":
            captions = [sample.inputs["text"] for sample in samples]
            if "text" in self.senders:
                return {"caption": self._sender("text").tokenizer.collate(captions)}
            return samples_of.spelled(self.texts, captions)
        batch = {"image": self._sender("image").tokenizer.collate([sample.inputs["image"] for sample in samples])}
        if self._crosses(task):
            batch |= samples_of.spelled(self.texts, [sample.inputs["question"] for sample in samples])
        return batch

    def tokens(self, batch: Batch) -> Tokens:
        """Return what crosses, with gradient; see :meth:`TrainableSystem.tokens`.

        Args:
            batch: of :meth:`collate`; with ``seed``, tokens are sampled, else they are the means.
        """
        generator = generator_of(batch, "tokens")
        if "audio" in batch:
            return self._sender("audio").chunks(batch["audio"], batch["num_chunks"], generator)
        parts = []
        for key, modality in (("image", "image"), ("caption", "text")):
            if key in batch:
                parts.append(Tokens(self._sender(modality).tokens(batch[key], generator)))
        if "sent_ids" in batch and self.words is not None:
            there = batch["sent_there"]
            parts.append(Tokens(self.words(batch["sent_ids"]) * there[..., None], there))
        return joined(parts) if self.scenes is None else self.scenes.keep(joined(parts), batch)

    def loss(self, tokens: Tokens, batch: Batch) -> torch.Tensor:
        """Return the loss of what the receiver makes of tokens; see :meth:`TrainableSystem.loss`.

        Raises:
            ValueError: for captions as words, where they are to be reconstructed, or for a picture without ``seed``.
        """
        task = samples_of.task_of_batch(batch)
        if self.config.objective == "reconstruction":
            return rebuilding.distortion(self.senders, tokens, batch, task)
        parts = self._received(tokens, task)
        if task == "text_to_image":
            return self._drawn(parts, batch)
        parts.append(self.language.words(batch["ids"], batch["segment"]))
        hidden = self.language(parts) if self.scenes is None else self.scenes.hidden(self.language, parts, batch)
        wanted = batch["target"] != NOTHING
        return nn.functional.cross_entropy(self.language.logits(hidden[wanted]).float(), batch["target"][wanted])

    def _drawn(self, parts: Sequence[Packed], batch: Batch) -> torch.Tensor:
        """Return the diffusion loss of a picture's tokens, each given those before it."""
        generator = needed(batch, "picture")
        with torch.no_grad():
            wanted = self._sender("image").tokens(batch["picture"], generator)
        hidden = self.language([*parts, self.language.drawing(wanted[:, :-1], "image")])
        return self._head.loss(hidden.flatten(0, 1), wanted.flatten(0, 1), generator)

    def _received(self, tokens: Tokens, task: str) -> list[Packed]:
        """Return what the language model reads of received tokens, between marks."""
        values, mask = tokens.values, tokens.mask
        if task == "asr":
            return [self.language.received(values, mask, "audio")]
        count = self._sender("image").num_tokens if task == "vqa" else 0
        parts = [self.language.received(values[:, :count], mask[:, :count], "image")] if count else []
        if count == 0 or self._crosses(task):
            said = values[:, count:]
            if self.words is not None and self.config.words == "nearest":
                said = self.words.nearest(said)
            parts.append(self.language.received(said, mask[:, count:], "text"))
        return parts

    def auxiliary(self, batch: Batch, wanted: Collection[str]) -> dict[str, torch.Tensor]:
        """Return the wanted losses of tokenizers and scenes; 0 for one whose modality a batch has not.

        While a tokenizer is trained, shift and scale of its tokens follow it. ``referents`` looks at the attention to
        what :meth:`loss` was last given, if that was of the same batch.

        Raises:
            ValueError: for a batch without ``seed``, or without what a loss of scenes needs.
        """
        found = {}
        if self.scenes is not None:
            found = self.scenes.losses(self.language, batch, wanted, sent=self.tokens, loss=self.loss)
        for modality in self.senders:
            name, key = f"tokenizer_{modality}", samples_of.key_of(modality, batch)
            if name in wanted:
                zero = torch.zeros((), device=self.language.marks.device)
                sender = self._sender(modality)
                found[name] = sender.loss(batch[key], needed(batch, "tokenizer")) if key in batch else zero
        return found

    @torch.no_grad()
    def prepare(self, samples: Sequence[Any]) -> None:
        """Take shift and scale of continuous tokens; see :meth:`TrainableSystem.prepare`."""
        found: dict[str, list[torch.Tensor]] = {}
        for sample in samples:
            batch = self._placed(self.collate([sample]))
            for modality in self.senders:
                key = samples_of.key_of(modality, batch)
                if key in batch:
                    found.setdefault(modality, []).append(self._sender(modality).tokenizer.encode(batch[key]))
        for modality, values in found.items():
            self._sender(modality).standard.fit(torch.cat(values))

    @torch.no_grad()
    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return what crosses; see :meth:`TokenSystem.encode`."""
        return self.tokens(self._placed(self._sent(samples, samples_of.task_of(samples, self.config.tasks))))

    @torch.no_grad()
    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[Any]:
        """Return answers or transcripts; for captions, images [height, width, 3], numpy.uint8.

        For the objective "reconstruction", what the de-tokenizer makes of the tokens: what was sent, as it arrived.
        """
        if not len(samples):
            return []
        task = samples_of.task_of(samples, self.config.tasks)
        if self.config.objective == "reconstruction":
            return rebuilding.rebuilt(self.senders, tokens, task)
        device, how = self.language.marks.device, self.config.generation
        generators = samples_of.generators_of(samples, self.config.seed)
        parts = self._received(Tokens(tokens.values.to(device), tokens.mask.to(device)), task)
        if task == "text_to_image":
            sender = self._sender("image")
            start = self.language.drawing(tokens.values.new_zeros(len(samples), 0, self.dim).to(device), "image")
            drawn = next_tokens(
                self.language, self._head, self.sampler, [*parts, start], modality="image",
                count=sender.num_tokens, generator=generators,
            )  # fmt: skip
            return sender.tokenizer.contents(sender.rebuilt(drawn))
        prompts = samples_of.prompts(self.texts, samples, crosses=self._crosses(task))
        rows = self._placed(prompts)
        parts.append(self.language.words(rows["ids"], rows["segment"]))
        found = next_texts(
            self.language, parts, ends=self.texts.ends, limit=how.max_new_tokens, top_p=how.top_p, generator=generators
        )
        return [self.texts.text(ids) for ids in found]

    def key(self, sample: Any) -> Hashable:
        """Return what is sent: hashes of image or audio, and the words that cross."""
        task = samples_of.task_of([sample], self.config.tasks)
        content = {"vqa": "image", "asr": "audio", "text_to_image": "text"}[task]
        return task, hash_of(sample.inputs[content]), sample.inputs["question"] if self._crosses(task) else ""

    @torch.no_grad()
    def units(self, samples: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and variance of the tokens of samples, [samples, S, dim] each; see :func:`~.rebuilding.units`."""
        task = samples_of.task_of(samples, self.config.tasks)
        return rebuilding.units(self.senders, self._placed(self._sent(samples, task)), task)

    def encoder_id(self) -> Hashable:
        """Return the checksum of the configuration and of everything that tokens follow from."""
        parts: list[nn.Module] = [self.senders, *([] if self.words is None else [self.words])]
        tensors = [tensor for part in parts for tensor in (*part.parameters(), *part.buffers())]
        versions = tuple((id(tensor), tensor._version) for tensor in tensors)
        if self._digest is None or self._digest[0] != versions:
            held = digest_of({str(number): tensor for number, tensor in enumerate(tensors)})
            self._digest = (versions, (repr(self.configuration()), held))
        return self._digest[1]

    def _crosses(self, task: str) -> bool:
        return task == "vqa" and self.config.question == "sent"

    def _sender(self, modality: str) -> Sender:
        sender: Any = self.senders[modality]
        return sender

    @property
    def _head(self) -> DiffusionHead:
        assert self.diffusion is not None  # the task is on
        return self.diffusion

    def _placed(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {name: tensor.to(self.language.marks.device) for name, tensor in batch.items()}
