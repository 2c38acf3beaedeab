"""CLEVR-style scenes and questions as data sets: every sample is made from its number when it is read."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....linklevel.validation import check_choice, check_range
from ..base import Dataset, Sample
from .captions import sample_captions
from .names import NAMES
from .questions import Question, sample_questions
from .render import MAX_SIZE, MIN_SIZE, Shadow, render
from .scenes import Scene, sample_scene
from .view import SceneView

SPLITS = {"train": 0, "val": 1, "test": 2}
STREAMS = {"scene": 0, "questions": 1, "captions": 2}
MAX_QUESTIONS = 50
MAX_KEPT = 512
"""Images whose scenes, questions and pixels are remembered."""


class _Scenes(Dataset):
    """Scenes of a split, each from random streams of its own; remembers the last :data:`MAX_KEPT`.

    Args: see :class:`ClevrSynth`.
    """

    def __init__(
        self, *, num_images: int, size: int, seed: int, split: str, num_objects: tuple[int, int], shadow: Shadow
    ) -> None:
        super().__init__()
        self.num_images = check_range("num_images", num_images, 1, 10**6, integer=True)
        self.size = check_range("size", size, MIN_SIZE, MAX_SIZE, integer=True)
        self.seed = check_range("seed", seed, 0, 2**63, integer=True)
        self.split = check_choice("split", split, SPLITS)
        self.shadow: Shadow = check_choice("shadow", shadow, ("soft", "hard"))
        low, high = num_objects
        self.min_objects = check_range("num_objects[0]", low, 2, 10, integer=True)
        self.max_objects = check_range("num_objects[1]", high, self.min_objects, 10, integer=True)
        self._kept: OrderedDict[int, dict[str, Any]] = OrderedDict()

    def generator(self, stream: str, image: int) -> np.random.Generator:
        """Return a fresh generator of one image's stream."""
        key = (SPLITS[self.split], image, STREAMS[stream])
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def scene(self, image: int) -> Scene:
        """Return the scene of an image."""
        return self._keep(image, "scene", lambda: self._sample_scene(image))

    def graph(self, image: int) -> dict[str, Any]:
        """Return the scene graph of an image, as in CLEVR's scene files."""
        return self._keep(
            image,
            "graph",
            lambda: self.scene(image).to_json(split=self.split, image_index=image, size=self.size),
        )

    def image(self, image: int) -> np.ndarray:
        """Return a picture, [size, size, 3], numpy.uint8."""
        kept = self._keep(image, "pixels", lambda: render(self.scene(image), size=self.size, shadow=self.shadow))
        return kept.copy()

    def _sample_scene(self, image: int) -> Scene:
        rng = self.generator("scene", image)
        return sample_scene(rng, min_objects=self.min_objects, max_objects=self.max_objects)

    def _keep(self, image: int, what: str, make: Any) -> Any:
        """Return what was made for an image before, or make it."""
        entry = self._kept.setdefault(image, {})
        if what not in entry:
            entry[what] = make()
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return entry[what]


