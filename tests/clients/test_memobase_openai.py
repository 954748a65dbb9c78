"""The patch of OpenAI's client that comes with Memobase's own: it remembers by the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from edges.llm.chat_server import ChatServer, chat_server, completion, streamed
from memobase import MemoBaseClient
from memobase.patch.openai import openai_memory
from memobase.utils import string_to_uuid
from openai import AsyncOpenAI, OpenAI

TOKEN = "secret"
TOLD = "I adopted a guinea pig named Oscar."


@pytest.fixture
def memobase(server: str) -> Iterator[MemoBaseClient]:
    client = MemoBaseClient(project_url=server, api_key=TOKEN)
    with client.client:
        yield client
        for thread in threading.enumerate():  # what the patch still saves, as it does behind each answer
            if "add_message_to_user" in thread.name:
                thread.join(20)


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as found:
        yield found


@pytest.fixture
def client(memobase: MemoBaseClient, model: ChatServer) -> Iterator[Any]:
    with OpenAI(base_url=model.url, api_key="k") as plain:
        yield openai_memory(plain, memobase)


def asked(client: Any, text: str, user_id: str | None, **how: Any) -> Any:
    message = {"role": "user", "content": text}
    return client.chat.completions.create(model="m", messages=[message], user_id=user_id, **how)


def settled(client: Any, memobase: MemoBaseClient, user_id: str) -> None:
    """The patch saves in a thread of its own."""
    user = memobase.get_user(string_to_uuid(user_id), no_get=True)
    until = time.monotonic() + 20
    while not user.buffer("chat"):
        assert time.monotonic() < until, "nothing was saved"
        time.sleep(0.02)


def test_what_was_said_is_in_the_prompt_of_the_next_call(
    client: Any, memobase: MemoBaseClient, model: ChatServer
) -> None:
    user_id = f"mara-{uuid4()}"
    model.answers = [completion("A good name!"), completion("Oscar.")]
    assert asked(client, TOLD, user_id).choices[0].message.content == "A good name!"
    settled(client, memobase, user_id)
    client.flush(user_id)
    until = time.monotonic() + 20
    while not client.get_profile(user_id):
        assert time.monotonic() < until, "nothing was learnt"
        time.sleep(0.02)
    assert "Oscar" in client.get_memory_prompt(user_id)
    assert asked(client, "What is my pet called?", user_id).choices[0].message.content == "Oscar."
    system = model.requests[-1]["messages"][0]
    assert system["role"] == "system"
    assert "Oscar" in system["content"]


def test_a_stream_is_saved_when_it_has_ended(
    client: Any, memobase: MemoBaseClient, model: ChatServer
) -> None:
    user_id = f"mara-{uuid4()}"
    model.answers = [streamed({"role": "assistant", "content": "A good"}, " name!", usage=None)]
    pieces = [chunk.choices[0].delta.content for chunk in asked(client, TOLD, user_id, stream=True)]
    assert "".join(piece or "" for piece in pieces) == "A good name!"
    settled(client, memobase, user_id)
    user = memobase.get_user(string_to_uuid(user_id))
    blob = user.get(user.buffer("chat")[0])
    assert [message.content for message in blob.messages] == [TOLD, "A good name!"]


def test_without_a_user_nothing_is_saved(client: Any, memobase: MemoBaseClient, model: ChatServer) -> None:
    before = len(memobase.get_all_users(limit=1000))
    asked(client, TOLD, None)
    assert model.requests[-1]["messages"] == [{"role": "user", "content": TOLD}]
    assert len(memobase.get_all_users(limit=1000)) == before


def test_its_ids_are_uuids_of_version_5() -> None:
    assert UUID(string_to_uuid("mara")).version == 5


def test_it_takes_no_client_for_asyncio(memobase: MemoBaseClient) -> None:
    with pytest.raises(ValueError, match="AsyncOpenAI is not supported"):
        openai_memory(AsyncOpenAI(api_key="k"), memobase)
