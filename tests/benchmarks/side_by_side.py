"""Timing of two things in turn in one process, so that other work on the machine disturbs both alike."""

import time


def seconds(first, second, rounds=3):
    """Return the best times of ``first()`` and ``second()`` in alternating rounds, after one call of each."""
    best = [float("inf"), float("inf")]
    for round_number in range(rounds + 1):
        for i, work in enumerate((first, second)):
            start = time.perf_counter()
            work()
            if round_number > 0:
                best[i] = min(best[i], time.perf_counter() - start)
    return best


def print_ratio(label, their_bits, our_bits, other="Sionna"):
    """Print the bit rates, bit/s, and their ratio."""
    print(f"{label}: {our_bits / 1e6:.2f} Mb/s, {other} {their_bits / 1e6:.4f} Mb/s, ratio {our_bits / their_bits:.0f}")
