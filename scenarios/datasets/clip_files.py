"""Where the video and audio files of audio-visual data sets are."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ...linklevel.validation import check_choice, check_range
from .base import OnError
from .files import existing, find
from .indexed import Indexed
from .media import AUDIO, VIDEO
from .stores import Store

MODALITIES = ("video", "audio")


class Clips(Indexed):
    """A data set of clips: video files, and sound files or the sound of the video files.

    A subclass has :attr:`layout`, and :meth:`read_annotations`, which is called at the end of construction.

    Args:
        path: folder with the annotations.
        split: "train", "val" or "test".
        media: folder of the files, of any depth; ``videos`` in ``path`` if `None`.
        modalities: what a sample has, "video", "audio" or both.
        num_frames: of a video, at the middles of as many equal parts.
        sampling_rate: of audio, Hz; `None` keeps each file's.
        on_error: "refuse" or "skip"; see `Dataset`.
        check_media: see `Indexed`.
    """

    layout: ClassVar[str]
    """What is expected at the path, as messages say it."""

    def __init__(
        self,
        *,
        path: str,
        split: str = "test",
        media: str | None = None,
        modalities: Sequence[str] = MODALITIES,
        num_frames: int = 8,
        sampling_rate: int | None = 16_000,
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        self.split = check_choice("split", split, ("train", "val", "test"))
        self.root = existing(self.name, path, self.layout)
        super().__init__(on_error=on_error, check_media=check_media)
        if not modalities:
            raise ValueError(f"modalities: none given; allowed: {', '.join(MODALITIES)}")
        self.modalities = tuple(check_choice("modalities", modality, MODALITIES) for modality in modalities)
        self.num_frames = check_range("num_frames", num_frames, 1, 4096, integer=True)
        if sampling_rate is not None:
            check_range("sampling_rate", sampling_rate, 4000, 192_000, integer=True)
        self.sampling_rate = sampling_rate
        folder = media or find(self.name, self.root, ["videos"], self.layout)
        self.store = Store(existing(self.name, folder, "a folder of video (and audio) files"))
        self._videos = _by_stem(self.store, VIDEO)
        self._sounds = _by_stem(self.store, AUDIO)
        self.read_annotations()

    @abstractmethod
    def read_annotations(self) -> None:
        """Read the annotations below :attr:`root`: set ``records``, and call ``finish``."""

    def files(self, video_id: str) -> dict[str, str] | None:
        """Return the files of a clip by modality; `None` if one is missing, which is refused or noted."""
        video = self._videos.get(video_id)
        found = {"video": video, "audio": self._sounds.get(video_id, video)}
        missing = [modality for modality in self.modalities if found[modality] is None]
        if missing:
            assert self.store is not None
            suffixes = VIDEO if "video" in missing else AUDIO + VIDEO
            self.broken(self.store.where(video_id), f"no {' or '.join(missing)} file ({', '.join(suffixes)})")
            return None
        return {modality: str(found[modality]) for modality in self.modalities}


def _by_stem(store: Store, suffixes: Sequence[str]) -> dict[str, str]:
    """Return files by their name without its last suffix, which itself may have dots."""
    return {name.rpartition("/")[2].rpartition(".")[0]: name for name in store.names(suffixes)}
