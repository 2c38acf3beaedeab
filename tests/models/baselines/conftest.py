"""Makes the cases that the tests of the baselines share importable, and gives their samples."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from baseline_cases import questions, texts

__all__ = ["questions", "texts"]
