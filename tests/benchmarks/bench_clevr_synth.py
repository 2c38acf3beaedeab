"""How many pictures and clips the generators make a second, with two worker processes.

python tests/benchmarks/bench_clevr_synth.py [images]

Two processes make the two halves of the data at the same time, after a warm-up. Printed are the rate by
wall time, which other work on the machine lowers, and the rate by CPU time, which it hardly does: what two
free cores would make.
"""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

WORKERS = 2


def pictures(number):
    from tokencom.scenarios.datasets.clevr_synth import ClevrSynth

    data = ClevrSynth(num_images=number, seed=1)
    return data.image


def questions(number):
    from tokencom.scenarios.datasets.clevr_synth import ClevrSynth

    data = ClevrSynth(num_images=number, seed=1)
    return lambda index: data[10 * index : 10 * index + 10]


def clips(number):
    from tokencom.scenarios.datasets.avqa_synth import AvqaSynth

    data = AvqaSynth(num_clips=number, seed=1)
    return lambda index: data[6 * index : 6 * index + 6]


def utterances(number):
    from tokencom.scenarios.datasets.speech_synth import SpeechSynth

    data = SpeechSynth(num_utterances=number, seed=1)
    return lambda index: data[index]


def start_with(barrier):
    global together  # noqa: PLW0603
    together = barrier


def half(make, number, worker):
    """Make every second sample; return wall and CPU time, s."""
    sample = make(number + WORKERS)
    sample(number + worker)  # compiles
    together.wait()
    start = time.perf_counter(), time.process_time()
    for index in range(worker, number, WORKERS):
        sample(index)
    return time.perf_counter() - start[0], time.process_time() - start[1]


def measure(pool, make, number):
    """Return samples a second by the slower worker's wall time, and by CPU time on two cores."""
    found = [future.result() for future in [pool.submit(half, make, number, worker) for worker in range(WORKERS)]]
    return number / max(wall for wall, _ in found), number * WORKERS / sum(cpu for _, cpu in found)


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    context = get_context("forkserver")
    barrier = context.Barrier(WORKERS)
    with ProcessPoolExecutor(WORKERS, context, start_with, (barrier,)) as pool:
        rows = (
            ("clevr_synth, pictures of 64 x 64", pictures, number),
            ("clevr_synth, pictures with ten questions", questions, number),
            ("avqa_synth, clips with six questions", clips, number // 4),
            ("speech_synth, utterances", utterances, number // 10),
        )
        for label, make, count in rows:
            wall, cpu = measure(pool, make, count)
            load = os.getloadavg()[0]
            print(f"{label}: {wall:.0f}/s by wall time (load {load:.1f}), {cpu:.0f}/s by CPU time of two cores")


if __name__ == "__main__":
    main()
