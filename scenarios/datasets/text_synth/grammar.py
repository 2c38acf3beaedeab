"""The grammar: a label is chosen first, then a sentence that says it."""

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np

from . import lexicon
from .lexicon import DOMAINS, Domain, Group

T = TypeVar("T")

AFFIRM = (
    "the {n} was {d}{x}",
    "the {n} was {d}{x}",
    "the {n} turned out to be {d}{x}",
    "I found the {n} {d}{a}",
    "I thought the {n} was {d}{x}",
    "I {past} the {n}",
)
NEGATE = (
    "the {n} was not {x} at all",
    "the {n} was anything but {x}",
    "the {n} was far from {a}",
    "the {n} was by no means {x}",
    "the {n} was not in any way {a}",
    "nobody could call the {n} {x}",
    "there was nothing {a} about the {n}",
    "there was nothing to {base} about the {n}",
    "I would never call the {n} {x}",
    "I did not find the {n} {a} in the least",
)
"""One negation; the words say the opposite of the clause."""

DOUBLE = (
    "nobody could say that the {n} was not {x}",
    "there is no denying that the {n} was {x}",
    "no one could call the {n} anything but {x}",
    "the {n} was nothing if not {a}",
    "the {n} was never anything but {x}",
    "nobody failed to {base} the {n}",
    "I cannot deny that the {n} was {x}",
    "I never found the {n} anything but {a}",
)
"""Two negations, which cancel."""

AGREE = (
    "and I agree",
    "and I could not agree more",
    "and rightly so",
    "and that is true",
    "and I felt the same",
    "and nobody would deny it",
)
DISAGREE = (
    "but I disagree",
    "but that is not true",
    "but I could not agree less",
    "but I felt the opposite",
    "but nothing could be further from the truth",
    "but that is nonsense",
)


@dataclass(frozen=True)
class Writer:
    """Draws words and clauses about one subject.

    Args:
        rng: the only source of randomness.
        domain: the subject.
    """

    rng: np.random.Generator
    domain: Domain

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self.rng.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        """Return `True` that often."""
        return bool(self.rng.random() < probability)

    def adjective(self, good: bool, group: Group | None = None) -> str:
        """Return an adjective; one that fits everything, or half of the time one of the group."""
        if group is not None and self.chance(0.5):
            return self.pick(group.praise if good else group.blame)
        return self.pick(lexicon.PRAISE if good else lexicon.BLAME)

    def aspect(self) -> tuple[str, Group]:
        """Return a noun and its group."""
        group = self.pick(self.domain.groups)
        return self.pick(group.nouns), group

    def side(self) -> bool:
        """Return the polarity of a word that doesn't matter."""
        return self.chance(0.5)

    def clause(self, noun: str, good: bool, group: Group | None = None, *, personal: bool = True) -> str:
        """Return an opinion on a noun: affirmed, negated, or negated twice.

        Args:
            noun: without article.
            good: what the clause says in the end.
            group: of the noun; `None` for adjectives that fit everything.
            personal: whether it may begin with "I".
        """
        frames, same = ((AFFIRM, True), (NEGATE, False), (DOUBLE, True))[int(self.rng.choice(3, p=(0.45, 0.38, 0.17)))]
        frame = self.pick([f for f in frames if personal or not f.startswith("I ")])
        return self.fill(frame, noun, good == same, group)

    def fill(self, frame: str, noun: str, good: bool, group: Group | None = None) -> str:
        """Return a frame with words of one polarity in it."""
        adjective = self.adjective(good, group)
        thing = self.pick(lexicon.GOOD_THINGS if good else lexicon.BAD_THINGS)
        verbs = lexicon.LIKE if good else lexicon.HATE
        base = self.pick(list(verbs))
        use_thing = "{x}" in frame and self.chance(0.2)
        degree = "" if use_thing or self.chance(0.6) else self.pick(lexicon.DEGREES) + " "
        return frame.format(
            n=noun, a=adjective, x=thing if use_thing else adjective, d=degree, base=base, past=verbs[base]
        )

    def described(self, noun: str) -> str:
        """Return the noun with a relative clause whose adjective is about somebody else."""
        person = self.pick(lexicon.PEOPLE)
        verb = self.pick(("recommended", "mentioned", "complained about", "raved about"))
        manner = self.pick(lexicon.KIND if self.side() else lexicon.UNKIND)
        return f"{noun} that my {manner} {person} had {verb}"

    def opening(self) -> str:
        """Return a clause that has nothing to do with the subject."""
        adjective = self.adjective(self.side())
        if self.chance(0.5):
            return f"on {with_article(adjective)} {self.pick(lexicon.OCCASIONS)}, "
        return f"after {with_article(adjective)} {self.pick(lexicon.MATTERS)}, "


