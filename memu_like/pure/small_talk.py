"""What tells nothing: greetings, thanks, wishes, reactions, requests. English and Chinese."""

from __future__ import annotations

import re

from .patterns import lazy

_PHRASES = (
    r"h+i+|hello+|he+y+|howdy|yo|greetings|good\s(?:morning|afternoon|evening|night|day)|hi\sthere|hey\sthere|"
    r"hello\sthere|how\sare\syou(?:\sdoing)?(?:\stoday)?|how(?:['’]s|\sis)\sit\sgoing|how\shave\syou\sbeen|"
    r"what['’]?s\s(?:up|new)|how(?:['’]s|\sis)\severything|long\stime(?:,?\sno\s(?:see|talk|chat))?|"
    r"(?:it['’]s\s)?(?:good|great|nice)\s(?:to\s(?:see|hear\sfrom|meet|chat\swith|talk\sto)\syou|chatting|talking|hearing"
    r"\sfrom\syou)(?:\s(?:again|too|guys))?|thanks?(?:\s(?:so\smuch|a\s(?:lot|ton|bunch|million)|again))?|"
    r"thank\syou(?:\s(?:so|very)\smuch|\sagain)?|thx|ty|many\sthanks|cheers|you['’]?re\swelcome|no\s(?:problem|worries)|"
    r"my\spleasure|anytime|ok(?:ay)?|k|alright|all\sright|sure(?:\sthing)?|yes|yep|yeah|yup|no|nope|nah|cool|"
    r"nice|great|awesome|perfect|wonderful|amazing|fantastic|wow|oh|ah|got\sit|i\ssee|understood|sounds\s(?:good|great|"
    r"fun|amazing|awesome|perfect|lovely|like\sa\splan)|makes\ssense|right|exactly|absolutely|definitely|totally|"
    r"of\scourse|agreed|(?:good)?bye(?:\s?bye)?|see\s(?:you|ya)(?:\s(?:soon|later|then|around|tomorrow))?|later|"
    r"talk\s(?:to\syou\s)?(?:soon|later)|ttyl|take\scare|(?:ha){2,}h?|he(?:he)+|lol|lmao|rofl|same(?:\shere)?|me\stoo|"
    r"congrats|congratulations|good\s(?:luck|job|one|for\syou|idea|point)|well\sdone|way\sto\sgo|please|and\syou|"
    r"that['’]?s\s(?:so\s|really\s)?(?:great|awesome|amazing|cool|nice|wonderful|fantastic|good|lovely|sweet)|"
    r"你好|您好|嗨|哈喽|早上好|早安|早|下午好|晚上好|晚安|谢谢(?:你|您|啦|了)?|謝謝(?:你|您)?|多谢|感谢|不客气|不用谢|没事|"
    r"没关系|好的?|好呀|好吧|行|可以|嗯+|哦+|是的|对|對|再见|再見|拜拜|回头见|明天见|哈+|呵+|太好了|太棒了|不错|辛苦了|加油|"
    r"最近怎么样|你好吗|在吗"
)
_SMALL_TALK = lazy(rf"(?:(?:{_PHRASES})(?:啊|呀|呢|啦|哦)?(?:\W+|$))+", re.IGNORECASE)
#: The same with a name or an address at the end: "Hey Mel!", "Thanks, dear friend".
_ADDRESSED = lazy(
    rf"(?:(?:{_PHRASES})(?:\W+|$))+(?:(?-i:[A-Z])\w+|there|all|everyone|guys|man|buddy|dude|friend|bro|mate|girl|"
    r"my friend|again|too)\W*",
    re.IGNORECASE,
)

_OPENING = lazy(
    r"(?:(?:hey+|hi|hello|oh|ooh|ah|aw+|wow|yeah|yep|yes|no|nah|nope|thanks|thank\syou|well|haha|sure|totally|"
    r"absolutely|definitely|exactly|ok|okay|btw|by\sthe\sway|anyway|anyways|guess\swhat|you\sknow|also|for\ssure|"
    r"of\scourse|please\sdo|(?:yes|no)\splease|(?-i:[A-Z])[a-z]{1,14}(?=,\s(?:I|my|we|our)\b))(?:,?\s(?-i:[A-Z])[a-z]{1,14})?\s?[,!]+\s?){1,4}",
    re.IGNORECASE,
)

