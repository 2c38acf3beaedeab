"""Check the installation: versions, devices, threads, optional extras, disk space; says what to install."""

import argparse
import importlib
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

EXTRAS = {
    "reference": "CommPy and pyldpc as reference decoders",
    "hevc": "the HEVC source coder",
    "cluster": "runs on a Dask cluster",
    "mpi": "runs under MPI",
    "models": "language and vision models",
    "tensorflow": "TensorFlow models",
    "notebooks": "the notebooks",
}
LITTLE_SPACE = 2 * 2**30


class Finding(NamedTuple):
    """One line of the report.

    Args:
        state: "ok", "note" (something optional is missing) or "fault".
        subject: what was looked at.
        text: what was found, and what to do about it.
    """

    state: str
    subject: str
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments: there are none."""


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 if something needed is missing."""
    faults = 0
    for finding in examine():
        faults += finding.state == "fault"
        print(f"{finding.state:5}  {finding.subject:22}  {finding.text}")
    print(
        "everything needed is here"
        if not faults
        else f"{faults} fault(s): see the lines that start with 'fault'"
    )
    return 1 if faults else 0


def examine() -> Iterator[Finding]:
    """Look at everything a run depends on."""
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.platform()}")
    yield from _requirements()
    yield from _libraries()
    yield from _devices()
    yield from _threads()
    yield from _disk()


def _requirements() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    listed = [Requirement(text) for text in metadata.requires("tokencom") or ()]
    yield Finding("ok", "tokencom", metadata.version("tokencom"))
    for need in listed:
        if need.marker is None:
            state, text = _state(need.name, need.specifier)
            advice = "" if state == "ok" else f"; pip install '{need}'"
            yield Finding("ok" if state == "ok" else "fault", need.name, text + advice)
    for extra, purpose in EXTRAS.items():
        needs = [n for n in listed if n.marker is not None and f'"{extra}"' in str(n.marker)]
        if not needs:
            continue  # installed from metadata that does not have this extra
        lacking = [n.name for n in needs if _state(n.name, n.specifier)[0] != "ok"]
        if lacking:
            text = f"for {purpose}: {', '.join(lacking)} missing; pip install 'tokencom[{extra}]'"
            yield Finding("note", f"extra {extra}", text)
        else:
            yield Finding("ok", f"extra {extra}", f"for {purpose}")


def _libraries() -> Iterator[Finding]:
    """Look for libraries that pip does not install."""
    from ...linklevel.sources.amr_wb import libraries

    try:
        libraries()
    except ValueError as error:
        yield Finding("note", "AMR-WB", str(error))
    else:
        yield Finding("ok", "AMR-WB", "for the speech codec amr_wb")


def _state(name: str, specifier: object) -> tuple[str, str]:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing", "not installed"
    if version not in specifier:  # type: ignore[operator]
        return "old", f"{version} installed, {specifier} needed"
    return "ok", version


def _devices() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    count = torch.cuda.device_count()
    names = ", ".join(f"cuda:{index} {torch.cuda.get_device_name(index)}" for index in range(count))
    yield Finding("ok", "devices", f"cpu, {names}" if names else "cpu (no CUDA device)")


def _threads() -> Iterator[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [
        f"{name}={os.environ[name]}"
        for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
        if name in os.environ
    ]
    yield Finding(
        "ok", "cores", f"{usable} usable of {os.cpu_count()}" + "".join(f", {limit}" for limit in limits)
    )
    if importlib.util.find_spec("numba") is None:
        return
    layers = [
        layer
        for layer, module in (("tbb", "tbbpool"), ("omp", "omppool"))
        if _imports(f"numba.np.ufunc.{module}")
    ]
    if layers:
        yield Finding("ok", "numba threading layer", f"{layers[0]} (safe with several threads)")
    else:
        text = "workqueue only, which aborts if two threads enter it at once; pip install tbb"
        yield Finding("note", "numba threading layer", text)


def _imports(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _disk() -> Iterator[Finding]:
    from platformdirs import user_cache_dir

    for subject, folder in (
        ("disk, this folder", Path.cwd()),
        ("disk, cache", Path(user_cache_dir("tokencom"))),
    ):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(existing).free
        state = "ok" if free > LITTLE_SPACE and os.access(existing, os.W_OK) else "fault"
        access = "" if os.access(existing, os.W_OK) else "; not writable, choose another with --output"
        little = "; little for a long run" if free <= LITTLE_SPACE else ""
        yield Finding(state, subject, f"{free / 2**30:.1f} GiB free in {folder}{access}{little}")
