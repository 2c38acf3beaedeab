import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cheap_plan import CheapPlan, CheapStop

from tokencom.scenarios.engine import InlineExecutor, RunError, process_pool, run
from tokencom.scenarios.engine.executors import end_workers, held_interrupts, num_slots
from tokencom.scenarios.engine.messages import Chunk
from tokencom.scenarios.engine.threads import ThreadLimit
from tokencom.scenarios.engine.worker import run_chunk

PLAN = CheapPlan(stop=CheapStop(max_mc_iter=6, num_target_block_errors=30))


def test_threads_are_refused(tmp_path):
    with ThreadPoolExecutor(2) as threads, pytest.raises(ValueError, match="use processes: process_pool"):
        run(PLAN, tmp_path, executor=threads)


def test_two_threads_of_one_process_are_caught(tmp_path):
    """Whatever the executor is called, two batches never run in one process at once."""
    slow = CheapPlan(kinds=({"name": "a", "milliseconds": 300},))
    chunk = Chunk(CheapPlan, slow.model_dump_json(), "a", slow.points()[0].hash, 0, 1, False)
    run_chunk(chunk)  # imports and builds before the race
    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(run_chunk, chunk) for _ in range(2)]
        errors = [future.exception() for future in futures]
    assert sum(error is None for error in errors) == 1
    assert "two threads of one process" in str(next(error for error in errors if error))


def test_workers_come_from_a_fork_server(pool):
    assert pool._mp_context.get_start_method() == "forkserver"
    assert num_slots(pool, workers=7) == 2


def test_script_without_the_guard_is_told(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from cheap_plan import CheapPlan\n"
        "from tokencom.scenarios.engine import process_pool, run\n"
        "with process_pool(1, ['json']) as pool:\n"
        f"    run(CheapPlan(), {str(tmp_path / 'run')!r}, executor=pool)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert 'needs the guard `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]


def test_inline():
    executor = InlineExecutor()
    assert executor.submit(divmod, 7, 2).result() == (3, 1)
    assert isinstance(executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)
    assert num_slots(executor, 0) == 1


def test_thread_counts_are_set_and_put_back():
    import numba
    import torch

    before = torch.get_num_threads(), numba.get_num_threads()
    most = numba.config.NUMBA_NUM_THREADS
    limit = ThreadLimit(most)
    limit.apply()
    assert (torch.get_num_threads(), numba.get_num_threads()) == (most, most)
    limit.restore()
    assert (torch.get_num_threads(), numba.get_num_threads()) == before
    with pytest.raises(ValueError, match=f"threads_per_worker: {most + 1} threads"):
        ThreadLimit(most + 1)


def _threads():
    import numba
    import torch

    return torch.get_num_threads(), numba.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def test_workers_have_one_thread(pool, tmp_path):
    run(PLAN, tmp_path, executor=pool)
    assert pool.submit(_thread_report).result() == (1, 1, "1")


def _thread_report():
    return _threads()


def test_workers_end_when_asked():
    pool = process_pool(2)
    processes = [pool.submit(os.getpid).result() for _ in range(2)]
    start = time.monotonic()
    pool.submit(time.sleep, 60)
    end_workers(pool)
    assert time.monotonic() - start < 30
    assert not any(child.pid in processes and child.is_alive() for child in multiprocessing.active_children())


def test_any_executor_that_is_unfit_says_so(tmp_path):
    class Broken(InlineExecutor):
        def submit(self, function, /, *args, **kwargs):
            return super().submit(lambda: 1 / 0)

    with pytest.raises(RunError, match=r"scheme 'a' at snr_db=0.0, batch 0: the executor failed: Zero"):
        run(PLAN, tmp_path, executor=Broken())


@pytest.fixture(scope="module")
def dask_client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def test_dask_cluster_gives_the_same_bits(tmp_path, pool, dask_client, same_arrays):
    plain = run(PLAN, tmp_path / "plain", executor=pool)
    executor = dask_client.get_executor()
    assert num_slots(executor, 1) == 2
    same_arrays(plain, run(PLAN, tmp_path / "dask", executor=executor))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_workers": 1, "threads_per_worker": 2}, "has 2 threads"),
        ({"n_workers": 2, "threads_per_worker": 1}, "Dask workers share a process"),
    ],
)
def test_dask_workers_that_share_a_process_are_refused(tmp_path, options, message):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        processes=False, dashboard_address=":0", silence_logs=50, **options
    )
    with cluster, distributed.Client(cluster) as client, pytest.raises(ValueError, match=message):
        run(PLAN, tmp_path, executor=client.get_executor())


def _interrupted(times, done):
    """Interrupt this process some times while interruptions are held."""
    with held_interrupts():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
            done.append(1)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_interruption_is_held_and_a_second_one_is_not(times):
    done = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted(times, done)
    assert len(done) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_nothing_is_held_in_other_threads():
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: held_interrupts().__enter__()).result() is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
