"""A retrieval as it is asked for: what it may be given, and the search that calls no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..config import Settings
from ..errors import InvalidInput
from ..pure.history import Turn, read_history, with_history
from ..pure.small_talk import is_small_talk
from ..pure.sufficiency import is_enough
from ..results import RetrieveResult, Visit
from .desk import Desk
from .listing import check_names
from .retrieve import retrieve

METHODS = ("rag", "llm")
MAX_TOP_K = 1000
CONFIG = ("method", "top_k")
BY_RULE = "by the rule"


@dataclass(frozen=True, slots=True)
class Request:
    """One retrieval. `decide`, `rewrite` and `judge` are the steps that a model does; `history` is what was
    said before, oldest first."""

    query: str
    method: Literal["rag", "llm"] = "rag"
    top_k: int = 10
    history: tuple[Turn, ...] = ()
    decide: bool = False
    rewrite: bool = False
    judge: bool = False
    explain: bool = False
    without: tuple[str, ...] = ()

    @property
    def asks_model(self) -> bool:
        return self.method == "llm" or self.decide or self.judge or (self.rewrite and bool(self.history))


def read_request(
    settings: Settings,
    query: object,
    *,
    method: object = None,
    top_k: object = None,
    conversation_history: object = (),
    retrieve_config: object = None,
    explain: bool = False,
    without: Sequence[str] = (),
) -> Request:
    """A request from what a caller gave: an argument over `retrieve_config` over the settings.

    Raises InvalidInput, which names the nearest right name.
    """
    if not isinstance(query, str) or not query.strip():
        raise InvalidInput("the query is empty: say what to look for")
    config = _config(retrieve_config)
    chosen = _first(method, config.get("method"), settings.retrieve_method)
    check_names("method", [chosen], METHODS)
    count = _first(top_k, config.get("top_k"), settings.top_k)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_TOP_K:
        raise InvalidInput(f"top_k must be between 1 and {MAX_TOP_K}, not {count!r}")
    if chosen == "llm" and without:
        raise InvalidInput('without names ranking signals, and method "llm" ranks by none')
    return Request(
        query=query,
        method=chosen,
        top_k=count,
        history=read_history(conversation_history),
        decide=settings.retrieve_decide,
        rewrite=settings.retrieve_rewrite,
        judge=settings.retrieve_judge,
        explain=explain,
        without=tuple(without),
    )


def _config(given: object) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInput(f'retrieve_config must be a dict such as {{"method": "rag"}}, not {given!r}')
    check_names("key of retrieve_config", given, CONFIG)
    return given


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)


def search_memory(desk: Desk, request: Request) -> RetrieveResult:
    """Search with no model: small talk is told by a rule, a leaning query filled up from the history, and
    whether it found enough told by the words and scores of the hits."""
    if is_small_talk(request.query):
        return no_need(request, BY_RULE)
    query = with_history(request.query, request.history)
    return judged_by_rule(search_for(desk, request, query), rewriting(request, query))


def search_for(desk: Desk, request: Request, query: str) -> RetrieveResult:
    """Search for `query`, which stands for the request's own."""
    found = retrieve(desk, query, request.top_k, explain=request.explain, without=request.without)
    return replace(found, original_query=request.query, path=(search_visit(found),))


def no_need(request: Request, by: str) -> RetrieveResult:
    visit = Visit("decide", request.query, f"nothing to look up, {by}")
    return RetrieveResult(False, request.query, request.query, path=(visit,))


def rewriting(request: Request, query: str) -> tuple[Visit, ...]:
    return (Visit("rewrite", request.query, query),) if query != request.query else ()


def judged_by_rule(found: RetrieveResult, before: tuple[Visit, ...] = ()) -> RetrieveResult:
    """`found`, with `before` at the beginning of its path, judged by its words and scores."""
    enough = is_enough(found.rewritten_query, found.hits)
    visit = Visit("judge", "hits", judgement(enough, BY_RULE))
    return replace(found, path=(*before, *found.path, visit), sufficient=enough)


def search_visit(found: RetrieveResult) -> Visit:
    count = len(found.hits)
    return Visit("search", found.rewritten_query, f"{count} hit{'' if count == 1 else 's'}")


def judgement(enough: bool, by: str) -> str:
    return f"{'enough' if enough else 'not enough'}, {by}"
