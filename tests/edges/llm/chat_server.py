"""A real local server that speaks OpenAI's /chat/completions and /responses as a script says.

It keeps what it was asked.

    with chat_server() as server:
        server.answers = [refusal(429, "slow down"), completion("hello")]
        settings = Settings(llm_model="m", llm_base_url=server.url)

Answers are given in turn, the last one for ever. One can be a function of the request's body.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What goes over the wire. `parts` are written one by one, with `pause` seconds before each.

    With `broken` the connection is closed before all that was announced has been written.
    """

    status: int = 200
    parts: Sequence[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    broken: bool = False


Scripted = Answer | Callable[[Body], Answer]


def raw(data: bytes | str, status: int = 200, content_type: str = "application/json", **given: Any) -> Answer:
    """Any bytes as a body."""
    data = data.encode() if isinstance(data, str) else data
    return Answer(status, [data], {"content-type": content_type} | given.pop("headers", {}), **given)


def completion(
    content: Any = "hello",
    *,
    usage: Any = (10, 5),
    finish: str | None = "stop",
    tool_calls: Any = None,
    pause: float = 0.0,
    **message: Any,
) -> Answer:
    """A whole reply. `usage` is (prompt, completion) tokens, None for no count."""
    told: Body = {"role": "assistant", "content": content} | message
    if tool_calls is not None:
        told["tool_calls"] = tool_calls
    body: Body = {"id": "c", "object": "chat.completion", "created": 0, "model": "of-the-server"}
    body["choices"] = [{"index": 0, "message": told, "finish_reason": finish}]
    body["usage"] = _usage(usage)
    return raw(json.dumps(body), pause=pause)


def tool_call(name: str, arguments: Any = "{}", call_id: str = "call-1") -> Body:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def refusal(status: int, message: str = "no", retry_after: float | None = None, **fields: Any) -> Answer:
    """An error as OpenAI words it. `retry_after` in seconds."""
    headers = {} if retry_after is None else {"retry-after-ms": str(retry_after * 1000)}
    body = {"error": {"message": message, "type": "invalid_request_error", **fields}}
    return raw(json.dumps(body), status, headers=headers)


def streamed(
    *pieces: str | Body,
    usage: Any = (10, 5),
    finish: str | None = "stop",
    done: bool = True,
    pause: float = 0.0,
    broken: bool = False,
) -> Answer:
    """A reply in events: a text is a delta's content, a dict the delta itself."""
    deltas = [piece if isinstance(piece, dict) else {"content": piece} for piece in pieces]
    chunks: list[Body] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if finish is not None:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage is not None:
        chunks.append({"choices": [], "usage": _usage(usage)})
    kind = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "of-the-server"}
    parts = [f"data: {json.dumps(kind | chunk)}\n\n".encode() for chunk in chunks]
    if done:
        parts.append(b"data: [DONE]\n\n")
    return Answer(200, parts, {"content-type": "text/event-stream"}, pause, broken)


def response(text: str = "hello", *items: Body, **fields: Any) -> Answer:
    """A whole reply of the responses API; `items` stand before the text, such as a reasoning or a call."""
    return raw(json.dumps(_response(text, items) | fields))


def response_events(*pieces: str, items: Sequence[Body] = (), failed: bool = False) -> Answer:
    """The same in events. With `failed` an error stands where the reply would be complete."""
    place = {"item_id": "msg-1", "output_index": len(items), "content_index": 0}
    opened = {**_message(""), "status": "in_progress", "content": []}
    empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    events: list[Body] = [
        {"type": "response.created", "response": {**_response("", ()), "output": []}},
        *({"type": "response.output_item.added", "output_index": n, "item": i} for n, i in enumerate(items)),
        {"type": "response.output_item.added", "output_index": len(items), "item": opened},
        {"type": "response.content_part.added", **place, "part": empty},
    ]
    events += [
        {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []} for piece in pieces
    ]
    text = "".join(pieces)
    if failed:
        events.append({"type": "error", "code": "server_error", "message": "overloaded", "param": None})
    else:
        events.append({"type": "response.output_text.done", **place, "text": text, "logprobs": []})
        events.append({"type": "response.completed", "response": _response(text, items)})
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    parts = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in numbered]
    return Answer(200, parts, {"content-type": "text/event-stream"})


def _response(text: str, items: Sequence[Body]) -> Body:
    body: Body = {"id": "resp-1", "object": "response", "created_at": 0, "model": "of-the-server"}
    body |= {"status": "completed", "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return body | {"output": [*items, *([_message(text)] if text else [])]}


def _message(text: str) -> Body:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": "msg-1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


def _usage(usage: Any) -> Any:
    if not isinstance(usage, tuple):
        return usage
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


@dataclass
class ChatServer:
    """`requests` are the bodies that came in, `headers` and `paths` what came with them, in order."""

    url: str = ""
    answers: list[Scripted] = field(default_factory=lambda: [completion()])
    requests: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _now: int = 0
    _lock: Lock = field(default_factory=Lock)

    def take(self, path: str, headers: dict[str, str], body: Body) -> Answer:
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            self.paths.append(path)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return answer(body) if callable(answer) else answer

    def leave(self) -> None:
        with self._lock:
            self._now -= 1


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that hang up on it."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


_numbers = itertools.count(1)


@contextmanager
def chat_server(*answers: Scripted) -> Iterator[ChatServer]:
    """A server on a free port of this machine, under an address that no other has had in this process."""
    state = ChatServer(answers=list(answers) or [completion()])
    place = f"/{next(_numbers)}/v1"

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = state.take(self.path, headers, body)
            try:
                right = (f"{place}/chat/completions", f"{place}/responses")
                known = self.path.partition("?")[0] in right
                self._write(answer if known else refusal(404, "no such path"))
            finally:
                state.leave()

        def _write(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.broken or "event-stream" not in answer.headers.get("content-type", ""):
                size = sum(map(len, answer.parts)) + (100 if answer.broken else 0)
                self.send_header("content-length", str(size))
            self.end_headers()
            for part in answer.parts:
                time.sleep(answer.pause)
                self.wfile.write(part)
                self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}{place}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
