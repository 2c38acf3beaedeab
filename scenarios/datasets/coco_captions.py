"""COCO Captions: about five captions for every photograph."""

from pathlib import Path
from typing import Any

from ...linklevel.validation import check_choice
from .base import OnError
from .files import check_version, existing, find, read_json, records_of
from .indexed import Entry, Indexed
from .stores import Store

LAYOUT = "annotations/captions_val2017.json (or 2014, or train) and the images in val2017/"
KARPATHY_LAYOUT = "dataset_coco.json and the images in train2014/ and val2014/"
SPLITS = ("train", "val")
KARPATHY_SPLITS = ("train", "restval", "train+restval", "val", "test")


class CocoCaptions(Indexed):
    """COCO Captions (Chen et al., 2015), https://cocodataset.org/#download and #format-data.

    Layout: ``annotations/captions_<split><year>.json`` (or without ``annotations/``) beside the image
    folder ``<split><year>``. For the Karpathy split (https://cs.stanford.edu/people/karpathy/deepimagesent/):
    ``dataset_coco.json`` beside ``train2014`` and ``val2014``.
    Licence: annotations CC BY 4.0; images under Flickr's terms, each with its own licence.

    A sample is an image with all its captions as references. An empty caption is refused, or left out
    and counted; so is an image that has no caption.

    Args:
        path: folder with that layout.
        split: "train" or "val"; with ``karpathy`` also "test", "restval" and "train+restval".
        year: 2017 or 2014, which cut the same images differently; ``karpathy`` needs 2014.
        karpathy: use the Karpathy split.
        on_error: "refuse" or "skip" broken entries and missing images.
        check_media: read every image when the data set is built.
    """

    name = "coco_captions"

    def __init__(
        self,
        *,
        path: str,
        split: str = "val",
        year: int = 2017,
        karpathy: bool = False,
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, KARPATHY_SPLITS if karpathy else SPLITS)
        check_choice("year", year, (2014,) if karpathy else (2017, 2014))
        root = existing(self.name, path, KARPATHY_LAYOUT if karpathy else LAYOUT)
        found = self._karpathy(root) if karpathy else self._official(root, f"{split}{year}")
        self.records = [record for record in found if self._usable(record)]
        self.finish(root)

    def _official(self, root: Path, subset: str) -> list[tuple[int, str, list[tuple[Any, str]]]]:
        """Return the images: number, file, captions with their numbers."""
        self.store = Store(find(self.name, root, [subset], LAYOUT))
        names = [f"annotations/captions_{subset}.json", f"captions_{subset}.json"]
        file = find(self.name, root, names, LAYOUT)
        data = read_json(self.name, file)
        check_version(self.name, file, data.get("info", {}).get("version") if isinstance(data, dict) else None, "1.0")
        images = records_of(self.name, file, data, "images", ("id", "file_name"))
        captions: dict[int, list[tuple[Any, str]]] = {image["id"]: [] for image in images}
        for record in records_of(self.name, file, data, "annotations", ("id", "image_id", "caption")):
            if record["image_id"] in captions:
                captions[record["image_id"]].append((record["id"], record["caption"]))
            else:
                self.broken(f"caption {record['id']} of {file.name}", f"no image {record['image_id']}")
        return [(image["id"], image["file_name"], captions[image["id"]]) for image in images]

    def _karpathy(self, root: Path) -> list[tuple[int, str, list[tuple[Any, str]]]]:
        self.store = Store(root)
        file = find(self.name, root, ["dataset_coco.json"], KARPATHY_LAYOUT)
        fields = ("cocoid", "filepath", "filename", "split", "sentences")
        images = records_of(self.name, file, read_json(self.name, file), "images", fields)
        kept = [image for image in images if image["split"] in self.split.split("+")]
        return [
            (
                image["cocoid"],
                f"{image['filepath']}/{image['filename']}",
                [(sentence.get("sentid"), sentence["raw"]) for sentence in image["sentences"]],
            )
            for image in kept
        ]

    def _usable(self, record: tuple[int, str, list[tuple[Any, str]]]) -> bool:
        number, file, captions = record
        for caption, text in list(captions):
            if not text.strip():
                self.broken(f"caption {caption} of image {number}", "empty caption")
                captions.remove((caption, text))
        if not captions:
            self.broken(f"image {number}", "no caption")
            return False
        return self.there(file)

    def entry(self, record: tuple[int, str, list[tuple[Any, str]]]) -> Entry:
        """Return a record's entry."""
        number, file, captions = record
        return Entry(
            id=str(number),
            cluster=number,
            references=tuple(text.strip() for _, text in captions),
            extra={"image_id": number},
            media={"image": file},
        )
