"""What a visitor writes becomes a task, or a sentence that names the line; nothing else ever happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.data.sequences import TASKS, TEMPLATES, Pairs, PairTask, Sequences, Unreadable, own, task
from models.data.sequences.example import SYLLABLES, telex
from models.data.sequences.own import OwnPairs, OwnText


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def refused(attempt: Callable[[], Pairs | Sequences]) -> str | None:
    """The sentence that refuses an attempt; None where it succeeds, with examples in it."""
    try:
        assert len(tensors(attempt())[0])
    except Unreadable as refusal:
        filled = refusal.template.format_map(refusal.values) == str(refusal)
        return refusal.template if filled else "not filled in"
    return None


def tensors(examples: Pairs | Sequences) -> list[Tensor]:
    return list(vars(examples).values())


def test_own_pairs_are_characters_or_words_by_side() -> None:
    lines = [f"{' '.join(f'w{i % 7}' for _ in range(i % 3 + 1))} -> {i}" for i in range(1, 31)]
    made = task("own_pairs", own="\n".join(lines))
    assert isinstance(made, OwnPairs) and made.words == (True, False) and not made.equal
    learned = {made.say(ids) for ids in made.draw(2000, generator()).target_BM}
    held = {made.say(ids) for ids in made.held_out(9, generator()).target_BM}
    assert held == {"10", "20", "30"} and not held & learned and len(learned | held) == 30
    few = task("own_pairs", own="ab = ba\n\ncd\tdc")
    assert isinstance(few, OwnPairs) and few.equal and few.say(few.read("cd").target_BM[0]) == "dc"
    assert not bool(few.read("da").target_BM.any()) and few.say(few.read("da=ad").target_BM[0]) == "ad"


@pytest.mark.parametrize(
    ("text", "template", "values"),
    [
        ("a → b\n\nno arrow here", own.NO_ARROW, {"line": 3}),
        ("a → b\nc →  ", own.EMPTY_SIDE, {"line": 2}),
        ("a → b\n" + "c" * 61 + "=d", own.LONG_SIDE, {"line": 2, "count": 61}),
        ("a a → b\nc " + "d" * 25 + "=d", own.LONG_WORD, {"line": 2, "count": 25}),
        ("a → b\na → b", own.FEW_PAIRS, {"least": 2}),
        ("\n".join(f"{i} = {i}" for i in range(401)), own.MANY_PAIRS, {"line": 401}),
        ("\n".join(f"x {i} = y" for i in range(130)), own.MANY_KINDS, {"line": 119}),
        ("a" * 6001, "The text has {count} characters; at most {most} can be read. Shorten it.", {"count": 6001}),
    ],
)
def test_bad_pairs_are_refused_with_their_line(text: str, template: str, values: dict[str, int]) -> None:
    with pytest.raises(Unreadable) as refusal:
        task("own_pairs", own=text)
    assert refusal.value.template == template and template in TEMPLATES
    assert values.items() <= refusal.value.values.items() and str(refusal.value) == template.format(
        **refusal.value.values
    )


def test_own_texts_hold_out_their_end() -> None:
    text = "".join(chr(0x61 + i % 26) if i < 900 else str(i % 10) for i in range(1000))
    made = task("own_text", own=text, length=20)
    assert isinstance(made, OwnText)
    assert not any(made.say(ids).isdigit() for ids in made.draw(300, generator()).tokens_BS)
    assert all(made.say(ids).isdigit() for ids in made.held_out(300, generator()).tokens_BS)
    assert all(made.say(ids) in text for ids in made.draw(300, generator()).tokens_BS)
    with pytest.raises(Unreadable, match="at least 200"):
        task("own_text", own="ab" * 50)
    with pytest.raises(Unreadable, match="121 different characters"):
        task("own_text", own="".join(chr(0x4E00 + i % 121) for i in range(300)))


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=80), st.text(max_size=20), st.sampled_from(TASKS))
@example("\u202e\u0000\ud800" * 5 + "=", "\u2028", "own_pairs")
@example("9" * 5000, "９", "addition")
@example("a" * 5990 + "\u0344" * 5, "", "copy")
def test_any_text_is_read_or_refused_with_a_sentence(text: str, more: str, name: str) -> None:
    attempts: list[Callable[[], Pairs | Sequences]] = [
        lambda: task(name).read(text),
        lambda: task("own_pairs", own=f"{text} = {more}\n{more} → {text}").draw(3, generator()),
        lambda: task("own_text", own=(text + more) * 8, length=5).draw(3, generator()),
    ]
    assert {refused(attempt) for attempt in attempts} <= {None, *TEMPLATES}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TASKS), st.integers(-3, 600), st.integers(-3, 60), st.integers(-3, 12))
def test_any_knob_makes_a_task_or_is_refused_with_a_sentence(name: str, length: int, symbols: int, digits: int) -> None:
    def attempt() -> Pairs | Sequences:
        return task(name, length=length, symbols=symbols, digits=digits).draw(2, generator())

    assert refused(attempt) in (None, *TEMPLATES)


def test_the_example_is_typed_as_telex_types() -> None:
    typed = {
        "tiếng": "tieengs",
        "việt": "vieetj",
        "người": "nguwowif",
        "đường": "dduwowngf",
        "trâu": "traau",
        "mưa": "muwa",
    }
    assert {word: telex(word) for word in typed} == typed
    assert set(typed) <= set(SYLLABLES.split()) and isinstance(task("own_pairs"), PairTask)
