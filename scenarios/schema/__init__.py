"""Scenario files: what they may say, and how they are read and checked."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["codes", "sources", "tasks", "theory", "union"],
    submod_attrs={
        "air": ["FlatAir", "OFDMAir"],
        "channels": ["CDL", "TDL", "RMa", "UMa", "UMi"],
        "json_schema": ["json_schema"],
        "links": ["MCS", "Digital"],
        "load": ["find", "load_scenario"],
        "problems": ["Problem", "ScenarioError"],
        "python_target": ["PythonTarget"],
        "scenario": ["Scenario"],
        "schemes": ["DigitalScheme"],
        "shipped": ["shipped"],
        "stop": ["Stop"],
        "sweep": ["Point", "point_hash"],
        "tasks": ["Bits", "Image", "Text"],
    },
)
