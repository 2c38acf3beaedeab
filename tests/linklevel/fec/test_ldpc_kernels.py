"""The ground the kernels stand on: vector operations, threads, the disk cache, bounds, memory."""

import os
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest
import torch

from tokencom.linklevel.fec import numba_setup, simd
from tokencom.linklevel.fec.numba_setup import aligned_empty, for_each_group


@numba.njit
def _operations(a, b, factor, out):
    x, y = simd.load(a, 0), simd.load(b, 0)
    simd.store(out, 0, simd.add(x, y))
    simd.store(out, 1, simd.sub(x, y))
    simd.store(out, 2, simd.magnitude(x))
    simd.store(out, 3, simd.lesser(simd.magnitude(x), simd.magnitude(y)))
    simd.store(out, 4, simd.greater(simd.magnitude(x), simd.magnitude(y)))
    simd.store(out, 5, simd.reduced(simd.magnitude(x), simd.magnitude(y)))
    simd.store(out, 6, simd.with_sign(simd.magnitude(x), y))
    simd.store(out, 7, simd.scaled(simd.magnitude(x), factor))
    simd.store(out, 8, simd.lower_zip(x, y))
    simd.store(out, 9, simd.upper_zip(x, y))
    simd.store(out, 10, simd.where_equal(x, y, simd.fill(a, a.dtype.type(1)), x))
    return simd.negative_lanes(x), simd.negative_lanes(simd.flipped(x, y))


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.int8])
def test_vector_operations(dtype):
    lanes = simd.ROW_BYTES // np.dtype(dtype).itemsize
    rng = np.random.default_rng(1)
    top = 100.0 if dtype is np.float32 else float(np.iinfo(dtype).max)
    a, b, out = (aligned_empty((rows, lanes), dtype) for rows in (1, 1, 11))
    a[0], b[0] = rng.uniform(-top, top, (2, lanes)).astype(dtype)
    b[0, 0], a[0, 1], b[0, 1] = a[0, 0], top, top
    factor = dtype(0.75) if dtype is np.float32 else np.uint16(192)
    negative, different = _operations(a, b, factor, out)
    x, y = a[0].astype(float), b[0].astype(float)
    bound = np.inf if dtype is np.float32 else top
    half_down = 0.75 * abs(x) if dtype is np.float32 else np.ceil(0.75 * abs(x) - 0.5)
    expected = [
        np.clip(x + y, -bound - 1, bound), np.clip(x - y, -bound - 1, bound), abs(x),
        np.minimum(abs(x), abs(y)), np.maximum(abs(x), abs(y)), np.maximum(abs(x) - abs(y), 0),
        np.where(y < 0, -abs(x), abs(x)), half_down,
        np.stack([x, y], 1).ravel()[:lanes], np.stack([x, y], 1).ravel()[lanes:], np.where(x == y, 1, x),
    ]  # fmt: skip
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-5)
    assert negative == sum(1 << int(i) for i in np.flatnonzero(x < 0))
    assert different == sum(1 << int(i) for i in np.flatnonzero((x < 0) != (y < 0)))


def test_aligned_memory():
    for shape in ((3, 16), (1, 1), (0, 5)):
        array = aligned_empty(shape, np.int8)
        assert array.shape == shape
        assert array.size == 0 or array.ctypes.data % 64 == 0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_group_is_worked_on_once(threads, monkeypatch):
    monkeypatch.setattr(numba_setup, "num_threads", lambda: threads)
    for count in (0, 1, 2, 37):
        seen, scratches = [], []

        def scratch(scratches=scratches):
            scratches.append(object())
            return (scratches[-1],)

        for_each_group(lambda group, own, seen=seen: seen.append(group), count, scratch)
        assert sorted(seen) == list(range(count))
        assert len(scratches) <= min(threads, count)


def test_an_error_in_a_group_arrives(monkeypatch):
    monkeypatch.setattr(numba_setup, "num_threads", lambda: 3)

    def work(group):
        if group == 11:
            raise RuntimeError("group 11")

    with pytest.raises(RuntimeError, match="group 11"):
        for_each_group(work, 20)