def with_article(words: str) -> str:
    """Return the words after "a" or "an".

    Example:
        >>> with_article("awful meal"), with_article("useful meal")
        ('an awful meal', 'a useful meal')
    """
    vowel = words[0] in "aeiou" and not words.startswith(("use", "uni", "one"))
    return f"{'an' if vowel else 'a'} {words}"


def _plain(w: Writer, good: bool) -> str:
    noun, group = w.aspect()
    return w.clause(w.described(noun) if w.chance(0.4) else noun, good, group)


def _contrast(w: Writer, good: bool) -> str:
    noun, group = w.aspect()
    verdict = w.clause(w.pick(w.domain.wholes), good)
    aside = w.clause(noun, not good, group)
    with_noun = f"the {w.adjective(not good, group)} {noun}"
    return w.pick(
        (
            f"although {aside}, {verdict}",
            f"even though {aside}, {verdict}",
            f"{verdict}, although {aside}",
            f"{verdict}, even though {aside}",
            f"{aside}, but all in all {verdict}",
            f"{verdict}, despite {with_noun}",
            f"despite {with_noun}, {verdict}",
        )
    )


def _quote(w: Writer, good: bool) -> str:
    noun, group = w.aspect()
    speaker = w.pick(lexicon.SPEAKERS)
    theirs = w.side()
    said = w.pick(("said", "wrote", "claimed", "insisted", "swore" if theirs else "complained"))
    quoted = f"{speaker} {said} that {w.clause(noun, theirs, group, personal=False)}"
    if w.chance(0.65):
        return f"{quoted}, {w.pick(AGREE if theirs == good else DISAGREE)}"
    link = "and" if theirs == good else "but"
    return f"{quoted}, {link} in my opinion {w.clause(noun, good, group)}"


def _comparison(w: Writer, good: bool) -> str:
    noun, group = w.aspect()
    place = w.pick(w.domain.elsewhere)
    if w.chance(0.6):
        other = f"the {w.adjective(not good, group)} {noun} {place}"
        mine = w.clause(noun + " here", good, group)
        return w.pick((f"unlike {other}, {mine}", f"{mine}, unlike {other}"))
    if w.chance(0.5):
        better = "better" if good else "worse"
        return f"the {noun} was even {better} than the {w.adjective(good, group)} {noun} {place}"
    wish = "thank goodness the {n} was nothing like" if good else "if only the {n} had been more like"
    return f"{wish.format(n=noun)} the {w.adjective(not good, group)} {noun} {place}"


def _expectation(w: Writer, good: bool) -> str:
    noun, group = w.aspect()
    hoped = w.side()
    if w.chance(0.5):
        start = w.fill("I expected the {n} to be {d}{x}", noun, hoped, group)
        kept, broken = ("and so it was", "and it was"), ("but it was not", "but it was the exact opposite")
    else:
        wish = w.pick(("hoped for", "looked forward to") if hoped else ("feared", "dreaded"))
        start = f"we had {wish} {with_article(w.adjective(hoped, group))} {noun}"
        kept, broken = ("and we got one", "and we were right"), ("but we got the opposite", "but we were wrong")
    return f"{start}, {w.pick(kept if hoped == good else broken)}"


FORMS: Mapping[str, tuple[float, Callable[[Writer, bool], str]]] = {
    "plain": (0.3, _plain),
    "contrast": (0.25, _contrast),
    "quote": (0.2, _quote),
    "comparison": (0.13, _comparison),
    "expectation": (0.12, _expectation),
}
"""By name: how often a form is used, and the function that writes it."""

_DOMAIN_NAMES = tuple(DOMAINS)


def write_sentence(rng: np.random.Generator, good: bool, forms: Sequence[str] = tuple(FORMS)) -> tuple[str, str, str]:
    """Write a sentence.

    Args:
        rng: the only source of randomness.
        good: whether the writer's opinion is positive.
        forms: names of the forms to take, each as often as :data:`FORMS` weighs it against the others.

    Returns:
        The sentence, the name of its form, and the name of its subject.
    """
    domain = _DOMAIN_NAMES[rng.integers(len(DOMAINS))]
    up_to = tuple(accumulate(FORMS[name][0] for name in forms))
    form = forms[bisect(up_to, rng.random() * up_to[-1])]
    writer = Writer(rng, DOMAINS[domain])
    text = FORMS[form][1](writer, good)
    if not text.startswith(("thank", "if only")) and writer.chance(0.35):
        text = writer.opening() + text
    return f"{text[0].upper()}{text[1:]}.", form, domain
