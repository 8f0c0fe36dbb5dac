"""In-context Markov chains: each sequence has its own transition matrix, to be inferred from the sequence itself.

The rows of the matrix are drawn from Dirichlet(1, …, 1), the first state uniformly. So the best possible predictor is
known exactly: it counts what followed the current state so far, and adds one to every count (`bayes_bigram`).

Dimensions: B sequences, S = T + 1 tokens, q queries (predicting token q + 1) and j keys, both of T; K states.
Losses and floors in nats.

Source: Edelman et al. 2024, "The evolution of statistical induction heads" (arXiv 2402.11004), whose first state
follows the stationary distribution; ours is uniform, so that it says nothing about the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.data.sequences.digits import ALPHABET
from models.data.sequences.recall import followers
from models.data.sequences.task import (
    FIRST,
    MAX_LENGTH,
    SYMBOLS,
    Sequences,
    SequenceTask,
    bounded,
    clean,
    vocabulary,
)


def bayes_bigram(tokens_BS: Tensor, k: int) -> Tensor:
    """(B, T, K) the best prediction of each next state from the states so far, float64; state s has the id FIRST + s.

    The posterior mean (count of s after the current state + 1) / (count of anything after it + K).
    """
    seen_BSK = one_hot(tokens_BS - FIRST, k).double()
    current_BTK, next_BTK = seen_BSK[:, :-1], seen_BSK[:, 1:]
    # Before q, the current state was seen at p < q with a successor at p + 1 <= q.
    same_BTT = (current_BTK @ current_BTK.mT).tril(-1)
    counts_BTK = same_BTT @ next_BTK
    return (counts_BTK + 1) / (counts_BTK.sum(dim=2, keepdim=True) + k)


def unigram(tokens_BS: Tensor, k: int) -> Tensor:
    """(B, T, K) how frequent each state was so far, one added to every count, float64: the order is overlooked."""
    counts_BTK = one_hot(tokens_BS[:, :-1] - FIRST, k).cumsum(dim=1).double()
    return (counts_BTK + 1) / (counts_BTK.sum(dim=2, keepdim=True) + k)


def bayes_nats(tokens_BS: Tensor, k: int) -> Tensor:
    """(B,) mean loss of `bayes_bigram` on each sequence: on average, no model does better."""
    next_BT1 = tokens_BS[:, 1:, None] - FIRST
    return -bayes_bigram(tokens_BS, k).gather(2, next_BT1).squeeze(2).log().mean(dim=1)


@dataclass(frozen=True, eq=False)
class Markov(SequenceTask):
    """States of a chain. Scored are the predictions at states that occurred before, the others being pure guesses.

    They need the positions behind those earlier places of the current state.
    """

    symbols: int = 3

    def draw(self, count: int, random: torch.Generator) -> Sequences:
        k, length = self.symbols, self.longest[0]
        weight_BKK = torch.empty(count, k, k, dtype=torch.float64).exponential_(generator=random)
        share_BKK = weight_BKK.cumsum(dim=2) / weight_BKK.sum(dim=2, keepdim=True)
        state_B1 = torch.randint(k, (count, 1), generator=random)
        chance_B1T1 = torch.rand(count, 1, length, 1, generator=random, dtype=torch.float64)
        # The successor of every state at every time; the chain then only follows them.
        successor_BKT = (share_BKK[:, :, None, :-1] <= chance_B1T1).sum(dim=3)
        states = [state_B1]
        for successor_BK in successor_BKT.unbind(dim=2):
            states.append(successor_BK.gather(1, states[-1]))
        return self.of(FIRST + torch.cat(states, dim=1))

    def of(self, tokens_BS: Tensor) -> Sequences:
        """What is scored and needed in those states."""
        needs_BTT = followers(tokens_BS[:, :-1])
        return Sequences(tokens_BS, needs_BTT.any(dim=2), needs_BTT)

    def longer(self, length: int) -> Markov:
        return replace(self, longest=(bounded(length, 2, MAX_LENGTH),) * 2)

    def read(self, text: str) -> Sequences:
        """States, without spaces or with them."""
        letters = [letter for letter in clean(text) if not letter.isspace() and letter != ","]
        ids = self.spell(letters, "".join(self.vocabulary[FIRST:]), 2, self.longest[0] + 1)
        return self.padded(self.of(torch.tensor([ids])))

    @property
    def floor_nats(self) -> None:
        """Not known in closed form; `bayes_nats` gives it for the sequences at hand."""
        return

    @cached_property
    def chance(self) -> float:
        return 1 / self.symbols


def markov(length: int, symbols: int) -> Markov:
    """Chains over `symbols` states; raises `Unreadable` for numbers out of bounds."""
    bounded(symbols, 2, len(ALPHABET), SYMBOLS)
    return Markov("markov", vocabulary(ALPHABET[:symbols]), (0, 0), symbols=symbols).longer(length)
