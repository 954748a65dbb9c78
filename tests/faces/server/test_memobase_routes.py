"""Memobase's routes over HTTP: the envelope, the statuses, ids, and what a user that nobody made has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from memobase import ChatBlob, MemoBaseClient
from memobase.core.blob import BlobType, CodeBlob, DocBlob, SummaryBlob
from memobase.error import ServerError
from serving import TOKEN, served

OSCAR = {
    "role": "user",
    "content": "I adopted a guinea pig named Oscar.",
    "created_at": "2026-10-03T10:00:00Z",
}
API = "/api/v1"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("routes") / "store"


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    with served(store) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[MemoBaseClient]:
    client = MemoBaseClient(project_url=url, api_key=TOKEN)
    with client.client:
        yield client


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url + API, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        yield http


def body(answer: httpx.Response) -> dict[str, Any]:
    found = answer.json()
    assert found.keys() == {"data", "errno", "errmsg"}
    return dict(found)


# -- users


def test_any_id_may_be_a_users(client: MemoBaseClient) -> None:
    for user_id in (str(uuid4()), "maya", "ana@example.org", "张伟", "a b", "CON", "x" * 200):
        assert client.add_user({"n": 1}, id=user_id) == user_id
        assert client.get_user(user_id).fields["data"] == {"n": 1}  # type: ignore[index]
        assert client.delete_user(user_id)


def test_a_user_without_an_id_gets_a_uuid(client: MemoBaseClient) -> None:
    assert UUID(client.add_user()).version == 4


def test_a_user_that_nobody_made_is_an_error_that_the_client_catches(client: MemoBaseClient) -> None:
    for call in (client.get_user, client.delete_user, client.update_user):
        with pytest.raises(ServerError, match="no user 'nobody'"):
            call("nobody")
    assert client.get_or_create_user("somebody").user_id == "somebody"
    assert client.get_or_create_user("somebody").fields is not None


def test_a_user_that_nobody_made_has_nothing_and_takes_nothing_in(
    client: MemoBaseClient, store: Path
) -> None:
    ghost = client.get_user("ghost", no_get=True)
    assert ghost.profile() == []
    assert ghost.context() == ""
    assert ghost.event() == []
    assert ghost.search_event("cats") == []
    assert ghost.get_all(BlobType.chat) == []
    assert ghost.buffer(BlobType.chat) == []
    for write in (
        lambda: ghost.insert(ChatBlob(messages=[OSCAR])),
        lambda: ghost.add_profile("x", "interest", "pets"),
        lambda: ghost.flush(sync=True),
    ):
        with pytest.raises(ServerError, match="no user 'ghost'"):
            write()
    assert not (store / "ghost").exists()


def test_a_user_that_is_there_is_not_made_again_with_other_data(client: MemoBaseClient) -> None:
    uid = client.add_user({"plan": "free"})
    assert client.add_user(id=uid) == uid
    with pytest.raises(ServerError, match="has changed"):
        client.add_user({"plan": "paid"}, id=uid)


def test_users_are_listed(client: MemoBaseClient, http: httpx.Client) -> None:
    uid = client.add_user({"plan": "free"}, id="listed-one")
    [found] = client.get_all_users(search="listed-")
    assert found["id"] == uid
    assert found["additional_fields"] == {"plan": "free"}
    assert (found["profile_count"], found["event_count"]) == (0, 0)
    assert body(http.get("/project/users", params={"search": "listed-", "limit": 0}))["data"] == {
        "users": [],
        "count": 1,
    }


@pytest.mark.parametrize(
    "user_id", ["..", ".", "x" * 1025, "a\x00b", "%2e%2e", "..%2f..%2fetc", "a%2fb", "%5cx"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_hostile_ids_are_refused_and_leave_nothing(
    http: httpx.Client, store: Path, user_id: str, method: str
) -> None:
    before = sorted(store.parent.rglob("*"))
    raw = user_id.replace("\x00", "%00")
    answer = http.request(method, f"/users/{raw}", json={"data": {}} if method == "PUT" else None)
    assert 400 <= answer.status_code < 500
    assert sorted(store.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "user_id", ["", "../x", "a/b", "a\\b", "..", "x" * 1025, "a\x00b", "\ud800", 5, ["x"]]
)
def test_no_user_is_made_of_a_hostile_id(http: httpx.Client, store: Path, user_id: object) -> None:
    before = sorted(store.parent.rglob("*"))
    content = json.dumps({"id": user_id})
    answer = http.post("/users", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert body(answer)["errno"] == 422
    assert sorted(store.parent.rglob("*")) == before


# -- blobs and the buffer


def test_blobs_come_out_as_they_went_in(client: MemoBaseClient) -> None:
    user = client.get_user(client.add_user())
    chat = ChatBlob(messages=[OSCAR], fields={"app": "demo"})
    for blob in (chat, DocBlob(content="# Notes\n\nShe paints."), SummaryBlob(summary="She paints.")):
        found = user.get(user.insert(blob))
        assert found.get_blob_data() == blob.get_blob_data()
        assert found.fields == blob.fields
    code = user.insert(CodeBlob(content="print(1)", language="python"))
    assert user.get_all(BlobType.code) == [code]
    assert user.delete(code)
    with pytest.raises(ServerError, match="no blob"):
        user.get(code)


def test_a_blob_is_idle_until_it_is_read(client: MemoBaseClient) -> None:
    user = client.get_user(client.add_user())
    blob = user.insert(ChatBlob(messages=[OSCAR]))
    assert user.buffer(BlobType.chat) == [blob]
    assert user.flush(sync=True)
    assert user.buffer(BlobType.chat) == []
    assert user.buffer(BlobType.chat, status="done") == [blob]


def test_a_blob_as_the_npm_client_sends_it_is_taken(http: httpx.Client) -> None:
    uid = body(http.post("/users", json={}))["data"]["id"]
    blob = {"type": "chat", "messages": [OSCAR], "fields": {"a": 1}}
    sent = {"blob_type": "chat", "fields": blob["fields"], "blob_data": blob}
    made = body(http.post(f"/blobs/insert/{uid}", json=sent))["data"]
    found = body(http.get(f"/blobs/{uid}/{made['id']}"))["data"]
    assert found["blob_data"] == {"messages": [OSCAR]}
    assert found["fields"] == {"a": 1}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"blob_type": "song", "blob_data": {}},
        {"blob_type": "chat", "blob_data": {}},
        {"blob_type": "chat", "blob_data": {"messages": []}},
        {"blob_type": "chat", "blob_data": {"messages": [{"role": "user", "content": 3}]}},
        {"blob_type": "doc", "blob_data": {"content": ""}},
        {"blob_type": "chat", "blob_data": [1]},
    ],
)
def test_a_blob_that_is_none_is_refused_and_leaves_nothing(http: httpx.Client, sent: object) -> None:
    uid = body(http.post("/users", json={}))["data"]["id"]
    answer = http.post(f"/blobs/insert/{uid}", json=sent)
    assert answer.status_code in (400, 422)
    assert body(answer)["data"] is None
    assert body(http.get(f"/users/blobs/{uid}/chat"))["data"]["ids"] == []


def test_a_body_that_is_no_json_is_refused(http: httpx.Client) -> None:
    for content in (b"{", b"\xff", b"[" * 100_000, b""):
        answer = http.post("/users", content=content, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
        assert body(answer)["errno"] == answer.status_code


def test_half_of_a_surrogate_pair_spoils_no_answer(http: httpx.Client) -> None:
    uid = body(http.post("/users", json={}))["data"]["id"]
    content = json.dumps(
        {"blob_type": "chat", "blob_data": {"messages": [{"role": "user", "content": "x \ud800"}]}}
    )
    answer = http.post(f"/blobs/insert/{uid}", content=content, headers={"content-type": "application/json"})
    if answer.status_code == 200:
        found = http.get(f"/blobs/{uid}/{body(answer)['data']['id']}")
        assert "\ud800" in body(found)["data"]["blob_data"]["messages"][0]["content"]
    else:
        assert answer.status_code == 400


# -- profile, events and context


def test_what_was_said_is_found_by_each_route(client: MemoBaseClient) -> None:
    user = client.get_user(client.add_user())
    user.insert(ChatBlob(messages=[OSCAR]))
    user.flush(sync=True)
    [slot] = [one for one in user.profile() if "Oscar" in one.content]
    assert (slot.topic, slot.sub_topic) != ("NONE", "NONE")
    [event] = user.event()
    assert event.event_data is not None
    assert "Oscar" in str(event.event_data.event_tip)
    assert [one.content for one in event.event_data.profile_delta] != []
    long = 100_000
    assert [one.id for one in user.search_event("guinea pig", time_range_in_days=long)] == [event.id]
    gists = user.search_event_gist("guinea pig & its name", time_range_in_days=long)
    assert any("Oscar" in one.gist_data.content for one in gists)
    assert "Oscar" in user.context(chats=[{"role": "user", "content": 'my "pet" & C++ #1?'}])


def test_a_profile_is_edited_by_its_ids(client: MemoBaseClient) -> None:
    user = client.get_user(client.add_user())
    made = user.add_profile("Likes green tea.", "interest", "drinks")
    [slot] = user.profile()
    assert (str(slot.id), slot.topic, slot.sub_topic, slot.content) == (
        made,
        "interest",
        "drinks",
        "Likes green tea.",
    )
    assert user.update_profile(str(slot.id), "Likes black tea.", "interest", "drinks")
    [slot] = user.profile()
    assert slot.content == "Likes black tea."
    assert user.delete_profile(str(slot.id))
    assert user.profile() == []
    with pytest.raises(ServerError):
        user.delete_profile(str(uuid4()))


def test_an_event_is_edited_by_its_id(client: MemoBaseClient) -> None:
    user = client.get_user(client.add_user())
    user.insert(ChatBlob(messages=[OSCAR]))
    user.flush(sync=True)
    [event] = user.event()
    tags = [{"tag": "emotion", "value": "happy"}, {"tag": "pets", "value": ""}]
    assert user.update_event(str(event.id), {"event_tip": "A pet came.", "event_tags": tags})
    [event] = user.event()
    assert event.event_data is not None
    assert event.event_data.event_tip == "A pet came."
    assert [(one.tag, one.value) for one in event.event_data.event_tags or ()] == [
        ("emotion", "happy"),
        ("pets", ""),
    ]
    assert len(user.search_event_by_tags(tags=["emotion", "pets"])) == 1
    assert len(user.search_event_by_tags(tag_values={"emotion": "happy"})) == 1
    assert user.search_event_by_tags(tag_values={"emotion": "sad"}) == []
    assert user.delete_event(str(event.id))
    assert user.event() == []


def test_parameters_that_are_none_are_refused(client: MemoBaseClient, http: httpx.Client) -> None:
    uid = client.add_user()
    for query in (
        "max_token_size=x",
        "max_token_size=-1",
        "chats_str=[",
        'chats_str={"role":"user"}',
        "chats_str=[1]",
        "topic_limits_json=[]",
        'topic_limits_json={"a":"b"}',
        'topic_limits_json={"a":-1}',
        'topic_limits={"a":-1}',
    ):
        answer = http.get(f"/users/profile/{uid}?{query}")
        assert answer.status_code in (400, 422), query
        assert body(answer)["errno"] == answer.status_code


# -- the project


def test_the_configuration_is_read_and_written(client: MemoBaseClient) -> None:
    assert client.get_config() == ""
    assert client.update_config("language: en\nprofile_strict_mode: true\n")
    assert "profile_strict_mode: true" in client.get_config()
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        client.update_config("no_such_key: 1\n")
    assert "profile_strict_mode: true" in client.get_config()
    assert client.update_config("")
    assert client.get_config() == ""


def test_usage_counts_what_came_in(client: MemoBaseClient) -> None:
    before = client.get_daily_usage()
    assert len(before) == 7
    user = client.get_user(client.add_user())
    user.insert(ChatBlob(messages=[OSCAR]))
    after = client.get_daily_usage(days=1)
    assert after[0]["total_insert"] == before[0]["total_insert"] + 1  # type: ignore[index]
    assert client.get_usage() == {"token_left": None, "next_refill_at": None, "project_token_cost_month": 0}


def test_the_server_says_how_it_is(http: httpx.Client) -> None:
    assert body(http.get("/admin/status_check"))["errno"] == 0
    assert body(httpx.get(str(http.base_url) + "healthcheck"))["errno"] == 0


def test_what_is_no_route_is_answered_in_the_envelope(http: httpx.Client) -> None:
    assert (http.get("/nothing").status_code, body(http.get("/nothing"))["errno"]) == (404, 404)
    assert body(http.patch("/users"))["errno"] == 405


def test_what_to_speak_of_next_is_proposed(client: MemoBaseClient, http: httpx.Client) -> None:
    user = client.get_user(client.add_user())
    user.add_profile("Works as a nurse in Porto", "work", "job")
    asks = {"messages": [{"role": "user", "content": "Which vet is open on Sundays?"}]}
    path = f"/users/roleplay/proactive/{user.user_id}"
    assert body(http.post(path, json=asks))["data"] == {"action": "continue", "topic_prompt": None}
    polite = {"messages": [{"role": "user", "content": "ok"}], "agent_context": "A tutor for nurses"}
    found = body(http.post(path, json=polite))["data"]
    assert found["action"] == "new_topic"
    assert "Works as a nurse in Porto" in found["topic_prompt"]
    found = body(http.post(path, params={"only_topics": "hobby"}, json=polite))["data"]
    assert found == {"action": "new_topic", "topic_prompt": None}
    assert http.post(path, json={"messages": [{"role": "user"}]}).status_code in (400, 422)
