"""The lessons page: a course of guided experiments, each a prediction, one press and a measured answer."""

import streamlit as st

from pages.parts.lessons import board, course
from pages.parts.lessons.lesson import Lesson
from pages.parts.words import _, language

PAGE = {
    "order": 0.5,
    "title": "Lessons",
    "line": "Predict, press, and see whether you were right: guided experiments for a course.",
}
COLUMNS = 2


def contents(lessons: list[Lesson]) -> None:
    """All lessons, and which of them were answered in this visit."""
    st.markdown(
        _(
            "Each lesson asks what you expect before it shows anything. Then real networks train, and the answer is "
            "measured on them, not looked up."
        )
    )
    for start in range(0, len(lessons), COLUMNS):
        row = lessons[start : start + COLUMNS]
        for column, (number, lesson) in zip(st.columns(COLUMNS, gap="medium"), enumerate(row, start + 1), strict=False):
            with column, st.container(border=True, height="stretch"):
                done = board.place(lesson) in st.session_state
                label = f"{number}. {lesson.title}"
                if st.button(
                    label, key=f"lessons-{lesson.name}", type="tertiary",
                    icon=":material/check_circle:" if done else ":material/arrow_forward:",
                ):  # fmt: skip
                    turn_to(lesson.name)
                st.caption(lesson.question)


def turn_to(name: str) -> None:
    """Go to a lesson, or with an empty name back to the list; the address says which."""
    kept = {part: value for part, value in st.query_params.items() if part in ("lang", "hide")}
    st.query_params.from_dict({**kept, **({"lesson": name} if name else {})})
    st.rerun()


def page() -> None:
    lessons = course()
    wanted = str(st.query_params.get("lesson", ""))[:40]
    lesson = lessons.get(wanted)
    st.title(lesson.title if lesson else _("Lessons"), anchor=False)
    if wanted and lesson is None:
        st.warning(_("There is no lesson of that name. Here are all of them."), icon=":material/link_off:")
    if lesson is None:
        contents(list(lessons.values()))
        return
    order = list(lessons)
    number = order.index(lesson.name)
    st.caption(_("Lesson {number} of {count}", number=number + 1, count=len(order)))
    board.draw(lesson)
    board.for_a_class(lesson)
    with st.container(horizontal=True, gap="small", key="lessons-steps"):
        if st.button(_("All lessons"), key="lessons-all", type="tertiary", icon=":material/list:"):
            turn_to("")
        if number + 1 < len(order):
            following = lessons[order[number + 1]]
            label = _("Next: {title}", title=following.title)
            if st.button(label, key=f"lessons-next.{language()}", type="tertiary", icon=":material/arrow_forward:"):
                turn_to(following.name)


page()
