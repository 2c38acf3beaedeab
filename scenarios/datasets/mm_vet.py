"""MM-Vet: open answers that need several capabilities at once."""

from typing import Any

from .base import OnError
from .files import existing, find, read_json
from .indexed import Entry, Indexed, Numbers
from .stores import Store

LAYOUT = "mm-vet.json and the images in images/"


class MMVet(Indexed):
    """MM-Vet v1 (Yu et al., ICML 2024), https://github.com/yuweihao/MM-Vet: 218 questions, 200 images.

    Layout: ``mm-vet.json`` (records under ``v1_0``, ``v1_1``, ...) beside ``images/``.
    Licence: annotations CC BY-NC 4.0; images belong to their sources (``extra["imagesource"]``).

    A sample's inputs are ``image`` and ``question``. Its reference is the answer as written, with
    ``<AND>`` between parts that must all be there and ``<OR>`` between alternatives. Its family
    is the combination of capabilities, such as ``ocr_math``; ``extra["capability"]`` has the single ones.

    Args:
        path: folder with that layout.
        on_error: "refuse" or "skip" broken entries and missing images.
        check_media: read every image when the data set is built.
    """

    name = "mm_vet"
    split = "test"

    def __init__(self, *, path: str, on_error: OnError = "refuse", check_media: bool = False) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        root = existing(self.name, path, LAYOUT)
        file = find(self.name, root, ["mm-vet.json"], LAYOUT)
        data = read_json(self.name, file)
        if not isinstance(data, dict) or not all(str(key).startswith("v1_") for key in data):
            first = next(iter(data), None) if isinstance(data, dict) else type(data).__name__
            raise ValueError(
                f"{self.name}: {file}: MM-Vet v1 has keys like 'v1_0'; here {first!r} (MM-Vet v2 is another)"
            )
        self.store = Store(find(self.name, root, ["images"], LAYOUT))
        self.records = [(key, record) for key, record in data.items() if self._usable(key, record)]
        self.clusters = Numbers()
        for _, record in self.records:
            self.clusters[record["imagename"]]
        self.finish(root)

    def _usable(self, key: str, record: Any) -> bool:
        needed = ("imagename", "question", "answer", "capability")
        lacks = [field for field in needed if not isinstance(record, dict) or not record.get(field)]
        if lacks:
            self.broken(f"{key} of mm-vet.json", f"no {', '.join(lacks)}")
            return False
        return self.there(record["imagename"], f"image of {key} is missing")

    def entry(self, record: tuple[str, dict[str, Any]]) -> Entry:
        """Return a record's entry."""
        key, fields = record
        capabilities = tuple(sorted(fields["capability"]))
        return Entry(
            id=key,
            cluster=self.clusters[fields["imagename"]],
            inputs={"question": fields["question"]},
            references=(str(fields["answer"]),),
            family="_".join(capabilities),
            extra={"capability": capabilities, "imagesource": fields.get("imagesource", "")},
            media={"image": fields["imagename"]},
        )
