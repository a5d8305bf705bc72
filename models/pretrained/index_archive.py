"""A source archive of the package index, fetched by its address there: never built, never run.

`index_archive.py NAME==VERSION … FOLDER`, with nothing but the standard library. pip would run an
archive's own code to learn what it is called; here the index's page (PEP 503) is asked for the
file, with the index, folders and certificates that pip has been given.
"""

import base64
import html.parser
import os
import re
import shutil
import ssl
import subprocess
import sys
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import Request, urlopen

INDEX = "https://pypi.org/simple"
ACCEPTED = "application/vnd.pypi.simple.v1+html, text/html;q=0.5"
TIMEOUT_S = 60.0
GONE = (404, 410)
ENVIRONMENT = ":env:."
_SETTING = re.compile(r"(?:[\w:-]*\.)?([\w-]+)='(.*)'")


def fetch(package: str, folder: Path) -> Path:
    """Copies the archive of `NAME==VERSION` into `folder`; returns where it lies.

    Raises:
        LookupError: The index does not have it.
        OSError: Index or disk cannot be used; the message names no address, which may hold a
            password.
    """
    name, _, version = package.partition("==")
    wanted = f"{name}-{version}.tar.gz"
    settings = pip_settings()
    for place in settings.get("find-links", "").split():
        if (found := Path(place.removeprefix("file://")) / wanted).is_file():
            return Path(shutil.copyfile(found, folder / wanted))
    if settings.get("no-index", "").lower() in {"1", "true", "yes"}:
        raise LookupError(f"No matching distribution found for {package}")
    trusted = ssl.create_default_context(cafile=settings.get("cert") or _known_authorities())
    plain = re.sub(r"[-_.]+", "-", name).lower()
    page = f"{settings.get('index-url', INDEX).rstrip('/')}/{plain}/"
    with _opened(page, trusted) as answer:
        links = _Links(answer.url)
        links.feed(answer.read().decode("utf-8"))
    named = {unquote(urlsplit(each).path).rsplit("/", 1)[-1]: each for each in links.addresses}
    address = named.get(wanted)
    if address is None:
        raise LookupError(f"No matching distribution found for {package}")
    with _opened(address, trusted) as answer, (folder / wanted).open("wb") as file:
        shutil.copyfileobj(answer, file)
    return folder / wanted


def pip_settings() -> dict[str, str]:
    """Returns what pip has been told by files and environment."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    lines = sorted(
        told.splitlines(), key=lambda line: line.startswith(ENVIRONMENT)
    )  # it counts most
    found = (_SETTING.fullmatch(line) for line in lines)
    return {each[1]: each[2].replace("\\n", " ") for each in found if each}


class _Links(html.parser.HTMLParser):
    """The addresses that a page names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self._base = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes where a link leads."""
        link = dict(attrs).get("href")
        if link is None:
            return
        address = urljoin(self._base, link)
        if tag == "base":
            self._base = address
        elif tag == "a" and urlsplit(address).scheme in {"http", "https"}:
            self.addresses.append(address)


def _opened(address: str, trusted: ssl.SSLContext) -> HTTPResponse:
    parts = urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    headers = {"Accept": ACCEPTED}
    if user:
        headers["Authorization"] = f"Basic {base64.b64encode(unquote(user).encode()).decode()}"
    request = Request(urlunsplit(parts._replace(netloc=host)), headers=headers)
    try:
        return urlopen(request, timeout=TIMEOUT_S, context=trusted)
    except HTTPError as error:
        if error.code in GONE:
            raise LookupError("No matching distribution found") from error
        raise OSError(f"the index answered {error.code}: try again later") from error
    except (HTTPException, ValueError) as error:
        raise OSError(f"Connection failed: {type(error).__name__}") from error


def _known_authorities() -> str | None:
    """Returns the certificates of this environment, where it brings its own."""
    if given := os.environ.get("REQUESTS_CA_BUNDLE"):
        return given
    try:
        import certifi
    except ImportError:
        return None
    return certifi.where()


if __name__ == "__main__":
    try:
        for each in sys.argv[1:-1]:
            fetch(each, Path(sys.argv[-1]))
    except (LookupError, OSError) as error:  # URLError and TimeoutError are OSErrors
        sys.exit(str(error).replace("urlopen error", "Connection failed:"))
