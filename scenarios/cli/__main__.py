"""``python -m tokencom.scenarios.cli``, where the command itself is not on the path (MPI launchers)."""

import sys

from .entry import main

if __name__ == "__main__":
    sys.exit(main())
