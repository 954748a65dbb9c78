"""Addresses of category files, and whose memory a call may be about."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like import InvalidUserId, NotFound, UserError
from memu_like.config import Settings
from memu_like.faces.mcp.people import ASKING, People
from memu_like.faces.mcp.uris import category_uri, place_of
from memu_like.faces.server.access import Scope
from memu_like.service import MemoryService

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(NAMES, NAMES)
def test_an_address_leads_back_to_its_names(user_id: str, topic: str) -> None:
    assert place_of(category_uri(user_id, topic)) == (user_id, topic)


@given(st.text() | NAMES.map("memory://".__add__) | NAMES.map("memory://maya/categories/".__add__))
def test_any_other_text_is_an_address_or_not_found(uri: str) -> None:
    try:
        names = place_of(uri)
    except NotFound:
        return
    assert all(names)


@pytest.fixture
def service() -> MemoryService:
    return MemoryService(Settings(store=Path("never-made")))


def under(people: People, scope: Scope | None, user_id: str | None) -> str:
    token = ASKING.set(scope)
    try:
        return people.user(user_id).user_id
    finally:
        ASKING.reset(token)


def test_a_call_without_a_user_means_the_tokens_user_else_the_servers(service: MemoryService) -> None:
    people = People(service, "maya")
    assert under(people, None, None) == "maya"
    assert under(people, Scope(service), None) == "maya"
    assert under(people, Scope(service, frozenset(["rosa"])), None) == "rosa"
    assert under(people, Scope(service, frozenset(["rosa", "maya"])), None) == "maya"


def test_a_call_names_only_whom_its_token_opens(service: MemoryService) -> None:
    people = People(service, "maya")
    assert under(people, None, "rosa") == under(people, Scope(service), "rosa") == "rosa"
    for users in (frozenset[str](), frozenset(["maya"]), frozenset(["Rosa", "rosa "])):
        with pytest.raises(UserError, match="does not open"):
            under(people, Scope(service, users), "rosa")


def test_where_tokens_are_asked_for_nothing_is_done_without_one(service: MemoryService) -> None:
    people = People(service, "maya", guarded=True)
    for user_id in (None, "maya", "rosa"):
        with pytest.raises(UserError, match="brought none"):
            under(people, None, user_id)
    assert under(people, Scope(service), None) == "maya"


def test_a_server_of_one_user_serves_no_other_by_token_either(service: MemoryService) -> None:
    people = People(service, "maya", only=True, guarded=True)
    with pytest.raises(UserError, match="one user only"):
        under(people, Scope(service, frozenset(["rosa"])), None)


@pytest.mark.parametrize("user_id", ["..", "a/b", "a\\b", "/etc", "", "a\x00"])
def test_an_id_that_reads_as_a_path_is_refused(service: MemoryService, user_id: str) -> None:
    with pytest.raises(InvalidUserId):
        People(service, "maya").user(user_id)
