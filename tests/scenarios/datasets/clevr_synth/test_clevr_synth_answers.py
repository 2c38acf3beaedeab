"""Two independent programs answer the questions again: one reads the English, one the functional program."""

import operator
from collections import Counter, defaultdict

import pytest

from tokencom.scenarios.datasets.clevr_synth import NAMES, ClevrSynth
from tokencom.scenarios.datasets.clevr_synth.families import FAMILIES

ADJECTIVES = {
    "large": ("size", "large"), "big": ("size", "large"), "small": ("size", "small"), "tiny": ("size", "small"),
    "rubber": ("material", "rubber"), "matte": ("material", "rubber"),
    "metal": ("material", "metal"), "metallic": ("material", "metal"), "shiny": ("material", "metal"),
    **{c: ("color", c) for c in ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")},
}  # fmt: skip
NOUNS = {
    "thing": None, "object": None, "cube": "cube", "block": "cube", "sphere": "sphere", "ball": "sphere",
    "cylinder": "cylinder",
}  # fmt: skip
PLACES = {
    "left of": "left", "to the left of": "left", "on the left side of": "left",
    "right of": "right", "to the right of": "right", "on the right side of": "right",
    "in front of": "front", "behind": "behind",
}  # fmt: skip


class Reader:
    """Answers a question from its words and the objects' coordinates; knows no program and no relationships."""

    def __init__(self, scene, text):
        assert text.endswith("?")
        assert text[0].isupper()
        self.objects, self.directions = scene["objects"], scene["directions"]
        self.words, self.at = (text[0].lower() + text[1:-1]).split(), 0

    def take(self, phrase):
        words = phrase.split()
        if self.words[self.at : self.at + len(words)] == words:
            self.at += len(words)
            return True
        return False

    def need(self, phrase):
        assert self.take(phrase), (phrase, self.words, self.at)

    def done(self):
        assert self.at == len(self.words), (self.words, self.at)

    def lies(self, i, name, j):
        a, b = self.objects[i]["3d_coords"], self.objects[j]["3d_coords"]
        return sum((x - y) * d for x, y, d in zip(a, b, self.directions[name], strict=True)) > 0

    def place(self):
        for phrase in sorted(PLACES, key=len, reverse=True):
            if self.take(phrase):
                return PLACES[phrase]
        return None

    def related(self, found, verb=False):
        """Keep what stands in the relation that follows, if one does; ``verb``: a verb must come first."""
        linked = self.take("that") or verb
        if linked and (self.take("has the same") or self.take("have the same")):
            attribute = self.words[self.at]
            self.need(f"{attribute} as the")
            return self.sharing(found, attribute)
        if linked:
            assert self.take("is") or self.take("are"), self.words
            if self.take("made of the same material as the"):
                return self.sharing(found, "material")
        name = self.place()
        if name is None:
            assert not linked, self.words
            return found
        self.need("the")
        other = self.one()
        return [i for i in found if i != other and self.lies(i, name, other)]

    def sharing(self, found, attribute):
        other = self.one()
        value = self.objects[other][attribute]
        return [i for i in found if i != other and self.objects[i][attribute] == value]

    def several(self, relation=True):
        """Read a noun phrase with what follows it."""
        if not self.take("other"):
            self.take("another")
        found = list(range(len(self.objects)))
        while self.words[self.at] in ADJECTIVES:
            name, value = ADJECTIVES[self.words[self.at]]
            found = [i for i in found if self.objects[i][name] == value]
            self.at += 1
        noun = self.words[self.at]
        shape = NOUNS[noun if noun in NOUNS else noun.removesuffix("s")]
        self.at += 1
        found = [i for i in found if shape in (None, self.objects[i]["shape"])]
        return self.related(found) if relation else found

    def one(self):
        found = self.several()
        assert len(found) == 1, (self.words, found)
        return found[0]

    def answer(self):
        result = self.counting() or self.comparing() or self.existing() or self.asking()
        self.done()
        return result

    def counting(self):
        if not (self.take("how many") or self.take("what number of")):
            return None
        found = self.several(relation=False)
        if not self.take("are there"):
            found = self.related(found, verb=True)
        return str(len(found))

    def comparing(self):
        if self.take("are there an equal number of") or self.take("are there the same number of"):
            return self.numbers(operator.eq, "and")
        if self.take("are there more"):
            return self.numbers(operator.gt, "than")
        if self.take("are there fewer"):
            return self.numbers(operator.lt, "than")
        if self.take("is the number of"):
            first = len(self.several())
            kinds = {"the same as": operator.eq, "greater than": operator.gt, "less than": operator.lt}
            compare = next(kinds[k] for k in kinds if self.take(k))
            self.need("the number of")
            return self.yes(compare(first, len(self.several())))
        return self.alike()

    def alike(self):
        for attribute in ("size", "color", "material", "shape"):
            if self.take(f"is the {attribute} of the"):
                first = self.one()
                self.need("the same as that of the")
                return self.yes(self.objects[first][attribute] == self.objects[self.one()][attribute])
        both = self.take("do the")
        if not both and not self.take("does the"):
            return None
        first = self.one()
        if both:
            self.need("and the")
            second = self.one()
            self.need("have the same")
            attribute = self.words[self.at]
            self.need(attribute)
        else:
            self.need("have the same")
            attribute = self.words[self.at]
            self.need(f"{attribute} as the")
            second = self.one()
        assert first != second
        return self.yes(self.objects[first][attribute] == self.objects[second][attribute])

    def numbers(self, compare, between):
        first = len(self.several())
        self.need(between)
        return self.yes(compare(first, len(self.several())))

    @staticmethod
    def yes(truth):
        return "yes" if truth else "no"

    def existing(self):
        if self.take("are there any") or self.take("is there an") or self.take("is there a"):
            return self.yes(self.several())
        if self.take("is there"):
            assert self.words[self.at] == "another"
            return self.yes(self.several())
        if self.take("are any"):
            found = self.several()
            self.need("visible")
            return self.yes(found)
        return None

    def asking(self):
        for attribute in ("size", "color", "material", "shape"):
            if self.take(f"what {attribute} is the") or self.take(f"what is the {attribute} of the"):
                return self.objects[self.one()][attribute]
        if self.take("how big is the"):
            return self.objects[self.one()]["size"]
        if self.take("what is the"):
            found = self.one()
            self.need("made of")
            return self.objects[found]["material"]
        self.need("the")
        found = self.one()
        attribute = "color" if self.take("is what color") else "shape"
        if attribute == "shape":
            self.need("has what shape")
        return self.objects[found][attribute]


def interpret(scene, program):
    """Answer from the functional program and the scene file's relationships, with plain sets."""
    objects, memory = scene["objects"], []
    for node in program:
        assert set(node) == {"function", "inputs", "value_inputs"}
        inputs, function = [memory[i] for i in node["inputs"]], node["function"]
        value = node["value_inputs"][0] if node["value_inputs"] else None
        if function == "scene":
            out = set(range(len(objects)))
        elif function.startswith("filter_"):
            out = {i for i in inputs[0] if objects[i][function[7:]] == value}
        elif function == "unique":
            (out,) = inputs[0]
        elif function == "relate":
            out = set(scene["relationships"][value][inputs[0]])
        elif function.startswith("same_"):
            key = function[5:]
            out = {i for i, o in enumerate(objects) if i != inputs[0] and o[key] == objects[inputs[0]][key]}
        elif function.startswith("query_"):
            out = objects[inputs[0]][function[6:]]
        elif function == "count":
            out = len(inputs[0])
        elif function == "exist":
            out = bool(inputs[0])
        elif function == "greater_than":
            out = inputs[0] > inputs[1]
        elif function == "less_than":
            out = inputs[0] < inputs[1]
        else:
            assert function in ("equal_integer", "equal_size", "equal_color", "equal_material", "equal_shape")
            out = inputs[0] == inputs[1]
        memory.append(out)
    return {True: "yes", False: "no"}[memory[-1]] if isinstance(memory[-1], bool) else str(memory[-1])


def _questions(split, num_images, number):
    data = ClevrSynth(num_images=num_images, questions_per_image=number, seed=11, split=split)
    for image in range(num_images):
        scene = data.graph(image)
        for question in data.questions(image):
            yield scene, question


@pytest.fixture(scope="module")
def val():
    return list(_questions("val", 210, 25))


def test_two_other_programs_give_the_same_answers(val):
    assert len(val) >= 5000
    for scene, question in val:
        assert Reader(scene, question.text).answer() == question.answer, question
        assert interpret(scene, question.program) == question.answer, question


def test_every_family_occurs_and_agrees_with_its_program(val):
    seen = Counter(q.family for _, q in val)
    assert set(seen) == set(NAMES)
    for _, q in val:
        assert NAMES[q.family_index] == q.family
        functions = [node["function"] for node in q.program]
        assert functions.count("relate") == q.family.count("relate")
        assert any(f.startswith("same_") for f in functions) == ("_same" in q.family)
        assert functions[-1].split("_")[0] == q.family.split("_")[0]


def test_questions_of_an_image_differ(val):
    by_image = defaultdict(list)
    for scene, q in val:
        by_image[scene["image_index"]].append(str(q.program))
    assert all(len(set(programs)) == len(programs) == 25 for programs in by_image.values())


def test_no_question_tells_its_own_answer(val):
    for _, q in val:
        functions = [node["function"] for node in q.program]
        if functions[-1].startswith("query_"):
            last = len(functions) - functions[::-1].index("unique")
            start = max(i for i, f in enumerate(functions) if f == "scene" or f.startswith(("relate", "same_")))
            assert functions[-1].replace("query", "filter") not in functions[start:last], q
        for attribute in ("size", "color", "material", "shape"):
            if f"same_{attribute}" in functions or functions[-1] == f"equal_{attribute}":
                assert f"filter_{attribute}" not in functions, q


def test_relations_matter(val):
    """Taking the relation out of a question changes the answer, or leaves no single object to ask about."""
    for scene, q in val:
        relations = [i for i, n in enumerate(q.program) if n["function"].startswith(("relate", "same_"))]
        if q.family.startswith("exist") and q.answer == "yes":
            relations = relations[:-1]
        for i in relations:
            objects = interpret_until(scene, q.program, i)
            without = _without(scene, q.program, i, objects)
            assert without is None or without != q.answer, q


def interpret_until(scene, program, i):
    """Return the object that step i relates to."""
    queried = [*program[:i], {"function": "query_index", "inputs": program[i]["inputs"], "value_inputs": []}]
    numbered = {**scene, "objects": [{**o, "index": k} for k, o in enumerate(scene["objects"])]}
    return int(interpret(numbered, queried))


def _without(scene, program, i, start):
    """Return the answer with step i passing all other objects, or `None` if there is none."""
    marked = [{**o, "marked": k != start} for k, o in enumerate(scene["objects"])]
    steps = [*program]
    steps[i] = {"function": "filter_marked", "inputs": [0], "value_inputs": [True]}
    try:
        return interpret({**scene, "objects": marked}, steps)
    except ValueError:
        return None


def test_prior_is_weak(val):
    """The most common answer of each family on train, over val: under 55 %."""
    train = defaultdict(Counter)
    for _, q in _questions("train", 120, 20):
        train[q.family][q.answer] += 1
    right = sum(train[q.family].most_common(1)[0][0] == q.answer for _, q in val)
    assert right / len(val) < 0.55


def test_two_answers_are_equally_likely(val):
    """Each within 4.5 standard deviations of a half: 44 families, error probability below 1e-3."""
    counts = defaultdict(Counter)
    for _, q in val:
        counts[q.family][q.answer] += 1
    for family, answers in counts.items():
        if set(answers) <= {"yes", "no"} or set(answers) <= {"large", "small"} or set(answers) <= {"rubber", "metal"}:
            total = answers.total()
            assert abs(answers.most_common(1)[0][1] - total / 2) < 4.5 * total**0.5 / 2, (family, answers)
        elif family.startswith("count"):
            assert answers.most_common(1)[0][1] < 0.63 * answers.total()


def test_nobody_counts_a_color_that_nothing_shares(val):
    asked = [scene for scene, q in val if q.family == "count_same_color"]
    colors = [[o["color"] for o in scene["objects"]] for scene in asked]
    assert len(asked) > 50
    assert all(len(set(row)) < len(row) for row in colors)


def test_names_are_those_of_the_families_in_their_order():
    assert tuple(family.name for family in FAMILIES) == NAMES
