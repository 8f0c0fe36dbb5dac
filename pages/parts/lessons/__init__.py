"""Lessons: guided experiments across the pages. A file beside this one with a function `lessons` adds some."""

from __future__ import annotations

from collections.abc import Mapping

from pages.parts.lessons import attention, freezing, gan, latent
from pages.parts.lessons.lesson import Lesson


def course() -> Mapping[str, Lesson]:
    """All lessons by name, in the order of a course, in the visitor's language."""
    return {lesson.name: lesson for part in (attention, gan, latent, freezing) for lesson in part.lessons()}
