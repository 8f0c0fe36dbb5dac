"""Basins: lines end at their nets, the plane holds the lines, and a net is no way from itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.basins import LINES, MARGIN, PLANE_JUDGED, POINTS, SIDE, Basins, Four, apart, barrier
from models.experiment import Checkpoint, Snapshot
from pages.parts.freezing.basins import panels, rows, ways

torch.set_num_threads(1)
SMALL = Basins(per_class=2, steps=12)


@pytest.fixture(scope="module")
def four() -> Four:
    found = Four(SMALL)
    for step in range(12):
        found.iterate(step)
    return found


def test_a_line_ends_at_the_losses_of_its_nets_and_is_flat_between_a_net_and_itself(four: Four) -> None:
    line_XS = four.line(four.nets(0), four.nets(2))
    for end, kind in ((0, 0), (-1, 2)):
        np.testing.assert_allclose(line_XS[end], four.losses(four.nets(kind), 300).numpy(), rtol=1e-6)
    still_XS = four.line(four.nets(1), four.nets(1))
    np.testing.assert_allclose(still_XS, np.broadcast_to(still_XS[:1], still_XS.shape), rtol=1e-5)
    np.testing.assert_allclose(barrier(still_XS), 0, atol=1e-5)
    assert float(apart(four.nets(1), four.nets(1)).max()) == 0


def test_the_plane_holds_its_three_nets(four: Four) -> None:
    surface_GG = four.plane()
    ticks = np.linspace(-MARGIN, 1 + MARGIN, SIDE)
    origin, one = int(np.abs(ticks).argmin()), int(np.abs(ticks - 1).argmin())
    # The grid does not hit the corners exactly: interpolate between nothing, compare where it does.
    if abs(ticks[origin]) < 1e-9:
        base = float(four.losses([block[:1] for block in four.start()], PLANE_JUDGED)[0])
        assert surface_GG[origin, origin] == pytest.approx(base, rel=1e-5)
    x, y = ticks[one], ticks[origin]
    blocks = [
        b[:1] + x * (t[:1] - b[:1]) + y * (s[:1] - b[:1])
        for b, t, s in zip(four.start(), four.nets(0), four.nets(2), strict=True)
    ]
    assert surface_GG[origin, one] == pytest.approx(float(four.losses(blocks, PLANE_JUDGED)[0]), rel=1e-5)


def test_a_barrier_is_the_rise_over_the_chord() -> None:
    share = np.linspace(0, 1, POINTS)
    assert barrier((1 + 2 * share)[:, None]).tolist() == pytest.approx([0.0])
    assert barrier((1 + 2 * share + 3 * np.sin(np.pi * share))[:, None]).tolist() == pytest.approx([3.0])


def test_fine_tunings_begin_at_one_point_and_nets_from_scratch_do_not() -> None:
    begun = Four(SMALL)
    assert float(apart(begun.nets(0), begun.nets(1)).max()) == 0 < float(apart(begun.nets(2), begun.nets(3)).min())


def test_a_resumed_survey_is_the_undisturbed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.basins.JUDGED", 50)
    monkeypatch.setattr("models.basins.PLANE_JUDGED", 20)
    whole = list(SMALL.train())
    start = next(event for event in whole if isinstance(event, Checkpoint))
    for mine, theirs in zip(list(SMALL.train(start))[-2:], whole[-2:], strict=True):
        assert isinstance(mine, Snapshot | Checkpoint) and isinstance(theirs, Snapshot | Checkpoint)
        for name, array in mine.arrays.items():
            np.testing.assert_array_equal(array, theirs.arrays[name], err_msg=name)


def test_the_table_and_the_panels_tell_what_the_survey_found(four: Four) -> None:
    four.survey()
    told = rows(four.snapshot(12).arrays)
    assert told.count("<tr") == 1 + len(LINES) and all(way in told for way in ways().values())
    named = {line["array"] for panel in panels(SMALL) for line in panel.get("lines", ())}
    assert named <= set(four.found) and named <= set(Basins.wire)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_fine_tunings_share_a_basin_and_nets_from_scratch_do_not(seed: int) -> None:
    last = [event for event in Basins(seed=seed).train() if isinstance(event, Snapshot)][-1].arrays["barrier_WS"]
    assert last[0].max() < 0.05 and last[1].mean() > 1.0
