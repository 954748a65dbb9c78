"""The openai embedder against a real local server that answers well, badly, late and not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest

from memu_like.config import Settings
from memu_like.edges.embedders import make_embedder
from memu_like.edges.openai_embedder import BATCH_BYTES, OpenAiEmbedder
from memu_like.edges.tokens import make_counter
from memu_like.errors import ConfigError, EmbedderError

KEY = "sk-secret-1234567890"
Answer = tuple[int, dict[str, str], str]


def vector_of(text: str, dimension: int = 4) -> list[float]:
    return [float(len(text)), *[1.0] * (dimension - 1)]


def entries(texts: list[str], dimension: int = 4) -> list[dict[str, Any]]:
    return [
        {"object": "embedding", "index": index, "embedding": vector_of(text, dimension)}
        for index, text in enumerate(texts)
    ]


def reply(data: Any) -> Answer:
    body = json.dumps(
        {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    )
    return 200, {}, body


def well(request: dict[str, Any]) -> Answer:
    return reply(entries(request["input"], request.get("dimensions", 4)))


def failing(status: int, message: str = "no") -> Answer:
    return status, {"retry-after-ms": "5"}, json.dumps({"error": {"message": message}})


@dataclass
class Endpoint:
    """`answers` are given in turn, the last one for ever; `requests` and `keys` are what came in."""

    url: str = ""
    answers: list[Callable[[dict[str, Any]], Answer]] = field(default_factory=lambda: [well])
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def embedder(self, **options: Any) -> OpenAiEmbedder:
        settings = {"model": "m", "base_url": self.url, "api_key": KEY, "timeout_seconds": 5.0, "retries": 1}
        return OpenAiEmbedder(make_counter("cl100k_base"), **(settings | options))


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that hang up on it."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.requests.append(request)
            state.keys.append(self.headers["authorization"])
            answer = state.answers[0] if len(state.answers) == 1 else state.answers.pop(0)
            status, headers, body = answer(request)
            data = body.encode()
            self.send_response(status if self.path == "/v1/embeddings" else 404)
            for name, value in ({"content-type": "application/json"} | headers).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def expected(text: str, dimension: int = 4) -> np.ndarray[Any, Any]:
    row = np.array(vector_of(text, dimension))
    return row / np.linalg.norm(row)


def test_vectors_come_back_in_order_and_of_length_one(endpoint: Endpoint) -> None:
    endpoint.answers = [lambda request: reply(entries(request["input"])[::-1])]
    embedder = endpoint.embedder()
    vectors = embedder.embed(["a", "", "four", " \n", "horses"])
    assert vectors.dtype == np.float32
    assert endpoint.requests[0]["input"] == ["a", "four", "horses"]
    assert "dimensions" not in endpoint.requests[0]
    for row, text in ((0, "a"), (2, "four"), (4, "horses")):
        np.testing.assert_allclose(vectors[row], expected(text), rtol=1e-6)
    assert not vectors[[1, 3]].any()
    assert embedder.dimension == 4
    assert endpoint.keys == [f"Bearer {KEY}"]


def test_the_dimension_is_asked_for_when_nothing_told_it(endpoint: Endpoint) -> None:
    assert endpoint.embedder().embed(["", " "]).shape == (2, 4)
    assert endpoint.embedder(dimensions=3).embed([]).shape == (0, 3)
    assert len(endpoint.requests) == 1


def test_dimensions_are_sent_where_they_are_set(endpoint: Endpoint) -> None:
    assert endpoint.embedder(dimensions=6).embed(["a"]).shape == (1, 6)
    assert endpoint.requests[0]["dimensions"] == 6


def test_texts_go_in_batches(endpoint: Endpoint) -> None:
    embedder = endpoint.embedder()
    texts = [f"text {number}" + "x" * (number % 7) for number in range(300)]
    vectors = embedder.embed(texts)
    assert [len(request["input"]) for request in endpoint.requests] == [128, 128, 44]
    np.testing.assert_allclose(vectors[299], expected(texts[299]), rtol=1e-6)
    endpoint.requests.clear()
    embedder.embed(["字 " * 2_000] * 100)
    sizes = [sum(len(text.encode()) for text in request["input"]) for request in endpoint.requests]
    assert sum(sizes) == 800_000
    assert max(sizes) <= BATCH_BYTES


def test_a_long_text_is_cut_and_lone_surrogates_are_replaced(endpoint: Endpoint) -> None:
    endpoint.embedder().embed(["a guinea pig " * 20_000, "a\ud800b"])
    long, odd = endpoint.requests[0]["input"]
    assert make_counter("cl100k_base").count(long) == 8_000
    assert odd == "a?b"


def test_a_rate_limit_is_waited_out(endpoint: Endpoint) -> None:
    endpoint.answers = [lambda _: failing(429), well]
    assert endpoint.embedder().embed(["a"]).shape == (1, 4)
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (failing(500, "it broke"), "status 500; it says: .*it broke"),
        (failing(429), "status 429; the endpoint's rate or quota is used up"),
        (failing(401, f"bad key {KEY}"), "status 401; check embedder_api_key"),
        (failing(404), "status 404; check embedder_model and embedder_base_url"),
        (failing(400, f"a key {KEY}\nin a message"), r"status 400; it says: .*a key \*\*\*"),
        (reply([]), "1 texts were sent and 0 vectors came back"),
        (reply(entries(["a", "b"])), "1 texts were sent and 2 vectors came back"),
        (reply([{"object": "embedding", "index": 5, "embedding": [1.0]}]), "not one each"),
        (reply([{"object": "embedding", "index": 0, "embedding": [1.0, float("nan")]}]), "finite numbers"),
        (reply([{"object": "embedding", "index": 0, "embedding": [1e39]}]), "finite numbers"),
        (reply([{"object": "embedding", "index": 0, "embedding": []}]), "dimension 0"),
        (reply([{"object": "embedding", "index": 0, "embedding": ["x"]}]), "not lists of numbers"),
        (
            reply([{"object": "embedding", "index": 0, "embedding": None}]),
            "finite numbers|not lists of numbers",
        ),
        (reply([{"object": "embedding", "index": "x", "embedding": [1.0]}]), "not one each"),
        (
            reply([{"object": "embedding", "index": 0, "embedding": [10**400]}]),
            "not lists of numbers|cannot be read",
        ),
        (reply([*entries(["a"]), {"object": "embedding", "index": "x", "embedding": [1.0]}]), "not one each"),
        (reply("words"), "no list of embeddings|holds no"),
        (reply(["words"]), "not lists of numbers|not one each"),
        ((200, {}, "{"), "cannot be read as JSON"),
        ((200, {"content-type": "text/html"}, "<html>"), "no list of embeddings|cannot be read as JSON"),
        ((200, {}, "[]"), "no list of embeddings|cannot be read as JSON"),
        ((200, {}, "{}"), "no list of embeddings|cannot be read as JSON"),
    ],
)
def test_a_bad_answer_is_one_line_that_says_what_to_do(endpoint: Endpoint, answer: Answer, says: str) -> None:
    endpoint.answers = [lambda _: answer]
    with pytest.raises(EmbedderError, match=says) as caught:
        endpoint.embedder().embed(["a"])
    assert f"embedding with m at {endpoint.url} failed" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_vectors_of_two_lengths_are_refused(endpoint: Endpoint) -> None:
    endpoint.answers = [lambda _: reply([*entries(["a"], 4), {**entries(["b"], 5)[0], "index": 1}])]
    with pytest.raises(EmbedderError, match="not lists of numbers of one length"):
        endpoint.embedder().embed(["a", "b"])


def test_a_change_of_dimension_is_refused(endpoint: Endpoint) -> None:
    endpoint.answers = [well, lambda request: reply(entries(request["input"], 5))]
    embedder = endpoint.embedder()
    embedder.embed(["a"])
    with pytest.raises(EmbedderError, match="dimension 5 came back, not 4; check embedder_dimensions"):
        embedder.embed(["a"])


def test_a_server_that_hangs_is_given_up(endpoint: Endpoint) -> None:
    def hang(request: dict[str, Any]) -> Answer:
        time.sleep(10)
        return well(request)

    endpoint.answers = [hang]
    started = time.perf_counter()
    with pytest.raises(EmbedderError, match=r"no answer within 0\.2 s"):
        endpoint.embedder(timeout_seconds=0.2, retries=0).embed(["a"])
    assert time.perf_counter() - started < 9


def test_a_server_that_is_not_there_is_named() -> None:
    embedder = Endpoint(url="http://127.0.0.1:9/v1").embedder(retries=0)
    with pytest.raises(EmbedderError, match=r"127\.0\.0\.1:9/v1 failed: it cannot be reached"):
        embedder.embed(["a"])


def test_settings_make_it_and_the_key_shows_nowhere(endpoint: Endpoint) -> None:
    with pytest.raises(ConfigError, match="embedder_api_key"):
        make_embedder(Settings(embedder="openai"))
    made = make_embedder(
        Settings(
            embedder="openai", embedder_base_url=endpoint.url + "/", embedder_api_key=KEY, embedder_model="m"
        )
    )
    assert made is not None
    assert made.word_vectors(["horse"]).shape == (1, 4)
    assert made.name == "openai/m"
    assert KEY not in made.fingerprint + made.name + repr(made)
    other = endpoint.embedder(base_url="http://127.0.0.1:9/v1")
    assert made.fingerprint != other.fingerprint
    assert endpoint.embedder(dimensions=6).fingerprint != made.fingerprint


def test_a_local_server_needs_no_key(endpoint: Endpoint) -> None:
    assert endpoint.embedder(api_key=None).embed(["a"]).shape == (1, 4)
    assert endpoint.keys == ["Bearer none"]
