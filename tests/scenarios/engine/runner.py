"""Runs a cheap plan in a process of its own, for tests that kill or interrupt it.

python runner.py <plan.json> <folder>
"""

import sys
from pathlib import Path

from cheap_plan import CheapPlan

from tokencom.scenarios.engine import RunError, RunInterrupted, process_pool, run

PRELOAD = ("torch", "numba", "scipy.linalg", "tokencom.scenarios.engine.worker")


def main():
    plan = CheapPlan.model_validate_json(Path(sys.argv[1]).read_text())
    with process_pool(2, PRELOAD) as executor:
        try:
            run(plan, sys.argv[2], executor=executor)
        except (RunError, RunInterrupted) as error:
            print(error, file=sys.stderr)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
