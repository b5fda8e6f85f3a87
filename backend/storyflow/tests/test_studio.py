"""The routes of the page: what it may ask for, and what nobody may."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.contract.errors import NotFoundError, RequestError
from storyflow.narration.lock import alone_now_in
from storyflow.narration.record import RECORD_NAME
from storyflow.stories.story import read_document, read_story
from storyflow.studio.draft import STORY_NAME, Draft
from storyflow.studio.library import Library, Wanted
from storyflow.studio.truth import Truth
from storyflow.tests.studio import BYTES, STORY, Studio
from storyflow.tests.support import AT_LAST_S, process_of, storyflow

TRICKS = [
    "..", "../outside", "..%2foutside", "%2e%2e", "%2e%2e%2foutside", "/etc", "con", "nul.txt", ".hidden", "a%00b",
    "a%5c..%5cb", "x" * 200, "missing",
]  # fmt: skip


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tmp_path_factory.mktemp("studio")).start()
    yield studio
    studio.stop()


@pytest.fixture(scope="module")
def lamp(studio: Studio) -> str:
    """A project that has been narrated."""
    name = studio.add()
    assert studio.narrate(name)["error"] is None
    return name


# Names


@pytest.mark.parametrize("name", TRICKS)
def test_names_lead_to_no_other_folder(studio: Studio, name: str) -> None:
    outside = studio.root / "outside"
    outside.mkdir(parents=True, exist_ok=True)
    (outside / STORY_NAME).write_text('{"segments": [{"text_content": "Secret."}]}')
    (outside / RECORD_NAME).write_text("{}")
    for method, path, body in (
        ("GET", "", None), ("DELETE", "", None), ("GET", "/progress", None), ("GET", "/words/x", None),
        ("GET", "/audio/x", None), ("POST", "/narrate", {}), ("POST", "/stop", {}), ("POST", "/files/mp3", {}),
        ("GET", "/files/mp3", None), ("PUT", "/paragraphs/1", {"text": "x", "was": "x"}),
        ("PUT", "/voices", {"voice": "x"}),
    ):  # fmt: skip
        answer = raw(studio, method, f"/studio/api/projects/{name}{path}", body)
        assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), (method, path, answer)
        assert b"Secret" not in answer
    assert (outside / STORY_NAME).is_file()


def raw(studio: Studio, method: str, path: str, body: Any = None) -> bytes:
    """Send a path as it is, which a client would tidy up."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", studio.port), timeout=AT_LAST_S) as connection:
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("segment", ["..", "..%2f..%2fstory", "%2e%2e%2f%2e%2e%2fmanifest", "con", "nothing"])
def test_segment_ids_lead_to_no_other_file(studio: Studio, lamp: str, segment: str) -> None:
    assert raw(studio, "GET", f"/studio/api/projects/{lamp}/audio/{segment}").startswith(
        (b"HTTP/1.1 404", b"HTTP/1.1 400")
    )


@pytest.mark.parametrize("name", ["..%2f..%2froutes.py", "..%2froutes.py", "index.html", "", "%2e"])
def test_static_files_are_those_of_the_page_only(studio: Studio, name: str) -> None:
    assert raw(studio, "GET", f"/studio/static/{name}").startswith(b"HTTP/1.1 404")


def test_link_to_another_folder_is_no_project(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / STORY_NAME).write_text('{"segments": [{"text_content": "Secret."}]}')
    link = studio.project("link")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path, target_is_directory=True)
    assert studio.ask("GET", "/projects/link").status_code == 404
    assert studio.ask("DELETE", "/projects/link").status_code == 404
    assert (tmp_path / STORY_NAME).is_file()


@pytest.mark.parametrize(
    "name", ["../../evil.md", "C:\\evil.md", "/etc/passwd", "a/b/../../../../evil.txt", ".md", "con.txt"]
)
def test_name_of_a_file_is_only_a_title(studio: Studio, name: str) -> None:
    project = studio.add("Once upon a time.", name)
    assert studio.project(project).is_dir()
    assert [path.name for path in studio.project(project).iterdir()] == [STORY_NAME]


# Stories


