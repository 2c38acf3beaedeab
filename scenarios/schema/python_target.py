"""A user's own class in place of a built-in one."""

import importlib
import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from .base import Config
from .problems import closest
from .rules import Broken
from .union import plugins

_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class PythonTarget(Config):
    """A class named by its import path, or by the name under which an installed package registers it.

    An import path runs code that the scenario names, so scenario files may hold one only if the
    reader allows it (``--allow-code``). A registered class comes from a package that the user installed.

    Example:
        >>> PythonTarget(target="fractions:Fraction", options={"numerator": 3}).build(denominator=4)
        Fraction(3, 4)
    """

    type: Literal["python"] = "python"
    target: str = Field(
        description="Import path 'package.module:Class', or the name of an installed plug-in."
    )
    options: dict[str, Any] = Field(default={}, description="Keyword arguments of the class.")

    @property
    def runs_code(self) -> bool:
        """Whether the file itself names what is imported."""
        return ":" in self.target

    @property
    def import_path(self) -> str:
        """Where the class is, as ``package.module:Class``."""
        return self.target if self.runs_code else plugins()[self.target].value

    def rules(self) -> Iterator[Broken]:
        """Yield what is wrong with the target's form; nothing is imported."""
        if self.runs_code and not _TARGET.fullmatch(self.target):
            yield Broken("target", self.target, "is not an import path of the form 'package.module:Class'")
        if not self.runs_code and self.target not in plugins():
            rule = "is neither 'package.module:Class' nor an installed plug-in"
            yield Broken("target", self.target, rule, tuple(plugins()))

    def build(self, **arguments: Any) -> Any:
        """Import the class and make an instance from ``options`` and ``arguments``.

        Raises:
            ValueError: if the module or the class is not there, naming the nearest.
        """
        return self.load()(**{**arguments, **self.options})

    def load(self) -> Any:
        """Import and return the class.

        Raises:
            ValueError: if the module or the class is not there.
        """
        if not self.runs_code:
            return plugins()[self.target].load()
        module_name, _, attribute = self.target.partition(":")
        try:
            found: Any = importlib.import_module(module_name)
        except ImportError as error:
            raise ValueError(f"target: {self.target!r} cannot be imported: {error}") from error
        for name in attribute.split("."):
            if not hasattr(found, name):
                close = closest(name, dir(found))
                hint = f"; did you mean {close!r}?" if close else ""
                raise ValueError(f"target: {self.target!r}: {found!r} has no {name!r}{hint}")
            found = getattr(found, name)
        return found
