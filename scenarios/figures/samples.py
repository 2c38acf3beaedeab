"""A page and a picture of a data set's samples: what is sent, what is asked, what is right."""

import base64
import io
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ...linklevel.validation import check_range
from ..datasets.base import Dataset, Sample
from ..engine.files import replace_file
from .style import RC

MAX_ANSWERS, MAX_SKIPPED, BAR = 8, 50, 160
LONGEST = 400
"""Characters of a text that are shown."""

FRAMES = 4
"""Frames of a video that are shown."""


def write_samples(data: Dataset, path: str | Path, *, name: str, count: int = 24) -> tuple[Path, Path]:
    """Write a self-contained HTML page of samples, and a picture of them beside it.

    The samples are spread evenly over the families, the same ones every time.

    Args:
        data: the data set.
        path: HTML file to write; the picture has the same name with ``.png``.
        name: heading.
        count: samples to show.

    Returns:
        the two paths.

    Raises:
        ValueError: for a data set without samples.
    """
    check_range("count", count, 1, 1000, integer=True)
    if not len(data):
        raise ValueError(f"data: {data.name!r} has no samples to show")
    samples = [data[index] for index in chosen(data, count)]
    page, picture = Path(path), Path(path).with_suffix(".png")
    with replace_file(page) as temporary:
        temporary.write_text(render(data, samples, name), encoding="utf-8")
    with replace_file(picture) as temporary:
        temporary.write_bytes(_sheet(data, samples, name))
    return page, picture


def chosen(data: Dataset, count: int) -> list[int]:
    """Return which samples are shown: evenly spaced after sorting by family."""
    order = sorted(range(len(data)), key=lambda index: (data.references_of(index)[1], index))
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [order[place] for place in places]


def render(data: Dataset, samples: list[Sample], name: str) -> str:
    """Return the page's HTML; the same arguments give the same text."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(files(__package__).joinpath("samples.html").read_text(encoding="utf-8"))
    return template.render(
        name=name,
        summary=_summary(data),
        cards=[_card(sample, data.sampling_rate) for sample in samples],
        families=list(_families(data)),
        skipped=data.skipped[:MAX_SKIPPED],
        num_skipped=len(data.skipped),
    )


def _summary(data: Dataset) -> str:
    parts = [f"{data.name}{f', split {data.split}' if data.split else ''}: {len(data)} samples"]
    if data.sampling_rate:
        parts.append(f"audio at {data.sampling_rate} Hz")
    return ", ".join([*parts, f"{len(data.skipped)} entries left out"]) + "."


def _card(sample: Sample, rate: int | None) -> dict[str, Any]:
    return {
        "id": sample.id,
        "family": sample.family,
        "lines": list(_lines(sample)),
        "answers": [_short(reference) for reference in sample.references[:5]],
        "pictures": [
            {"data": base64.b64encode(_png(pixels)).decode("ascii"), "alt": alt}
            for pixels, alt in _pictures(sample, rate)
        ],
    }


def _lines(sample: Sample) -> Iterator[str]:
    for key in ("hint", "question", "text"):
        if sample.inputs.get(key):
            yield _short(str(sample.inputs[key]))
    for letter, choice in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", sample.inputs.get("choices", ()), strict=False):
        yield f"{letter}. {choice}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _pictures(sample: Sample, rate: int | None) -> Iterator[tuple[np.ndarray, str]]:
    if "image" in sample.inputs:
        yield sample.inputs["image"], "image"
    if "video" in sample.inputs:
        frames = sample.inputs["video"]
        places = np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().astype(int)
        rows = [places[:2], places[2:]] if len(places) == FRAMES else [places]
        mosaic = [np.concatenate([frames[place] for place in row], axis=1) for row in rows]
        yield np.concatenate(mosaic), f"{len(places)} frames of a video"
    if "audio" in sample.inputs:
        yield spectrogram(sample.inputs["audio"], rate or 16_000), "spectrogram, low frequencies at the bottom"


def spectrogram(audio: np.ndarray, rate: int, *, height: int = 96, width: int = 240) -> np.ndarray:
    """Return the spectrogram of a waveform as an image, 70 dB deep, [height, width, 3], numpy.uint8.

    Args:
        audio: [num_samples], numpy.float32.
        rate: Hz.
        height: pixels, from 0 Hz at the bottom to half the rate.
        width: pixels, the whole clip.
    """
    import matplotlib
    from PIL import Image
    from scipy.signal import spectrogram as power

    window = max(16, min(len(audio), rate // 40))
    padded = np.pad(np.asarray(audio, np.float32), (0, max(0, window - len(audio))))
    _, _, density = power(padded, rate, nperseg=window, noverlap=window // 2)
    level = 10 * np.log10(density + 1e-12)
    scaled = np.clip((level - level.max()) / 70 + 1, 0, 1)[::-1]
    image = Image.fromarray((255 * scaled).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
    return (matplotlib.colormaps["magma"](np.asarray(image))[..., :3] * 255).astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    array = np.asarray(pixels)
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(stream, format="PNG")
    return stream.getvalue()


def _families(data: Dataset) -> Iterator[Mapping[str, Any]]:
    if not data.references_of(0)[0]:
        return
    answers = data.answers()
    for family in sorted(answers):
        counts = sorted(answers[family].items(), key=lambda pair: (-pair[1], pair[0]))
        total = sum(count for _, count in counts)
        shown = [
            {
                "text": _short(text),
                "count": count,
                "share": f"{100 * count / total:.1f}",
                "width": max(1, round(BAR * count / counts[0][1])),
            }
            for text, count in counts[:MAX_ANSWERS]
        ]
        yield {"name": family, "total": total, "answers": shown, "others": max(0, len(counts) - MAX_ANSWERS)}


def _sheet(data: Dataset, samples: list[Sample], name: str) -> bytes:
    """Return the picture: a grid of the samples with question and answer below each."""
    import textwrap

    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(4, len(samples))
    rows = -(-len(samples) // columns)
    with rc_context(RC):
        figure = Figure(figsize=(2.6 * columns, 2.9 * rows + 0.6), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(f"{name}: {_summary(data)}", fontsize=10, parse_math=False)
        for axes, sample in zip(figure.subplots(rows, columns, squeeze=False).flat, samples, strict=False):
            pictures = [pixels for pixels, _ in _pictures(sample, data.sampling_rate)]
            if pictures:
                axes.imshow(pictures[0], cmap="gray" if pictures[0].shape[-1] == 1 else None)
            answer = f"→ {sample.references[0]}" if sample.references else ""
            text = textwrap.wrap(" ".join(_lines(sample)), 38)[:6] + textwrap.wrap(answer, 38)[:2]
            axes.set_xlabel("\n".join(text), fontsize=7.5, parse_math=False)
        for axes in figure.axes:
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
            axes.spines[:].set_visible(False)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=100, metadata={"Software": "TokenCom"})
    return stream.getvalue()
