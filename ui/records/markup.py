"""The HTML of the pages of recorded talks. All that was said goes in escaped."""

from collections.abc import Mapping
from html import escape
from urllib.parse import quote, urlencode

from assistant.records.exports.table import FORMATS
from assistant.records.index import Listed
from assistant.records.reading import Record
from assistant.records.removal.deletion import Receipt, summary
from assistant.records.wording import clock, day_and_time
from models.emotions import EMOTION_LABELS
from ui.shown import one_line

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Recorded talks</title>
<link rel="icon" href="/attune/static/app/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/attune/colours.css">
<link rel="stylesheet" href="/attune/static/look/records.css">
</head>
<body>
"""
_BRAND = """<a class="brand" href="/"><svg viewBox="0 0 32 32" aria-hidden="true">\
<circle cx="16" cy="16" r="15"/><path d="M8 14v4M12 10v12M16 13v6M20 8v16M24 13v6"/></svg>\
<span>Attune</span></a>"""
ALL_TALKS = '<a href="/records">All talks</a>'
STATES = {"mended": "was cut off and mended", "open": "being recorded now", "damaged": "damaged"}


def list_page(listed: list[Listed], total: int, asked: Mapping[str, str], skip: int) -> str:
    """Returns the list of records.

    Args:
        listed: Those of this page.
        total: How many there are on all pages.
        asked: What was looked for, by the names of the fields.
        skip: How many stand on the pages before.
    """
    rows = "\n".join(_row(one) for one in listed)
    none = "Nothing was found." if any(asked.values()) else "No talk has been recorded yet."
    return (
        f"{_HEAD}<header>{_BRAND}<a class='go-on' href='/'>Talk</a></header>\n"
        f"<main><h1>Recorded talks</h1>\n{_form(asked)}\n"
        f"<p role='status'>{_count(len(listed), total, skip)}</p>\n"
        f"<ul class='records'>{rows or f'<li>{none}</li>'}\n{_comparing(listed)}</ul>\n"
        f"{_turning(asked, skip, len(listed), total)}</main></body></html>\n"
    )


def tools(record: Record) -> str:
    """Returns what stands above a record's words: back, on, exports, deletion."""
    place = f"/records/{quote(record.id, safe='')}"
    before = ""
    if record.continues:
        earlier = f"/records/{quote(record.continues, safe='')}"
        before = f'<span>It goes on from <a href="{earlier}">an earlier talk</a></span>'
    on = f'<a class="go-on" href="{_going_on(record.id)}">Go on with this talk</a>'
    # The page first: it is what people take home; the rest is for programs.
    links = "".join(
        f'<li><a href="{place}/export/{form}">{_title(one.about)}</a></li>'
        for form, one in sorted(FORMATS.items(), key=lambda pair: pair[0] != "html")
    )
    return (
        f'<nav class="tools">{ALL_TALKS}{on}{before}'
        f"<details name='tools'><summary>Export</summary><ul>{links}</ul></details>"
        f"<details name='tools'><summary>Delete</summary>"
        f'<form method="post" action="{place}/delete">'
        '<button type="submit">Delete for good: words, sound and exports</button></form>'
        "</details></nav>"
    )


def deleted_page(receipt: Receipt) -> str:
    """Returns the page after a deletion."""
    told = summary(receipt)
    left = "".join(f"<li>{_shown(one)}</li>" for one in receipt.left)
    rest = f"<p>Still to be removed by hand:</p><ul>{left}</ul>" if left else ""
    index = "" if receipt.index else "<p>The index could not be reached; it will follow.</p>"
    return (
        f"{_HEAD}<main><h1>{_shown(receipt.record)} is deleted</h1>"
        f"<p>{told['files']} files, {told['bytes']:,} bytes. The receipt lies in the folder of "
        f"records.</p>{index}{rest}<p><a href='/records'>All talks</a></p></main></body></html>\n"
    )


