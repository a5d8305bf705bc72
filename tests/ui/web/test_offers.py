"""What the page is made of, asked without a browser: its files, its app, voices and samples."""

import json
import posixpath
import re
import urllib.error
import urllib.request
from collections.abc import Generator
from email.message import Message
from io import BytesIO

import pytest
import soundfile

from tests.ui.serving import resident, serving
from ui.web.voices import describe_voice


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with serving(resident(), with_page=True) as (host, _site):
        yield f"http://{host}/"


def get(url: str) -> tuple[bytes, Message]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(), answer.headers


def modules(address: str, begin: str) -> set[str]:
    """Returns the paths of a script and of all that it imports, and they."""
    waiting, seen = [begin], set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        script = get(address + path)[0].decode()
        imported = {
            posixpath.normpath(posixpath.join(posixpath.dirname(path), other))
            for other in re.findall(r'^import .* from "([^"]+)"', script, re.MULTILINE)
        }
        waiting += imported - seen
    return seen


def test_everything_that_the_page_names_is_there(address: str) -> None:
    page = get(address)[0].decode()
    named = re.findall(r'(?:href|src)="((?:attune|manifest|worker)[^"#]*)"', page)
    named += re.findall(r'url\("([^"]+)"\)', page)
    assert len(named) > 20
    for path in named:
        body, headers = get(address + path)
        assert body
        assert "text/html" not in headers["content-type"]


def test_no_script_stands_in_the_page_and_none_may(address: str) -> None:
    body, headers = get(address)
    assert re.findall(r"<script(?![^>]*\ssrc=)", body.decode()) == []
    assert re.findall(r"\son\w+=", body.decode()) == []
    policies = headers.get_all("content-security-policy") or []
    assert "script-src 'self'; worker-src 'self'" in policies


def test_all_modules_are_named_at_once(address: str) -> None:
    page = get(address)[0].decode()
    named = set(re.findall(r'rel="modulepreload" href="([^"]+)"', page))
    begin = "attune/static/attune.js"
    assert named == modules(address, begin) - {begin}


def test_it_can_be_installed_as_an_app(address: str) -> None:
    body, headers = get(f"{address}manifest.webmanifest")
    manifest = json.loads(body)
    assert headers["content-type"].startswith("application/manifest+json")
    assert manifest["display"] == "standalone"
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    for icon in manifest["icons"]:
        assert get(address + icon["src"])[0]


def test_the_worker_keeps_all_that_the_page_needs_offline(address: str) -> None:
    worker = get(f"{address}worker.js")[0].decode()
    kept = set(re.findall(r'"(attune/static/[^"]+)"', worker))
    offline = "attune/static/app/offline.html"
    page = get(address + offline)[0].decode()
    named = set(re.findall(r'(?:href|src)="([^"]+)"', page))
    letters = "attune/static/look/figtree.woff2"
    assert kept == {offline, letters} | named | modules(address, "attune/static/app/offline.js")
    # It is installed only where every file that it names is there, and answers for all addresses.
    for path in kept:
        assert get(address + path)[0]


def test_files_are_asked_for_again_after_an_update(address: str) -> None:
    for path in ("", "attune/static/attune.js", "worker.js"):
        assert get(address + path)[1]["cache-control"] == "no-cache"


def test_voices_have_a_name_a_sentence_and_a_sample(address: str) -> None:
    offers = json.loads(get(f"{address}attune/offers")[0])
    assert [voice["name"] for voice in offers["voices"]] == ["tone", "other"]
    assert [manner["title"] for manner in offers["policies"]] == ["Empathetic", "Flat"]
    assert all(manner["about"] for manner in offers["policies"])
    assert offers["models"] == ["mini"]
    sample, headers = get(f"{address}attune/sample.wav?voice=other")
    assert headers["content-type"] == "audio/wav"
    samples, _ = soundfile.read(BytesIO(sample))
    assert abs(samples).max() > 0.01
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{address}attune/sample.wav?voice=nobody")


@pytest.mark.parametrize(
    ("name", "title"),
    [("piper", "Joe"), ("flite:awb", "Awb"), ("coqui:anna", "anna"), ("other", "other")],
)
def test_a_voice_is_called_by_its_own_name(name: str, title: str) -> None:
    assert describe_voice(name).title == title
