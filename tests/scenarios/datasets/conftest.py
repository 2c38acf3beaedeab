import numpy as np
import pytest


def _video(path, seconds=2.0, fps=10, levels=(40, 90, 140, 190), tone=440, rate=44_100, sound=True):
    """Write a clip whose brightness steps through ``levels``, with a tone; [32, 48] pixels."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        track = container.add_stream("aac", rate=rate, layout="mono") if sound else None
        count = int(seconds * fps)
        for number in range(count):
            level = levels[number * len(levels) // count]
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track is not None:
            samples = 0.5 * np.sin(2 * np.pi * tone * np.arange(int(seconds * rate)) / rate)
            audio = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
            audio.sample_rate = rate
            container.mux(track.encode(audio))
            container.mux(track.encode())


@pytest.fixture
def write_video():
    pytest.importorskip("av", reason="video needs PyAV")
    return _video
