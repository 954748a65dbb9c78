"""Programs that end while something is still to be saved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from edges.llm.chat_server import ChatServer, streamed
from remembering import saved

ROOT = Path(__file__).parent.parent.parent.parent
PROGRAM = """
import asyncio, sys
from openai import AsyncOpenAI, OpenAI
from memu_like import openai_memory

url, store, how = sys.argv[1:]
asked = {"model": "m", "messages": [{"role": "user", "content": "Good evening"}], "user_id": "mara"}


def sync():
    client = openai_memory(OpenAI(base_url=url, api_key="k"), store)
    return client.chat.completions.create(**asked)


async def in_a_loop():
    client = openai_memory(AsyncOpenAI(base_url=url, api_key="k"), store)
    await client.chat.completions.create(**asked)


if how == "sync":
    sync()
elif how == "async":
    asyncio.run(in_a_loop())
elif how == "error":
    sync()
    raise KeyError("the program's own")
elif how == "stream":
    client = openai_memory(OpenAI(base_url=url, api_key="k"), store)
    stream = client.chat.completions.create(**asked, stream=True)
    print(next(stream).choices[0].delta.content)
elif how == "fork":
    import os
    client = openai_memory(OpenAI(base_url=url, api_key="k"), store)
    client.chat.completions.create(**asked)
    child = os.fork()
    if not child:
        try:
            client.chat.completions.create(**asked)
        except Exception as error:
            print(type(error).__name__, error)
        sys.exit(5)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def ran(model: ChatServer, store: Path, how: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, which ends right after the reply."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, model.url, str(store), how]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("how", "code"), [("sync", 0), ("async", 0), ("error", 1)])
def test_a_program_that_ends_right_after_the_reply_has_saved_it(
    model: ChatServer, store: Path, how: str, code: int
) -> None:
    ended = ran(model, store, how)
    assert ended.returncode == code, ended.stderr
    assert [message["content"] for message in saved(store)] == ["Good evening", "hello"]
    assert "memu_like" not in ended.stderr


def test_a_program_that_ends_within_a_stream_has_saved_what_came(model: ChatServer, store: Path) -> None:
    model.answers = [streamed("A good", " name!")]
    ended = ran(model, store, "stream")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "A good\n", "")
    assert [message["content"] for message in saved(store)] == ["Good evening", "A good"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_told_to_patch_a_client_of_its_own(model: ChatServer, store: Path) -> None:
    ended = ran(model, store, "fork")
    assert ended.stdout.splitlines() == [
        "ConfigError memory was in use before this process was forked: patch a client of its own",
        "5",
    ], ended.stderr
    assert [message["content"] for message in saved(store)] == ["Good evening", "hello"]
