"""What the engine adds to batches of 50 ms, and what a second worker gains.

python tests/benchmarks/bench_engine.py [batches]

The batches are cheap but real: a task, a link, columns, the journal. The same batches are run in turn
by a plain loop in a worker process, by the engine with one worker, and with two; the workers are up
before times are taken. Two plain loops in two processes at once show what the machine can gain at
best. Ratios are taken within a round; their median counts. CPU time of the worker process, which does
not depend on what else the machine does, is compared as well as wall time. Least disturbed is the first
line: chunks and plain batches that take turns in one process.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scenarios" / "engine"))

from cheap_plan import CheapPlan, CheapStop, work

from tokencom.scenarios.engine import process_pool, run

BATCH_SECONDS = 0.05
ROUNDS = 3
NUM_UNITS = 4
BATCHES_OF_CHUNK = 4
"""As the coordinator deals batches of 50 ms."""
NUM_PAIRS = 150


def calibrate():
    """Return the work that takes one core 50 ms."""
    count = 2000
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        work(count)
        seconds.append(time.perf_counter() - start)
    return round(count * BATCH_SECONDS / min(seconds))


def plain_loop(text):
    """Run all batches of a plan one after the other, without the engine; return the wall time."""
    from tokencom.linklevel.draws import Draws

    plan = CheapPlan.model_validate_json(text)
    seconds = 0.0
    for scheme in plan.schemes:
        for point in plan.points():
            task, link = point.scenario.build(scheme.name)
            snr_db = point.scenario.link_snr_db(scheme.name, link)
            start = time.perf_counter()
            for index in range(plan.stop.max_mc_iter):
                draws = Draws(seed=plan.seed, point=point.hash, batch=index)
                payload = task.batch(index, plan.stop.batch_size, draws)
                task.score(payload, link(payload, snr_db, draws))
            seconds += time.perf_counter() - start
    return seconds


def with_cpu_time(pool, function, *arguments):
    """Return what a function returns, and the CPU time that the one worker of a pool spent meanwhile."""
    before = pool.submit(time.process_time).result()
    found = function(*arguments)
    return found, pool.submit(time.process_time).result() - before


def pairs(text, count):
    """Return the time that chunks take in a worker over that of the same batches in a plain loop, pair by pair.

    What a chunk costs besides its batches: taking it, settling the generators, columns, the reply. The two take
    turns, so that what else the machine does hits both.
    """
    import pickle

    from tokencom.linklevel.draws import Draws
    from tokencom.scenarios.engine.messages import Chunk
    from tokencom.scenarios.engine.worker import run_chunk

    plan = CheapPlan.model_validate_json(text)
    point, scheme, size = plan.points()[0], plan.schemes[0].name, plan.stop.batch_size
    task, link = point.scenario.build(scheme)
    snr_db = point.scenario.link_snr_db(scheme, link)

    def plain(first):
        for index in range(first, first + BATCHES_OF_CHUNK):
            draws = Draws(seed=plan.seed, point=point.hash, batch=index)
            payload = task.batch(index, size, draws)
            task.score(payload, link(payload, snr_db, draws))

    def chunk(first):
        order = Chunk(CheapPlan, text, scheme, point.hash, start=first, count=BATCHES_OF_CHUNK, describe=False)
        pickle.dumps(run_chunk(pickle.loads(pickle.dumps(order))))

    ratios = []
    for number in range(count):
        seconds = {}
        for run_it in (plain, chunk) if number % 2 else (chunk, plain):
            start = time.perf_counter()
            run_it(number * BATCHES_OF_CHUNK)
            seconds[run_it] = time.perf_counter() - start
        ratios.append(seconds[chunk] / seconds[plain] - 1)
    return ratios[2:]  # the first build


def timed_run(plan, pool):
    """Return the wall time from the first batch dealt to the last, the whole run's, and CPU time between."""
    moments, cpu = [], []

    def note(progress):
        moments.append(time.perf_counter())
        cpu.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run(plan, folder, executor=pool, progress=note)
        return moments[-1] - moments[0], time.perf_counter() - start, cpu[-1] - cpu[0]


def both_cores(plan, workers):
    """Return the time per plain loop when two processes run one each: what two cores can gain at best."""
    start = time.perf_counter()
    for loop in [worker.submit(plain_loop, plan.model_dump_json()) for worker in workers]:
        loop.result()
    return (time.perf_counter() - start) / len(workers)


def main(num_batches=100):
    each = max(num_batches // NUM_UNITS, 1)
    amount = calibrate()
    kinds = ({"name": "a", "work": amount}, {"name": "b", "error": 0.3, "work": amount})
    one, other, two = process_pool(1), process_pool(1), process_pool(2)
    rounds = []
    for number in range(ROUNDS + 1):  # the first brings the workers up
        stop = CheapStop(max_mc_iter=each if number else 2)
        plan = CheapPlan(kinds=kinds, stop=stop, snrs=(0.0, 5.0), seed=number)
        plain, plain_cpu = with_cpu_time(one, lambda plan=plan: one.submit(plain_loop, plan.model_dump_json()).result())
        engine, engine_cpu = with_cpu_time(one, timed_run, plan, one)
        cpu = engine_cpu / plain_cpu - 1
        rounds.append((plain, engine, timed_run(plan, two), both_cores(plan, (one, other)), cpu))
        walls = plain, rounds[-1][1][0], rounds[-1][2][0], rounds[-1][3]
        if number:
            print("plain loop, one worker, two workers, two loops: " + ", ".join(f"{wall:.2f} s" for wall in walls))
    found = one.submit(pairs, plan.model_dump_json(), NUM_PAIRS).result()
    for pool in (one, other, two):
        pool.shutdown()
    print(f"\n{NUM_UNITS * each} batches of {BATCH_SECONDS * 1000:.0f} ms, load average {os.getloadavg()[0]:.1f}")
    quarter = statistics.quantiles(found, n=4)
    print(
        f"a chunk in the worker over the same batches in a plain loop, {len(found)} pairs:"
        f" {quarter[1]:.2%} (quartiles {quarter[0]:.2%} to {quarter[2]:.2%})"
    )
    report("overhead with one worker", [r[1][0] / r[0] - 1 for r in rounds[1:]], "{:.2%}")
    report("CPU time that the engine adds in the worker", [r[4] for r in rounds[1:]], "{:.2%}")
    report("with start and end of the run", [r[1][1] / r[0] - 1 for r in rounds[1:]], "{:.2%}")
    report("the coordinator's CPU time", [r[1][2] / r[0] for r in rounds[1:]], "{:.2%}")
    report("two workers over one, times as fast", [r[1][0] / r[2][0] for r in rounds[1:]], "{:.2f}")
    report("two plain loops at once over one, times as fast", [r[0] / r[3] for r in rounds[1:]], "{:.2f}")


def report(what, ratios, form):
    """Print the median of the rounds, and their range."""
    low, middle, high = (form.format(value) for value in (min(ratios), statistics.median(ratios), max(ratios)))
    print(f"{what}: {middle} ({low} to {high})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
