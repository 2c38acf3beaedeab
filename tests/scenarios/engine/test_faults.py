"""Disks, files, workers and batches that fail: a clear error, and nothing finished is lost."""

import dataclasses
import os
import shutil
import sqlite3
import subprocess
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from cheap_plan import CheapPlan, CheapStop

from tokencom.scenarios.engine import Results, RunError, process_pool, run
from tokencom.scenarios.engine.journal import NAME, Journal

PLAN = CheapPlan(stop=CheapStop(max_mc_iter=30, num_target_block_errors=30))
LONG = CheapPlan(stop=CheapStop(max_mc_iter=40))
PRELOAD = ("torch", "numba", "scipy.linalg", "tokencom.scenarios.engine.worker")


def _kind(**options):
    return ({"name": "good"}, {"name": "bad", "error": 0.3, **options})


def _num_batches(folder):
    with Journal(folder) as journal:
        return journal._connection.execute("SELECT count(*) FROM batches").fetchone()[0]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return folder, run(LONG, folder, workers=0)


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of a finished run without its results, and the results."""
    folder = tmp_path / "run"
    shutil.copytree(finished[0], folder)
    (folder / "results.h5").unlink()
    return folder, finished[1]


# --- batches and workers ---------------------------------------------------------------------------


def test_batch_that_fails(tmp_path, pool, same_arrays):
    plan = dataclasses.replace(PLAN, kinds=_kind(trouble="raise", batch=2))
    message = r"scheme 'bad' at snr_db=\S+: failed in batch 2: ValueError: llr: 3 of 10 elements"
    with pytest.raises(RunError, match=message) as caught:
        run(plan, tmp_path / "run", executor=pool)
    assert "cheap_plan.py" in caught.value.__notes__[0]
    assert _num_batches(tmp_path / "run") > 2
    assert not (tmp_path / "run" / "results.h5").exists()
    # the other scheme's batches are reused once the bad one is out of the way
    mended = dataclasses.replace(plan, kinds=_kind())
    same_arrays(run(mended, tmp_path / "run", executor=pool), run(mended, tmp_path / "new", executor=pool))


def test_failure_beyond_the_stop_does_not_matter(tmp_path, pool, same_arrays):
    """Whether a batch past the end was run ahead depends on timing; a result must not."""
    plain = run(dataclasses.replace(PLAN, kinds=_kind()), tmp_path / "plain", executor=pool)
    last = int(plain.num_batches.max())
    late = dataclasses.replace(PLAN, kinds=_kind(trouble="raise", batch=last))
    same_arrays(plain, run(late, tmp_path / "late", executor=pool))


def test_scheme_that_cannot_be_built(tmp_path, pool):
    plan = dataclasses.replace(PLAN, kinds=_kind(trouble="build"))
    with pytest.raises(RunError, match=r"scheme 'bad' at snr_db=\S+: could not be built: ValueError: coderate: 7"):
        run(plan, tmp_path, executor=pool)


def test_more_threads_than_the_machine_has(tmp_path, pool):
    plan = dataclasses.replace(PLAN, threads_per_worker=1000)
    with pytest.raises(RunError, match="could not be built: ValueError: threads_per_worker: 1000"):
        run(plan, tmp_path, executor=pool)


def test_worker_that_dies_once_is_replaced(tmp_path, same_arrays):
    once = str(tmp_path / "died")
    plan = dataclasses.replace(PLAN, kinds=_kind(trouble="die", batch=2, once=once))
    found = run(plan, tmp_path / "run", workers=2)
    assert Path(once).exists()
    same_arrays(found, run(plan, tmp_path / "again", workers=0))


def test_worker_that_dies_again_names_the_batch(tmp_path):
    plan = dataclasses.replace(PLAN, kinds=_kind(trouble="die", batch=2))
    message = r"died while it ran scheme 'bad' at snr_db=\S+, batch 2\. .*Finished batches are kept"
    with pytest.raises(RunError, match=message):
        run(plan, tmp_path, workers=2)
    assert _num_batches(tmp_path) > 2


def test_worker_of_a_given_executor_that_dies(tmp_path):
    plan = dataclasses.replace(PLAN, kinds=_kind(trouble="die", batch=2))
    with process_pool(2, PRELOAD) as own, pytest.raises(RunError, match=r"died while it ran .*scheme 'bad'"):
        run(plan, tmp_path, executor=own)


# --- folders and disks -----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a file system of some kilobytes."""
    mounted = []

    def mount(size, *options):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a small disk")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_disk_full(tmp_path, pool, small_disk, same_arrays):
    disk = small_disk("64k")
    plan = dataclasses.replace(PLAN, stop=CheapStop(batch_size=512, max_mc_iter=40))
    with pytest.raises(RunError, match="the disk is full; make room and start the same run again"):
        run(plan, disk / "run", executor=pool)
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    kept = _num_batches(disk / "run")
    assert kept > 0
    found = run(plan, disk / "run", executor=pool)
    assert _num_batches(disk / "run") == 6 * 40
    same_arrays(found, run(plan, tmp_path / "new", executor=pool))


