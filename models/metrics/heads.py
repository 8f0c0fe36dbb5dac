"""What an attention head does, as numbers: how much of its attention goes where a role says it should.

Letters: B sequences, L layers, H heads, T queries, S keys, R roles. Scores lie between 0 and 1: the mean, over queries
for which the role names at least one key, of the attention mass on those keys. A head that does nothing but the role
scores 1, a uniform head scores what is drawn beside it as the null.

    previous     the token before
    current      the token itself
    next         the token after (only where the future is visible)
    first        the first token: a sink where nothing else is wanted
    same_token   other occurrences of the same token
    induction    the tokens that came after earlier occurrences of this token

Source: previous, duplicate-token and induction heads: Elhage et al. 2021, Olsson et al. 2022, arXiv 2209.11895; the
scoring as mass on a pattern follows TransformerLens' head detector, but counts only queries that have a target: an
offset-based induction score calls a head that merely looks a fixed distance back an induction head, this one does not.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROLES = ("previous", "current", "next", "first", "same_token", "induction")


def patterns(tokens_BT: Tensor) -> Tensor:
    """Where each role looks: (R, B, T, T) bool; padding (token 0) is in no pattern."""
    count, length = tokens_BT.shape
    same_BTT = tokens_BT[:, :, None] == tokens_BT[:, None, :]
    diagonal_TT = torch.eye(length, dtype=torch.bool, device=tokens_BT.device)
    earlier_TT = torch.ones_like(diagonal_TT).tril(-1)
    first_TT = torch.zeros_like(diagonal_TT)
    first_TT[:, 0] = True
    after_BTT = torch.nn.functional.pad(same_BTT & earlier_TT, (1, 0))[:, :, :length]
    found = [torch.diag(torch.ones(length - abs(o), dtype=torch.bool, device=tokens_BT.device), o) for o in (-1, 0, 1)]
    fixed = [each.expand(count, length, length) for each in (*found, first_TT)]
    real_BTT = (tokens_BT != 0)[:, :, None] & (tokens_BT != 0)[:, None, :]
    return torch.stack((*fixed, same_BTT & ~diagonal_TT, after_BTT)) & real_BTT


def mass(weight_BHTS: Tensor, wanted_BTS: Tensor) -> Tensor:
    """Mean attention mass on the wanted cells per head (H,), over queries that want any; 0 where none does."""
    wants_BT = wanted_BTS.any(-1)
    total_H = torch.einsum("bhts,bts->h", weight_BHTS, wanted_BTS.to(weight_BHTS.dtype))
    share_H: Tensor = total_H / wants_BT.sum().clamp(min=1)
    return share_H


def roles(weight_LBHTT: Tensor, tokens_BT: Tensor) -> Tensor:
    """Scores (L, H, R) of self-attention heads, in the order of `ROLES`."""
    return scored(weight_LBHTT, *prepared(tokens_BT, weight_LBHTT.dtype))


def prepared(tokens_BT: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """What `scored` needs of the tokens, computed once: each role's cells (R, B, T, T), and its queries (R,)."""
    wanted_RBTT = patterns(tokens_BT)
    return wanted_RBTT.to(dtype), wanted_RBTT.any(-1).sum((1, 2)).clamp(min=1)


def scored(weight_LBHTT: Tensor, wanted_RBTT: Tensor, wants_R: Tensor) -> Tensor:
    """Scores (L, H, R): the mean mass on each role's cells, over the queries that have any."""
    return torch.einsum("lbhts,rbts->lhr", weight_LBHTT, wanted_RBTT) / wants_R


def uniform(visible_BTS: Tensor) -> Tensor:
    """The weights (B, 1, T, S) of a head that spreads its attention evenly over what it may see."""
    share_BTS = visible_BTS.double()
    return (share_BTS / share_BTS.sum(-1, keepdim=True).clamp(min=1))[:, None]


def entropy(weight_BHTS: Tensor) -> Tensor:
    """Mean entropy of each head's rows, in nats (H,): 0 for a head that looks at one key, ln S for a uniform one."""
    nats_H: Tensor = torch.special.entr(weight_BHTS).sum(-1).mean((0, 2))
    return nats_H


def distance(weight_BHTS: Tensor) -> Tensor:
    """How far each head looks on average, in positions (H,); queries and keys are counted from their own starts."""
    t, s = (torch.arange(side, device=weight_BHTS.device) for side in weight_BHTS.shape[-2:])
    far_TS = (t[:, None] - s).abs().to(weight_BHTS.dtype)
    return (weight_BHTS * far_TS).sum(-1).mean((0, 2))
