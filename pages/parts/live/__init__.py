"""The living picture: one component that paints runs while they learn, with one scrubber for all of them.

Frames come straight from the hub over one WebSocket per run (`state/frames.py`); the page only says which runs and
which panels. Panels, by their "kind":

    plane     title, extent (x0, x1, y0, y1), data [[x, y], …], points (array), ema (array), surface (array),
              surface_mid (0.5), surface_range (low, high; without it 0 … 1 for probabilities, else symmetric about
              the middle), surface_symbol ("D"), axes (names of x and y), labels {data, samples, ema, surface}, and
              layers of arrays: optimal (a surface 0 … 1 shown instead), manifold (rows, columns, 2), path (steps, 2),
              arrows (x, y, dx, dy; logarithmic lengths) and field (the same, relative lengths)
    journeys  the fields of a plane, and from (array): an arrow from each of its points to the same one of `points`
    images    title, array ("images"; uint8, or floats within "range", by default 0 … 1), shape (h, w), columns (8)
    heads     title, groups [{array, name, label, layers, heads}], examples [{<group>: {queries, keys}, targets,
              demanded {<group>: [[query, key], …]}}], vocabulary, roles {<group>: {array, names}},
              agreement {group, array} or None: every head of every group as a small heat map
    head      the same fields: the chosen head large, as a map or as lines, with the model's answers
    cloud     title, names (of classes), prior (draw its circles), points ("codes"), labels ("labels"),
              spread ("spread"): codes on the plane by class, with posterior covariances (xx, xy, yy); axes (array):
              the two latent numbers that the axes are
    sheet     title, array (rows, columns), x_label, y_label, range (low, high or None), diverging
    curves    title, columns [{name, label, hue}], log, whole (counts), unit, references [{label, value, low, high}],
              marks [{step}] (where a knob changed)
    profile   title, x (array or numbers), lines [{array, label, hue, row}], log_x, log_y, x_label, unit, references:
              lines over something other than steps, from the arrays of the shown picture
    bands     title, columns [{arm, name, low, high, label, hue, dash}] (a mean and its band per strategy), percent,
              references, note ("n = 5 …"), floor {count, label}: a standard error of a share of so many images;
              log; smooth (a mean of so many values); plain: small, among the other curves, without the chips
    layers    title, arms [{arm, label, hue, dash}], layers (names), start {arm, layer}: a table of one quantity per
              strategy and layer, from the arrays drift_AL, gradient_AL, update_AL, cka_AL, rate_AL, moved_AL; a lock
              stands where moved_AL is 0
    weights   the same fields: the chosen strategy's layer, histogram_ALB over histogram_start_LB, between edges_LB
    trails    title, arms [{arm, x, y, label, hue, dash}] (names of two columns), x_label, y_label

A group's array is uint8 (examples, layers, heads, queries, keys), a byte b for the weight b / 255; its name has only
a-z, 0-9, "_" and "-". `layers` and `heads` reserve the grid's place before the first picture; a padding token is "·".
The surface is an (n, n) grid whose row 0 is the lowest y and whose outer nodes lie on the extent.
The result has `step` ({key, step, turn}: where the visitor came to rest in the first run; step None: the newest),
`view` ({layers, turn}: layers that are switched off and what of the attention is chosen, as listed in `choice.js`,
joined by commas; what it leaves out is the first group's first head), `command` (a trigger: verb, step
and the active run's key; "refresh" when a run got its turn, began or ended) and `transport` ("poll" where the
WebSocket did not open within 1.5 s).
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from streamlit.components.v2.bidi_component import ComponentResult

from pages.parts import once
from pages.parts.component import component
from pages.parts.keyboard import MOVES
from pages.parts.live.module import module

HERE = Path(__file__).parent
DEFLATED = 3
"""zlib's level: a large picture in some milliseconds."""
PARTS = (
    "frames", "numbers", "theme", "columns", "feed", "canvas", "markers", "strokes", "plane", "journeys", "images",
    "cloud", "sums", "axes", "curves", "profile", "transport",
    "shades", "choice", "maps", "tokens", "habits", "board", "tiles", "grid", "options", "heatmap", "bipartite",
    "arms", "evaluations", "names", "bands", "layers", "weights", "trails",
    "shown", "heads", "switches", "head", "sheet", "film", "timeline", "layout", "painting", "view",
)  # fmt: skip
SHEETS = ("live", "attention", "cloud", "freeze")

