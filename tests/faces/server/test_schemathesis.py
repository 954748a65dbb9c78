"""The OpenAPI document held to the server: requests made from it, right ones and wrong ones, on both faces.

Each answer must have a status, a media type and a shape that the document has for it, and none may be a 5xx;
what the document does not allow must be refused. Half of the right requests are about what is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.schemas import APIOperation
from serving import TOKEN, served

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
USER = "caroline"
CHAT = [
    {
        "role": "user",
        "content": "I adopted a cat named Bailey in May 2023.",
        "created_at": "2023-05-08T13:56Z",
    },
    {"role": "user", "content": "My sister Rosa paints horses.", "created_at": "2023-06-01T10:00Z"},
]
PREFERENCE = {"content": "likes tea", "attributes": {"topic": "interest", "sub_topic": "drinks"}}
RUN = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LATE = ("delete", "patch", "put")
LONGEST = 20_000
"""Characters of a query: a longer one may pass what a line of HTTP can hold."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path / "store", embedder="none") as found:
        yield found


def operations(url: str) -> list[APIOperation]:
    """All but the stream, which has no end; those that take something away come last."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=HEADERS)
    # What a route does not know in an address it ignores; tokens have tests of their own.
    schema.config.generation.update(allow_extra_parameters=False, with_security_parameters=False)
    found = [one.ok() for one in schema.get_all_operations()]
    kept = [one for one in found if not one.path.endswith("/changes")]
    assert len(kept) == len(found) - 1 > 60
    return sorted(kept, key=lambda one: (one.method.lower() in LATE, one.path == "/v1/users/{user_id}"))


def checks() -> list[Any]:
    """All, but of what has tests of its own, and of right requests that need not be met: of nothing, say."""
    load_all_checks()
    excluded = {"ignored_auth", "positive_data_acceptance"}
    return [one for one in CHECKS.get_all() if one.__name__ not in excluded]


class Known:
    """A user with a memory, and the ids of what is in it now."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def fill(self) -> None:
        one, user = self.client, f"/v1/users/{USER}"
        one.put(user, json={"data": {"plan": "free"}})
        assert one.post(f"{user}/memorize", json={"messages": CHAT}).status_code == 200
        blob = {"blob_type": "chat", "blob_data": {"messages": CHAT}}
        assert one.post(f"/api/v1/blobs/insert/{USER}", json=blob).json()["errno"] == 0
        assert one.post(f"/api/v1/users/profile/{USER}", json=PREFERENCE).json()["errno"] == 0

    def names(self) -> dict[str, str]:
        if self.client.get(f"/v1/users/{USER}/items").json() in ([], None) or not self._first("items"):
            self.fill()
        blobs = self.client.get(f"/api/v1/users/blobs/{USER}/chat").json()["data"]["ids"]
        profiles = self.client.get(f"/api/v1/users/profile/{USER}").json()["data"]["profiles"]
        return {
            "user_id": USER,
            "item_id": self._first("items"),
            "event_id": self._first("events"),
            "resource_id": self._first("resources"),
            "topic": next(iter(self.client.get(f"/v1/users/{USER}/profile").json()), "pets"),
            "blob_id": blobs[0] if blobs else "none",
            "profile_id": profiles[0]["id"] if profiles else "none",
        }

    def _first(self, kind: str) -> str:
        found = self.client.get(f"/v1/users/{USER}/{kind}").json()
        return str(found[0]["id"]) if isinstance(found, list) and found else ""


def tried(operation: APIOperation, mode: GenerationMode, examples: int, send: Callable[..., None]) -> None:
    """Call `send(case, known)` with requests made from the document."""

    @settings(RUN, max_examples=examples)
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def run(case: Case, known: bool) -> None:
        assume(sum(len(str(value)) for value in (case.query or {}).values()) < LONGEST)
        send(case, known)

    run()


def answered(case: Case, seen: Counter[int], checks: list[Any]) -> list[str]:
    """What is wrong with the answer to a request."""
    answer = case.call(headers=HEADERS)
    seen[answer.status_code] += 1
    try:
        case.validate_response(answer, checks=checks)
    except FailureGroup as failures:
        return [f"{case.operation.label}: {one}\n{answer.text[:300]}" for one in failures.exceptions]
    return []


def test_right_requests_are_answered_as_the_document_says(url: str) -> None:
    wrong, seen = list[str](), Counter[int]()
    held = checks()
    with httpx.Client(base_url=url, headers=HEADERS) as client:
        known = Known(client)
        for operation in operations(url):
            names = known.names()

            def send(case: Case, about_known: bool, names: dict[str, str] = names) -> None:
                if about_known:
                    case.path_parameters |= {
                        name: names[name] for name in case.path_parameters if name in names
                    }
                    if "If-Match" in case.operation.headers:
                        case.headers["If-Match"] = "*"
                wrong.extend(answered(case, seen, held))

            tried(operation, GenerationMode.POSITIVE, 6, send)
    assert not wrong, "\n\n".join(wrong[:10])
    assert seen[200] > 80


def test_wrong_requests_are_refused_as_the_document_says(url: str) -> None:
    wrong, seen = list[str](), Counter[int]()
    held = checks()
    with httpx.Client(base_url=url, headers=HEADERS) as client:
        Known(client).fill()

    def send(case: Case, _: bool) -> None:
        if "user_id" in case.path_parameters and not is_wrong_path(case):
            case.path_parameters["user_id"] = USER  # so that the user is not what is wrong
        wrong.extend(answered(case, seen, held))

    for operation in operations(url):
        if operation.path_parameters or operation.query or operation.body:
            tried(operation, GenerationMode.NEGATIVE, 5, send)
    assert not wrong, "\n\n".join(wrong[:10])
    assert seen[422] > 60


def is_wrong_path(case: Case) -> bool:
    assert case.meta is not None
    modes = {place: made.mode for place, made in case.meta.components.items()}
    return modes.get(ParameterLocation.PATH) is GenerationMode.NEGATIVE
