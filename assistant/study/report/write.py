"""The report of a study: reads an export, writes the page, the tables and the notebook."""

import logging
from pathlib import Path

from assistant.errors import OutputError
from assistant.study.distributions import require_libraries

logger = logging.getLogger(__name__)
PAGE = "report.html"


def write_report(export: Path, out: Path) -> Path:
    """Returns the page of the report of the study whose export lies in `export`.

    Beside it in `out` stand all tables as CSV, analysis.ipynb and analysis.py; what an earlier
    report wrote there under the same names is replaced. The same export gives the same bytes.

    Raises:
        EngineUnavailable: the extra `study` is not installed.
        InputError: a table of the export is missing or damaged.
        OutputError: a file cannot be written.
    """
    require_libraries()
    from assistant.study.report.analysis import analyse
    from assistant.study.report.notebook import notebook, script
    from assistant.study.report.page import page
    from assistant.study.report.reading import read_export

    analysis = analyse(read_export(export))
    texts = {f"{name}.csv": table.csv() for name, table in analysis.tables.items()}
    texts["analysis.py"] = script(analysis, out)
    texts["analysis.ipynb"] = notebook(analysis, out)
    texts[PAGE] = page(analysis)
    try:
        if out.resolve() == export.resolve():
            raise OutputError(f"{out} is the export itself: give the report a folder of its own")
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in texts.items():
            _write(out / name, text)
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise OutputError(f"the report cannot be written into {out}: {reason}") from error
    logger.info("report of %d people in %d tables", len(analysis.export.people), len(texts) - 3)
    return out / PAGE


def _write(path: Path, text: str) -> None:
    """Writes a file that only its owner reads: it is made of what people answered."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
