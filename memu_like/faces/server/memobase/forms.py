"""Our values in the shapes that Memobase's clients read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ....models import Blob
from ....results import DayUsage, EventRecord, Gist, ProfileSlot, UserPage, UserRecord, UserSummary


def user(record: UserRecord) -> dict[str, Any]:
    return {"data": dict(record.data), "id": record.id, **_times(record)}


def users(page: UserPage) -> dict[str, Any]:
    return {"users": [_summary(one) for one in page.users], "count": page.count}


def _summary(one: UserSummary) -> dict[str, Any]:
    return {
        "id": one.record.id,
        "additional_fields": dict(one.record.data),
        "profile_count": one.profiles,
        "event_count": one.events,
        **_times(one.record),
    }


def usage(days: Iterable[DayUsage]) -> list[dict[str, Any]]:
    """What was refused is no insert: those that were asked for and those that were made are the same."""
    return [
        {
            "date": f"{day.day:%Y-%m-%d}",
            "total_insert": day.inserts,
            "total_success_insert": day.inserts,
            "total_input_token": day.prompt_tokens,
            "total_output_token": day.completion_tokens,
        }
        for day in days
    ]


def billing(days: Iterable[DayUsage]) -> dict[str, Any]:
    """Nothing is sold: no quota, and no day on which it is filled again."""
    tokens = sum(day.prompt_tokens + day.completion_tokens for day in days)
    return {"token_left": None, "next_refill_at": None, "project_token_cost_month": tokens}


def blob(found: Blob) -> dict[str, Any]:
    at = found.created_at.isoformat() if found.created_at else None
    return {
        "blob_type": str(found.type),
        "blob_data": dict(found.data),
        "fields": None if found.fields is None else dict(found.fields),
        "created_at": at,
        "updated_at": at,
    }


def profiles(slots: Sequence[ProfileSlot]) -> dict[str, Any]:
    return {"profiles": [_profile(slot) for slot in slots]}


def _profile(slot: ProfileSlot) -> dict[str, Any]:
    attributes = {"topic": slot.topic, "sub_topic": slot.sub_topic, "update_hits": slot.update_hits}
    return {"id": slot.id, "content": slot.content, "attributes": attributes, **_times(slot)}


def events(records: Iterable[EventRecord]) -> dict[str, Any]:
    return {"events": [_event(one) for one in records], "gists": []}


def _event(one: EventRecord) -> dict[str, Any]:
    delta = [
        {"content": each.text, "attributes": {"topic": each.topic, "sub_topic": each.slot}}
        for each in one.profile_delta
    ]
    tags = [dict(zip(("tag", "value"), _tag(tag), strict=True)) for tag in one.tags]
    data = {"profile_delta": delta, "event_tip": one.tip, "event_tags": tags}
    return {"id": one.id, "event_data": data, "similarity": one.similarity, **_times(one)}


def _tag(tag: str) -> tuple[str, str]:
    name, _, value = tag.partition("=")
    return name, value


def gists(found: Iterable[Gist]) -> dict[str, Any]:
    """Under both names: the npm client looks for them among the events."""
    given = [_gist(one) for one in found]
    return {"gists": given, "events": given}


def _gist(one: Gist) -> dict[str, Any]:
    return {"id": one.id, "gist_data": {"content": one.content}, "similarity": one.similarity, **_times(one)}


def _times(one: UserRecord | ProfileSlot | EventRecord | Gist) -> dict[str, str]:
    return {"created_at": one.created_at.isoformat(), "updated_at": one.updated_at.isoformat()}