def test_two_stories_of_a_title_are_two_projects(studio: Studio) -> None:
    first, second = (studio.add("Once upon a time.", title="The Same") for _ in range(2))
    assert (first, second) == ("the-same", "the-same-2")


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("?!", "a.txt", "nothing to speak"), ("", "a.md", "nothing to speak"), ("{", "a.json", "not valid JSON"),
        ("x", "a.pdf", "PDF"), ("PK", "a.epub", "a.epub"), ("One. [pause 1 eternity]", "a.txt", "line 1"),
        ("---\nspeed: 9\n---\nx", "a.md", "speed"),
    ],
)  # fmt: skip
def test_wrong_story_is_refused_in_words_and_leaves_nothing(
    studio: Studio, text: str, name: str, expected: str
) -> None:
    before = set((studio.root / "projects").glob("*"))
    answer = studio.ask(
        "POST", "/stories", params={"name": name, "voice": "af_bella"}, content=text.encode(), headers=BYTES
    )
    assert answer.status_code == 400
    assert expected in answer.json()["detail"]
    assert str(studio.root) not in answer.text
    assert set((studio.root / "projects").glob("*")) == before


def test_story_of_100_mb_is_refused_before_it_is_sent(studio: Studio) -> None:
    head = (
        "POST /studio/api/stories?name=big.txt&voice=x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 104857600\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", studio.port), timeout=AT_LAST_S) as connection:
        connection.sendall(head.encode())
        answer = b""
        while b"MiB" not in answer and (part := connection.recv(65536)):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"the limit is 64 MiB" in answer


