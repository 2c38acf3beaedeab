"""Scenario files: what they may say, and how they are read and checked."""

import lazy_loader as _lazy

# Named as its module: imported here, so that the name is the function in whatever order things are imported.
from .shipped import shipped

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["codes", "datasets", "sources", "tasks", "theory", "union"],
    submod_attrs={
        "air": ["FlatAir", "OFDMAir"],
        "channels": ["CDL", "TDL", "RMa", "UMa", "UMi"],
        "digital": ["MCS", "Digital"],
        "export": ["json_schema"],
        "jscc": ["DeepJSCC", "SwinJSCC"],
        "load": ["find", "load_scenario"],
        "problems": ["Problem", "ScenarioError"],
        "python_target": ["PythonTarget"],
        "scenario": ["Scenario"],
        "schemes": ["DigitalScheme", "TokenScheme"],
        "stop": ["Stop"],
        "sweep": ["Point", "point_hash"],
        "tasks": ["Bits", "Image", "Text"],
        "token_links": ["JSCC", "Analog", "Quantized"],
    },
)
__all__ += ["shipped"]
