"""What the engine adds to batches of 50 ms, and what a second worker gains.

python tests/benchmarks/bench_engine.py [batches]

The batches are cheap but real: a task, a link, columns, the journal. Times are taken after the
workers are up, with one worker and with two in turn, three times each; the best of each counts, so
that other work on the machine disturbs less.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scenarios" / "engine"))

from cheap_plan import CheapPlan, CheapStop, work

from tokencom.scenarios.engine import process_pool, run
from tokencom.scenarios.engine.journal import Journal

BATCH_SECONDS = 0.05
REPEATS = 3


def calibrate():
    """Return the work that takes one core 50 ms."""
    count = 2000
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        work(count)
        seconds.append(time.perf_counter() - start)
    return round(count * BATCH_SECONDS / min(seconds))


def timed_run(plan, pool):
    """Return wall times (first batch dealt to last, whole run, inside batches) and the coordinator's CPU time."""
    moments, cpu = [], []

    def note(progress):
        moments.append(time.perf_counter())
        cpu.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run(plan, folder, executor=pool, progress=note)
        whole = time.perf_counter() - start
        with Journal(Path(folder)) as journal:
            query = "SELECT sum(seconds) FROM batches"
            inside = journal._connection.execute(query).fetchone()[0]
    return moments[-1] - moments[0], whole, inside, cpu[-1] - cpu[0]


def main(num_batches=200):
    amount = calibrate()
    pools = {workers: process_pool(workers) for workers in (1, 2)}
    best = {}
    for repeat in range(REPEATS + 1):
        for workers, pool in pools.items():
            kinds = tuple({"name": name, "work": amount} for name in "ab")
            stop = CheapStop(max_mc_iter=num_batches // 4 if repeat else 2)
            plan = CheapPlan(kinds=kinds, stop=stop, snrs=(0.0, 5.0), seed=repeat + 1)
            dealt, whole, inside, cpu = timed_run(plan, pool)
            if repeat:  # the first round brings the workers up
                overhead = dealt * workers / inside - 1, whole * workers / inside - 1
                print(
                    f"{workers} worker(s): {dealt:.2f} s, {inside:.2f} s in batches, overhead {overhead[0]:.2%},"
                    f" coordinator's CPU {cpu / inside:.2%}"
                )
                best[workers] = min(best.get(workers, (9e9, 9e9, 9e9)), (dealt, *overhead))
    for pool in pools.values():
        pool.shutdown()
    load = os.getloadavg()[0]
    print(f"\n{4 * (num_batches // 4)} batches of {BATCH_SECONDS * 1000:.0f} ms, load average {load:.1f}")
    print(f"overhead with one worker: {best[1][1]:.2%}; with start and end of the run: {best[1][2]:.2%}")
    print(f"two workers over one: {best[1][0] / best[2][0]:.2f} times as fast")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
