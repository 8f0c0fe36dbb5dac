"""The sets on the plane by name: samples and exact densities, see `models.data.density`.

gaussians     two blobs in the unit square, GAN Lab's default
ring, grid    8 and 25 small round modes: is any of them missed?
moons         two half circles
checkerboard  8 squares with hard edges
pinwheel      5 bent blades
spirals       two thin spirals
swiss_roll    one thick spiral
drawing       what the visitor draws, as text from a link
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from models.data import curves, mixtures
from models.data.density import PlaneData
from models.data.drawing import drawing as drawn
from models.data.pinwheel import pinwheel

__all__ = ["PLANE_NAMES", "PlaneData", "plane"]

_MAKERS: Mapping[str, Callable[[], PlaneData]] = {
    "gaussians": mixtures.gaussians,
    "ring": mixtures.ring,
    "grid": mixtures.grid,
    "moons": curves.moons,
    "checkerboard": mixtures.checkerboard,
    "pinwheel": pinwheel,
    "spirals": curves.spirals,
    "swiss_roll": curves.swiss_roll,
}

PLANE_NAMES: tuple[str, ...] = (*_MAKERS, "drawing")


def plane(name: str, drawing: str = "") -> PlaneData:
    """The set of that name, the same object for the same name; `drawing` is read only for "drawing".

    Raises `ValueError` for a name that is none, or a drawing that cannot be read.
    """
    return _plane(name, drawing if name == "drawing" else "")


@lru_cache(maxsize=128)  # Bounded: visitors write drawings.
def _plane(name: str, drawing: str) -> PlaneData:
    if name == "drawing":
        return drawn(drawing)
    if name not in _MAKERS:
        raise ValueError(f"{name!r} is not one of {', '.join(PLANE_NAMES)}.")
    return _MAKERS[name]()
