"""Memobase's walk-through, as its README has it, with its official client as it comes from PyPI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import HTTPStatusError
from memobase import AsyncMemoBaseClient, ChatBlob, MemoBaseClient
from memobase.error import ServerError
from serving import TOKEN, served


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store: Path = tmp_path_factory.mktemp("walkthrough") / "store"
    with served(store) as address:
        yield address


def test_the_walk_through_passes_line_for_line(url: str) -> None:
    client = MemoBaseClient(project_url=url, api_key=TOKEN)
    with client.client:  # closes its connection at the end
        walk_through(client)


def walk_through(client: MemoBaseClient) -> None:
    assert client.ping()

    uid = client.add_user({"any_key": "any_value"})
    client.update_user(uid, {"any_key": "any_value2"})
    u = client.get_user(uid)
    assert u.fields is not None
    assert u.fields["data"] == {"any_key": "any_value2"}

    messages = [
        {"role": "user", "content": "Hello, I'm Gus"},
        {"role": "assistant", "content": "Hi, nice to meet you, Gus!"},
    ]
    bid = u.insert(ChatBlob(messages=messages))
    blob = u.get(bid)
    assert isinstance(blob, ChatBlob)
    assert [(m.role, m.content) for m in blob.messages] == [(m["role"], m["content"]) for m in messages]

    assert u.flush(sync=True)
    profile = u.profile(need_json=True)
    assert any("Gus" in slot["content"] for slots in profile.values() for slot in slots.values())
    assert any("Gus" in one.describe for one in u.profile())
    assert "Gus" in u.context(max_token_size=500, prefer_topics=["personal_info"])

    assert client.delete_user(uid)
    with pytest.raises(ServerError, match="no user"):
        client.get_user(uid)


async def test_the_same_with_the_client_for_asyncio(url: str) -> None:
    async with AsyncMemoBaseClient(project_url=url, api_key=TOKEN) as client:
        assert await client.ping()
        u = await client.get_or_create_user("3fa85f64-5717-4562-b3fc-2c963f66afa6")
        await u.insert(
            ChatBlob(messages=[{"role": "user", "content": "I adopted a guinea pig named Oscar."}])
        )
        assert await u.flush(sync=True)
        assert "Oscar" in await u.context()
        assert any("Oscar" in one.content for one in await u.profile())


def test_the_doors_are_shut_to_a_wrong_token(url: str) -> None:
    client = MemoBaseClient(project_url=url, api_key="guessed")
    with client.client:
        assert client.ping()  # the one route that answers to anybody
        with pytest.raises(HTTPStatusError, match="401"):
            client.add_user()
