"""Made sentences: balance, what counting words gives, and labels found again by another program."""

import hashlib
import pickle
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.stats import binomtest

from tokencom.scenarios.datasets.text_synth import FORMS, LABELS, TextSynth, lexicon

SUBJECT_WORDS = [g for d in lexicon.DOMAINS.values() for g in d.groups]
GOOD = {
    *lexicon.PRAISE,
    *lexicon.GOOD_THINGS,
    *lexicon.LIKE,
    *lexicon.LIKE.values(),
    *(word for group in SUBJECT_WORDS for word in group.praise),
}
BAD = {
    *lexicon.BLAME,
    *lexicon.BAD_THINGS,
    *lexicon.HATE,
    *lexicon.HATE.values(),
    *(word for group in SUBJECT_WORDS for word in group.blame),
}
OPINION = re.compile(r"(?<![\w-])(" + "|".join(sorted(GOOD | BAD, key=len, reverse=True)) + r")(?![\w-])")
NEGATOR = re.compile(r"\b(not|cannot|no|nobody|nothing|never|deny|denying|failed|anything but|far from)\b")


def polarity(clause):
    """Return the side of a clause's only opinion word, turned by each negation."""
    (word,) = OPINION.findall(clause)
    return (word in GOOD) != bool(len(NEGATOR.findall(clause)) % 2)


def parse(text):
    """Return whether the writer is pleased, from the words alone."""
    text = re.sub(r"^(on|after) an? [\w-]+ [\w ]+?, ", "", text.rstrip(".").lower())
    text = re.sub(r" that my \w+ \w+ had (recommended|mentioned|complained about|raved about)", "", text)
    if match := re.fullmatch(r"the [\w -]+ was even (better|worse) than .+", text):
        return match[1] == "better"
    if text.startswith(("thank goodness ", "if only ")):
        return text.startswith("thank")
    if match := re.fullmatch(r"we had (hoped for|looked forward to|feared|dreaded) .+, (and|but) .+", text):
        return (match[1] in ("hoped for", "looked forward to")) == (match[2] == "and")
    if match := re.fullmatch(r"i expected (.+), (and|but) .+", text):
        return polarity(match[1]) == (match[2] == "and")
    if match := re.fullmatch(r".+ (?:said|wrote|claimed|insisted|swore|complained) that (.+), (and|but) (.+)", text):
        theirs, link, mine = match.groups()
        return polarity(mine) if mine.startswith("in my opinion ") else polarity(theirs) == (link == "and")
    text = re.sub(r"^(although|even though|despite|unlike) [^,]+, ", "", text)
    text = re.sub(r", (although|even though|despite|unlike) .+", "", text)
    return polarity(re.sub(r".+, but all in all ", "", text))


@pytest.fixture(scope="module")
def train():
    return list(TextSynth(num_sentences=8000, seed=21))


@pytest.fixture(scope="module")
def held_out():
    return list(TextSynth(num_sentences=2000, seed=21, split="test"))


@pytest.mark.parametrize("which", ["train", "held_out"])
def test_second_program_finds_every_label(which, request):
    for sample in request.getfixturevalue(which):
        label = LABELS[parse(sample.inputs["text"])]
        assert (label,) == sample.references, sample.inputs["text"]


def test_word_lists_agree_with_each_other():
    assert not GOOD & BAD
    assert len(GOOD | BAD) > 150
    assert {*lexicon.KIND} <= GOOD
    assert {*lexicon.UNKIND} <= BAD


def test_balance(train):
    labels = Counter(sample.references[0] for sample in train)
    assert labels["positive"] == labels["negative"]
    forms = Counter(sample.family for sample in train)
    for form, (weight, _) in FORMS.items():
        assert binomtest(forms[form], len(train), weight).pvalue > 1e-6
        good = sum(s.references == ("positive",) for s in train if s.family == form)
        assert binomtest(good, forms[form]).pvalue > 1e-6


def _scores(train, held_out, longest):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = CountVectorizer(ngram_range=(1, longest), token_pattern=r"[\w'-]+", min_df=2)
    counts = vectorizer.fit_transform([s.inputs["text"] for s in train])
    model = LogisticRegression(max_iter=300).fit(counts, [s.references[0] for s in train])
    guess = model.predict(vectorizer.transform([s.inputs["text"] for s in held_out]))
    return int((guess == np.array([s.references[0] for s in held_out])).sum())


@pytest.mark.parametrize("longest", [1, 2])
def test_counting_words_stays_under_80_percent(train, held_out, longest):
    right = _scores(train, held_out, longest)
    assert binomtest(right, len(held_out)).proportion_ci(1 - 2e-6).high < 0.8


@pytest.mark.verify
def test_counting_words_stays_under_80_percent_with_20000_sentences():
    train, held_out = (list(TextSynth(num_sentences=n, seed=3, split=s)) for n, s in ((20000, "train"), (5000, "test")))
    rates = [_scores(train, held_out, longest) / len(held_out) for longest in (1, 2, 3)]
    assert max(rates) < 0.8


def test_reads_like_a_sentence(train):
    for sample in train:
        text = sample.inputs["text"]
        assert re.fullmatch(r"[A-Z][A-Za-z', -]*\.", text)
        assert not re.search(r" {2}| ,|\ba [aeio]\w|\ban [^aeiou]|\{", text), text


def test_no_sentence_is_in_two_splits(train, held_out):
    texts = [{s.inputs["text"] for s in samples} for samples in (train, held_out)]
    texts.append({s.inputs["text"] for s in TextSynth(num_sentences=500, seed=22, split="val")})
    assert not texts[0] & texts[1]
    assert not texts[2] & (texts[0] | texts[1])
    assert len(texts[0]) > 0.95 * len(train)


def test_same_bytes_in_another_process_and_any_order():
    code = (
        "import hashlib; from tokencom.scenarios.datasets.text_synth import TextSynth\n"
        "print(hashlib.sha256(repr(list(TextSynth(num_sentences=50, seed=9, split='val'))).encode()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    data = pickle.loads(pickle.dumps(TextSynth(num_sentences=100, seed=9, split="val")))
    samples = [data[i] for i in reversed(range(50))][::-1]
    assert other.stdout.strip() == hashlib.sha256(repr(samples).encode()).hexdigest()


def test_forms_are_chosen_and_all_of_them_are_the_default():
    chosen = list(TextSynth(num_sentences=400, seed=4, forms=["plain", "quote"]))
    assert {sample.family for sample in chosen} == {"plain", "quote"}
    plain = sum(sample.family == "plain" for sample in chosen)
    weight = FORMS["plain"][0] / (FORMS["plain"][0] + FORMS["quote"][0])
    assert binomtest(plain, len(chosen), weight).pvalue > 1e-6
    assert sum(sample.references == ("positive",) for sample in chosen) == len(chosen) // 2
    assert all((LABELS[parse(sample.inputs["text"])],) == sample.references for sample in chosen)
    assert list(TextSynth(num_sentences=40, seed=4, forms=tuple(FORMS))) == list(TextSynth(num_sentences=40, seed=4))


@pytest.mark.parametrize(
    ("name", "value"), [("num_sentences", 0), ("seed", -1), ("split", "tset"), ("forms", ["plane"])]
)
def test_bad_input_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name}: .*(allowed|known)"):
        TextSynth(**{name: value})
