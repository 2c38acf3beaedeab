"""TaiChi: a vision-language model whose visual tokens cross a link."""

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.tokens import Tokens
from ..scenes.cells import CellHead, cell_targets
from ..scenes.referents import Referents, layers_loss
from ..systems.source_link import hash_of
from ..systems.trainable import TrainableSystem
from .ban import BilateralAttention
from .batches import NOTHING, asked, clustered, packed, padded, pixels_of, referents_of, replies
from .captions import scene_caption
from .generation import generated
from .language import Reception, SplitLanguage
from .parts import build_detail, build_language, build_low, build_texts
from .presets import TaiChiConfig, preset
from .projectors import projector
from .prompts import FIELDS, task_of
from .state import keep_out_of_state


class TaiChi(TrainableSystem):
    """The system of arXiv 2603.00482.

    ```
    image ─┬─► small ─► ViT ─────► tokens ─┐
           └─► large ─► ConvNeXt ─► cells ─┴─► bilateral attention ─► KAN projector ─► layers 0..L-1 ─► link
    link ─► layers L.. of the language model, with its own layers 0..L-1 for the question ─► answer
    ```

    Answers questions about images (``image`` and ``question``), describes images (``image`` alone) and classifies texts
    (``text`` alone, which crosses as token vectors). In training all questions of an image share what is sent and are
    kept apart by a mask. Weights that were pretrained are frozen and not in the module's state; adapters are.

    Losses besides that of the answers (:meth:`auxiliary`): ``cells``, what lies in the cell of each visual token;
    ``captions``, of a list of all objects; and ``referents``, that attention goes to the objects that the words of a
    question speak of. They need a scene graph in ``extra["scene"]``, and the last one a program in
    ``extra["program"]``, as CLEVR has them.

    Args:
        config: as :func:`~.presets.preset` gives it.
        online: whether the hub may be asked for pretrained weights.
        weights: whether pretrained weights are read; without, all parameters are initial ones and the system of a
            pretrained language model has no tokenizer.

    Raises:
        ValueError: for a configuration whose parts do not fit.
        WeightsNotFoundError: if pretrained weights are nowhere.
    """

    modality = "image"

    def __init__(self, config: TaiChiConfig | None = None, *, online: bool = False, weights: bool = True) -> None:
        super().__init__()
        self.config = preset("tiny") if config is None else config
        c, seed = self.config, self.config.seed
        given = {"online": online, "weights": weights}
        self.low: Any = build_low(c.low, seed=seed, **given)
        self.detail: Any = build_detail(c.detail, seed=seed + 1, **given)
        self.bilateral = BilateralAttention(
            low_dim=self.low.dim, high_dim=self.detail.dim, grid=self.low.grid, ratio=c.ratio, heads=c.heads,
            window=c.window, pooling=c.pooling, variant=c.attention, seed=seed + 2,
        )  # fmt: skip
        model, tokenizer = build_language(c.language, seed=seed + 3, **given)
        self.language = SplitLanguage(model, c.language.num_layers, full=c.language.full)
        self.dim = self.language.dim
        self.projector = projector(
            c.projector, self.low.dim, self.dim, hidden=c.hidden, grid_size=c.grid_size, order=c.order, seed=seed + 4
        )
        with seeded(seed + 5):
            self.cells = CellHead(self.dim)
        known = c.language.vocabulary is not None or tokenizer is not None
        self._texts = build_texts(c.language, tokenizer) if known else None
        keep_out_of_state(self, [name for name in ("low", "detail", "language") if self._pretrained(name)])
        self._kept: tuple[Any, torch.Tensor] | None = None
        self._reception: tuple[Any, Reception] | None = None
        self._digest: tuple[Any, str] | None = None

    def _pretrained(self, name: str) -> bool:
        return getattr(self.config, name).source is not None

    @property
    def texts(self) -> Any:
        """How the language model is asked.

        Raises:
            ValueError: if it was built without its tokenizer.
        """
        if self._texts is None:
            raise ValueError(
                "weights: False given, so there is no tokenizer; build the system with its weights to use it"
            )
        return self._texts

    @property
    def num_tokens(self) -> int:
        """Visual tokens of an image."""
        return self.bilateral.num_tokens

    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to, as JSON types."""
        return {"type": "taichi", **self.config.described()}

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return a training batch; see :meth:`TrainableSystem.collate`.

        The questions of an image (of one cluster) are one item, unless they cross.

        Raises:
            ValueError: for samples with and without image in one batch.
        """
        crosses = self._crosses(samples)
        items = [[sample] for sample in samples] if crosses else clustered(samples)
        first = [own[0] for own in items]
        batch = self._sent(first, crosses)
        rows = [[text for one in own for text in replies(one, self.texts, crosses=crosses)] for own in items]
        batch |= packed(rows, self.texts.pad)
        if "pixels" in batch and all("scene" in sample.extra for sample in first):
            batch |= self._scenes(first)
            asked_alone = not crosses and not any("turns" in sample.extra for sample in samples)
            if asked_alone and all("program" in sample.extra for sample in samples):
                batch |= referents_of(rows, items, self.texts, self._grid)
        return batch

    def tokens(self, batch: Mapping[str, torch.Tensor]) -> Tokens:
        """Return what crosses, with gradient; see :meth:`TrainableSystem.tokens`."""
        values, masks = [], []
        if "pixels" in batch:
            visual = self.visual(batch["pixels"])
            values.append(visual)
            masks.append(torch.ones(visual.shape[:2], dtype=torch.bool, device=visual.device))
        if "sent_ids" in batch:
            embedded = self.language.embed(batch["sent_ids"])
            values.append(embedded if not values else embedded.to(values[0].dtype))
            masks.append(batch["sent_there"])
        mask = torch.cat(masks, 1)
        sent = self.language.send(torch.cat(values, 1), mask)
        return Tokens(sent.float() * mask[..., None], mask)

    def visual(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return visual tokens before the language model, [batch, num_tokens, dim], of images [batch, 3, size, size].

        They are computed once for a batch while no parameter changes.
        """
        state = (torch.is_grad_enabled(), torch.is_autocast_enabled(pixels.device.type), self._versions())
        if self._kept is not None and self._kept[0][0] is pixels and self._kept[0][1] == state:
            return self._kept[1]
        image = pixels.float() / 255
        visual = self.projector(self.bilateral(self.low(image), self.detail(image)))
        self._kept = ((pixels, state), visual)
        return visual

    def loss(self, tokens: Tokens, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the cross-entropy of the responses; see :meth:`TrainableSystem.loss`."""
        return self._loss(tokens, batch["ids"], batch["segment"], batch["target"])

    def _loss(
        self, tokens: Tokens, ids: torch.Tensor, segment: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:  # fmt: skip
        made = self.language.reception(tokens.values, tokens.mask, ids, segment)
        self._reception = (ids, made)
        wanted = target != NOTHING
        return nn.functional.cross_entropy(self.language.logits(made.hidden[wanted]).float(), target[wanted])

    def auxiliary(self, batch: Mapping[str, torch.Tensor], wanted: Collection[str]) -> dict[str, torch.Tensor]:
        """Return the losses ``cells``, ``captions`` and ``referents``; see :meth:`TrainableSystem.auxiliary`.

        ``referents`` looks at the attention to what :meth:`loss` was last given, if that was of the same batch.

        Raises:
            ValueError: if they are wanted of samples without scene graph, or without program.
        """
        found = {}
        for name, entry, needed in (
            ("cells", "cells", "a scene graph in extra['scene']"),
            ("captions", "cells", "a scene graph in extra['scene']"),
            ("referents", "referent_row", "extra['scene'] and extra['program'], and questions at the receiver"),
        ):
            if name in wanted and entry not in batch:
                raise ValueError(f"losses: {name!r} needs {needed}, as clevr_synth has them")
        if "cells" in wanted:
            found["cells"] = self.cells.loss(self.visual(batch["pixels"]), batch["cells"])
        if "referents" in wanted:
            found["referents"] = self._referents(batch)
        if "captions" in wanted:
            alone = {name: batch[name] for name in ("pixels",)}
            parts = [batch[f"caption_{name}"] for name in ("ids", "segment", "target")]
            found["captions"] = self._loss(self.tokens(alone), *parts)
        self._reception = None
        return found

    def _referents(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the divergence of attention from what is spoken of; see :func:`~..scenes.referents.layers_loss`."""
        if self._reception is None or self._reception[0] is not batch["ids"]:
            self.loss(self.tokens(batch), batch)
        assert self._reception is not None
        made = self._reception[1]

        def attention(own: Referents, layer: int) -> torch.Tensor:
            return self.language.attention(made, layer, own.row, own.place, heads=1)[:, 0]

        return layers_loss(Referents.within(batch), attention, len(made.inputs), self.config.language.num_layers)

    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return what crosses; see :meth:`TokenSystem.encode`."""
        with torch.no_grad():
            sent = self.tokens(self._placed(self._sent(samples, self._crosses(samples))))
        self._kept = None
        return sent

    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return answers, descriptions or classes; see :meth:`TokenSystem.answer`."""
        crosses = self._crosses(samples)
        prompts = [[asked(sample, self.texts, crosses=crosses, answered=False)] for sample in samples]
        rows = self._placed(packed(prompts, self.texts.pad))
        with torch.no_grad():
            found = generated(
                self.language,
                tokens,
                rows["ids"],
                rows["segment"],
                ends=self.texts.ends,
                limit=self.config.max_new_tokens,
            )
        sentences = [task_of(sample.inputs) == "captioning" for sample in samples]
        return [self.texts.text(ids, sentence=is_one) for ids, is_one in zip(found, sentences, strict=True)]

    def key(self, sample: Any) -> Hashable:
        """Return what is sent: the image by its checksum, the question or text itself if they cross."""
        image = sample.inputs.get("image")
        seen = "" if image is None else hash_of(image) + str(image.shape)
        said = [sample.inputs.get(name) for name in FIELDS] if self._crosses([sample]) else ()
        return (seen, *said)

    def encoder_id(self) -> Hashable:
        """Return the checksum of the configuration and of everything that tokens follow from."""
        versions = self._versions()
        if self._digest is None or self._digest[0] != versions:
            digest = hashlib.blake2b(repr(self.configuration()).encode(), digest_size=16)
            for tensor in self._encoder_tensors():
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
            self._digest = (versions, digest.hexdigest())
        return self._digest[1]

    def _encoder_tensors(self) -> list[torch.Tensor]:
        parts: tuple[nn.Module, ...] = (self.low, self.detail, self.bilateral, self.projector, self.language.lower)
        return [tensor for part in parts for tensor in (*part.parameters(), *part.buffers())]

    def _versions(self) -> tuple[tuple[int, int], ...]:
        return tuple((id(tensor), tensor._version) for tensor in self._encoder_tensors())

    def _crosses(self, samples: Sequence[Any]) -> bool:
        """Tell whether question or text of samples cross."""
        with_image = {"image" in sample.inputs for sample in samples}
        if len(with_image) > 1:
            raise ValueError("samples: with and without image in one batch; train on one kind at a time")
        return self.config.question == "sent" or with_image == {False}

    def _sent(self, samples: Sequence[Any], crosses: bool) -> dict[str, torch.Tensor]:
        """Return the inputs of the transmitter, an item for each sample."""
        batch = {}
        if "image" in samples[0].inputs:
            batch["pixels"] = pixels_of(samples, self.detail.size)
        if crosses:
            texts = [self.texts.sent(task_of(sample.inputs), sample.inputs) for sample in samples]
            batch["sent_ids"], batch["sent_there"] = padded(texts, self.texts.pad)
        return batch

    def _scenes(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return the references of the auxiliary losses."""
        scenes = [sample.extra["scene"] for sample in samples]
        sizes = [sample.inputs["image"].shape[:2] for sample in samples]
        cells = [cell_targets(scene, size, self._grid) for scene, size in zip(scenes, sizes, strict=True)]
        prompt = self.texts.prompt("captioning", {}, crosses=False)
        rows = [[(prompt, [*self.texts.ids(scene_caption(scene)), self.texts.ends[0]])] for scene in scenes]
        captions = packed(rows, self.texts.pad)
        return {"cells": torch.stack(cells)} | {f"caption_{name}": tensor for name, tensor in captions.items()}

    @property
    def _grid(self) -> tuple[int, int]:
        """Visual tokens along height and width."""
        side = self.config.pooling
        return self.low.grid[0] // side, self.low.grid[1] // side

    def _placed(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        device = self.cells.out.weight.device
        return {name: tensor.to(device) for name, tensor in batch.items()}
