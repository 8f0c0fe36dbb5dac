"""Laws of the tasks: answers are what plain Python says, needs lead to them, nothing judged by was learned from."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from models.data.sequences import (
    BEGIN,
    BLANK,
    END,
    FIRST,
    PAD,
    SEPARATOR,
    SPECIALS,
    TASKS,
    Pairs,
    Sequences,
    Unreadable,
    task,
)
from models.data.sequences.arithmetic import Addition
from models.data.sequences.arrange import answer_start, arrange, positions, prompt, vocabulary_size
from models.data.sequences.brackets import balanced
from models.data.sequences.chains import Markov, bayes_bigram, bayes_nats, unigram
from models.data.sequences.repeats import Induction

PAIR_TASKS = [name for name in TASKS if task(name).kind == "pairs"]
SEQUENCE_TASKS = [name for name in TASKS if name not in PAIR_TASKS]
SHAPES: tuple[Any, ...] = ("encoder", "decoder", "encoder_decoder")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(name: str, count: int = 40, **knobs: int) -> list[tuple[str, str]]:
    """Pairs of that task as texts."""
    made = task(name, **knobs)
    pairs = made.draw(count, generator())
    assert isinstance(pairs, Pairs)
    return [(made.say(s), made.say(t)) for s, t in zip(pairs.source_BN, pairs.target_BM, strict=True)]


def marked(row: Tensor) -> list[int]:
    return row.nonzero().flatten().tolist()


def tensors(examples: Pairs | Sequences) -> list[Tensor]:
    return list(vars(examples).values())


@pytest.mark.parametrize("name", TASKS)
def test_draws_depend_on_the_generator_alone_and_have_the_promised_shapes(name: str) -> None:
    made = task(name)
    n, m = made.longest
    for draw in (made.draw, made.held_out):
        first, again = draw(7, generator(3)), draw(7, generator(3))
        assert all(map(torch.equal, tensors(first), tensors(again)))
        shapes = [tuple(part.shape) for part in tensors(first)]
        assert shapes == ([(7, n), (7, m), (7, m, n)] if made.kind == "pairs" else [(7, n + 1), (7, n), (7, n, n)])
        assert tensors(first)[0].dtype == torch.long and tensors(first)[-1].dtype == torch.bool
        assert int(tensors(first)[0].max()) < len(made.vocabulary)
    assert made.vocabulary[:FIRST] == SPECIALS and task(name) is made and 0 < made.chance < 1


@pytest.mark.parametrize("name", PAIR_TASKS)
def test_targets_end_once_and_equal_ones_have_their_sources_length(name: str) -> None:
    made = task(name)
    pairs = made.draw(64, generator())
    assert isinstance(pairs, Pairs)
    lengths = (pairs.source_BN != PAD).sum(1), (pairs.target_BM != PAD).sum(1)
    for ids, length in zip((pairs.source_BN, pairs.target_BM), lengths, strict=True):
        assert torch.equal(ids != PAD, torch.arange(ids.shape[1]) < length[:, None])
    if made.equal:
        assert torch.equal(*lengths)
    elif len(lengths[1].unique()) > 1:
        last = pairs.target_BM.gather(1, lengths[1][:, None] - 1)
        assert bool((last == END).all()) and int((pairs.target_BM == END).sum()) == 64
    assert not bool((pairs.needs_BMN & (pairs.source_BN == PAD)[:, None]).any())


def test_answers_are_what_plain_python_says() -> None:
    assert all(target == source for source, target in drawn("copy"))
    assert all(target == source[::-1] for source, target in drawn("reverse"))
    assert all(target == "".join(sorted(source)) for source, target in drawn("sort", symbols=20))
    for source, target in drawn("histogram", length=30, symbols=3):
        counts = Counter(source)
        assert target.split() == [str(counts[letter]) for letter in source]


@pytest.mark.parametrize("digits", [1, 2, 3, 5, 8])
def test_sums_are_sums_and_none_held_out_is_learned(digits: int) -> None:
    for name, step in (("addition", 1), ("addition_reversed", -1)):
        for source, target in drawn(name, digits=digits):
            a, b = re.fullmatch(rf"(\d{{{digits}}})\+(\d{{{digits}}})=", source).groups()  # type: ignore[union-attr]
            assert target[::step] == f"{int(a) + int(b):0{digits + 1}}"
    made = task("addition", digits=digits)
    assert isinstance(made, Addition)
    reserved = {tuple(ids) for ids in made.held_out(500, generator()).source_BN.tolist()}
    assert len(reserved) == min(500, 10 ** (2 * digits) // 10)
    assert all((*ids[digits + 1 : -1], ids[digits], *ids[:digits], ids[-1]) in reserved for ids in reserved)
    learned = {tuple(ids) for ids in made.draw(20_000, generator()).source_BN.tolist()}
    assert not learned & reserved
    if digits == 1:
        assert len(learned) == 100 - 10


def test_needs_lead_to_the_answer() -> None:
    for name in ("copy", "reverse", "sort"):
        pairs = task(name).draw(30, generator())
        assert isinstance(pairs, Pairs)
        for source, target, needs in zip(pairs.source_BN, pairs.target_BM, pairs.needs_BMN, strict=True):
            assert all(marked(row) for row in needs)
            assert all(source[n] == target[m] for m, row in enumerate(needs) for n in marked(row))
            if name == "sort":  # All places of the symbol, and no other.
                assert torch.equal(needs, target[:, None] == source)
            else:
                assert bool((needs.sum(1) == 1).all()) and bool((needs.sum(0) == 1).all())
    counts = task("histogram").draw(30, generator())
    assert isinstance(counts, Pairs)
    numbers = counts.target_BM - task("histogram").ids["1"] + 1
    assert torch.equal(counts.needs_BMN.sum(2), numbers)


def test_the_digits_of_a_sum_need_their_own_column() -> None:
    pairs = task("addition_reversed", digits=3).read("12 + 934")
    assert task("addition", digits=3).say(pairs.source_BN[0]) == "012+934="
    assert [marked(row) for row in pairs.needs_BMN[0]] == [[2, 6], [1, 5], [0, 4], [0, 4]]
    plain = task("addition", digits=3).read("012+934=")
    assert torch.equal(plain.needs_BMN, pairs.needs_BMN.flip(1)) and torch.equal(
        plain.target_BM, pairs.target_BM.flip(1)
    )


def test_following_the_marks_of_a_sequence_finds_the_next_token() -> None:
    for name, length in (("recall", 24), ("induction", 48)):
        made = task(name, length=length).draw(40, generator())
        assert isinstance(made, Sequences)
        assert bool(made.scored_BT.any()) and torch.equal(made.scored_BT & made.needs_BTT.any(2), made.scored_BT)
        for b, q, j in made.needs_BTT.nonzero().tolist():
            tokens = made.tokens_BS[b]
            assert 1 <= j <= q and tokens[j] == tokens[q + 1] and tokens[j - 1] == tokens[q]


def test_recall_asks_for_keys_that_were_given_a_value() -> None:
    made = task("recall", length=21, symbols=4)
    examples = made.draw(50, generator())
    assert isinstance(examples, Sequences)
    for tokens, scored in zip(examples.tokens_BS, examples.scored_BT, strict=True):
        texts = [made.vocabulary[int(token)] for token in tokens]
        keys, values = texts[::2], texts[1::2]
        assert len(texts) == 20 and len(set(keys[:4])) == 4
        assert all(values[i] == values[keys.index(keys[i])] for i in range(10))
        assert marked(scored) == [2 * i for i in range(10) if keys[i] in keys[:i]] == list(range(8, 20, 2))


def test_induction_repeats_with_every_period_of_its_range() -> None:
    made = task("induction", length=48, symbols=32)
    assert isinstance(made, Induction) and (made.low, made.high) == (8, 24)
    for low, high in ((8, 24), (4, 7), (25, 40)):
        examples = made.with_periods(low, high).draw(400, generator())
        periods = (~examples.scored_BT).sum(1)
        assert set(periods.tolist()) == set(range(low, high + 1))
        for tokens, period, needs in zip(examples.tokens_BS[:40], periods.tolist(), examples.needs_BTT, strict=False):
            assert torch.equal(tokens[period:], tokens[: 49 - period])
            assert [marked(row) for row in needs] == [
                [j for j in range((q + 1) % period, q, period) if j] for q in range(48)
            ]


def test_the_floor_of_induction_is_the_loss_of_the_best_predictor() -> None:
    made = task("induction", length=24, symbols=12)
    assert isinstance(made, Induction)
    tokens_BS = made.draw(1500, generator()).tokens_BS
    log_BP = torch.stack([_repeats_log(tokens_BS, period, 12) for period in range(made.low, made.high + 1)], dim=1)
    joint_BS = log_BP.logsumexp(1) - math.log(made.high - made.low + 1)
    nats_B = -(joint_BS[:, -1] - joint_BS[:, 0]) / 24
    assert float(nats_B.mean()) == pytest.approx(made.floor_nats, abs=3 * float(nats_B.std()) / 1500**0.5 + 1e-4)
    full = task("induction", length=48, symbols=32)
    copying = math.log(32) * 16 / 48
    assert copying == pytest.approx(1.155, abs=5e-4) and 0 < copying - (full.floor_nats or 0) < 0.02


def _repeats_log(tokens_BS: Tensor, period: int, v: int) -> Tensor:
    """(B, S) log probability of each beginning, given the period."""
    fits_BS = torch.ones_like(tokens_BS, dtype=torch.bool)
    fits_BS[:, period:] = tokens_BS[:, period:] == tokens_BS[:, :-period]
    random_S = torch.arange(1, tokens_BS.shape[1] + 1).clamp_max(period) * math.log(v)
    return torch.where(fits_BS.cumprod(1).bool(), -random_S.double(), -math.inf)


def test_bayes_predicts_as_counting_and_integrating_do() -> None:
    tokens = [0, 1, 0, 1, 1, 0, 2, 0]
    tokens_1S = torch.tensor([tokens]) + FIRST
    for q in range(7):
        followed = Counter(b for a, b in itertools.pairwise(tokens[: q + 1]) if a == tokens[q])
        expected = [(followed[s] + 1) / (followed.total() + 3) for s in range(3)]
        assert bayes_bigram(tokens_1S, 3)[0, q].tolist() == pytest.approx(expected, abs=1e-12)
        seen = Counter(tokens[: q + 1])
        assert unigram(tokens_1S, 3)[0, q].tolist() == pytest.approx([(seen[s] + 1) / (q + 4) for s in range(3)])
    # The evidence of all transitions, averaged over matrices drawn from the prior, is what the predictor's steps give.
    rows = torch.distributions.Dirichlet(torch.ones(3, dtype=torch.float64))
    torch.manual_seed(0)
    matrix_X33 = rows.sample(torch.Size([400_000, 3]))
    evidence_X = torch.stack([matrix_X33[:, a, b] for a, b in itertools.pairwise(tokens)]).prod(0)
    error = 4 * float(evidence_X.std()) / len(evidence_X) ** 0.5
    assert math.exp(-7 * float(bayes_nats(tokens_1S, 3))) == pytest.approx(float(evidence_X.mean()), abs=error)


def test_chains_have_dirichlet_rows_and_nothing_predicts_them_better_than_bayes() -> None:
    made = task("markov", length=64, symbols=3)
    assert isinstance(made, Markov)
    examples = made.draw(3000, generator())
    tokens_BS = examples.tokens_BS
    assert float(bayes_nats(tokens_BS, 3).mean()) < -float(
        unigram(tokens_BS, 3).gather(2, tokens_BS[:, 1:, None] - FIRST).log().mean()
    )
    # Two equal transitions in a row: E[p²] of a flat Dirichlet row over three states is 1/6, each of three states.
    state_BS = tokens_BS - FIRST
    twice = (state_BS[:, 0] == state_BS[:, 1]) & (state_BS[:, 1] == state_BS[:, 2])
    assert float(twice.double().mean()) == pytest.approx(1 / 6, abs=4 * (5 / 36 / 3000) ** 0.5)
    for b, q in itertools.product(range(5), range(64)):
        behind = [j for j in range(1, q + 1) if tokens_BS[b, j - 1] == tokens_BS[b, q]]
        assert marked(examples.needs_BTT[b, q]) == behind and bool(examples.scored_BT[b, q]) == bool(behind)


def test_brackets_close_what_is_marked() -> None:
    made = task("brackets", length=20)
    examples = made.draw(100, generator())
    assert isinstance(examples, Sequences)
    for tokens, scored, needs in zip(examples.tokens_BS, examples.scored_BT, examples.needs_BTT, strict=True):
        open_: list[int] = []
        for place, letter in enumerate(made.say(tokens)):
            if letter in "([":
                open_.append(place)
            else:
                partner = open_.pop()
                assert made.say(tokens)[partner] + letter in ("()", "[]")
                assert bool(scored[place - 1]) and marked(needs[place - 1]) == [partner]
        assert not open_
        assert int(scored.sum()) == int(needs.sum()) == 10


def test_every_balanced_word_is_equally_likely() -> None:
    words = Counter(tuple(word) for word in balanced(14_000, 4, generator()).tolist())
    assert len(words) == 14 and all(abs(count - 1000) < 4.5 * 1000**0.5 for count in words.values())
    assert task("brackets", length=8).floor_nats == pytest.approx((math.log(14) + 3 * math.log(2)) / 7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PAIR_TASKS)
def test_arranged_pairs_can_be_read_back(name: str, shape: Any) -> None:
    made = task(name)
    pairs = made.draw(9, generator())
    assert isinstance(pairs, Pairs)
    n, m = made.longest
    arranged, start = arrange(pairs, made, shape), answer_start(made, shape)
    source_BN = arranged.encoder_BN if shape == "encoder_decoder" else arranged.input_BT[:, :n]
    assert source_BN is not None and torch.equal(source_BN, pairs.source_BN)
    answer = slice(start, start + m)
    assert torch.equal(arranged.target_BT[:, answer], pairs.target_BM)
    assert torch.equal(arranged.needs_BTS[:, answer, :n], pairs.needs_BMN)
    assert int(arranged.needs_BTS.sum()) == int(pairs.needs_BMN.sum())
    assert torch.equal(arranged.scored_BT, arranged.target_BT != PAD) and arranged.weight_BT.dtype == torch.float32
    assert arranged.input_BT.shape == arranged.target_BT.shape == (9, positions(made, shape))
    if shape == "encoder":
        blanks = arranged.input_BT[:, n:]
        assert made.equal or (bool((blanks[:, 0] == SEPARATOR).all()) and bool((blanks[:, 1:] == BLANK).all()))
    else:
        mark = BEGIN if shape == "encoder_decoder" else SEPARATOR
        assert bool((arranged.input_BT[:, start] == mark).all())
        assert torch.equal(arranged.input_BT[:, start + 1 :], pairs.target_BM[:, :-1])
        assert not bool(prompt(arranged, made, shape)[:, start + 1 :].any())


@pytest.mark.parametrize("name", SEQUENCE_TASKS)
def test_arranged_sequences_predict_the_next_token(name: str) -> None:
    made = task(name)
    examples = made.held_out(9, generator())
    assert isinstance(examples, Sequences)
    arranged = arrange(examples, made, "decoder")
    assert torch.equal(arranged.input_BT[:, 1:], arranged.target_BT[:, :-1])
    assert torch.equal(arranged.needs_BTS, examples.needs_BTT) and torch.equal(arranged.scored_BT, examples.scored_BT)
    assert torch.equal(
        arranged.weight_BT, examples.scored_BT.float() if name == "recall" else torch.ones(9, made.longest[0])
    )
    assert arranged.input_BT.shape[1] == positions(made, "decoder") and vocabulary_size(made) == len(made.vocabulary)


@pytest.mark.parametrize("name", TASKS)
def test_a_drawn_example_can_be_typed_in_and_other_lengths_keep_the_vocabulary(name: str) -> None:
    made = task(name)
    whole = made.draw(1, generator(5))
    typed = made.read(made.say(tensors(whole)[0][0]))
    assert all(map(torch.equal, tensors(typed), tensors(whole)))
    length = 3 if name.startswith("addition") else 12
    if name in ("dates", "number_words", "own_pairs"):
        with pytest.raises(Unreadable, match="of its own length only"):
            made.longer(length)
    else:
        other = made.longer(length)
        assert type(other) is type(made) and other.vocabulary == made.vocabulary and other.longest != made.longest
        assert len(tensors(other.draw(3, generator()))[0]) == 3


def test_chance_is_what_a_guess_of_the_commonest_token_gets() -> None:
    for name in TASKS:
        made = task(name, symbols=4)
        examples = made.draw(4000, generator(1))
        tokens = examples.target_BM if isinstance(examples, Pairs) else examples.tokens_BS[:, 1:][examples.scored_BT]
        tokens = tokens[tokens != PAD]
        assert float(tokens.bincount().max() / len(tokens)) == pytest.approx(made.chance, abs=0.03), name