#: What announces a statement and is no part of it: "One more thing: ...", "First, ...".
_ANNOUNCEMENT = lazy(
    r"(?:(?:(?:and\s)?one\smore|another|other)\sthing\b[^.:!?,;\n]{0,40}:|(?:first|second|third|last|final)(?:ly)?(?:\sof\sall)?"
    r"[:,]|confession:|(?:big|good|bad|great|less\sgood|sad|happy)(?:\snews)?:|news:|fun\sfact:|p\.?s\.?:|"
    r"还有(?:一件事|一点)?[：:，,]|(?:不是|是的|对了?|嗯+|好的?|没有|哈+|另外)[，,])\s?",
    re.IGNORECASE,
)
#: A few words that lead to a sentence in Chinese or Japanese writing: "Time to practise: 昨天...".
_LEAD_TO_CJK = lazy(
    r"[^\W\d\u3040-\u9fff][^\u3040-\u9fff.!?。\n]{0,60}[:：,，–—-]\s?(?=[\u3040-\u30ff\u4e00-\u9fff])"
)
#: Fewer characters than this after such a lead are a name or a word, not a sentence of its own.
_SHORTEST_CJK = 5

_HARD_I = r"i(?:['’]m|\sam|\swas)\s(?:so\s|really\s|very\s|super\s|truly\s|always\s|just\s|also\s){0,3}"
_REACTION = lazy(
    rf"(?:(?:and|but|so|aw+|wow|oh)\W+)?(?:{_HARD_I}(?:glad|happy|proud|excited|sorry|thrilled|sure|stoked|impressed|"
    r"inspired|grateful|thankful|amazed|here|rooting|curious|jealous)\s(?:to\s(?:hear|see|know|have\syou)|for\s(?:you|your)|"
    r"of\s(?:you|your|it)|(?:that\s)?you|about\s(?:your|that|it)|by\s(?:your|that)|it|that|with\syou)|"
    r"i(?:['’]d|\swould|\scan|\scan['’]?t|\scould)?\s(?:really\s|totally\s|definitely\s|also\s)?(?:love|like|wait|want|"
    r"appreciate|hope|bet|wish|admire|imagine|understand|agree|believe|know|see)\s(?:to\s(?:hear|see|know|check)\s)?"
    r"(?:you|your|it|that|this|what\syou|how\syou|more|about\syour)\b[^,.;]{0,30}[.!]?$|"
    r"i\s(?:totally\s|completely\s|really\s)?(?:agree|know|see|bet|understand|get\sit|hear\syou|feel\syou)\b[^,.;]{0,16}[.!]?$|"
    r"(?:that|this|it)(?:['’]?s|\sis|\smust|\swas|\ssounds|\slooks|\swill|['’]ll)\s(?:be\s|have\sbeen\s)?(?:so|really|"
    r"such|very|pretty|truly|an?|totally|super|absolutely|all|just)?\s?[\w\s]{0,40}[.!]+$|"
    r"(?:sounds|looks|seems)\s(?:like\s)?[^,.;]{0,40}[.!]?$|what\san?\s|how\s(?:cool|nice|great|sweet|awesome|lovely|"
    r"exciting|wonderful|amazing)\b|can['’]?t\swait\sto\s(?:hear|see\s(?:it|you|what|how|your)|chat|catch)|let\s(?:me|us)\sknow|"
    r"(?:good|best\sof)\sluck|take\scare|have\s(?:a|fun|an)\b|keep\s(?:it|up|me|going|on|at|pushing|doing|that|in\stouch|the)|"
    r"(?:i\s)?hope\s(?:you|your|it|that|to\shear)|enjoy\s|congrat|good\sfor\syou|glad\s(?:you|to\shear|that\syou|it)|"
    r"happy\s(?:to\shear|for\syou|you)|so\s(?:glad|happy|proud|excited|sorry)\s(?:for|to\shear|you|that\syou|of)|"
    r"no\s(?:problem|worries|need)|thanks?\b|thank\syou|appreciate\s(?:it|you|that|your)|way\sto\sgo|well\sdone|"
    r"great\sto\s|nice\sto\s|good\sto\s|(?:stay|be)\s(?:strong|safe|positive|careful)|don['’]t\s(?:give\sup|worry|"
    r"forget\sto)|remember\sto|let['’]s\s(?:catch\sup|keep|do\sit|go|chat|plan)|looking\sforward\sto\s(?:hearing|it|that|your)|"
    r"(?:talk|see|catch|speak)\s(?:to\s)?(?:you|ya)|you\sgot\sthis|check\s(?:it|this|that)\s(?:out)?|take\sa\slook|"
    r"here['’]?s\s|(?:it|that|your\s\w+|this)\s(?:really\s)?means\s|真(?:棒|好|的吗|厉害)|太(?:棒|好|厉害)|祝你|恭喜|希望你|加油|辛苦)",
    re.IGNORECASE,
)

