"""CLEVR v1.0 in its official directory format.

```
images/<split>/CLEVR_<split>_000000.png
scenes/CLEVR_<split>_scenes.json          {"info": {"version": "1.0", ...}, "scenes": [...]}
questions/CLEVR_<split>_questions.json    {"info": {"version": "1.0", ...}, "questions": [...]}
```

Source: J. Johnson et al., "CLEVR: A Diagnostic Dataset for Compositional Language and Elementary Visual
Reasoning", CVPR 2017; files from https://cs.stanford.edu/people/jcjohns/clevr/.
"""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...linklevel.validation import check_choice
from .base import Dataset, OnError, Sample
from .clevr_json import JsonArray

LAYOUT = "images/<split>/*.png, scenes/CLEVR_<split>_scenes.json and questions/CLEVR_<split>_questions.json"
_SIGNATURE, _END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


def png_fault(path: Path) -> str:
    """Return what is wrong with a PNG file as far as its ends tell, or an empty string."""
    if not path.is_file():
        return f"image {path} is missing"
    with path.open("rb") as file:
        if file.read(8) != _SIGNATURE:
            return f"image {path} is no PNG file"
        file.seek(0, 2)
        file.seek(max(0, file.tell() - len(_END)))
        return "" if file.read() == _END else f"image {path} is cut off"


