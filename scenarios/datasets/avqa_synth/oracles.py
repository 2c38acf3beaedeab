"""What a receiver can reach that understands one modality perfectly and doesn't have the other."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from typing import Literal

from ....linklevel.validation import check_choice
from .dataset import AvqaSynth
from .graph import SOUNDS, EventGraph
from .questions import ORDINALS, Question, named_sound

Modality = Literal["audio", "video"]
Table = dict[tuple[Hashable, ...], Counter[Hashable]]


class UnimodalOracle:
    """Answers from the sounds only, or from the picture only, as well as that can be done.

    Questions that need its own modality are answered right. For the others it takes the most likely
    answer given everything in its modality that bears on it, with the probabilities counted on a
    training set: how often a jump is heard given how many there are, how the sound that is asked for
    spreads over them, and so on. A system with one modality that beats it by more than chance leaks
    the other.

    Args:
        modality: "audio" or "video", the one it has.
        train: what it counts on; some thousands of clips.
    """

    def __init__(self, modality: Modality, train: AvqaSynth) -> None:
        self.modality = check_choice("modality", modality, ("audio", "video"))
        self._table: Table = defaultdict(Counter)
        for clip in range(train.num_clips):
            graph, questions = train.clip(clip)
            for question in questions:
                if not question.family.startswith(self.modality):
                    role = self._role(graph, question)
                    self._table[question.family, *self._evidence(graph, question)][role] += 1

    def answer(self, graph: EventGraph, question: Question) -> str:
        """Return the most likely answer; the answer itself if the modality suffices."""
        if question.family.startswith(self.modality):
            return question.answer
        scores: Counter[str] = Counter()
        for role, count in self._table[question.family, *self._evidence(graph, question)].items():
            answer = self._meaning(graph, question, role)
            scores[answer] += count
        return max(sorted(scores), key=lambda a: scores[a]) if scores else ""

    def score(self, test: AvqaSynth) -> Mapping[str, tuple[int, int]]:
        """Return the numbers of right answers and of questions by family."""
        right: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for clip in range(test.num_clips):
            graph, questions = test.clip(clip)
            for question in questions:
                total[question.family] += 1
                right[question.family] += self.answer(graph, question) == question.answer
        return {family: (right[family], total[family]) for family in sorted(total)}

    def _places(self, question: Question) -> bool:
        """Return whether the unknown is which of the jumps made the sound."""
        return self.modality == "video" and question.family in ("both/which", "both/direction")

    def _role(self, graph: EventGraph, question: Question) -> Hashable:
        if self._places(question):
            return graph.events.index(named_sound(graph, str(question.sound)))
        return question.answer

    def _meaning(self, graph: EventGraph, question: Question, role: Hashable) -> str:
        if not self._places(question):
            return str(role)
        thing = graph.things[graph.events[int(str(role))].thing]
        return thing.colour if question.family == "both/which" else thing.direction

    def _evidence(self, graph: EventGraph, question: Question) -> tuple[Hashable, ...]:
        return _heard(graph, question) if self.modality == "audio" else _seen(graph, question)


def _heard(graph: EventGraph, question: Question) -> tuple[Hashable, ...]:
    """Return what of the sounds bears on a question that the sounds alone don't answer."""
    if question.family == "both/what":
        kinds = [event.sound for event in graph.sounds]
        return tuple(kinds.count(kind) for kind in SOUNDS)
    if question.family in ("both/when", "both/count", "both/same"):
        return (len(graph.sounds),)
    return ()


def _seen(graph: EventGraph, question: Question) -> tuple[Hashable, ...]:
    """Return what of the picture bears on a question that the picture alone doesn't answer."""
    if question.family in ("both/what", "both/when", "both/count"):
        mine = len(graph.jumps(int(str(question.thing))))
        return len(graph.events), mine, len(graph.things)
    if question.family in ("both/which", "both/direction"):
        order = question.sound if question.sound in ORDINALS else "only"
        return len(graph.events), order
    if question.family == "both/same":
        return (len(graph.things),)
    return (question.text,)
