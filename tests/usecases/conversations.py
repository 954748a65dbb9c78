"""Two short conversations; the second says one thing of the first again."""

from __future__ import annotations

from typing import Any

MAY: list[dict[str, Any]] = [
    {
        "role": "user",
        "content": "I have a guinea pig named Oscar and he loves carrots.",
        "created_at": "2023-05-08T13:56:00+00:00",
        "id": "m1",
    },
    {"role": "assistant", "content": "How nice!", "created_at": "2023-05-08T13:57:00+00:00"},
    {
        "role": "user",
        "content": "I moved to Lisbon in June 2022 with my sister Ottilie.",
        "created_at": "2023-05-08T13:58:00+00:00",
    },
]
JUNE: list[dict[str, Any]] = [
    {
        "role": "user",
        "content": "I work as a botanist at the university.",
        "created_at": "2023-06-08T13:58:00+00:00",
    },
    {
        "role": "user",
        "content": "I have a guinea pig named Oscar, and he loves carrots!",
        "created_at": "2023-06-08T13:59:00+00:00",
    },
]