class ClevrSynth(_Scenes):
    """Questions about synthetic scenes in the manner of CLEVR.

    A sample's ``inputs`` are ``image`` ([size, size, 3], numpy.uint8) and ``question``; its reference is
    the answer, its cluster the image, its family a name such as "count_relate". ``extra`` has
    ``scene``, ``program`` and the other entries of CLEVR's files. The samples of an image follow
    each other. A sample depends on the arguments and its number only; a scene and its questions do
    not depend on ``size`` (except for pixel coordinates) and ``shadow``.

    Who knows only the family of a question, and its most common answer, is right in 43 % of all
    questions: by family in 13 to 55 %.

    Args:
        num_images: number of images; more of them leave the first ones as they are.
        questions_per_image: 1...50.
        size: side of an image, 32...256 pixels.
        seed: of all random streams.
        split: "train", "val" or "test"; they share no random numbers.
        num_objects: least and largest number of objects.
        families: names of question families to take, all of :data:`~.names.NAMES` if `None`.
        shadow: "soft" or "hard".

    Raises:
        ValueError: for a value out of range, or an unknown family, split or shadow.

    Example:
        >>> data = ClevrSynth(num_images=2, questions_per_image=3, families=["count", "exist"])
        >>> len(data), data.references_of(0)[1] in ("count", "exist")
        (6, True)
    """

    name = "clevr_synth"

    def __init__(
        self,
        *,
        num_images: int,
        questions_per_image: int = 10,
        size: int = 64,
        seed: int = 0,
        split: str = "train",
        num_objects: tuple[int, int] = (3, 8),
        families: Sequence[str] | None = None,
        shadow: Shadow = "soft",
    ) -> None:
        super().__init__(
            num_images=num_images, size=size, seed=seed, split=split, num_objects=num_objects, shadow=shadow
        )
        self.questions_per_image = check_range(
            "questions_per_image", questions_per_image, 1, MAX_QUESTIONS, integer=True
        )
        self.families = tuple(
            check_choice("families", name, NAMES) for name in (NAMES if families is None else families)
        )
        if not self.families:
            raise ValueError(f"families: () is empty; allowed: any of {', '.join(NAMES)}")

    def __len__(self) -> int:
        """Return the number of questions."""
        return self.num_images * self.questions_per_image

    def questions(self, image: int) -> list[Question]:
        """Return the questions about an image."""
        return self._keep(
            image,
            "questions",
            lambda: sample_questions(
                SceneView(self.graph(image)),
                self.generator("questions", image),
                self.questions_per_image,
                self.families,
            ),
        )

    def cluster_of(self, index: int) -> int:
        """Return the number of a sample's image."""
        return index // self.questions_per_image

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return answer and family of a sample without painting its picture."""
        image, number = divmod(index, self.questions_per_image)
        question = self.questions(image)[number]
        return (question.answer,), question.family

    def read(self, index: int) -> Sample:
        """Return a sample."""
        image, number = divmod(index, self.questions_per_image)
        question, scene = self.questions(image)[number], self.graph(image)
        return Sample(
            id=f"CLEVR_{self.split}_{image:06d}/{index}",
            cluster=image,
            inputs={"image": self.image(image), "question": question.text},
            references=(question.answer,),
            family=question.family,
            extra={
                "scene": scene,
                "program": question.program,
                "question_family_index": question.family_index,
                "question_index": index,
                "image_index": image,
                "image_filename": scene["image_filename"],
                "split": self.split,
            },
        )


class ClevrCaptions(_Scenes):
    """Pictures of synthetic scenes with captions.

    The images are those of :class:`ClevrSynth` with the same arguments.

    Args:
        num_images: number of images, which is the number of samples.
        captions_per_image: references of a sample, 1...20; the first lists every object.
        size: side of an image, 32...256 pixels.
        seed: of all random streams.
        split: "train", "val" or "test".
        num_objects: least and largest number of objects.
        shadow: "soft" or "hard".

    Raises:
        ValueError: for a value out of range, or an unknown split or shadow.
    """

    name = "clevr_captions"

    def __init__(
        self,
        *,
        num_images: int,
        captions_per_image: int = 5,
        size: int = 64,
        seed: int = 0,
        split: str = "train",
        num_objects: tuple[int, int] = (3, 8),
        shadow: Shadow = "soft",
    ) -> None:
        super().__init__(
            num_images=num_images, size=size, seed=seed, split=split, num_objects=num_objects, shadow=shadow
        )
        self.captions_per_image = check_range("captions_per_image", captions_per_image, 1, 20, integer=True)

    def __len__(self) -> int:
        """Return the number of images."""
        return self.num_images

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return the captions of an image without painting it."""
        return sample_captions(self.graph(index), self.generator("captions", index), self.captions_per_image), ""

    def cluster_of(self, index: int) -> int:
        """Return the cluster of a sample, its image's number, without painting it."""
        return index

    def read(self, index: int) -> Sample:
        """Return a sample."""
        references, family = self.references_of(index)
        return Sample(
            id=f"CLEVR_{self.split}_{index:06d}",
            cluster=index,
            inputs={"image": self.image(index)},
            references=references,
            family=family,
            extra={"scene": self.graph(index), "image_index": index, "split": self.split},
        )
