"""What the server takes in: small files, the newest few of every visit, and so much in all.

Streamlit keeps every uploaded file in memory until the visit ends, and takes any number of them, on any page. Here a
file is refused before its first byte is read where it says no size or too large a one, or where all visits together
hold too much already; of one visit only the newest files stay. What a file holds is checked by the page that asks for
it.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol

FILE_BYTES = 5_000_000
"""The largest file, a photograph of a telephone; the form around it may take `FORM_BYTES` more."""
FORM_BYTES = 10_000
FILES_EACH = 12
"""Of one visit; the oldest are forgotten first."""
TOTAL_BYTES = 200_000_000


class Files(Protocol):
    """Streamlit's files in memory: by visit, by their own name, the oldest first."""

    file_storage: MutableMapping[str, MutableMapping[str, Any]]

    def remove_file(self, session_id: str, file_id: str) -> None:
        """Forget one file."""


Refusal = tuple[int, str]
"""HTTP status, and a sentence."""


def refusal(headers: Mapping[str, str], files: Files | None) -> Refusal | None:
    """Why a file is not taken in, before any of it is read; None where it is."""
    size = headers.get("content-length", "")
    if not size.isascii() or not size.isdigit():
        return 411, "A file must say its size.\n"
    if len(size) > 12 or int(size) > FILE_BYTES + FORM_BYTES:
        return 413, f"A file may have at most {FILE_BYTES // 1_000_000} MB.\n"
    if files is None:
        return 503, "No page is there yet.\n"
    held = sum(len(file.data) for visit in list(files.file_storage.values()) for file in list(visit.values()))
    if held + int(size) > TOTAL_BYTES:
        return 503, "Too many visitors are showing pictures at once; there will be room again soon.\n"
    return None


def make_room(files: Files, session: str) -> None:
    """Forget the oldest files of a visit, so that one more is at most `FILES_EACH`."""
    # `get`: asking Streamlit's mapping for an unknown visit would create it.
    visit = files.file_storage.get(session) or {}
    for file in list(visit)[: max(0, len(visit) - FILES_EACH + 1)]:
        files.remove_file(session, file)
