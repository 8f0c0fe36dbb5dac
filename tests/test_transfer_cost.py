"""The freeze lab's cost ledger, held against a count by hand and against the nets themselves."""

from __future__ import annotations

from itertools import pairwise

import torch

from models.layers import stack
from models.layers.stack import HEAD
from models.metrics.transfer_cost import cost_ledger
from models.transfer import FreezeLab

torch.set_num_threads(1)
LAB = FreezeLab(strategies="scratch,head_only,full,top_two,gradual", seeds=2, per_class=2, steps=20, pretraining=50)
TRUNK_MACS = 9 * 8 * 256 + 9 * 8 * 16 * 64 + 9 * 16 * 16 * 64 + 9 * 16 * 32 * 16 + 512 * 64


def test_counts_are_those_by_hand() -> None:
    bill = {cost.arm: cost for cost in cost_ledger(LAB)}
    assert bill["head_only"].trainable_parameters == 64 * 10 + 10
    assert bill["head_only"].forward_macs == 640 and bill["head_only"].backward_macs == 640
    assert bill["full"].forward_macs == TRUNK_MACS + 640
    # The lowest layer passes nothing on to the picture.
    assert bill["full"].backward_macs == 2 * (TRUNK_MACS + 640) - 9 * 8 * 256
    assert bill["top_two"].checkpoint_bytes == 4 * (512 * 64 + 64 + 640 + 10)
    assert (
        bill["full"].checkpoint_bytes
        == bill["scratch"].checkpoint_bytes
        == 4 * sum(s.parameters for s in stack.shapes(10))
    )


def test_what_freezes_more_costs_less() -> None:
    bill = {cost.arm: cost for cost in cost_ledger(LAB)}
    order = [bill[arm] for arm in ("head_only", "top_two", "gradual", "full")]
    for less, more in pairwise(order):
        assert less.mean_parameters < more.mean_parameters and less.backward_macs < more.backward_macs
        assert less.activation_bytes <= more.activation_bytes


def test_a_layers_outputs_are_counted_as_they_leave_it() -> None:
    blocks = [torch.zeros(1, shape.parameters) for shape in stack.shapes(10)]
    for layer in range(HEAD):
        leaving = stack.forward(blocks, torch.zeros(1, 1, 16, 16), stop=layer + 1)
        assert leaving.numel() == stack.TRUNK[layer].outputs * stack.TRUNK[layer].pixels