def test_story_of_100_mb_without_a_length_is_refused(studio: Studio) -> None:
    chunks = (b"a word " * ((1 << 20) // 7) for _ in range(100))
    answer = studio.ask("POST", "/stories?name=big.txt&voice=x", content=chunks, headers=BYTES)
    assert answer.status_code == 400
    assert "the limit is 64 MiB" in answer.json()["detail"]
    assert studio.ask("GET", "/voices").status_code == 200


def test_voices_are_those_of_the_model(studio: Studio) -> None:
    found = studio.ask("GET", "/voices").json()
    assert found["is_built_in"]
    assert found["advice"] == "storyflow models pull kokoro-v1.0-int8"
    assert [voice["name"] for voice in found["voices"] if voice["id"] == "bm_george"] == ["George"]


def test_command_line_finds_the_same_story_finished(studio: Studio, lamp: str) -> None:
    before = studio.audio(lamp)
    story = studio.project(lamp) / STORY_NAME
    done = storyflow("narrate", story, "--project", lamp, "--out", studio.root, "--model", "default")
    assert "Nothing has changed" in done.stdout, done.stdout + done.stderr
    assert studio.audio(lamp) == before


def test_words_are_those_of_the_text_and_the_times(studio: Studio, lamp: str) -> None:
    story = studio.ask("GET", f"/projects/{lamp}").json()
    segment = story["paragraphs"][1]["segments"][0]
    words = studio.ask("GET", f"/projects/{lamp}/words/{segment['id']}").json()
    assert [segment["text"][start:end] for start, end, *_ in words][:6] == [
        "Every",
        "evening",
        "at",
        "half",
        "past",
        "six",
    ]
    written = json.loads((studio.project(lamp) / "timings.json").read_text())["segments"]
    times = next(one["words"] for one in written if one["id"] == segment["id"])
    assert [word[2:] for word in words] == [[time["start"], time["end"]] for time in times]


def test_words_are_counted_as_browsers_do(studio: Studio) -> None:
    project = studio.add("A 😀 smile, and 𝒶 word.")
    studio.narrate(project)
    segment = studio.ask("GET", f"/projects/{project}").json()["paragraphs"][0]["segments"][0]
    words = studio.ask("GET", f"/projects/{project}/words/{segment['id']}").json()
    units = segment["text"].encode("utf-16-le")
    found = [units[2 * start : 2 * end].decode("utf-16-le") for start, end, *_ in words]
    assert found[-1] == "word"
    assert "smile" in found


# Audio


def test_audio_comes_in_ranges(studio: Studio, lamp: str) -> None:
    entry = studio.record(lamp).segments[1]
    path = f"/projects/{lamp}/audio/{entry.id}"
    whole = studio.ask("GET", path)
    assert whole.headers["accept-ranges"] == "bytes"
    with wave.open(io.BytesIO(whole.content)) as wav:
        assert wav.getnframes() == round(entry.duration * 24_000)
    part = studio.ask("GET", path, headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
    assert part.content == whole.content[1000:2000]
    assert studio.ask("GET", path, headers={"Range": "bytes=999999999-"}).status_code == 416


def test_files_are_made_once_and_again_after_a_change(studio: Studio) -> None:
    project = studio.add()
    studio.narrate(project)
    assert studio.ask("GET", f"/projects/{project}/files/vtt").status_code == 404
    assert studio.ask("POST", f"/projects/{project}/files/vtt", json={}).json() == {"is_ready": False}
    assert studio.until_idle(project)["files"] == ["vtt"]
    assert studio.ask("POST", f"/projects/{project}/files/vtt", json={}).json() == {"is_ready": True}
    assert "harbour" in studio.ask("GET", f"/projects/{project}/files/vtt").text
    change(studio, project, "Every evening", "It was dark.")
    assert studio.narrate(project)["files"] == []
    assert studio.ask("POST", f"/projects/{project}/files/exe", json={}).status_code == 404


def test_file_of_an_incomplete_narration_is_refused_in_words(studio: Studio) -> None:
    project = studio.add()
    studio.ask("POST", f"/projects/{project}/files/mp3", json={})
    assert "not a narrated project" in studio.until_idle(project)["error"]


# Changes


def change(studio: Studio, project: str, beginning: str, text: str) -> httpx.Response:
    """Change the paragraph with this beginning."""
    paragraphs = studio.ask("GET", f"/projects/{project}").json()["paragraphs"]
    found = next(paragraph for paragraph in paragraphs if paragraph["text"].startswith(beginning))
    body = {"text": text, "was": found["text"]}
    return studio.ask("PUT", f"/projects/{project}/paragraphs/{found['number']}", json=body)


def test_only_a_changed_paragraph_is_made_again(studio: Studio) -> None:
    project = studio.add()
    studio.narrate(project)
    before = studio.audio(project)
    assert change(studio, project, "Every evening", "It was dark.").status_code == 200
    assert studio.narrate(project)["is_complete"]
    after = studio.audio(project)
    assert len(after) == len(before)
    assert sorted(name for name in after if after[name] != before.get(name)) == [
        name for name in after if name.startswith("it-was-dark")
    ]


def test_change_of_what_another_tab_has_changed_is_refused(studio: Studio) -> None:
    project = studio.add()
    number = studio.ask("GET", f"/projects/{project}").json()["paragraphs"][1]["number"]
    assert change(studio, project, "Every evening", "First.").status_code == 200
    body = {"text": "Second.", "was": "Every evening, at half past six, Mrs. Hale lit the lamp."}
    answer = studio.ask("PUT", f"/projects/{project}/paragraphs/{number}", json=body)
    assert answer.status_code == 400
    assert "changed meanwhile" in answer.json()["detail"]


def test_change_during_a_narration_is_narrated(studio: Studio) -> None:
    text = "\n\n".join(f"This is paragraph number {number}, which says a little more." for number in range(40))
    project = studio.add(text)
    studio.ask("POST", f"/projects/{project}/narrate", json={})
    change(studio, project, "This is paragraph number 2,", "Another beginning.")
    studio.ask("POST", f"/projects/{project}/narrate", json={})
    progress = studio.until_idle(project)
    assert progress["is_complete"]
    assert any(entry.startswith("another-beginning") for entry in progress["entries"])
    assert len(progress["entries"]) == 40


def test_narration_stops_and_goes_on_while_others_are_heard(studio: Studio) -> None:
    project = studio.add("\n\n".join(f"This is paragraph number {number}, and it goes on." for number in range(200)))
    studio.ask("POST", f"/projects/{project}/narrate", json={})
    body = {"model": "tts-1", "voice": "nova", "input": "Hello.", "response_format": "wav"}
    assert httpx.post(f"{studio.address}/v1/audio/speech", json=body, timeout=AT_LAST_S).status_code == 200
    assert studio.ask("GET", f"/projects/{project}/progress").json()["state"] in ("loading", "working")
    assert studio.ask("DELETE", f"/projects/{project}").status_code == 400  # not while it is narrated
    while len(studio.ask("GET", f"/projects/{project}/progress").json()["entries"]) < 3:
        time.sleep(0.05)
    studio.ask("POST", f"/projects/{project}/stop", json={})
    stopped = studio.until_idle(project)
    assert 3 <= len(stopped["entries"]) < 200
    assert not stopped["is_complete"]
    assert stopped["error"] is None


def test_narration_elsewhere_is_seen_and_not_disturbed(studio: Studio) -> None:
    project = studio.add()
    with alone_now_in(studio.project(project)) as is_alone:
        assert is_alone
        assert studio.ask("GET", f"/projects/{project}/progress").json()["state"] == "elsewhere"
        answer = studio.ask("POST", f"/projects/{project}/narrate", json={})
        assert answer.status_code == 503
        assert "another program" in answer.json()["detail"]
        assert studio.ask("DELETE", f"/projects/{project}").status_code == 400
    assert studio.ask("GET", f"/projects/{project}/progress").json()["state"] == "idle"


def test_voice_that_is_not_installed_is_said(studio: Studio) -> None:
    project = studio.add()
    assert studio.ask("PUT", f"/projects/{project}/voices", json={"voice": "zz_nobody"}).status_code == 200
    assert "zz_nobody" in studio.narrate(project)["error"]


def test_deleted_project_is_gone(studio: Studio) -> None:
    project = studio.add()
    assert studio.ask("DELETE", f"/projects/{project}").status_code == 200
    assert not studio.project(project).exists()
    assert project not in [one["name"] for one in studio.ask("GET", "/projects").json()]
    assert studio.ask("GET", f"/projects/{project}").status_code == 404


def test_broken_projects_do_not_hide_the_others(studio: Studio, lamp: str, tmp_path: Path) -> None:
    for name, file in (("broken", RECORD_NAME), ("broken-story", STORY_NAME)):
        studio.project(name).mkdir()
        (studio.project(name) / file).write_text("{")
    (tmp_path / STORY_NAME).write_text("{}")
    studio.project("elsewhere").symlink_to(tmp_path, target_is_directory=True)
    listed = {one["name"]: one for one in studio.ask("GET", "/projects").json()}
    assert "cannot be read" in listed["broken"]["error"]
    assert "not valid JSON" in listed["broken-story"]["error"]
    assert "elsewhere" not in listed
    assert listed[lamp]["error"] is None
    for name in ("broken", "broken-story"):
        for path in ("", "/progress", "/words/x"):
            assert studio.ask("GET", f"/projects/{name}{path}").status_code in (200, 400)
        assert studio.ask("DELETE", f"/projects/{name}").status_code == 200


# Doors


@pytest.mark.parametrize("path", ["/", "/studio/static/main.js", "/studio/api/voices"])
def test_browser_is_told_to_take_nothing_from_elsewhere(studio: Studio, path: str) -> None:
    headers = httpx.get(studio.address + path, timeout=AT_LAST_S).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "http" not in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_other_hosts_and_other_pages_are_refused(studio: Studio) -> None:
    assert studio.ask("GET", "/projects", headers={"Host": "evil.example"}).status_code == 400
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert studio.ask("DELETE", "/projects/x", headers=headers).status_code == 400
        answer = studio.ask(
            "POST", "/stories", params={"name": "a.txt", "voice": "x"}, content=b"x", headers=headers | BYTES
        )
        assert answer.status_code == 400
        assert "another" in answer.json()["detail"]


def test_with_a_key_only_the_page_is_shown_without_it(tmp_path: Path) -> None:
    studio = Studio(tmp_path, {"ENGINE_TOKEN": "the key"}).start()
    try:
        for path in ("/", "/studio/static/main.js", "/studio/static/style.css"):
            assert httpx.get(studio.address + path, timeout=AT_LAST_S).status_code == 200
        for path in ("/voices", "/projects", "/projects/x/audio/y"):
            answer = studio.ask("GET", path)
            assert answer.status_code == 400
            assert "www-authenticate" in answer.headers
        assert studio.ask("GET", "/projects", headers={"Authorization": "Bearer the key"}).json() == []
        assert httpx.post(studio.address + "/", json={}, timeout=AT_LAST_S).status_code == 400
    finally:
        studio.stop()


# The command


@contextmanager
def running(tmp_path: Path, *options: str, **environment: str) -> "Iterator[tuple[int, subprocess.Popen[str]]]":
    """Run `storyflow studio` on a free port, with projects of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "storyflow", "studio", "--port", str(port), "--projects", "out", *options],
        cwd=tmp_path, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=AT_LAST_S)
    assert process.returncode == 0, log
    assert "Traceback" not in log


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def test_command_prints_the_address_and_serves_the_page(tmp_path: Path) -> None:
    with running(tmp_path, "--no-browser") as (port, process):
        assert f"The studio is at http://127.0.0.1:{port}/." in said(process)
        assert "<title>StoryFlow</title>" in httpx.get(f"http://127.0.0.1:{port}/", timeout=AT_LAST_S).text
        added = httpx.post(
            f"http://127.0.0.1:{port}/studio/api/stories?name=a.txt&voice=af_bella",
            content=b"Once.",
            headers=BYTES,
            timeout=AT_LAST_S,
        )
        assert added.status_code == 200
    assert (tmp_path / "out" / "projects" / "a" / STORY_NAME).is_file()


@pytest.mark.skipif(os.name == "nt", reason="the browser is a shell script")
def test_command_opens_the_browser(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    with running(tmp_path, BROWSER=str(browser)) as (port, process):
        said(process)
        end = time.monotonic() + AT_LAST_S
        while time.monotonic() < end and not (tmp_path / "opened").exists():
            time.sleep(0.05)
        assert (tmp_path / "opened").read_text().strip() == f"http://127.0.0.1:{port}/"


def test_command_says_that_the_port_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = process_of("studio", "--no-browser", "--port", taken.getsockname()[1], cwd=tmp_path)
    assert done.returncode != 0
    assert "choose another --port" in done.stderr
    assert "The studio is at" not in done.stdout


def test_command_is_not_open_to_the_network_by_accident(tmp_path: Path) -> None:
    done = storyflow("studio", "--no-browser", "--host", "0.0.0.0", cwd=tmp_path)
    assert done.returncode == 2
    assert "--api-key" in done.stderr


# Drafts


def draft(tmp_path: Path, text: str = STORY, name: str = "story.md") -> Draft:
    """Return the draft of a story."""
    (tmp_path / name).write_text(text)
    return Draft.of(read_document(tmp_path / name), "Untitled", "af_bella")


def test_draft_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = draft(tmp_path)
    made.write(tmp_path)
    assert Draft.read(tmp_path, "") == made
    story = read_story(tmp_path / STORY_NAME)
    assert [segment.kind for segment in story.segments] == ["heading", "paragraph", "paragraph", "break", "paragraph"]
    assert story.front.voice == "af_bella"


def test_cast_stays_with_its_voices(tmp_path: Path) -> None:
    text = "---\ncast: {Narrator: bm_george, Holmes: am_adam}\n---\nHe spoke.\n\nHolmes: Come in.\n"
    made = draft(tmp_path, text).with_voices("bf_emma", "af_sarah", 1.15, {"Holmes": "am_michael"})
    made.write(tmp_path)
    story = read_story(tmp_path / STORY_NAME)
    assert (story.front.voice, story.front.dialogue, story.front.speed) == ("bf_emma", "af_sarah", 1.15)
    assert [(segment.text, segment.speaker, segment.voice) for segment in story.segments] == [
        ("He spoke.", None, None), ("Come in.", "Holmes", "am_michael"),
    ]  # fmt: skip


def test_paragraph_is_cut_removed_and_made_a_break(tmp_path: Path) -> None:
    made = draft(tmp_path, "One.\n\nTwo.\n\nThree.", "story.txt")
    cut = made.with_text(2, "Two.\n\n  \nTwo\nand a half.", "Two.")
    assert [(block.extra["paragraph"], block.text) for block in cut.blocks] == [
        (1, "One."), (2, "Two."), (4, "Two and a half."), (3, "Three."),
    ]  # fmt: skip
    assert [block.text for block in made.with_text(2, " \n ", "Two.").blocks] == ["One.", "Three."]
    broken = made.with_text(2, "***", "Two.")
    assert broken.blocks[1].kind == "break"
    assert broken.with_text(2, "Two.", "***").blocks[1].kind == "paragraph"


def test_wrong_changes_are_refused(tmp_path: Path) -> None:
    made = draft(tmp_path, "One.\n\nTwo.", "story.txt")
    with pytest.raises(RequestError, match="length of time"):
        made.with_text(1, "One. [pause long 3]", "One.")
    with pytest.raises(RequestError, match="at most"):
        made.with_text(1, "x " * 60_000, "One.")
    with pytest.raises(NotFoundError):
        made.with_text(7, "x", "One.")
    only = made.with_text(1, "", "One.")
    with pytest.raises(RequestError, match="needs a paragraph"):
        only.with_text(2, "", "Two.")


def test_story_of_too_many_paragraphs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="20001 paragraphs"):
        draft(tmp_path, "One.\n\n" * 20_001, "story.txt")


def test_titles_come_from_the_user_the_story_the_file_or_the_text(tmp_path: Path) -> None:
    library = Library(tmp_path)

    def title(text: str, name: str, given: str | None = None) -> str:
        added = library.add(Wanted(name, given, "af_bella", None, None), text.encode())
        return str(Truth(library.folder(added.project)).story()["title"])

    assert title("# Inside\n\nText.", "file.md", "Given") == "Given"
    assert title("# Inside\n\nText.", "file.md") == "Inside"
    assert title("Text.", "my_file.txt") == "my file"
    assert title("One two three four five six seven.", "pasted.txt") == "One two three four five six…"
