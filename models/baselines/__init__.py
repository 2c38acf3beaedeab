"""Systems that TaiChi is compared with, each through the same links and air interfaces.

====================  ==========================================================================
``deepsc``            DeepSC: text, rebuilt or classified at the receiver
``deepsc_st``         DeepSC-ST: transcripts of speech by GRUs and CTC
``deepsc_vqa``        DeepSC-VQA (MU-DeepSC): image user, question user, MAC network at the receiver
``udeepsc``           U-DeepSC (one model for all tasks) and T-DeepSC (one per task)
``generative``        text crosses, a diffusion model at the receiver makes the picture
``mobile_vlm``        MobileVLM-style: image encoder, lightweight downsample projector, small Llama
``selection``         a JSCC link that sends the tokens that matter at an SNR
``users``             two transmitters with a link each
====================  ==========================================================================
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answering": ["AnswerSystem"],
        "deepsc": ["DeepSC"],
        "deepsc_st": ["DeepSCST"],
        "deepsc_vqa": ["DeepSCVQA"],
        "generative": ["TextDiffusion"],
        "mac": ["MACNetwork"],
        "mobile_vlm": ["MobileVLM"],
        "selection": ["FeatureSelection", "SelectiveLink"],
        "udeepsc": ["UDeepSC"],
    },
)
