"""What the command `records` does and prints."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assistant.errors import InputError, OutputError, SettingsError
from assistant.records.backup import back_up
from assistant.records.exporting import write_exports
from assistant.records.exports import json_lines
from assistant.records.index import Index, Listed, Query, rebuild
from assistant.records.reading import RecordFolder, find_records, read_record, resolve
from assistant.records.removal.deletion import (
    Forget,
    Receipt,
    delete_record,
    finish_deletions,
    older_than,
    summary,
)
from assistant.records.removal.hold import hold, release
from assistant.records.removal.retention import enforce_retention, forgetting, set_rule, too_old
from assistant.records.schema import log_schema
from assistant.records.settings import RecordsSettings, ReplaySettings
from ui.records.playing import play
from ui.records.printing import print_list, print_record
from ui.shown import one_line

DEFAULT_OUT = Path("exports")


def records(settings: RecordsSettings) -> int:
    """Runs `records`; returns the exit status: 1 where a part of it could not be done."""
    actions: dict[str, Callable[[RecordsSettings], int]] = {
        "list": _list,
        "show": _show,
        "play": lambda settings: play(_one(settings), settings.turn),
        "export": _export,
        "delete": _delete,
        "retain": _retain,
        "hold": _hold,
        "release": _release,
        "replay": _replay,
        "rebuild": _rebuild,
        "backup": _backup,
        "schema": _schema,
    }
    if settings.action != "schema":
        _enforce_retention(settings)
    return actions[settings.action](settings)


def _enforce_retention(settings: RecordsSettings) -> None:
    """Deletes what the rule of the folder does not allow any more, before anything else."""
    if settings.action == "retain":
        return  # it may set a rule that is damaged anew, and deletes by itself
    for receipt, path in enforce_retention(
        settings.records, _forgetting(settings.records, settings.index)
    ):
        print(f"attune: {too_old(receipt, path)}", file=sys.stderr)


def _list(settings: RecordsSettings) -> int:
    if settings.items:
        raise SettingsError("records list takes no ids: --text finds words, show ID shows a talk")
    finish_deletions(settings.records)
    query = _query(settings)
    with Index(settings.records, settings.index) as index:
        index.sync(_told)
        listed, total = index.search(query), index.count(query)
    if settings.json_lines:
        for one in listed:
            print(json.dumps(_as_json(one), ensure_ascii=False))
        return 0
    is_search = bool(settings.text or settings.emotion or settings.since or settings.until)
    print_list(listed, total, is_search=is_search)
    return 0


def _as_json(listed: Listed) -> dict[str, object]:
    record = listed.record.model_dump(exclude={"place", "stamp"})
    match = listed.match
    first = None if match is None else {"turn": match.turn, "words": match.words}
    return {**record, "emotions": listed.emotions, "match": first}


def _show(settings: RecordsSettings) -> int:
    for found in _named(settings):
        record = read_record(found)
        if settings.json_lines:
            print(json_lines.export(record), end="")
        else:
            print_record(record)
    return 0


def _export(settings: RecordsSettings) -> int:
    found = _named(settings) if settings.items else _searched(settings)
    problems: list[str] = []

    def problem(message: str) -> None:
        problems.append(message)
        print(f"attune: {one_line(message)}", file=sys.stderr)

    for path in write_exports(found, settings.form, settings.out or DEFAULT_OUT, problem):
        print(path)
    return 1 if problems else 0


def _searched(settings: RecordsSettings) -> list[RecordFolder]:
    query = _query(settings, most=None)
    if query == Query() and not settings.every:
        raise SettingsError(
            "records export: name talks by their ids, look for them by --text, --emotion, --since "
            "or --until, or take --all"
        )
    if settings.every and query == Query():
        return find_records(settings.records)
    with Index(settings.records, settings.index) as index:
        index.sync(_told)
        ids = [listed.record.id for listed in index.search(query)]
    if not ids:
        raise InputError(f"nothing in {settings.records} was found: look for something else")
    return [resolve(settings.records, name) for name in reversed(ids)]


def _delete(settings: RecordsSettings) -> int:
    found = _named(settings)
    if settings.dry_run:
        for one in found:
            print(f"{one_line(one.id)} would be deleted")
        return 0
    if not settings.yes:
        if not sys.stdin.isatty():
            raise SettingsError(
                "records delete cannot ask here: give --yes to delete without asking"
            )
        _ask(", ".join(one_line(one.id) for one in found))
    return _remove(settings, found)


def _ask(what: str) -> None:
    """Asks whether to delete; raises `InputError` where the answer is no."""
    answer = input(f"Delete {what} with sound and exports? This cannot be undone. [y/N] ")
    if answer.strip().casefold() not in ("y", "yes"):
        raise InputError("nothing was deleted")


def _retain(settings: RecordsSettings) -> int:
    if settings.items:
        raise SettingsError("records retain takes no ids: delete ID … deletes single talks")
    if settings.stop:
        set_rule(settings.records, None)
        print(f"talks in {settings.records} are kept until somebody deletes them")
        return 0
    if settings.days is None:
        raise SettingsError("records retain: say by --days N how long talks may be kept")
    finish_deletions(settings.records)
    old = older_than(settings.records, settings.days, datetime.now(UTC))
    if not settings.dry_run and not settings.yes:
        _ask_about_days(len(old), settings.days)
    if settings.always and not settings.dry_run:
        set_rule(settings.records, settings.days)
        print(f"from now on, talks in {settings.records} are deleted after {settings.days:g} days")
    if settings.dry_run:
        for one in old:
            print(f"{one_line(one.found.id)} would be deleted: it ended {one.ended:%Y-%m-%d}")
        return 0
    return _remove(settings, [one.found for one in old])


def _ask_about_days(count: int, days: float) -> None:
    """Asks before talks are deleted by their age; a timer, which cannot answer, needs no asking.

    Raises:
        InputError: The answer is no.
        SettingsError: Nobody can be asked, and talks of today would go: that is no timer's order.
    """
    if sys.stdin.isatty():
        if count:
            talks = "1 talk that" if count == 1 else f"{count} talks that"
            _ask(f"{talks} ended more than {days:g} days ago,")
    elif days < 1:
        raise SettingsError(
            f"records retain --days {days:g} deletes talks of today and cannot ask here: give --yes"
        )


def _hold(settings: RecordsSettings) -> int:
    for found in _named(settings):
        hold(found, by=settings.by, reason=settings.reason)
        print(f"{one_line(found.id)} is on hold: nothing deletes it before a release")
    return 0


def _release(settings: RecordsSettings) -> int:
    for found in _named(settings):
        release(found)
        print(f"{one_line(found.id)} is released")
    return 0


def _remove(settings: RecordsSettings, found: Sequence[RecordFolder]) -> int:
    """Deletes and prints a receipt for each; returns 1 where something is left."""
    has_left = False
    for one in found:
        receipt, path = delete_record(
            settings.records, one, _forgetting(settings.records, settings.index)
        )
        has_left = has_left or bool(receipt.left)
        if settings.json_lines:
            print(json.dumps({**summary(receipt), "receipt": str(path)}, ensure_ascii=False))
        else:
            _print_receipt(receipt, path)
    return 1 if has_left else 0


def _forgetting(records: Path, index: str | None) -> Forget:
    """Returns what takes a record out of the index, and says where that is impossible."""
    forget = forgetting(records, index)

    def told(record: str) -> None:
        try:
            forget(record)
        except OutputError as error:
            print(f"attune: {one_line(str(error))}", file=sys.stderr)
            raise

    return told


def _print_receipt(receipt: Receipt, path: Path) -> None:
    told = summary(receipt)
    print(
        f"{one_line(receipt.record)}: deleted, {told['files']} files, {told['bytes']:,} bytes; "
        f"receipt {path}"
    )
    for left in receipt.left:
        print(f"  still to be removed by hand: {one_line(left)}")


def _replay(settings: RecordsSettings) -> int:
    from ui.records.replaying import replay  # engines take long to import

    return replay(settings.part(ReplaySettings), _one(settings))


def _rebuild(settings: RecordsSettings) -> int:
    finish_deletions(settings.records)
    done = rebuild(settings.records, settings.index, _told)
    print(f"the index was made anew from {done.read} talks")
    return 0


def _backup(settings: RecordsSettings) -> int:
    if settings.out is None or not settings.out.name.endswith((".tar.gz", ".tgz")):
        raise SettingsError("records backup: name the archive by --out FILE.tar.gz")
    backup = back_up(settings.records, settings.out)
    print(f"{settings.out}: {len(backup.records)} talks; unpack it to have them back")
    return 0


def _schema(_settings: RecordsSettings) -> int:
    print(json.dumps(log_schema(), indent=2, ensure_ascii=False))
    return 0


def _one(settings: RecordsSettings) -> RecordFolder:
    found = _named(settings)
    if len(found) != 1:
        raise SettingsError(f"records {settings.action} takes one talk: name it by its id")
    return found[0]


def _named(settings: RecordsSettings) -> list[RecordFolder]:
    if not settings.items:
        raise SettingsError(
            f"records {settings.action}: name the talks by their ids, see `app.py records list`"
        )
    found = {one.id: one for one in (resolve(settings.records, name) for name in settings.items)}
    return list(found.values())


def _query(settings: RecordsSettings, most: int | None = -1) -> Query:
    since = moment("--since", settings.since)
    until = moment("--until", settings.until, is_end=True)
    if since and until and until < since:
        raise SettingsError(
            f"--until {settings.until} lies before --since {settings.since}: exchange them"
        )
    return Query(
        text=settings.text,
        emotion=settings.emotion or "",
        since=since,
        until=until,
        most=settings.most if most == -1 else most,
    )


def moment(option: str, text: str, *, is_end: bool = False) -> str:
    """Returns a day or a time of the local clock in UTC, as the index holds it.

    Raises:
        SettingsError: It is neither.
    """
    if not text:
        return ""
    try:
        value = datetime.fromisoformat(text)
        if is_end and len(text) <= len("2026-03-01"):
            value += timedelta(days=1)
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"{option} {text}: write a day such as 2026-03-01") from error


def _told(done: int, of: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == of else "\r"
        print(f"reading {done} of {of} talks", end=end, file=sys.stderr, flush=True)
