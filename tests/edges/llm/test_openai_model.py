"""The model edge against a real local server: what is sent, repeated, left out, and said when it fails."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from edges.llm.chat_server import Answer, Body, ChatServer, chat_server, completion, raw, refusal, tool_call

from memu_like.chat import ChatMessage, ChatRequest, OutputSchema, Step, Tool, ToolCall
from memu_like.config import PriceSettings, Settings
from memu_like.edges.llm.openai_model import OpenAiModel, make_model
from memu_like.errors import ConfigError, ContextTooLong, ModelError, ModelUnavailable, ToolsRefused
from memu_like.models import Usage
from memu_like.service import MemoryService

SCHEMA = OutputSchema("answer", {"type": "object", "properties": {"a": {"type": "string"}}})
STRICT = OutputSchema(
    "answer",
    {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    },
)
TOOL = Tool("look", "Looks.", {"type": "object", "properties": {}})


def asked(**given: Any) -> ChatRequest:
    messages = (ChatMessage("system", "Be brief."), ChatMessage("user", "Say hello."))
    return ChatRequest(**({"step": "extract", "messages": messages} | given))


def refusing(*wrong: str, message: str = "Unsupported parameter: {name}") -> Any:
    """Answers where none of the parameters `wrong` is sent; `response_format` counts by its type."""

    def answer(body: Body) -> Answer:
        kind = body.get("response_format", {}).get("type", "")
        for name in wrong:
            if name in body or name == kind:
                return refusal(400, message.format(name="response_format " + name if name == kind else name))
        return completion()

    return answer


# -- one call


async def test_the_owner_bounds_a_reply_below_what_a_step_asks_for(server: ChatServer, model: Any) -> None:
    made = model(output_tokens=40)
    await made.chat(asked(max_output_tokens=77))
    await made.chat(asked(max_output_tokens=30))
    assert [request["max_tokens"] for request in server.requests] == [40, 30]


async def test_a_call_sends_the_messages_and_reads_the_reply(server: ChatServer, model: Any) -> None:
    server.answers = [completion("hello there", usage=(12, 3))]
    reply = await model(output_tokens=100).chat(asked(max_output_tokens=77))
    assert (reply.text, reply.cut, reply.tool_calls, reply.model) == ("hello there", False, (), "m")
    assert (reply.usage.calls, reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1, 12, 3)
    assert 0 < reply.usage.seconds < 5
    assert reply.usage.cost is None
    assert not reply.usage.estimated
    assert server.requests == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Say hello."},
            ],
            "temperature": 0.0,
            "max_tokens": 77,
        }
    ]


async def test_the_key_the_headers_and_the_query_are_sent_and_nothing_of_this_machine(
    server: ChatServer, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "another-account")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-other: 1")
    await model(headers={"api-key": "h"}, query={"api-version": "2024-10-21"}).chat(asked())
    sent = server.headers[0]
    assert sent["authorization"] == "Bearer sk-secret-1234567890"
    assert sent["api-key"] == "h"
    assert server.paths[0].endswith("/chat/completions?api-version=2024-10-21")
    allowed = {"accept", "accept-encoding", "connection", "content-length", "content-type", "host"}
    allowed |= {"user-agent", "authorization", "api-key", "x-stainless-raw-response"}
    assert sent.keys() <= allowed


async def test_without_a_key_none_is_sent(server: ChatServer, model: Any) -> None:
    await model(api_key=None).chat(asked())
    assert "authorization" not in server.headers[0]


async def test_a_step_can_have_a_model_of_its_own(server: ChatServer, model: Any) -> None:
    made = model(model_judge="small")
    assert (made.name("judge"), made.name("reply")) == ("small", "m")
    assert (await made.chat(asked(step="judge"))).model == "small"
    await made.chat(asked(step="reply"))
    assert [request["model"] for request in server.requests] == ["small", "m"]


async def test_cost_follows_the_price_of_the_model_and_is_unknown_without_one(model: Any) -> None:
    prices = {"m": PriceSettings(input=2.0, output=10.0)}
    made = model(prices=prices, model_reply="other")
    assert (await made.chat(asked())).usage.cost == pytest.approx((10 * 2.0 + 5 * 10.0) / 1e6)
    assert (await made.chat(asked(step="reply"))).usage.cost is None


@pytest.mark.parametrize("usage", [None, {}, (0, 0), {"prompt_tokens": -5, "completion_tokens": 10**12}])
async def test_where_the_endpoint_counts_no_tokens_they_are_estimated(
    server: ChatServer, model: Any, usage: Any
) -> None:
    server.answers = [completion("one two three", usage=usage)]
    found = (await model().chat(asked())).usage
    assert found.estimated
    assert found.completion_tokens == 3
    assert 6 <= found.prompt_tokens <= 20
    assert (found + Usage(1, 1, 1)).estimated


async def test_tool_calls_are_passed_on_and_can_be_said_back(server: ChatServer, model: Any) -> None:
    server.answers = [completion(None, tool_calls=[tool_call("look", '{"at": 1}')], finish="tool_calls")]
    made = model()
    reply = await made.chat(asked(tools=(TOOL,)))
    assert reply.tool_calls == (ToolCall("call-1", "look", '{"at": 1}'),)
    assert reply.text == ""
    again = (
        ChatMessage("assistant", "", reply.tool_calls),
        ChatMessage("tool", "seen", tool_call_id="call-1"),
    )
    await made.chat(asked(messages=again, tools=(TOOL,)))
    assert server.requests[0]["tools"][0]["function"]["name"] == "look"
    assert server.requests[1]["messages"] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call-1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
            ],
        },
        {"role": "tool", "content": "seen", "tool_call_id": "call-1"},
    ]


async def test_a_reply_at_its_limit_is_cut(server: ChatServer, model: Any) -> None:
    server.answers = [completion('{"a": ', finish="length")]
    assert (await model().chat(asked())).cut


async def test_half_a_surrogate_pair_can_be_sent(server: ChatServer, model: Any) -> None:
    await model().chat(asked(messages=(ChatMessage("user", "a\ud800b"),)))
    assert server.requests[0]["messages"][0]["content"] == "a?b"


# -- repeats


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
async def test_a_passing_fault_is_repeated(server: ChatServer, model: Any, status: int) -> None:
    server.answers = [refusal(status), refusal(status), completion()]
    assert (await model().chat(asked())).text == "hello"
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [429, 500])
async def test_repeats_end(server: ChatServer, model: Any, status: int) -> None:
    server.answers = [refusal(status, "overloaded")]
    with pytest.raises(ModelUnavailable, match=f"m at {server.url}: status {status}; "):
        await model().chat(asked())
    assert len(server.requests) == 3


async def test_retry_after_is_waited_for_and_too_long_a_wait_is_not(server: ChatServer, model: Any) -> None:
    server.answers = [refusal(429, retry_after=0.2), completion()]
    started = time.perf_counter()
    await model().chat(asked())
    assert 0.2 <= time.perf_counter() - started < 30
    server.answers = [refusal(429, retry_after=3600)]
    with pytest.raises(ModelUnavailable):
        await model().chat(asked())
    assert len(server.requests) == 3


async def test_a_quota_that_is_used_up_is_not_asked_again(server: ChatServer, model: Any) -> None:
    server.answers = [refusal(429, "You exceeded your current quota", code="insufficient_quota")]
    with pytest.raises(ModelUnavailable, match="quota"):
        await model().chat(asked())
    assert len(server.requests) == 1


async def test_a_server_that_hangs_is_given_up(server: ChatServer, model: Any) -> None:
    server.answers = [completion(pause=0.4)]
    with pytest.raises(ModelUnavailable, match=r"no answer within 0\.1 s; see llm_timeout_seconds"):
        await model(timeout_seconds=0.1, retries=1).chat(asked())
    assert len(server.requests) == 2


async def test_a_body_that_trickles_is_given_up(server: ChatServer, model: Any) -> None:
    server.answers = [Answer(200, [b" "] * 20, {"content-type": "application/json"}, pause=1)]
    started = time.perf_counter()
    with pytest.raises(ModelUnavailable, match="no answer within"):
        await model(timeout_seconds=0.2, retries=0).chat(asked())
    assert time.perf_counter() - started < 15


async def test_a_connection_that_breaks_is_made_again(server: ChatServer, model: Any) -> None:
    server.answers = [raw('{"choices": [', broken=True), completion()]
    assert (await model().chat(asked())).text == "hello"


async def test_a_server_that_is_not_there_is_named(model: Any) -> None:
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9/v1: it cannot be reached"):
        await model(base_url="http://127.0.0.1:9/v1", retries=1).chat(asked())


# -- what an endpoint does not take


async def test_structured_output_falls_back_step_by_step_and_is_found_out_once(
    server: ChatServer, model: Any
) -> None:
    server.answers = [refusing("json_schema", "json_object", message="{name} is not available")]
    made = model()
    await made.chat(asked(schema=SCHEMA))
    kinds = [request.get("response_format", {}).get("type") for request in server.requests]
    assert kinds == ["json_schema", "json_object", None]
    for told in server.requests[1:]:
        assert '"properties"' in told["messages"][0]["content"]
        assert told["messages"][1]["content"] == "Say hello."
    await made.chat(asked(schema=SCHEMA))
    await model().chat(asked(schema=SCHEMA))
    assert len(server.requests) == 5, "another model of the process knows it too"
    assert "response_format" not in server.requests[4]


async def test_what_is_found_out_is_of_one_endpoint_and_one_model(server: ChatServer, model: Any) -> None:
    server.answers = [refusing("json_schema", message="{name} is not available")]
    made = model(model_judge="other")
    await made.chat(asked(schema=SCHEMA))
    await made.chat(asked(schema=SCHEMA, step="judge"))
    with chat_server() as second:
        await model(base_url=second.url).chat(asked(schema=SCHEMA))
        assert [request["response_format"]["type"] for request in second.requests] == ["json_schema"]
    assert [request["response_format"]["type"] for request in server.requests] == [
        *("json_schema", "json_object"),
        *("json_schema", "json_object"),
    ]


@pytest.mark.parametrize("status", [400, 404, 422, 501])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Invalid parameter", "param": "response_format"}},
        {"error": "json_schema is not known here"},
        {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]},
        {"object": "error", "message": "This response_format type is unavailable now"},
        {"error": {"message": "Provider returned error", "metadata": {"raw": "no structured outputs"}}},
    ],
)
async def test_a_refusal_is_known_in_many_words(
    server: ChatServer, model: Any, status: int, body: Any
) -> None:
    server.answers = [raw(json.dumps(body), status), completion("{}")]
    assert (await model(retries=0).chat(asked(schema=SCHEMA))).text == "{}"
    assert server.requests[1]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("output", "kind"), [("json_schema", "json_schema"), ("json_object", "json_object"), ("text", None)]
)
async def test_a_pinned_output_is_used_and_kept(
    server: ChatServer, model: Any, output: str, kind: str | None
) -> None:
    made = model(output=output)
    await made.chat(asked(schema=SCHEMA))
    assert server.requests[0].get("response_format", {}).get("type") == kind
    if kind is not None:
        server.answers = [refusing(kind)]
        with pytest.raises(ModelError, match="set llm_output"):
            await made.chat(asked(schema=SCHEMA))
        assert len(server.requests) == 2


async def test_strict_is_for_schemas_that_can_be_and_is_dropped_where_refused(
    server: ChatServer, model: Any
) -> None:
    def strictness(body: Body) -> Answer:
        strict = body["response_format"]["json_schema"]["strict"]
        return refusal(400, "Invalid schema for response_format 'answer'") if strict else completion("{}")

    server.answers = [strictness]
    made = model()
    for schema in (SCHEMA, STRICT, STRICT):
        await made.chat(asked(schema=schema))
    sent = [request["response_format"]["json_schema"] for request in server.requests]
    assert [one["strict"] for one in sent] == [False, True, False, False]
    assert sent[0]["schema"] == SCHEMA.schema
    assert sent[0]["name"] == "answer"


async def test_a_temperature_that_is_refused_is_left_out_from_then_on(server: ChatServer, model: Any) -> None:
    server.answers = [refusing("temperature")]
    made = model(temperature=0.3)
    await made.chat(asked())
    await made.chat(asked())
    assert [request.get("temperature") for request in server.requests] == [0.3, None, None]


async def test_no_temperature_is_sent_where_none_is_set(server: ChatServer, model: Any) -> None:
    await model(temperature=None).chat(asked())
    assert "temperature" not in server.requests[0]


async def test_the_name_of_the_token_limit_is_found_out(server: ChatServer, model: Any) -> None:
    message = "Unsupported parameter: '{name}' is not supported. Use 'max_completion_tokens' instead."
    server.answers = [refusing("max_tokens", message=message)]
    made = model()
    await made.chat(asked(max_output_tokens=9))
    await made.chat(asked(max_output_tokens=9))
    assert [request.get("max_completion_tokens") for request in server.requests] == [None, 9, 9]
    assert "max_tokens" not in server.requests[2]


async def test_all_of_it_can_be_refused_and_the_probes_end(server: ChatServer, model: Any) -> None:
    server.answers = [
        refusing("json_schema", "json_object", "temperature", "max_tokens", "max_completion_tokens")
    ]
    made = model()
    await made.chat(asked(schema=SCHEMA))
    assert len(server.requests) == 6
    assert server.requests[-1].keys() == {"model", "messages"}
    server.answers = [refusal(400, "temperature response_format max_tokens tools are not supported")]
    with pytest.raises(ModelError):
        await made.chat(asked(schema=SCHEMA))
    assert len(server.requests) == 7


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "gemma does not support tools"),
        (404, "No endpoints found that support tool use"),
        (500, "tools param requires --jinja flag"),
        (400, '"auto" tool choice requires --enable-auto-tool-choice'),
    ],
)
async def test_an_endpoint_that_takes_no_tools_is_asked_once(
    server: ChatServer, model: Any, status: int, message: str
) -> None:
    server.answers = [refusal(status, message), completion()]
    made = model()
    for _ in range(2):
        with pytest.raises(ToolsRefused, match="it takes no tools"):
            await made.chat(asked(tools=(TOOL,)))
    assert len(server.requests) == 1
    assert (await made.chat(asked())).text == "hello"


async def test_a_fault_in_a_tool_is_no_word_on_tools(server: ChatServer, model: Any) -> None:
    server.answers = [refusal(400, "Invalid 'tools[0].function.name': too long")]
    made = model()
    with pytest.raises(ModelError, match="too long") as raised:
        await made.chat(asked(tools=(TOOL,)))
    assert not isinstance(raised.value, ToolsRefused)


# -- failures


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (refusal(401, "Incorrect API key"), ModelUnavailable, "status 401; check llm_api_key"),
        (refusal(402), ModelUnavailable, "credit is used up"),
        (refusal(403), ModelUnavailable, "check that llm_api_key may use this model"),
        (refusal(404), ModelUnavailable, "status 404; check llm_model, and llm_base_url"),
        (refusal(400, "The model `m` does not exist"), ModelUnavailable, "check llm_model; it says"),
        (refusal(400, code="model_not_found"), ModelUnavailable, "check llm_model"),
        (refusal(400, "bad\nrequest"), ModelError, "status 400; it says: bad request"),
        (refusal(418, "a teapot"), ModelError, "status 418; it says: a teapot$"),
        (refusal(429, "slow down", code="rate", param="x"), ModelUnavailable, "it says: slow down$"),
        (raw("", 400), ModelError, "status 400; it says nothing more"),
        (raw("<html>no</html>", 502, "text/html"), ModelUnavailable, "status 502; it says: <html>"),
        (refusal(400, code="context_length_exceeded"), ContextTooLong, "longer than the model takes"),
        (refusal(413), ContextTooLong, "longer than the model takes"),
        (
            refusal(400, "max_tokens is too large: 4096. This model's maximum context length is 2048"),
            ContextTooLong,
            "longer than the model takes",
        ),
        (
            refusal(400, "the request exceeds the available context size, try increasing it"),
            ContextTooLong,
            "longer than the model takes",
        ),
        (
            raw('{"error": {"message": "upstream", "code": 503}}'),
            ModelUnavailable,
            "status 503; it says: .*upstream",
        ),
    ],
)
async def test_a_failure_is_one_line_that_says_what_to_do(
    server: ChatServer, model: Any, answer: Answer, kind: type[ModelError], says: str
) -> None:
    server.answers = [answer]
    with pytest.raises(ModelError, match=says) as raised:
        await model(retries=0).chat(asked())
    assert type(raised.value) is kind
    assert str(raised.value).startswith(f"m at {server.url}: ")
    assert "\n" not in str(raised.value)


async def test_the_setting_that_named_the_model_is_named(server: ChatServer, model: Any) -> None:
    server.answers = [refusal(404)]
    with pytest.raises(ModelUnavailable, match="check llm_model_judge"):
        await model(model_judge="small").chat(asked(step="judge"))


@pytest.mark.parametrize(
    ("step", "setting"), [("extract", "extract_tokens"), ("navigate", "navigate_tokens")]
)
async def test_the_setting_that_makes_a_request_shorter_is_named(
    server: ChatServer, model: Any, step: Step, setting: str
) -> None:
    server.answers = [refusal(413)]
    with pytest.raises(ContextTooLong, match=f"set {setting} lower"):
        await model(retries=0).chat(asked(step=step))


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "wrong://user:pass-word@host"), ("SSL_CERT_FILE", "/nowhere/at/all.pem"), ("", "")],
)
async def test_a_client_that_cannot_be_made_is_said(
    model: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if name:
        monkeypatch.setenv(name, value)
    url = "https://localhost/v1" if name else "http://xn--a.b\x7f/v1"
    with pytest.raises(ModelUnavailable, match=r"no client can be made|cannot be reached") as raised:
        await model(base_url=url).chat(asked())
    assert "pass-word" not in str(raised.value)
    assert raised.value.__context__ is None


async def test_a_redirect_is_not_followed(server: ChatServer, model: Any) -> None:
    with chat_server() as other:
        server.answers = [raw("", 307, headers={"location": f"{other.url}/chat/completions"})]
        with pytest.raises(ModelUnavailable, match="it has moved; set llm_base_url"):
            await model().chat(asked())
        assert other.requests == []


# -- several at once, several loops


async def test_no_more_calls_are_under_way_than_allowed(server: ChatServer, model: Any) -> None:
    server.answers = [completion(pause=0.03)]
    made = model(concurrency=2)
    await asyncio.gather(*(made.chat(asked()) for _ in range(6)))
    assert server.most_at_once == 2
    assert len(server.requests) == 6


def test_one_model_serves_several_event_loops(settings: Any, server: ChatServer) -> None:
    made = OpenAiModel(settings(concurrency=1))

    async def twice() -> None:
        await asyncio.gather(made.chat(asked()), made.chat(asked()))
        await made.close()

    for _ in range(2):
        asyncio.run(twice())
    assert len(server.requests) == 4


# -- making


def test_no_model_is_made_where_none_is_named() -> None:
    assert make_model(Settings()) is None
    assert make_model(Settings(llm_api_key="k")) is None
    made = make_model(Settings(llm_model="m", llm_api_key="k"))
    assert made is not None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "llm_api_key"),
        ({"llm_api_key": "k\nx"}, "llm_api_key holds a character"),
        ({"llm_base_url": "http://h/v1", "llm_headers": {"a": "k\r\nb: c"}}, "llm_headers: header 1"),
        ({"llm_api_key": "k", "llm_run_cost_cap": 1.0}, "needs the price of 'm' in llm_prices"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_at_once(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        make_model(Settings(llm_model="m", **given))
    assert "k\n" not in str(raised.value)


async def test_the_service_makes_the_model_and_closes_it(server: ChatServer, tmp_path: Path) -> None:
    given = {"embedder": "none", "llm_model": "m", "llm_base_url": server.url}
    async with MemoryService(tmp_path, **given) as memory:
        made = (await memory.tools()).model
        assert made is not None
        assert (await made.chat(asked())).text == "hello"
    assert made._connections == {}  # type: ignore[attr-defined]