def test_nested_and_concurrent_calls_end(monkeypatch):
    monkeypatch.setattr(numba_setup, "num_threads", lambda: 2)
    total = []
    callers = [
        threading.Thread(
            target=for_each_group,
            args=(lambda group: for_each_group(total.append, 5), 6),
        )
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert len(total) == 4 * 6 * 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_threads_work_after_a_fork(monkeypatch):
    monkeypatch.setattr(numba_setup, "num_threads", lambda: 2)
    for_each_group(lambda group: None, 4)
    child = os.fork()
    if not child:
        seen = []
        for_each_group(seen.append, 4)
        os._exit(0 if sorted(seen) == [0, 1, 2, 3] else 1)
    assert os.waitpid(child, 0)[1] == 0


DECODE = """
import torch
from tokencom.linklevel.fec import LDPC5GDecoder, LDPC5GEncoder
from tokencom.linklevel.fec.ldpc_encode import encode_group
from tokencom.linklevel.fec.ldpc_frames import decode_frames
encoder = LDPC5GEncoder(20, 44, num_bits_per_symbol=2)
bits = torch.randint(0, 2, (70, 20)).float()
llr = 8 * encoder(bits) - 4 + torch.randn(70, 44)
for settings in ({settings}):
    decoder = LDPC5GDecoder(encoder, num_iter=4, **settings)
    assert decoder(llr).shape == (70, 20)
    assert LDPC5GDecoder(encoder, num_iter=2, hard_out=False, harq_mode=True, **settings)(
        torch.stack([llr, llr], 1), rv=[0, 2]).shape == (70, 20)
"""
MINSUM = '{"cn_update": "minsum", "cn_schedule": "layered"},'
# Two number formats and both schedules; every other specialisation has the same loads and stores.
ALL = (
    '{"cn_update": "minsum"}, {"cn_update": "minsum", "cn_schedule": "layered"},'
    '{"cn_update": "minsum", "scale": 0.75, "cn_schedule": "layered", "arithmetic": "int8"},'
)


def run(code, cache, **variables):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def test_kernels_stay_in_bounds(tmp_path):
    outcome = run(DECODE.replace("{settings}", ALL), tmp_path, NUMBA_BOUNDSCHECK="1")
    assert outcome.returncode == 0, outcome.stderr


def test_the_bounds_check_sees_vector_accesses(tmp_path):
    code = (
        "import numba\nfrom tokencom.linklevel.fec import simd\n"
        "from tokencom.linklevel.fec.numba_setup import aligned_empty\nimport numpy as np\n"
        "f = numba.njit(lambda a, row: simd.negative_lanes(simd.load(a, row)))\n"
        "f(aligned_empty((2, 64), np.int8), 2)"
    )
    outcome = run(code, tmp_path, NUMBA_BOUNDSCHECK="1")
    assert "IndexError" in outcome.stderr


def test_a_second_process_compiles_nothing(tmp_path):
    code = DECODE.replace("{settings}", MINSUM) + (
        "\nprint([(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))"
        " for f in (encode_group, decode_frames)])"
    )
    assert run(code, tmp_path).stdout.strip() == "[(0, 1), (0, 1)]"
    assert run(code, tmp_path).stdout.strip() == "[(1, 0), (1, 0)]"


def test_the_cache_is_bound_to_every_source_and_to_the_name_of_the_folder(tmp_path, monkeypatch):
    from tokencom.linklevel.fec.ldpc_encode import encode_group

    digest = numba_setup._sources_digest()
    assert digest in encode_group._cache._cache_file._index_path
    compute = numba_setup._sources_digest.__wrapped__
    assert compute() == digest
    monkeypatch.setattr(numba_setup, "__name__", "elsewhere.numba_setup")
    assert compute() != digest
    monkeypatch.undo()
    (tmp_path / "helper.py").write_text("a")
    monkeypatch.setattr(numba_setup, "__file__", str(tmp_path / "numba_setup.py"))
    before = compute()
    (tmp_path / "helper.py").write_text("b")
    assert compute() != before


def test_scratch_does_not_grow_with_the_batch():
    """The first process may have to compile, which takes more memory than decoding; the second does not.

    VmHWM is the process's own; ru_maxrss would begin with what the tests' process has taken.
    """
    start = """
import torch
from pathlib import Path
from tokencom.linklevel.fec import LDPC5GDecoder, LDPC5GEncoder
decoder = LDPC5GDecoder(LDPC5GEncoder(8448, 16896), cn_update="minsum", cn_schedule="layered", num_iter=1)
decoder(torch.zeros(1, 16896) - 1)
"""
    measure = """
def peak():
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1])
llr = torch.full((4096, 16896), -4.0)
before = peak()
decoder(llr)
after = peak()
print(after, after - before)
"""
    subprocess.run([sys.executable, "-c", start], timeout=600, check=True)
    command = [sys.executable, "-c", start + measure]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    peak, growth = (int(x) / 1e6 for x in outcome.stdout.split())  # GB
    assert peak < 1.5
    assert growth < 4096 * 8448 * 4e-9 + 0.1  # the result, and little else


def test_torchs_thread_count_rules():
    threads = torch.get_num_threads()
    assert numba_setup.num_threads() == threads
