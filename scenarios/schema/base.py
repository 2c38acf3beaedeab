"""What every part of a scenario is: a frozen, keyword-only, self-checking description."""

from collections.abc import Iterator
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from .rules import Broken, RuleError

FULL = {"full": True}
"""Context for ``model_dump`` that keeps defaults."""


class Config(BaseModel):
    """A part of a scenario. It cannot change once made, and unknown fields are refused.

    A subclass that describes an object has ``build()``, which makes it; what it needs is imported
    there, so reading and checking a scenario imports neither torch nor Sionna. Dumps hold the fields
    that were given and the ``type``, so that a sweep may replace the type alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def rules(self) -> Iterator[Broken]:
        """Yield each rule between fields that these values break."""
        yield from ()

    def parameters(self) -> dict[str, Any]:
        """Return the fields without ``type``: what the object described is constructed with."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "type"}

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        broken = tuple(self.rules())
        if broken:
            raise RuleError(broken)
        return self

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        values = handler(self)
        if info.context == FULL:
            return values
        return {key: value for key, value in values.items() if key in self.model_fields_set or key == "type"}