WORDS: Mapping[str, str] = {
    "locale": "en",
    "waiting_first": "Waiting for the first frame",
    "layer_data": "Data",
    "layer_samples": "Generated",
    "layer_ema": "Averaged generator",
    "layer_surface": "Discriminator",
    "layer_optimal": "Optimal discriminator D*",
    "layer_manifold": "Generator as a net",
    "layer_arrows": "Gradient on samples",
    "layer_field": "Directions of both players",
    "layer_path": "Path",
    "outside": "{count} of {total} samples lie outside",
    "toggle_layer": "Show or hide: {layer}",
    "status_waiting": "Connecting",
    "status_queued": "Queued",
    "status_training": "Training",
    "status_paused": "Paused",
    "status_finished": "Finished",
    "status_stopped": "Stopped",
    "status_failed": "Failed",
    "status_interrupted": "Interrupted",
    "step_of": "step {step} of {steps}",
    "step_short": "step {step}",
    "moment_of": "step {step}, recorded moment {index} of {count}",
    "rate": "{rate} steps/s",
    "eta": "{eta} left",
    "queued": "Waiting in line: place {place}",
    "queued_wait": "Waiting in line: place {place}, starts in about {wait}",
    "place": "place {place} in line",
    "wait": "starts in about {wait}",
    "transport": "Training and history",
    "pause": "Pause training",
    "resume": "Resume training",
    "step": "Train a single step",
    "stop": "Stop training",
    "restart": "Restart with another seed",
    "restart_short": "New seed",
    "fork": "Fork a new run from here",
    "fork_short": "Fork here",
    "first": "Go to the first moment",
    "play": "Replay the recorded history",
    "halt": "Stop the replay",
    "newest": "Return to the newest moment",
    "live": "Live",
    "latest": "Latest",
    "speed": "Replay speed",
    "scrubber": "Recorded moments of the training",
    "alt_plane": "{title}: {points} points at step {step}, their middle at ({x}; {y}), {spread} away on average.",
    "alt_plane_surface": "Mean discriminator value on them {mean}.",
    "alt_images": "{title}: {images} pictures at step {step}; ink covers {low} to {high} of them, {mean} on average.",
    "alt_cloud": "A map of {count} codes, coloured by class, at step {step}. Middle of each class: {middles}.",
    "alt_curves": "{title} at step {step}: {values}.",
    "alt_sheet": "{title}: {rows} rows, {columns} columns; lowest {low}, highest {high}.",
    "head_name": "Layer {layer}, head {head}",
    "head_short": "L{layer} H{head}",
    "agreement": "agreement with the task",
    "pooled": "Pixels show the largest of several weights",
    "pooled_why": "There are more weights than pixels: each pixel shows the largest weight that falls on it.",
    "boost": "Boost small weights",
    "boost_why": "Colours on a logarithmic scale: small weights become visible.",
    "scale_weight": "Attention weight, from 0 to 1",
    "scale_log": "Attention weight, from 0 to 1, on a logarithmic scale",
    "scale_change": "Difference of attention weights",
    "example": "Example",
    "form": "Form of the picture",
    "form_map": "Map",
    "form_lines": "Lines",
    "shown": "What is shown",
    "show_one": "This head",
    "show_layer": "Average of layer {layer}",
    "show_all": "Average of all layers",
    "show_step": "Change since now",
    "show_step_of": "Change since step {step}",
    "show_head": "Difference to this head",
    "show_head_of": "Difference to {head}",
    "show_run": "Difference to the other run",
    "mass": "How much of each query's attention is shown",
    "mass_all": "All weights",
    "mass_top": "Top {share} %",
    "pin_step": "Pin step",
    "pin_step_why": "Remember the picture of this step and show what changes from it.",
    "pinned_step": "Pinned: step {step}",
    "pin_head": "Pin head",
    "pin_head_why": "Remember this head and show how the others differ from it.",
    "pinned_head": "Pinned: {head}",
    "demand": "What the task demands",
    "demand_score": "Task demands: agreement {score}",
    "demand_why": "Outline the weights that a right answer needs; the agreement is the share of attention on them.",
    "exact": "Read from pixels of 8 bits: exact to ±1/510.",
    "queries": "query",
    "keys": "key",
    "target": "target",
    "answer": "answer",
    "answer_right": "Right: {answer}, certainty {certainty}",
    "answer_wrong": "Wrong: {answer} instead of {target}, certainty {certainty}",
    "missing_head": "This run has no such head",
    "missing_same_size": "These maps have different sizes",
    "missing_other": "Waiting for the other picture",
    "alt_at_step": "at step {step}",
    "alt_heads": "Attention maps of {count} heads{where}.",
    "alt_chosen": "Chosen: {head}.",
    "alt_heads_keys": "Arrow keys choose another head.",
    "layer_quantity": "What is measured of each layer",
    "layer_drift": "Drift",
    "layer_drift_why": "Distance from the weights it began with, as a share of their length.",
    "layer_gradient": "Gradient",
    "layer_gradient_why": "Norm of the loss's gradient in the last step; none where none is computed.",
    "layer_update": "Update",
    "layer_update_why": "Length of the last update as a share of the weights' length.",
    "layer_cka": "CKA",
    "layer_cka_why": "Likeness of its features to the pretrained ones (linear CKA): 1 is the same up to rotation.",
    "layer_rate": "Rate",
    "layer_rate_why": "The learning rate in force in this step.",
    "layer_moved": "Moved",
    "layer_moved_why": "The farthest that any single weight of any seed moved in the last step; "
    "the locks come from this.",
    "layer_log": "Colours on a logarithmic scale",
    "layer_locked": "locked",
    "layer_locked_long": "Locked: in the last step not one of its weights moved, in any seed.",
    "layer_moves": "It moves: the last step changed its weights.",
    "alt_layers": "{title}: {quantity} at step {step}. Highest: {high}. Lowest: {low}. Locked: {locked}. Chosen: "
    "{chosen}.",
    "weights_now": "now",
    "weights_then": "at the start",
    "trail_at": "{learned} learned, {kept} kept",
    "habit_none": "attention is spread over many keys.",
    "habit_key": "each query looks mostly at the key “{key}” in place {place} ({mean} on average).",
    "habit_mirror": "each query looks mostly at the key in the mirrored place ({mean} on average).",
    "habit_same": "each query looks mostly at the key in its own place ({mean} on average).",
    "habit_before": "each query looks mostly at the key one before it ({mean} on average).",
    "habit_after": "each query looks mostly at the key one after it ({mean} on average).",
    "habit_earlier": "each query looks mostly at the key {count} before it ({mean} on average).",
    "habit_later": "each query looks mostly at the key {count} after it ({mean} on average).",
}
"""Every word the view shows or speaks, in English; translations fill in the same {fields}."""

