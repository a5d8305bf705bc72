"""How long the data of a study may be kept."""

from datetime import UTC, date, datetime

from assistant.errors import SettingsError
from assistant.study.design.study import Study


def check_retention(study: Study, today: date | None = None) -> None:
    """Makes sure that the data of a study may still be used.

    It is not deleted here and at once: a computer whose clock jumped would delete a study.

    Raises:
        SettingsError: It may not; says how it is deleted.
    """
    today = today or datetime.now(UTC).date()
    if today > study.retention_until:
        raise SettingsError(
            f"the data of this study may be kept until {study.retention_until} only: delete it by "
            "`app.py study withdraw FOLDER --expired` (or correct the clock of this computer, "
            f"which says {today})"
        )
