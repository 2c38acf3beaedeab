"""Task-oriented token communication of many devices with one language model."""

import copy
import hashlib
from collections.abc import Collection, Hashable, Sequence
from typing import Any, Self

import torch
from torch import nn

from ...linklevel.signal import sent_mask
from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_choice
from ..systems.source_link import hash_of
from ..systems.trainable import TrainableSystem
from ..taichi.parts import build_language, build_texts
from ..taichi.state import keep_out_of_state
from ..training.tensors import digest_of
from .alignment import alignment_loss, alignment_terms
from .batches import Batch, answers_of, captions_of, described, events_of, items_of, question_of, words_of
from .captions import caption_of
from .devices import Transmitter
from .encoders import build_encoder
from .language import Language
from .layout import DeviceLayout
from .presets import DeviceConfig, TokComConfig, preset
from .pretext import EventHead
from .server import Server, answer_batch

NEEDED = {"contrastive": "caption", "reconstruction": "caption", "reading": "caption", "events": "event_jump"}
"""What each auxiliary loss needs in a batch."""


class TokCom(TrainableSystem):
    """The system of arXiv 2505.07841.

    ```
    video ─► E_V ─► Slide ─► F_V ─► link ─► G_V ─┐
    audio ─► E_A ─► Slide ─► F_A ─► link ─► G_A ─┼─► language model with LoRA ─► answer, token by token
    text ──► embedding ───────────► link ─► G_T ─┘
    ```

    An item's tokens are those of its devices in turn, in the order of :attr:`layout`, so that any link takes them, and
    also one with a channel for each device. All questions of a clip (of one cluster) share what is seen and heard; in
    training their words are sent behind each other. What did not arrive is masked, and the answer is then one from
    the others. Weights that were pretrained are frozen and not in the module's state; adapters are.

    The loss of received tokens is that of the answers (stage 2) or, for the objective "alignment" (stage 1), where the
    text device sends a description of the clip, eq 9 + weight x eq 11, as means over the batch. Losses without a link
    (:meth:`auxiliary`): ``contrastive`` (eq 11) and ``reconstruction`` (eq 9); ``events``, of encoders that are
    trained here; ``reading``, of a language model that is trained here, which answers from a description in words.

    Args:
        config: as :func:`~.presets.preset` gives it.
        off: names of devices that are switched off and send nothing.
        keep_places: whether an item still has the places of a device that is off, masked, as a link with a channel for
            each device needs it; else they are left out.
        online: whether the hub may be asked for pretrained weights.
        weights: whether pretrained weights are read; without, all parameters are initial ones and the system of a
            pretrained language model has no tokenizer.
        rate: of the audio in samples, Hz; that of the encoder if `None`.

    Raises:
        ValueError: for a configuration whose parts do not fit, or no device that is on.
        WeightsNotFoundError: if pretrained weights are nowhere.
    """

    starts_fresh = ("server.scores.",)

    def __init__(
        self, config: TokComConfig | None = None, *, off: Sequence[str] = (), keep_places: bool = False,
        online: bool = False, weights: bool = True, rate: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config = c = preset("tiny") if config is None else config
        self.off = tuple(check_choice("off", name, [device.name for device in c.devices]) for name in off)
        self.keep_places = keep_places
        self.layout = self._layout()
        given: dict[str, Any] = {"online": online, "weights": weights}
        model, tokenizer = build_language(c.language, seed=c.seed, **given)
        known = c.language.vocabulary is not None or tokenizer is not None
        self.server = Server(c, self.layout, model, build_texts(c.language, tokenizer) if known else None)
        self.dim, self.modality = self.server.dim, c.devices[0].key
        self.devices, self.pretext = nn.ModuleDict(), nn.ModuleDict()
        for number, device in enumerate(c.sensing):
            seed = c.seed + 10 * (number + 1)
            encoder = build_encoder(device, **given, rate=rate, seed=seed)
            self.devices[device.name] = Transmitter(encoder, device, dim=self.dim, seed=seed + 1)
            if device.source is None:
                head = EventHead(device.modality, encoder.dim, num_slots=c.num_slots, seed=seed + 2)
                self.pretext[device.name] = head
        frozen = [f"devices.{device.name}.encoder" for device in c.sensing if device.source is not None]
        keep_out_of_state(self, frozen + ["server.language"] * (c.language.source is not None))
        self._digest: tuple[Any, str] | None = None

    def _layout(self) -> DeviceLayout:
        if not self.active:
            raise ValueError(f"off: {self.off} given, all of the devices; one at least must be on")
        placed = self.config.devices if self.keep_places else self.active
        counts = [-1 if device.modality == "text" else device.num_tokens for device in placed]
        return DeviceLayout(tuple(device.name for device in placed), tuple(counts))

    def without(self, *names: str) -> Self:
        """Return this system with devices switched off whose places are kept; both have the same parameters.

        Args:
            names: of the devices.

        Raises:
            ValueError: for an unknown name, if no device is left, or if the places of those that are off are not kept.
        """
        if self.off and not self.keep_places:
            raise ValueError(f"keep_places: False given with {self.off} off, so the server has no places for them")
        known = [device.name for device in self.config.devices]
        other = copy.copy(self)
        other._modules, other._digest = dict(self._modules), None
        other.off = tuple(dict.fromkeys((*self.off, *(check_choice("names", name, known) for name in names))))
        other.keep_places = True
        other.layout = other._layout()
        return other

    @property
    def active(self) -> list[DeviceConfig]:
        """The devices that are switched on."""
        return [device for device in self.config.devices if device.name not in self.off]

    @property
    def language(self) -> Language:
        """The server's language model, whose embedding the device with text has too."""
        return self.server.language

    @property
    def texts(self) -> Any:
        """How the language model reads and writes; see :attr:`Server.texts`."""
        return self.server.texts

    @property
    def _writes(self) -> bool:
        """Whether a device with text is on."""
        return self.active[-1].modality == "text"

    @property
    def _sensing(self) -> list[Any]:
        """The transmitters that are on and hear or see."""
        return [self.devices[device.name] for device in self.active if device.modality != "text"]

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to, as JSON types."""
        return {"type": "tokcom", **self.config.described()}

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return a training batch; see :meth:`TrainableSystem.collate`.

        Raises:
            ValueError: for a sample without what a device needs, or without a description for the alignment.
        """
        first, ordered, owner = items_of(samples)
        batch = self._sent(first, ordered, owner)
        if self.config.objective == "answers":
            listed = self.config.answers if self.config.head == "discriminative" else ()
            batch |= answers_of(self.texts, ordered, listed)
        batch |= captions_of(self.texts, first)
        return batch | events_of(first, self.config.num_slots) if self.pretext else batch

    def _sent(self, first: Sequence[Any], samples: Sequence[Any], owner: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what devices have: clips of items, and questions of all samples or descriptions of items."""
        batch = {name: rows for part in self._sensing for name, rows in part.collate(first).items()}
        if self.config.objective == "alignment":
            return batch | words_of(self.texts, described(first), torch.arange(len(first)))
        return batch | self._questions(samples, owner)

    def _questions(self, samples: Sequence[Any], owner: torch.Tensor) -> dict[str, torch.Tensor]:
        writer = self.config.writer
        if writer is not None and not self._writes:
            return words_of(self.texts, [""] * len(samples), owner)
        key = "question" if writer is None else writer.key
        return words_of(self.texts, [question_of(sample, key) for sample in samples], owner)

    def tokens(self, batch: Batch) -> Tokens:
        """Return what the devices send, with gradient; see :meth:`TrainableSystem.tokens`."""
        num_items = int(batch["owner"].max()) + 1
        sent = [self._heard(name, count, num_items, batch) for name, count in self._places]
        clips = torch.cat([values for values, _ in sent], 1).float() if sent else None
        if -1 in self.layout.counts:
            places = self.layout.words(batch["owner"], batch["lengths"], num_items)
            tokens = places.joined(clips, self.language.embed(batch["words"]).float())
        else:
            assert clips is not None  # one device is on
            tokens = Tokens(clips)
        if not sent:
            return tokens
        there = torch.cat([mask for _, mask in sent], 1)
        return Tokens(tokens.values, torch.cat([there, tokens.mask[:, there.shape[1] :]], 1))

    @property
    def _places(self) -> list[tuple[str, int]]:
        """Name and number of tokens of each device in the layout that hears or sees."""
        pairs = zip(self.layout.names, self.layout.counts, strict=True)
        return [(name, count) for name, count in pairs if count >= 0]

    def _heard(self, name: str, count: int, num_items: int, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what a device sends, and which tokens there are: none of one that is off."""
        device = batch["owner"].device
        there = torch.ones(num_items, count, dtype=torch.bool, device=device)
        if name in self.off:
            return torch.zeros(num_items, count, self.dim, device=device), ~there
        part: Any = self.devices[name]
        return part.send(batch), there

    def loss(self, tokens: Tokens, batch: Batch) -> torch.Tensor:
        """Return the loss of the answers, or of the alignment; see :meth:`TrainableSystem.loss`."""
        if self.config.objective == "alignment":
            return alignment_loss(self.server, self.server.received(tokens), batch)
        return self.server.loss(tokens, batch)

    def auxiliary(self, batch: Batch, wanted: Collection[str]) -> dict[str, torch.Tensor]:
        """Return the losses without a link that are wanted; see :meth:`TrainableSystem.auxiliary`.

        Raises:
            ValueError: if the samples have no descriptions, or no event graphs, that one needs.
        """
        for name in wanted:
            if name in NEEDED and NEEDED[name] not in batch:
                slots = f", in {self.config.num_slots} time slots" if name == "events" else ""
                raise ValueError(f"losses: {name!r} needs samples with extra['graph'], as avqa_synth has it{slots}")
        found: dict[str, torch.Tensor] = {}
        if {"contrastive", "reconstruction"} & set(wanted):
            said = {"words": batch["caption"], "lengths": batch["caption_lengths"]}
            parts = {part.config.name: Tokens(part.send(batch).float()) for part in self._sensing}
            if self._writes:
                values = self.language.embed(said["words"]).float()
                parts[self.active[-1].name] = Tokens(values, sent_mask(said["lengths"], values.shape[1]))
            terms = alignment_terms(self.server, parts, said)
            found |= {name: value for name, value in terms.items() if name in wanted}
        if "reading" in wanted:
            found["reading"] = self.server.reading_loss(batch)
        if "events" in wanted:
            found["events"] = self._events(batch)
        return found

    def _events(self, batch: Batch) -> torch.Tensor:
        targets = {name.removeprefix("event_"): row for name, row in batch.items() if name.startswith("event_")}
        total = torch.zeros((), device=batch["owner"].device)
        for part in self._sensing:
            name = part.config.name
            if name in self.pretext and f"{name}_inputs" in batch:
                head: Any = self.pretext[name]
                total = total + head.loss(part.encoder(batch[f"{name}_inputs"]), targets)
        if not total.requires_grad and torch.is_grad_enabled():
            raise ValueError("losses: 'events' trains encoders, but all are frozen or off; name one in trainable")
        return total

    @torch.no_grad()
    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return what the devices send; see :meth:`TokenSystem.encode`."""
        return self.tokens(self._placed(self._sent(samples, samples, torch.arange(len(samples)))))

    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return answers; see :meth:`TokenSystem.answer`. A question that crosses is taken from the tokens alone.

        Raises:
            ValueError: for a system of the alignment, which answers nothing.
        """
        if self.config.objective == "alignment":
            raise ValueError(
                "objective: 'alignment' answers no questions; start a system of 'answers' with its weights"
            )
        if self.config.writer is None:
            batch = self._questions(samples, torch.arange(len(samples)))
        else:
            batch = answer_batch(max(0, tokens.values.shape[1] - self.layout.agreed), len(samples))
        batch = self._placed(batch)
        device = batch["owner"].device
        return self.server.answer(Tokens(tokens.values.to(device), tokens.mask.to(device)), batch)

    def key(self, sample: Any) -> Hashable:
        """Return hashes of what the devices that are on have of a sample."""
        found = tuple(part.content(sample) for part in self._sensing)
        if not self._writes:
            return found
        said = caption_of(sample) if self.config.objective == "alignment" else sample.inputs.get(self.active[-1].key)
        return (*found, None if said is None else hash_of(said))

    def encoder_id(self) -> Hashable:
        """Return the checksum of the configuration and of everything that tokens follow from."""
        tensors = [*self.devices.parameters(), *self.devices.buffers(), self.language.embedding]
        versions = tuple((id(tensor), tensor._version) for tensor in tensors)
        if self._digest is None or self._digest[0] != versions:
            held = digest_of({str(number): tensor for number, tensor in enumerate(tensors)})
            told = repr((self.configuration(), self.off, held)).encode()
            self._digest = (versions, hashlib.blake2b(told, digest_size=16).hexdigest())
        return self._digest[1]

    def _placed(self, batch: Batch) -> dict[str, torch.Tensor]:
        device = next(self.server.heads.parameters()).device
        return {name: tensor.to(device) for name, tensor in batch.items()}