def problem_page(message: str) -> str:
    """Returns a page with one sentence."""
    return (
        f"{_HEAD}<main><h1>That cannot be shown</h1><p>{_shown(message)}</p>"
        "<p><a href='/records'>All talks</a></p></main></body></html>\n"
    )


def _form(asked: Mapping[str, str]) -> str:
    choices = "".join(
        f"<option value='{label}'{' selected' if label == asked['emotion'] else ''}>"
        f"{label or 'any emotion'}</option>"
        for label in ("", *EMOTION_LABELS)
    )
    text, since, until = (escape(asked[name]) for name in ("text", "since", "until"))
    return (
        "<form class='search' method='get' action='/records' role='search'>"
        f'<input type="search" name="text" value="{text}" aria-label="Words of either side" '
        'placeholder="Words of either side">'
        f"<select name='emotion' aria-label='Emotion'>{choices}</select>"
        f'<label>from <input type="date" name="since" value="{since}"></label>'
        f'<label>to <input type="date" name="until" value="{until}"></label>'
        "<button type='submit'>Search</button></form>"
    )


def _row(listed: Listed) -> str:
    record = listed.record
    place = f"/records/{quote(record.id, safe='')}"
    begun = day_and_time(record.started_utc) or record.id
    length = clock(record.duration_s, hours=False).partition(".")[0]
    turns = f"{record.turns} turn{'' if record.turns == 1 else 's'}"
    emotions = " ".join(
        f"<span class='feeling is-{name}'>{name}{f' × {count}' if count > 1 else ''}</span>"
        for name, count in listed.emotions.items()
    )
    words = "" if listed.match is None else listed.match.words or listed.match.reply
    state = STATES.get(record.state, "")
    on = f"<a class='go-on' href='{_going_on(record.id)}'>Go on</a>" if words else ""
    tick = (
        f"<label class='tick'><input type='checkbox' form='compare' name='talk' "
        f"value='{escape(record.id)}' aria-label='Compare {_shown(begun)}'> Compare</label>"
    )
    problem = f"<p class='problem'>{_shown(record.problem)}</p>" if record.problem else ""
    return (
        f"<li><p class='begun'><a href='{place}' title='{_shown(record.id)}'>{_shown(begun)}</a> "
        f"<span class='state'>{state}</span></p>{on}"
        f"<p class='said'>{_shown(words[:160])}</p>"
        f"<p class='facts'>{length} · {turns} {emotions}</p>{tick}"
        f"{problem}</li>"
    )


def _going_on(record: str) -> str:
    return escape(f"/?{urlencode({'continue': record})}")


def _comparing(listed: list[Listed]) -> str:
    if len(listed) < 2:
        return ""
    return (
        "<li class='comparing'><form id='compare' class='search' method='get' "
        "action='/records/compare/two'>"
        "<button type='submit'>Compare the two that are ticked</button></form></li>"
    )


def _count(here: int, total: int, skip: int) -> str:
    if here == total:
        return f"{total} talk{'' if total == 1 else 's'}"
    return f"{skip + 1 if here else skip} to {skip + here} of {total} talks, the latest first"


def _turning(asked: Mapping[str, str], skip: int, here: int, total: int) -> str:
    links: list[str] = []
    if skip:
        links.append(f"<a rel='prev' href='{_address(asked, max(0, skip - 50))}'>later</a>")
    if skip + here < total:
        links.append(f"<a rel='next' href='{_address(asked, skip + here)}'>earlier</a>")
    return f"<nav class='turning'>{' '.join(links)}</nav>" if links else ""


def _address(asked: Mapping[str, str], skip: int) -> str:
    given = {name: value for name, value in asked.items() if value}
    return escape(f"/records?{urlencode({**given, 'skip': skip})}")


def _title(about: str) -> str:
    return escape(about[:1].upper() + about[1:])


def _shown(text: str) -> str:
    return escape(one_line(text))
