"""VALOR-32K: captions of ten-second clips that tell what is seen and heard."""

from typing import NamedTuple

from .clip_files import Clips
from .files import find, read_json, records_of
from .indexed import Entry

LAYOUT = "desc_train.json, desc_val.json, desc_test.json, and the clips <video_id>.mp4 in videos/"


class _Record(NamedTuple):
    video_id: str
    captions: tuple[str, ...]
    media: dict[str, str]
    number: int


class VALOR32K(Clips):
    """VALOR-32K (Chen et al., 2023), https://casia-iva-group.github.io/projects/VALOR/download.html.

    Layout: ``desc_{train,val,test}.json``, lists of ``{"video_id": ..., "desc": ...}`` (25,000, 3,500
    and 3,500), and the clips as ``<video_id>.mp4`` anywhere below a media folder; ``<video_id>.wav``
    there is used instead of the video's own sound.
    Licence: annotations for research; clips are AudioSet's, from YouTube, under their own terms. Some
    are no longer to be had: use ``on_error="skip"``, which counts them.

    A sample's inputs are ``video`` and ``audio``, its references the captions.

    Args:
        path: folder with the annotations.
        split: "train", "val" or "test".
        media: folder of the clips; ``videos`` in ``path`` if `None`.
        modalities: what a sample has, "video", "audio" or both.
        num_frames: of a video, at the middles of as many equal parts.
        sampling_rate: of audio, Hz; `None` keeps each file's. A change is noted in ``extra``.
        on_error: "refuse" or "skip" broken entries and missing clips.
        check_media: read every clip when the data set is built.
    """

    name = "valor32k"
    layout = LAYOUT

    def read_annotations(self) -> None:
        """Read the captions."""
        file = find(self.name, self.root, [f"desc_{self.split}.json"], LAYOUT)
        captions: dict[str, list[str]] = {}
        for number, record in enumerate(
            records_of(self.name, file, read_json(self.name, file), None, ("video_id", "desc"))
        ):
            given = record["desc"] if isinstance(record["desc"], list) else [record["desc"]]
            for caption in given:
                if caption.strip():
                    captions.setdefault(record["video_id"], []).append(caption.strip())
                else:
                    self.broken(f"record {number} of {file.name}", f"empty caption of {record['video_id']}")
        self.records = [
            _Record(video_id, tuple(texts), clip, number)
            for number, (video_id, texts) in enumerate(captions.items())
            if (clip := self.files(video_id)) is not None
        ]
        self.finish(file)

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(id=record.video_id, cluster=record.number, references=record.captions, media=record.media)
