"""Prompts and answers as numbers, for small vocabularies and for tokenizers of transformers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from ..words import WordTokenizer
from .prompts import Templates

Turns = Sequence[tuple[str, str]]


class Texts(ABC):
    """How a language model is asked and answers.

    Args:
        templates: of the prompts.
    """

    pad: int = 0
    ends: tuple[int, ...]
    """Ids that end an answer; the first is the one to train on."""

    def __init__(self, templates: Templates) -> None:
        self.templates = templates

    def sent(self, task: str, content: Mapping[str, Any]) -> list[int]:
        """Return the ids of the question or text, where it crosses."""
        return self.ids(self.templates.input(task, content))

    @abstractmethod
    def prompt(self, task: str, content: Mapping[str, Any], *, crosses: bool, turns: Turns = ()) -> list[int]:
        """Return the ids of the receiver's own prompt.

        Args:
            task: see :data:`~.prompts.TASKS`.
            content: inputs of the sample.
            crosses: whether the question or text crosses, and so is not in the prompt.
            turns: earlier questions and answers, which the receiver has.
        """

    @abstractmethod
    def free(self, instruction: str) -> list[int]:
        """Return the ids of a prompt that is an instruction alone."""

    @abstractmethod
    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, without marks at its ends."""

    @abstractmethod
    def words(self, ids: Sequence[int]) -> list[str]:
        """Return each id by itself, in small letters."""

    @abstractmethod
    def text(self, ids: Sequence[int], *, sentence: bool = False) -> str:
        """Return the text of an answer, up to its end; with a capital if it is a sentence."""


class WordTexts(Texts):
    """Whole words.

    Args:
        tokenizer: their numbers.
        templates: of the prompts.
    """

    def __init__(self, tokenizer: WordTokenizer, templates: Templates) -> None:
        super().__init__(templates)
        self.tokenizer, self.pad, self.ends = tokenizer, tokenizer.pad, (tokenizer.end,)

    def prompt(self, task: str, content: Mapping[str, Any], *, crosses: bool, turns: Turns = ()) -> list[int]:
        """Return the ids of a prompt; see :meth:`Texts.prompt`."""
        told = self.ids(self.templates.instruction(task))
        for question, answer in turns:
            told += self.ids(self.templates.input("vqa", {"question": question}))
            told += [*self.ids(self.templates.output), *self.ids(answer), *self.ends]
        asked = [] if crosses else self.sent(task, content)
        return [*told, *asked, *self.ids(self.templates.output)]

    def free(self, instruction: str) -> list[int]:
        """Return the ids of an instruction; see :meth:`Texts.free`."""
        return [*self.ids(self.templates.told(instruction)), *self.ids(self.templates.output)]

    def ids(self, text: str) -> list[int]:
        """Return the numbers of the words."""
        return self.tokenizer.ids(text)

    def words(self, ids: Sequence[int]) -> list[str]:
        """Return each word or phrase; see :meth:`Texts.words`."""
        return [self.tokenizer.words[number].lower() for number in ids]

    def text(self, ids: Sequence[int], *, sentence: bool = False) -> str:
        """Return the words."""
        return self.tokenizer.text(ids, sentence=sentence)


class ChatTexts(Texts):
    """A tokenizer of transformers with its chat template.

    Args:
        tokenizer: of transformers.
        templates: of what the user says.
    """

    def __init__(self, tokenizer: Any, templates: Templates) -> None:
        super().__init__(templates)
        self.tokenizer = tokenizer
        end = tokenizer.eos_token_id
        turn = [tokenizer.convert_tokens_to_ids(mark) for mark in ("<|im_end|>", "<end_of_turn>")]
        known = [number for number in turn if isinstance(number, int) and number != tokenizer.unk_token_id]
        self.ends = tuple(dict.fromkeys([*known, end]))
        self.pad = end if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    def prompt(self, task: str, content: Mapping[str, Any], *, crosses: bool, turns: Turns = ()) -> list[int]:
        """Return the ids of a prompt; see :meth:`Texts.prompt`."""
        said = []
        for question, answer in turns:
            said += [{"role": "user", "content": self.templates.input("vqa", {"question": question})}]
            said += [{"role": "assistant", "content": answer}]
        asked = "" if crosses else self.templates.input(task, content)
        now = "\n".join(part for part in (self.templates.instruction(task), asked) if part)
        said.append({"role": "user", "content": now})
        return self._chat(said)

    def free(self, instruction: str) -> list[int]:
        """Return the ids of an instruction; see :meth:`Texts.free`."""
        return self._chat([{"role": "user", "content": instruction}])

    def _chat(self, said: list[dict[str, str]]) -> list[int]:
        if self.tokenizer.chat_template is None:
            return self.ids("\n".join(turn["content"] for turn in said) + "\n")
        text = self.tokenizer.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
        return self.ids(text)

    def ids(self, text: str) -> list[int]:
        """Return the tokenizer's ids."""
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def words(self, ids: Sequence[int]) -> list[str]:
        """Return each piece without the space before it; see :meth:`Texts.words`."""
        return [self.tokenizer.decode([number]).strip().lower() for number in ids]

    def text(self, ids: Sequence[int], *, sentence: bool = False) -> str:
        """Return the text."""
        stop = next((place for place, number in enumerate(ids) if number in self.ends), len(ids))
        text = self.tokenizer.decode(list(ids[:stop]), skip_special_tokens=True).strip()
        return text[:1].upper() + text[1:] if sentence else text