class Clevr(Dataset):
    """Questions of CLEVR v1.0 from a local folder.

    A sample's ``inputs`` are ``image`` ([height, width, 3], numpy.uint8) and ``question``; its reference
    is the answer, its cluster the image. Its family is the file's ``question_family`` if there is one (see
    :func:`~.clevr_write.write_clevr`), else number and last step of its family, such as "07_less_than".
    ``extra`` has ``scene``, ``program`` (steps with ``function``, ``inputs``, ``value_inputs``, whatever the
    file calls them), ``question_family_index``, ``question_index``, ``image_index``, ``image_filename``
    and ``split``.

    Args:
        root: folder of the data set.
        split: "train", "val", or any other that is there; the official "test" has no answers and cannot
            be read.
        scenes: read the scene graphs too.
        on_error: what to do about a question without answer, program, scene or sound image.

    Raises:
        ValueError: for another folder layout, another version, damaged JSON; and, under
            ``on_error="refuse"``, for the first broken question.
    """

    name = "clevr"

    def __init__(
        self, *, root: str | Path, split: str = "val", scenes: bool = True, on_error: OnError = "refuse"
    ) -> None:
        super().__init__(on_error=on_error)
        self.root, self.split = Path(root), split
        self._questions = JsonArray(self._find("questions"), "questions")
        self._images = self._folder()
        self._scenes = JsonArray(self._find("scenes"), "scenes") if scenes else None
        self._scene_of: dict[int, int] = {}
        for number, scene in enumerate(self._scenes.scan() if self._scenes else ()):
            self._scene_of[scene.get("image_index", -1) if isinstance(scene, dict) else -1] = number
        self._numbers: list[int] = []
        self._answers: list[tuple[str, str]] = []
        self._faults: dict[str, str] = {}
        for number, record in enumerate(self._questions.scan()):
            fault = self._fault(record)
            if fault:
                self.broken(f"{self._questions.path}, question {number}", fault)
                continue
            self._numbers.append(number)
            self._answers.append((_utf8(record["answer"]), _utf8(_family(record))))
        self._kept: OrderedDict[int, Any] = OrderedDict()

    def _find(self, kind: str) -> Path:
        """Return an annotation file of the split.

        Raises:
            ValueError: if it is missing, with the splits that there are.
        """
        folder = self.root / kind
        if not self.root.is_dir():
            raise ValueError(f"root: {str(self.root)!r} is no folder; a folder with {LAYOUT} is needed")
        found = sorted(p.name[6:].removesuffix(f"_{kind}.json") for p in folder.glob(f"CLEVR_*_{kind}.json"))
        if not found:
            raise ValueError(f"root: {folder}/CLEVR_<split>_{kind}.json is missing; CLEVR has {LAYOUT}")
        check_choice("split", self.split, found)
        return folder / f"CLEVR_{self.split}_{kind}.json"

    def _folder(self) -> Path:
        folder = self.root / "images" / self.split
        if not folder.is_dir():
            raise ValueError(f"root: folder {folder} is missing; CLEVR has {LAYOUT}")
        return folder

    def _fault(self, record: Any) -> str:
        """Return what is wrong with a question, or an empty string."""
        if not isinstance(record, dict):
            return "is no JSON object"
        wanted = {"question": str, "answer": str, "image_index": int, "image_filename": str}
        for key, kind in wanted.items():
            if not isinstance(record.get(key), kind) or record[key] == "":
                hint = " (the official test split is published without)" if key == "answer" else ""
                return f"has no {key!r}{hint}"
        program = record.get("program")
        if not isinstance(program, list) or not all(map(_is_step, program)) or not program:
            return "has no functional 'program'"
        name = record["image_filename"]
        if name != Path(name).name:
            return f"image_filename {name!r} is not a plain file name"
        if self._scenes is not None and record["image_index"] not in self._scene_of:
            return f"image_index {record['image_index']} is not in {self._scenes.path}"
        if name not in self._faults:
            self._faults[name] = png_fault(self._images / name)
        return self._faults[name]

    def __len__(self) -> int:
        """Return the number of questions."""
        return len(self._numbers)

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return answer and family of a question from the index."""
        answer, family = self._answers[index]
        return (answer,), family

    def read(self, index: int) -> Sample:
        """Return a question with its picture.

        Raises:
            ValueError: naming an image whose pixels are damaged.
        """
        record = self._questions[self._numbers[index]]
        picture, scene = self._picture(record["image_index"], record["image_filename"])
        extra = {"program": [_step(node) for node in record["program"]]}
        if scene is not None:
            extra["scene"] = scene
        for key in ("question_family_index", "question_index", "image_index", "image_filename"):
            if key in record:
                extra[key] = record[key]
        number = record.get("question_index", self._numbers[index])
        return Sample(
            id=f"{Path(record['image_filename']).stem}/{number}",
            cluster=record["image_index"],
            inputs={"image": picture.copy(), "question": record["question"]},
            references=(record["answer"],),
            family=self._answers[index][1],
            extra={**extra, "split": self.split},
        )

    def _picture(self, image: int, filename: str) -> tuple[np.ndarray, Any]:
        """Return picture and scene graph of an image; the last few are remembered."""
        if image not in self._kept:
            scene = self._scenes[self._scene_of[image]] if self._scenes else None
            self._kept[image] = read_image(self._images / filename), scene
            if len(self._kept) > 8:
                self._kept.popitem(last=False)
        return self._kept[image]


def read_image(path: Path) -> np.ndarray:
    """Return a picture, [height, width, 3], numpy.uint8; transparency is dropped.

    Raises:
        ValueError: naming the file, if it cannot be decoded.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"clevr: image {path} cannot be read: {error}") from None


def _utf8(text: str) -> str:
    """Return text that was read one character a byte."""
    return text.encode("latin-1", "ignore").decode("utf-8", "replace") if not text.isascii() else text


def _is_step(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("function", node.get("type")), str)
        and isinstance(node.get("inputs"), list)
    )


def _step(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step of a program under the names of the published files."""
    values = node.get("value_inputs", node.get("side_inputs", []))
    return {
        "inputs": list(node["inputs"]),
        "function": node.get("function", node.get("type")),
        "value_inputs": list(values),
    }


def _family(record: Mapping[str, Any]) -> str:
    """Return the readable family of a question."""
    given = record.get("question_family")
    if isinstance(given, str) and given:
        return given
    last, number = _step(record["program"][-1])["function"], record.get("question_family_index")
    return f"{number:02d}_{last}" if isinstance(number, int) else str(last)
