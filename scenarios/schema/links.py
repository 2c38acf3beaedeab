"""Links: how a payload becomes symbols and comes back."""

from .baselines import JSCCSelective
from .digital import Digital
from .multiuser import Devices
from .python_target import PythonTarget
from .token_links import JSCC, Analog, Quantized
from .union import tagged

Link = tagged(Digital | JSCC | JSCCSelective | Devices | Analog | Quantized | PythonTarget)
"""Any link; a Python class is called with ``options``, ``air`` and, where the scheme has one, ``source``.

In a scheme of tokens it gets ``dim``, the width of the system's tokens, or ``shape``, that of the images.
"""
