"""An experiment as a script that runs in a plain notebook with `models` alone, and draws its curves as text."""

from __future__ import annotations

from models.experiment import Experiment

SCRIPT = '''"""{title}, trained again from its knobs and its seed. Needs Torchlight's folder `models` beside it."""

{imports}

experiment = {experiment}

curves = {{}}  # per column its steps and values
pictures = {{}}  # per recorded step its arrays
for event in experiment.train():
    match event:
        case Scalars(step=step, first=first, values=values):
            for name, column in values.items():
                steps, known = curves.setdefault(name, ([], []))
                steps.extend(range(first, step + 1))
                known.extend(column.tolist())
        case Snapshot(step=step, arrays=arrays):
            pictures[step] = arrays
        case Note():
            print(f"step {{event.step}}: {{event}}")


def sparkline(values, width=48):
    """A curve as a line of blocks, from its lowest to its highest finite value."""
    picked = [values[at * len(values) // width] for at in range(min(width, len(values)))]
    finite = [value for value in picked if abs(value) < float("inf")]
    low, span = (min(finite), max(finite) - min(finite) or 1.0) if finite else (0.0, 1.0)
    return "".join("▁▂▃▄▅▆▇█"[int(7 * (value - low) / span)] if value in finite else " " for value in picked)


for name, (steps, values) in curves.items():
    print(f"{{name:24}} {{sparkline(values):48}} {{values[-1]:.5g}} at step {{steps[-1]}}")
shapes = {{name: array.shape for arrays in pictures.values() for name, array in arrays.items()}}
print(f"{{len(pictures)}} pictures, each with arrays of these shapes: {{shapes}}")
'''


def script(experiment: Experiment) -> str:
    """Python that trains this experiment, keeps its numbers and pictures, and prints each curve in one line."""
    cls = type(experiment)
    imports = sorted([f"from {cls.__module__} import {cls.__name__}",
                      "from models.experiment import Note, Scalars, Snapshot"])  # fmt: skip
    title = cls.title or cls.__name__
    return SCRIPT.format(title=title, imports="\n".join(imports), experiment=repr(experiment))