_REMEMBER = lazy(
    r"(?:please\s|can\syou\s|could\syou\s|just\s)?(?:remember|note|keep\sin\smind|don['’]t\sforget|bear\sin\smind|"
    r"remind\sme|call\sme|fyi)\b|请?(?:记住|记得|记一下|别忘|叫我)",
    re.IGNORECASE,
)
#: Requests that stand anywhere in a sentence: to forget, to listen, to look at what follows.
_ASKED = lazy(
    r"\bplease\s(?:just\s)?forget\b|^(?:just\s)?forget\s(?:that|it|this|what|about)\b|\bi\s(?:just\s)?need\s(?:to\svent|"
    r"(?:some\s|your\s)?(?:advice|help|cheering))\b|\bhere(?:['’]s|\sis|\sare)\s(?:the|my|what|some)\b[^.!?]{0,60}:$",
    re.IGNORECASE,
)
#: One of these stands in every such request; looked for first, because that is cheap.
_ASKED_SIGNS = ("forget", "need", "here")
_COMMAND = lazy(
    r"(?:please|pls|now|then|ok|okay|also|and|next|first|instead)?[,\s]{0,2}(?:please\s)?(?:"
    r"(?:can|could|would|will)\syou\b|(?:i\s(?:want|need|would\slike)|i['’]d\slike)\syou\sto\b|(?:help|give|tell|show|send|"
    r"teach|explain\sto|write|make|find|get|draft|build|recommend|suggest)\sme\b|(?:write|translate|summari[sz]e|rewrite|"
    r"rephrase|generate|create|list|explain|describe|calculate|compute|compare|convert|draft|edit|fix|debug|refactor|"
    r"implement|optimi[sz]e|analy[sz]e|review|proofread|shorten|expand|continue|suggest|recommend|give|show|tell|search|"
    r"look\sup|provide|outline|design|solve|play|open|set|turn|add|remove|delete|change|format|make|use|act\sas|"
    r"let['’]?s|try|help|try\sto|check|do|don['’]t|stop|walk\sme)\b)"
    r"|(?:请|麻烦|帮我|帮忙|给我|告诉我|能不能|可以帮|翻译|写一|解释|总结)",
    re.IGNORECASE,
)

#: Longer than this, a query asks for something.
_LONGEST = 100


def is_small_talk(text: str) -> bool:
    """Whether a text is only greetings, thanks or acknowledgements, and so needs nothing from memory."""
    bare = text.strip()
    if len(bare) > _LONGEST:
        return False
    return not any(character.isalnum() for character in bare) or bool(_SMALL_TALK.fullmatch(bare))


def is_greeting(sentence: str) -> bool:
    """Small talk, with or without the name of the person it goes to."""
    return is_small_talk(sentence) or (len(sentence) <= _LONGEST and bool(_ADDRESSED.fullmatch(sentence)))


def is_reaction(sentence: str) -> bool:
    """An answer to what the other said, or a wish: "That's great!", "Good luck with it"."""
    return bool(_REACTION.match(sentence))


def is_command(sentence: str) -> bool:
    """A request that tells nothing of the person: "Write me a regex". "Remember that ..." is none."""
    if _REMEMBER.match(sentence):
        return False
    lowered = sentence.lower()
    asks = any(sign in lowered for sign in _ASKED_SIGNS) and _ASKED.search(sentence)
    return bool(asks or _COMMAND.match(sentence))


def asks_to_remember(sentence: str) -> bool:
    return bool(_REMEMBER.match(sentence))


def opening_length(sentence: str) -> int:
    """How many characters of address and interjection stand before the statement: "Hey Ana, ..."."""
    found = _OPENING.match(sentence)
    length = found.end() if found else 0
    if announced := _ANNOUNCEMENT.match(sentence, length):
        length = announced.end()
    if not sentence.isascii() and (lead := _LEAD_TO_CJK.match(sentence, length)):
        length = lead.end() if _is_cjk_sentence(sentence[lead.end() :]) else length
    return length if length < len(sentence) else 0


def _is_cjk_sentence(text: str) -> bool:
    """Whether a text is written in Chinese or Japanese and long enough for a statement."""
    letters = [character for character in text if character.isalpha()]
    return len(letters) >= _SHORTEST_CJK and 2 * sum(c >= "\u3040" for c in letters) > len(letters)
