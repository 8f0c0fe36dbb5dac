"""Why something cannot be exported, in sentences that say what to do; the page translates them."""

from __future__ import annotations

NO_NUMBERS = "This run has not recorded any number yet. Wait for its first steps, then export again."
NO_PICTURE = "This run has no readable picture at step {step} or before. Choose a later moment, or train it again."
NO_CHECKPOINT = (
    "This run has no readable checkpoint at step {step} or before. Wait until it saves one, or choose later."
)
NO_WEIGHTS = "This experiment measures something and keeps no model: it has no weights to export."
TOO_LARGE = "All pictures together are {size} MB, more than the {most} MB that one file may have. Export the shown one."
UNKNOWN_FORMAT = "{form} is not one of the formats {known}."

REFUSALS = (NO_NUMBERS, NO_PICTURE, NO_CHECKPOINT, NO_WEIGHTS, TOO_LARGE)


class CannotExport(ValueError):  # noqa: N818  (an answer to a visitor)
    """What stands in the way; `template` over `values`, so that it can be translated."""

    def __init__(self, template: str, **values: int | str) -> None:
        self.template, self.values = template, values
        super().__init__(template.format_map(values))
