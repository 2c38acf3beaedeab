"""A system of a few thousand parameters, and samples for it."""

from dataclasses import replace

from tokencom.models.taichi.presets import LanguageConfig
from tokencom.models.tokcom import TokCom
from tokencom.models.tokcom.presets import TEXT, TINY, DeviceConfig
from tokencom.scenarios.datasets.avqa_synth import AvqaSynth

WIDTH = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 4}
VIDEO = DeviceConfig(
    name="video", modality="video", num_tokens=5,
    config={**WIDTH, "image_size": 16, "num_frames": 8, "tubelet_size": [2, 8, 8]},
)  # fmt: skip
AUDIO = DeviceConfig(
    name="audio", modality="audio", num_tokens=4, sampling_rate=8000,
    config={**WIDTH, "num_mel_bins": 16, "max_length": 98, "patch_size": 8, "frequency_stride": 8, "time_stride": 18},
)  # fmt: skip

SMALL = replace(
    TINY,
    devices=(VIDEO, AUDIO, TEXT),
    language=LanguageConfig(
        config={
            "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
            "tie_word_embeddings": True, "initializer_range": 0.5,
        },
        vocabulary="avqa_synth", num_layers=0, full=True,
    ),
    head_hidden=12, max_new_tokens=4,
)  # fmt: skip


def small(off=(), **changes):
    return TokCom(replace(SMALL, **changes), off=off).eval()


DATA = AvqaSynth(num_clips=3, questions_per_clip=3, seed=5, size=16)
SAMPLES = DATA[:9]