def test_disk_full_when_results_are_written(tmp_path, pool, monkeypatch, same_arrays):
    from tokencom.linklevel import files

    older = run(dataclasses.replace(PLAN, seed=9), tmp_path, executor=pool)
    before = (tmp_path / "results.h5").read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", full)
        with pytest.raises(RunError, match=r"No space left on device.*finished batches are kept"):
            run(PLAN, tmp_path, executor=pool)
    assert (tmp_path / "results.h5").read_bytes() == before
    same_arrays(older, Results.load(tmp_path))
    assert not list(tmp_path.glob(".*"))
    same_arrays(run(PLAN, tmp_path, executor=pool), run(PLAN, tmp_path / "new", workers=0))


def test_read_only_folder(small_disk):
    disk = small_disk("1m")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(RunError, match=r"journal\.sqlite: .*run folder cannot be written"):
        run(PLAN, disk / "run", workers=0)


def test_folder_that_became_read_only(small_disk, same_arrays):
    disk = small_disk("4m")
    results = run(PLAN, disk / "run", workers=0)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    same_arrays(results, run(PLAN, disk / "run", workers=0))  # finished: nothing to write
    with pytest.raises(RunError, match="run folder cannot be written"):
        run(dataclasses.replace(PLAN, seed=3), disk / "run", workers=0)
    with pytest.raises(RunError, match="cannot be deleted"):
        run(PLAN, disk / "run", workers=0, resume=False)


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="run folder cannot be written"):
        run(PLAN, tmp_path / "run", workers=0)


def test_folder_in_use(tmp_path):
    with Journal(tmp_path), pytest.raises(RunError, match="another run is using this folder"):
        run(PLAN, tmp_path, workers=0)


# --- the journal -----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.77, 0.95, 0.999])
def test_truncated_journal(copied, share, same_arrays):
    folder, results = copied
    path = folder / NAME
    whole = _num_batches(folder)
    os.truncate(path, int(path.stat().st_size * share))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = run(LONG, folder, workers=0)
    same_arrays(results, found)
    told = [str(w.message) for w in caught if "journal" in str(w.message)]
    if share == 0:
        assert not told  # an empty file is a new journal
        return
    assert len(told) == 1
    if "damaged batches will be run again" in told[0]:  # only the end of the last page is missing
        assert share > 0.99
        return
    assert (folder / f"{NAME}.damaged-1").exists()
    kept = int(told[0].split("damaged. ")[1].split()[0])
    assert "intact finished batches were kept" in told[0]
    assert kept < whole
    assert kept >= (share - 0.2) * whole


def test_flipped_bytes(copied, same_arrays):
    folder, results = copied
    path = folder / NAME
    rng = np.random.default_rng(6)
    data = bytearray(path.read_bytes())
    for position in rng.integers(4096, len(data), 12):
        data[position] ^= 0xFF
    path.write_bytes(data)
    with pytest.warns(RuntimeWarning, match="damaged"):
        same_arrays(results, run(LONG, folder, workers=0))


def test_one_damaged_batch_is_run_again(copied, same_arrays):
    folder, results = copied
    connection = sqlite3.connect(folder / NAME)
    connection.execute("UPDATE batches SET data = substr(data, 1, 40) WHERE batch = 1")
    connection.commit()
    connection.close()
    with pytest.warns(RuntimeWarning, match="damaged batches will be run again"):
        same_arrays(results, run(LONG, folder, workers=0))


def test_file_that_is_no_journal(tmp_path):
    (tmp_path / NAME).write_text("These are my notes about the experiment.")
    with pytest.raises(RunError, match=r"journal\.sqlite: this file is not a journal .*move it away"):
        run(PLAN, tmp_path, workers=0)
    assert (tmp_path / NAME).read_text().startswith("These are my notes")


def test_journal_of_another_format(copied):
    folder, _ = copied
    connection = sqlite3.connect(folder / NAME)
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    connection.commit()
    connection.close()
    with pytest.raises(RunError, match="journal of format 99, this version reads format 1"):
        run(PLAN, folder, workers=0)


# --- results ---------------------------------------------------------------------------------------


def test_older_results_stay_until_the_new_ones_are_done(tmp_path, pool):
    older = run(PLAN, tmp_path, executor=pool)
    bad = dataclasses.replace(PLAN, kinds=_kind(trouble="raise", batch=1))
    with pytest.raises(RunError):
        run(bad, tmp_path, executor=pool)
    assert Results.load(tmp_path).fingerprint == older.fingerprint
    changed = dataclasses.replace(PLAN, seed=5)
    assert run(changed, tmp_path, executor=pool).fingerprint == Results.load(tmp_path).fingerprint


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
def test_older_results_that_are_damaged_are_replaced(copied, content, same_arrays):
    folder, results = copied
    (folder / "results.h5").write_bytes(content)
    with pytest.raises(RunError, match=r"results\.h5: not a results file"):
        Results.load(folder)
    same_arrays(results, run(LONG, folder, workers=0))
    same_arrays(results, Results.load(folder))


def test_results_of_another_format(finished, tmp_path):
    path = tmp_path / "results.h5"
    shutil.copy(finished[0] / "results.h5", path)
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = 7
    with pytest.raises(RunError, match="results of format 7, this version reads format 1"):
        Results.load(path)


def test_missing_results(tmp_path):
    with pytest.raises(RunError, match="there are no results here"):
        Results.load(tmp_path)