_view = component(
    "live",
    html='<div class="tl-root"></div>',
    css="\n".join((HERE / f"{sheet}.css").read_text(encoding="utf-8") for sheet in SHEETS),
    js=module(HERE, PARTS),
)


def _ignore() -> None:
    """The result's attributes exist only for events that have a callback."""


@lru_cache(maxsize=64)
def written(words: tuple[tuple[str, str], ...]) -> str:
    """All words of the view as JSON, some of them translated."""
    return json.dumps({**WORDS, **dict(words)})


def live(
    runs: Sequence[Mapping[str, Any]],
    panels: Sequence[Mapping[str, Any]],
    *,
    words: Mapping[str, str],
    key: str,
    step: int | None = None,
    view: str = "",
    autoplay: bool = False,
    frames: Sequence[bytes] = (),
    on_step: Callable[[], None] | None = None,
    on_view: Callable[[], None] | None = None,
    on_command: Callable[[], None] | None = None,
    on_transport: Callable[[], None] | None = None,
) -> ComponentResult:
    """Mount the live view of one to four `runs` ({"key", "label", "active", "phase"}), drawn alike with one scrubber.

    A run with "static": True has no connection and no history: its picture is the newest of `frames`, exchanged when
    other frames come; where all runs are such, the transport is left out. One with "whole": True can be held and
    scrubbed, but not forked or begun anew from here.

    `step` puts the scrubber there when it changes; `frames` carries frames where the host forwards no WebSocket
    (a status or snapshot frame names the run that the frames after it belong to). `words` may leave out what is
    to stay English and may add translations of the templates of notes. With `autoplay` a run that is finished replays
    its history once by itself, unless the visitor does something first or wants no motion.
    """
    said = {
        "runs": [dict(run) for run in runs],
        "keys": dict(MOVES),
        "step": step,
        "view": view,
        "autoplay": autoplay,
        # Streamlit's own socket compresses nothing, and attention maps are mostly paper.
        "frames": [base64.b64encode(zlib.compress(frame, DEFLATED)).decode() for frame in frames],
    }
    spoken = written(tuple(words.items()))
    # As bytes: a dictionary would be searched for tables and written as JSON twice at every rerun.
    return _view(
        key=key,
        data=f'{json.dumps(said)[:-1]}, "panels": {once.written(panels)}, "words": {spoken}}}'.encode(),
        on_step_change=on_step or _ignore,
        on_view_change=on_view or _ignore,
        on_command_change=on_command or _ignore,
        on_transport_change=on_transport or _ignore,
    )
