"""A model's weights as safetensors: what the model is, without the optimizer and the random states around it.

Tensors keep the names of the checkpoint. Most families keep the weights of one net flat, layer after layer, in the
order in which the family's model lists them; the metadata says which experiment, which step, and how to load:

    from safetensors.numpy import load_file
    arrays = load_file("torchlight-gan-abc123-2000.safetensors")

To go on training, take the run's own checkpoint (`run.checkpoint(step)`): it has everything that the next step needs.
"""

from __future__ import annotations

import json
import re

import safetensors
import safetensors.numpy

from state.export.refusals import NO_CHECKPOINT, NO_WEIGHTS, CannotExport
from state.runs import Run

FAR = 2**62
MODEL = re.compile(r"(?:.*/)?(?:now\.)?(?:weights(?:\.\d+)?|running|[dgDG]|u|ema|average|critics|translators)")
"""Names that a checkpoint gives to what the model computes with: weights, running statistics, averaged weights."""
HOW = "safetensors.numpy.load_file(path) gives the arrays by name; a net's weights are flat, layer after layer."


def weights_at(run: Run, step: int | None = None) -> bytes:
    """The newest readable checkpoint not later than `step`. Raises `CannotExport`."""
    found = run.checkpoint(FAR if step is None else step)
    if found is None:
        raise CannotExport(NO_CHECKPOINT, step=step or 0)
    tensors = {name: array for name, array in found.arrays.items() if MODEL.fullmatch(name)}
    if not tensors:
        raise CannotExport(NO_WEIGHTS)
    said = {"step": str(found.step), "key": run.key, "class": run.name, "load": HOW, "knobs": run.row.knobs}
    if not run.unknown:
        said |= {"experiment": repr(run.experiment), "knobs": json.dumps(run.experiment.model_dump(mode="json"))}
    return safetensors.numpy.save(tensors, said)


def missing(run: Run, step: int | None = None) -> CannotExport | None:
    """Why there are no weights to export, told from file names and one header, without reading any weights."""
    at = FAR if step is None else step
    steps = [int(path.stem.split("-")[1]) for path in run.directory.glob("ckpt-*.safetensors")]
    if not (earlier := [one for one in steps if one <= at]):
        return CannotExport(NO_CHECKPOINT, step=step or 0)
    try:
        with safetensors.safe_open(run.directory / f"ckpt-{max(earlier)}.safetensors", "numpy") as file:
            return None if any(map(MODEL.fullmatch, file.keys())) else CannotExport(NO_WEIGHTS)
    except (OSError, safetensors.SafetensorError):
        return None  # an earlier checkpoint may be good: who exports will see
