"""CLEVR-style scenes, questions and captions, made from a seed.

====================  ==========================================================================
``scenes``            objects on a plane, camera, light, scene graph
``render``            a ray-caster: 32...256 pixels, shadows, mirroring metal
``families``          the families of questions
``names``             their names
``questions``         sound, balanced questions with functional programs
``captions``          true sentences about a scene
``dataset``           `ClevrSynth` and `ClevrCaptions`
====================  ==========================================================================
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"dataset": ["ClevrCaptions", "ClevrSynth"], "names": ["NAMES"]}
)
