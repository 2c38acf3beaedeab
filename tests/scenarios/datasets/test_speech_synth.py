"""Made speech: transcripts, form of the audio, and the same bytes everywhere."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from tokencom.scenarios.datasets import speech_synth
from tokencom.scenarios.datasets.speech_synth import DIGITS, VOICES, SpeechSynth, speak
from tokencom.scenarios.datasets.text_synth import TextSynth

try:
    import espeakng_loader  # noqa: F401
except ImportError:
    PRESENT = False
else:
    PRESENT = True

needs_espeak = pytest.mark.skipif(not PRESENT, reason="espeakng-loader is not installed (extra: speech)")


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    speech_synth._paths.cache_clear()
    with pytest.raises(ImportError, match=r"tokencom\[speech\].*espeakng-loader"):
        SpeechSynth(num_utterances=1)


@needs_espeak
def test_samples_are_speech_with_their_transcripts():
    data = SpeechSynth(num_utterances=12, seed=3)
    sentences = TextSynth(num_sentences=12, seed=3)
    for index, sample in enumerate(data):
        audio, (transcript,) = sample.inputs["audio"], sample.references
        assert audio.dtype == np.float32
        assert audio.ndim == 1
        assert 0.05 < np.abs(audio).max() <= 1
        assert 0.2 < len(audio) / 16000 / len(transcript.split()) < 1.2  # seconds a word
        assert sample.extra["voice"] in VOICES
        assert data.references_of(index) == (sample.references, sample.family)
        if sample.family == "digits":
            assert set(transcript.split()) <= set(DIGITS)
            assert 3 <= len(transcript.split()) <= 8
        else:
            assert transcript == sentences.text(index // 2)
    assert {s.family for s in data} == {"sentence", "digits"}


@needs_espeak
def test_same_bytes_in_another_process_and_any_order():
    code = (
        "import hashlib; from tokencom.scenarios.datasets.speech_synth import SpeechSynth\n"
        "d = SpeechSynth(num_utterances=9, seed=5, split='test', speech='digits')\n"
        "print(*(hashlib.sha256(s.inputs['audio'].tobytes()).hexdigest() for s in d))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    data = SpeechSynth(num_utterances=20, seed=5, split="test", speech="digits")
    here = [hashlib.sha256(data[i].inputs["audio"].tobytes()).hexdigest() for i in reversed(range(9))]
    assert other.stdout.split() == here[::-1]


@needs_espeak
@pytest.mark.parametrize("voice", ["en-us+whisper", "en-us+f2", "en-gb-x-rp+klatt4", "en-us"])
def test_state_of_one_text_does_not_reach_the_next(voice):
    first = speak("three five nine", voice=voice)
    speak("something else, and longer than that", voice="en-us+m3", rate=180, pitch=20)
    assert speak("three five nine", voice=voice).tobytes() == first.tobytes()


@needs_espeak
def test_voices_rate_pitch_and_sampling_rate_matter():
    waves = [speak("one two three", voice=voice) for voice in VOICES]
    assert len({wave.tobytes() for wave in waves}) == len(VOICES)
    slow, fast = (speak("one two three", voice=VOICES[0], rate=rate) for rate in (120, 240))
    assert len(slow) > 1.4 * len(fast)
    low, high = (_pitch(speak("no no no", voice="en-us+m3", pitch=pitch)) for pitch in (10, 90))
    assert high > 1.2 * low
    half = speak("one two three", voice=VOICES[0], sampling_rate=8000)
    assert abs(2 * len(half) - len(waves[0])) <= 2


def _pitch(wave):
    """Frequency of the strongest periodicity between 60 and 400 Hz."""
    spectrum = np.abs(np.fft.rfft(wave, 2 * len(wave))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(wave)]
    lags = np.arange(16000 // 400, 16000 // 60)
    return 16000 / lags[correlation[lags].argmax()]


@needs_espeak
def test_given_sentences_and_splits():
    given = ["First one.", "Second one."]
    data = SpeechSynth(num_utterances=3, speech="sentences", sentences=given)
    assert [s.references[0] for s in data] == ["First one.", "Second one.", "First one."]
    train, test = (SpeechSynth(num_utterances=20, speech="digits", split=split) for split in ("train", "test"))
    assert all(train.references_of(i) != test.references_of(i) for i in range(20))


@needs_espeak
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_utterances", 0, "num_utterances: 0"),
        ("speech", "digit", "did you mean 'digits'"),
        ("sentences", [], "one or more sentences"),
        ("sentences", ["fine", " - "], "number 1"),
        ("num_digits", (4, 2), r"num_digits\[1\]: 2"),
        ("voices", [], "voices: "),
        ("voices", ["en-uk+f2"], "accent: 'en-uk'"),
        ("voices", ["en-us+f22"], "variant: 'f22'"),
        ("rate", (10, 100), r"rate\[0\]: 10"),
        ("sampling_rate", 100, "sampling_rate: 100"),
    ],
)
def test_bad_input_is_named(name, value, message):
    with pytest.raises(ValueError, match=message):
        SpeechSynth(**{name: value})


@needs_espeak
def test_refuses_a_library_that_is_in_use():
    code = (
        "import ctypes, espeakng_loader\n"
        "held = ctypes.CDLL(espeakng_loader.get_library_path())\n"
        "from tokencom.scenarios.datasets.speech_synth import speak\n"
        "try: speak('one', voice='en-us')\n"
        "except RuntimeError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "in use" in run.stdout or sys.platform == "win32"
