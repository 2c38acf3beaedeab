"""The data set of made clips."""

from functools import lru_cache

import numpy as np

from ....linklevel.validation import check_choice, check_range
from ..base import Dataset, Sample
from .drawing import draw_frames
from .graph import EventGraph, draw_graph
from .questions import Question, ask
from .sound import make_waveform

SPLITS = ("train", "val", "test")


class AvqaSynth(Dataset):
    """Makes short clips and questions about what is heard in them, seen in them, or both.

    A clip shows two to four objects (four shapes, eight colours) that drift left, right, up or down.
    In five to seven of its frames one object jumps; two to four of the jumps make a sound (a tone, a
    chord or a noise burst) as long as that frame is seen, the others are silent. So every sound
    belongs to an object, but only a receiver that has both modalities in time with each other can
    tell to which. Families are named for what they need: "audio/count", "video/colour", "both/which"
    and so on, see :data:`~tokencom.scenarios.datasets.avqa_synth.FAMILIES`; answers are balanced
    within each, and each need has a third of the questions.

    It shows whether both modalities arrive and are brought together: the most common answers stay
    under 45 %, what one modality alone can reach is bounded
    (:class:`~tokencom.scenarios.datasets.avqa_synth.UnimodalOracle`). It doesn't show anything about
    natural sounds, speech, real video or free wording.

    Samples have ``video``, ``audio`` and ``question``; ``extra["graph"]`` is the clip as a dict. A
    sample depends on ``seed``, ``split`` and its number only, and on the drawing parameters.

    Args:
        num_clips: number of clips.
        questions_per_clip: 1...9.
        seed: of everything.
        split: "train", "val" or "test"; their clips are drawn independently.
        size: height and width, pixels, 16...256.
        num_frames: frames of a clip, 8...64.
        duration: of a clip, seconds; a frame lasts 0.05 s or longer.
        sampling_rate: of the sound, Hz, 4,000...48,000.

    Raises:
        ValueError: for a parameter outside its range.

    Example:
        >>> data = AvqaSynth(num_clips=10, questions_per_clip=3, seed=1)
        >>> sample = data[0]
        >>> sample.inputs["video"].shape, sample.inputs["audio"].shape
        ((8, 32, 32, 3), (16000,))
    """

    name = "avqa_synth"

    def __init__(
        self,
        *,
        num_clips: int = 1000,
        questions_per_clip: int = 6,
        seed: int = 0,
        split: str = "train",
        size: int = 32,
        num_frames: int = 8,
        duration: float = 2.0,
        sampling_rate: int = 8000,
    ) -> None:
        super().__init__()
        self.num_clips = check_range("num_clips", num_clips, 1, 10**8, integer=True)
        self.questions_per_clip = check_range("questions_per_clip", questions_per_clip, 1, 9, integer=True)
        self.seed = check_range("seed", seed, 0, 2**63 - 1, integer=True)
        self.split = check_choice("split", split, SPLITS)
        self.size = check_range("size", size, 16, 256, integer=True)
        self.num_frames = check_range("num_frames", num_frames, 8, 64, integer=True)
        self.duration = check_range("duration", duration, 0.05 * self.num_frames, 60.0)
        self.sampling_rate: int = check_range("sampling_rate", sampling_rate, 4000, 48000, integer=True)
        self.frame_rate = self.num_frames / self.duration
        self.media = lru_cache(maxsize=4)(self._media)
        self._asked = lru_cache(maxsize=4096)(self._ask)

    def __len__(self) -> int:
        """Return the number of questions."""
        return self.num_clips * self.questions_per_clip

    def __getstate__(self) -> dict[str, object]:
        """Leave the caches out."""
        return {k: v for k, v in self.__dict__.items() if k not in ("media", "_asked")}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Start with empty caches."""
        self.__dict__.update(state)
        self.media = lru_cache(maxsize=4)(self._media)
        self._asked = lru_cache(maxsize=4096)(self._ask)

    def clip(self, number: int) -> tuple[EventGraph, tuple[Question, ...]]:
        """Return what happens in a clip, and the questions about it; nothing is drawn."""
        return self._asked(check_range("number", number, 0, self.num_clips - 1, integer=True))

    def cluster_of(self, index: int) -> int:
        """Return the number of a question's clip."""
        return index // self.questions_per_clip

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return the answer and the family of a question; nothing is drawn."""
        question = self._question(index)[1]
        return (question.answer,), question.family

    def read(self, index: int) -> Sample:
        """Return a question with its clip; the same arrays for all questions about the clip, read-only."""
        graph, question = self._question(index)
        clip, number = divmod(index, self.questions_per_clip)
        video, audio = self.media(clip)
        return Sample(
            id=f"{self.name}/{self.split}/{self.seed}/{clip}/{number}",
            cluster=clip,
            inputs={"video": video, "audio": audio, "question": question.text},
            references=(question.answer,),
            family=question.family,
            extra={"graph": graph.as_dict(), "frame_rate": self.frame_rate},
        )

    def _question(self, index: int) -> tuple[EventGraph, Question]:
        clip, number = divmod(index, self.questions_per_clip)
        graph, questions = self._asked(clip)
        return graph, questions[number]

    def _rng(self, clip: int, stream: int) -> np.random.Generator:
        key = (SPLITS.index(self.split), clip, stream)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def _ask(self, clip: int) -> tuple[EventGraph, tuple[Question, ...]]:
        graph = draw_graph(self._rng(clip, 0), self.num_frames)
        return graph, ask(self._rng(clip, 1), graph, self.questions_per_clip)

    def _media(self, clip: int) -> tuple[np.ndarray, np.ndarray]:
        graph = self._asked(clip)[0]
        video = draw_frames(self._rng(clip, 2), graph, self.size, self.num_frames)
        audio = make_waveform(
            self._rng(clip, 3),
            graph,
            num_frames=self.num_frames,
            duration=self.duration,
            sampling_rate=self.sampling_rate,
        )
        video.flags.writeable = audio.flags.writeable = False
        return video, audio
