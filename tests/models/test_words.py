import pytest

from tokencom.models.words import SPECIAL, WordTokenizer
from tokencom.scenarios.datasets.clevr_synth.dataset import ClevrCaptions, ClevrSynth
from tokencom.scenarios.datasets.text_synth.dataset import TextSynth


def texts():
    questions = ClevrSynth(num_images=40, questions_per_image=16, seed=11)
    for image in range(40):
        for question in questions.questions(image):
            yield question.text
            yield question.answer
    captions = ClevrCaptions(num_images=40, captions_per_image=8, seed=12)
    for image in range(40):
        yield from captions.references_of(image)[0]
    sentences = TextSynth(num_sentences=400, seed=13)
    yield from (sentences.text(number) for number in range(400))


def test_every_word_of_the_made_data_sets_is_known_and_comes_back():
    words = WordTokenizer.load("synth")
    for text in texts():
        ids = words.ids(text)
        assert words.unknown not in ids, text
        assert words.text(ids, sentence=text[0].isupper()) == text


def test_the_longest_phrase_counts_as_one_word():
    words = WordTokenizer(["the", "left", "left of the", "to the left of the", "to", "cube"])
    assert [words.words[n] for n in words.ids("To the left of the cube")] == ["to the left of the", "cube"]
    assert [words.words[n] for n in words.ids("to the left")] == ["to", "the", "left"]


def test_questions_are_short():
    words = WordTokenizer.load("synth")
    questions = ClevrSynth(num_images=20, questions_per_image=16, seed=3)
    lengths = [len(words.ids(q.text)) for image in range(20) for q in questions.questions(image)]
    assert sum(lengths) / len(lengths) < 10


def test_marks_and_unknown_words():
    words = WordTokenizer(["red", "ball", ".", "I"])
    ids = words.ids("<input> Red quokka ball. <output>")
    assert ids == [words.input, 8, words.unknown, 9, 10, words.output]
    assert words.text([words.start, 8, words.unknown, 9, 10, words.end, 8]) == "red <unknown> ball."
    assert words.text(words.ids("I, red"), sentence=True) == "I <unknown> red"
    assert words.vocab_size == len(SPECIAL) + 4


def test_wrong_words_are_named():
    with pytest.raises(ValueError, match="'red' is there twice"):
        WordTokenizer(["red", "red"])
    with pytest.raises(ValueError, match="'  ' is no word"):
        WordTokenizer(["  "])
    with pytest.raises(ValueError, match="vocabulary"):
        WordTokenizer.load("synthetic")
