"""Names of the families of questions; importing them loads nothing else."""

from .vocabulary import ATTRIBUTES

COMPARED = ("equal_integer", "greater_than", "less_than")

NAMES = (
    *(f"{what}{hops}" for hops in ("", "_relate", "_relate_relate")
      for what in ("exist", "count", *(f"query_{name}" for name in ATTRIBUTES))),
    *(name.format(attribute) for attribute in ATTRIBUTES
      for name in ("exist_same_{}", "count_same_{}", "query_{}_same")),
    *(f"{what}{hops}" for hops in ("", "_relate")
      for what in (*COMPARED, *(f"equal_{name}" for name in ATTRIBUTES))),
)  # fmt: skip
"""Position is the ``question_family_index``."""
