"""Figures of the server for Prometheus, in its text format, version 0.0.4.

Labels are routes, methods, statuses and classes of errors: never an id of a user or anything that was said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Upper bounds in seconds."""
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
NO_ROUTE = "(no route)"
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The figures of one app, kept for as long as it runs."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.errors: Counter[str] = Counter()
        self.at_work = 0
        self._times: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. `status` is 0 where its sender had gone before there was an answer."""
        self.requests[method, route, status] += 1
        counts = self._times.setdefault(route, [0] * (len(BUCKETS) + 1))
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter adds floats as well

    def failed(self, error: BaseException) -> None:
        """Count an error by its class."""
        self.errors[type(error).__name__] += 1

    def text(self, more: Mapping[str, tuple[str, str, Mapping[Labels, float]]] | None = None) -> str:
        """All figures. `more` are further ones: name to (kind, help, values by labels)."""
        found: dict[str, tuple[str, str, Mapping[Labels, float]]] = {
            "memu_like_requests_total": ("counter", "Requests by route and status.", self._requests()),
            "memu_like_errors_total": ("counter", "Errors by class.", self._errors()),
            "memu_like_requests_at_work": ("gauge", "Requests at work now.", {(): self.at_work}),
            **(more or {}),
        }
        lines = [line for name, figure in found.items() for line in _figure(name, *figure)]
        return "\n".join([*lines, *self._histogram(), ""])

    def _requests(self) -> Mapping[Labels, float]:
        return {
            (("method", method), ("route", route), ("status", str(status))): count
            for (method, route, status), count in self.requests.items()
        }

    def _errors(self) -> Mapping[Labels, float]:
        return {(("kind", kind),): count for kind, count in self.errors.items()}

    def _histogram(self) -> Iterator[str]:
        name = "memu_like_request_seconds"
        yield from _head(name, "histogram", "Time until a request was answered whole.")
        for route, counts in self._times.items():
            total = 0
            for bound, count in zip((*map(_number, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                yield f"{name}_bucket{_labels((('route', route), ('le', bound)))} {total}"
            labels = _labels((("route", route),))
            yield f"{name}_sum{labels} {self._seconds[route]:.6f}"
            yield f"{name}_count{labels} {total}"


def method_of(method: str) -> str:
    """A client may send any word."""
    return method if method in METHODS else "OTHER"


def templates(app: FastAPI) -> dict[object, str]:
    """The functions behind the routes of an app -> the templates of their paths, as /v1/users/{user_id}."""
    from fastapi import routing

    # Later versions of FastAPI keep the routers that an app includes apart, and have a walk through them.
    walk: Callable[[Any], Iterable[Any]] = getattr(routing, "iter_route_contexts", iter)
    return {route.endpoint: route.path for route in walk(app.routes) if hasattr(route, "endpoint")}


def _figure(name: str, kind: str, told: str, values: Mapping[Labels, float]) -> Iterator[str]:
    yield from _head(name, kind, told)
    for labels, value in values.items():
        yield f"{name}{_labels(labels)} {_number(value)}"


def _head(name: str, kind: str, told: str) -> Iterable[str]:
    return f"# HELP {name} {told}", f"# TYPE {name} {kind}"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return f"{value:g}" if value != int(value) else str(int(value))
