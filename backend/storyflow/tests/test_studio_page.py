"""The page of `storyflow studio` in a browser, as somebody uses it who writes and listens."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from storyflow.studio.truth import Truth
from storyflow.tests.studio import STORY, Studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LONG = "\n\n".join(
    f"This is paragraph number {number}, and it says a little more than the last. {'It goes on and on. ' * 12}".strip()
    for number in range(150)
)
"""Of more than an hour, since a fast machine makes ten minutes of it in a second."""
PHONE = {"width": 390, "height": 844}
SECOND = 1000.0  # milliseconds
LATE = 45 * SECOND

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, as Debian's package chromium"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright, of requirements-dev.txt")
    with playwright.sync_playwright() as running:
        # Without a sandbox, since tests may run as root; with a sound card that is not there.
        made = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--mute-audio"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tmp_path_factory.mktemp("studio")).start()
    yield studio
    studio.stop()


@contextmanager
def opened(browser: "Browser", studio: Studio, *, may_fail: bool = False, **options: Any) -> "Iterator[Page]":
    """Open the page; nothing may come from elsewhere, and no script may fail."""
    wrong: list[str] = []
    context = browser.new_context(accept_downloads=True, **options)
    context.set_default_timeout(LATE)
    context.on("request", lambda request: wrong.append(request.url) if _is_elsewhere(request.url, studio) else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    context.on("dialog", lambda dialog: wrong.append(dialog.message))
    page = context.new_page()
    page.goto(studio.address)
    yield page
    context.close()
    assert may_fail or wrong == []


def _is_elsewhere(url: str, studio: Studio) -> bool:
    return not url.startswith((studio.address + "/", "blob:" + studio.address))


@pytest.fixture
def page(browser: "Browser", studio: Studio) -> "Iterator[Page]":
    with opened(browser, studio) as page:
        yield page


@pytest.fixture(scope="module")
def lamp(studio: Studio) -> str:
    """A project that has been narrated."""
    name = studio.add()
    assert studio.narrate(name)["is_complete"]
    return name


def show(page: "Page", studio: Studio, project: str) -> None:
    """Go to a story and wait for its words."""
    page.goto(f"{studio.address}/?story={project}")
    page.wait_for_selector(".word")


def until_complete(page: "Page") -> None:
    page.wait_for_selector(".download-menu", state="visible")


def project_of(page: "Page") -> str:
    return page.url.partition("story=")[2]


def made(page: "Page") -> int:
    """Return how many segments are shown as made."""
    return page.locator(".segment.made").count()


def heard(page: "Page") -> dict[str, Any]:
    """Return what is heard and which word is marked, both at one moment."""
    found: dict[str, Any] = page.evaluate("""() => {
        const audio = document.querySelector("#audio");
        const word = document.querySelector(".word.spoken");
        return {
            time: audio.currentTime, is_paused: audio.paused,
            word: word?.textContent, place: Number(word?.dataset.word),
            segment: decodeURIComponent(audio.src.split("/audio/").at(-1).split("?")[0]),
            marked: word?.closest(".segment").textContent,
        };
    }""")
    return found


def times_of(studio: Studio, project: str) -> dict[str, list[dict[str, Any]]]:
    document = json.loads((studio.project(project) / "timings.json").read_text())
    return {segment["id"]: segment["words"] for segment in document["segments"]}


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it does not come")


# Paste, narrate, listen


def test_pasted_story_is_narrated_and_heard_word_by_word(page: "Page", studio: Studio) -> None:
    page.fill("#text", STORY)
    page.click("#narrate")
    page.wait_for_url("**/?story=the-lamp*")
    page.wait_for_selector(".segment.made")
    until_complete(page)
    project = project_of(page)
    assert page.inner_text("h1") == "The Lamp"
    assert len(page.query_selector_all(".segment.made")) == 4
    page.click(".listen")
    times, texts = times_of(studio, project), {entry.id: entry.text for entry in studio.record(project).segments}
    seen: dict[tuple[str, int], float] = {}
    end = time.monotonic() + 8
    while time.monotonic() < end:
        now = heard(page)
        if now["word"] and not now["is_paused"] and now["marked"] == texts[now["segment"]]:
            words = times[now["segment"]]
            word = words[now["place"]]
            assert texts[now["segment"]][word["from"] : word["to"]] == now["word"]
            assert word["start"] - 0.02 <= now["time"]
            following = words[now["place"] + 1]["start"] if now["place"] + 1 < len(words) else 99
            assert now["time"] <= following + 0.25  # a frame, on a machine that does much else
            seen[now["segment"], now["place"]] = now["time"]
        time.sleep(0.05)
    assert len(seen) > 8
    assert len({segment for segment, _ in seen}) > 1  # it goes on to the next paragraph by itself


def test_clicked_word_is_heard_from_there(page: "Page", studio: Studio, lamp: str) -> None:
    show(page, studio, lamp)
    entry = next(entry for entry in studio.record(lamp).segments if entry.text.startswith("In the third"))
    word = page.locator(".paragraph", has_text="In the third").locator(".word", has_text="harbour")
    word.click()
    now = until(lambda: (found := heard(page))["word"] and not found["is_paused"] and found)
    start = next(word["start"] for word in times_of(studio, lamp)[entry.id] if word["text"].startswith("harbour"))
    assert now["segment"] == entry.id
    assert start - 0.01 <= now["time"] < start + 1.5
    later = until(lambda: (found := heard(page))["time"] > now["time"] and found)
    assert later["time"] > now["time"]
    page.keyboard.press("Space")
    until(lambda: heard(page)["is_paused"])


def test_changed_paragraph_only_is_made_again_and_heard(page: "Page", studio: Studio) -> None:
    project = studio.add()
    studio.narrate(project)
    before = studio.audio(project)
    show(page, studio, project)
    paragraph = page.locator(".paragraph", has_text="Every evening")
    paragraph.hover()
    paragraph.get_by_role("button", name="Edit").click()
    page.fill(".editor textarea", "Every morning she put it out, and slept.")
    page.click(".editor .primary")
    now = until(lambda: (found := heard(page))["word"] and found)
    assert now["segment"].startswith("every-morning")
    until(lambda: heard(page)["is_paused"])  # it only, not the rest of the story
    assert heard(page)["segment"] == now["segment"]
    after = studio.audio(project)
    assert {name for name in after if after[name] != before.get(name)} == {now["segment"]}
    assert len(after) == len(before)
    page.wait_for_selector("text=5 paragraphs", state="detached", timeout=SECOND)
    assert "4 paragraphs" in page.inner_text(".state")


def test_paragraph_is_split_and_removed(page: "Page", studio: Studio) -> None:
    project = studio.add("One is here.\n\nTwo is here.", "pasted.txt")
    studio.narrate(project)
    show(page, studio, project)
    for number, text in ((1, "One is here.\n\nA new one."), (0, "")):
        page.locator(".paragraph").nth(number - 1 if number else 2).hover()
        page.locator(".paragraph > .edit").nth(number - 1 if number else 2).click()
        page.fill(".editor textarea", text)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".editor", state="detached")
        until_complete(page)
    assert page.locator(".paragraph p").all_inner_texts() == ["One is here.", "A new one."]
    until(lambda: len(studio.audio(project)) == 2)


def test_voices_are_previewed_and_chosen(page: "Page", studio: Studio) -> None:
    page.fill("#text", STORY)
    preview = page.get_by_role("button", name="Preview of the voice: Narrator")
    page.get_by_role("combobox", name="Narrator", exact=True).select_option("bm_george")
    with page.expect_response("**/v1/audio/speech") as answer:
        preview.click()
    assert (answer.value.request.post_data_json or {})["voice"] == "bm_george"
    assert answer.value.status == 200
    page.wait_for_selector(".preview.on:not(.busy)")
    page.wait_for_selector(".preview.on", state="detached")  # all of it was played
    page.get_by_role("combobox", name="Dialogue", exact=True).select_option("af_sarah")
    page.click("#narrate")
    page.wait_for_selector("article")
    until_complete(page)
    spoken = {entry.text: entry.voice for entry in studio.record(project_of(page)).segments}
    assert spoken["Every evening, at half past six, Mrs. Hale lit the lamp."] == "bm_george"
    assert spoken['"Nobody walks here at night."'] == "af_sarah"
    page.click(".voices-menu summary")
    page.locator(".voices-menu").get_by_role("combobox", name="Dialogue", exact=True).select_option("")
    page.click(".voices-menu .primary")
    until(
        lambda: (
            {entry.voice for entry in studio.record(project_of(page)).segments if entry.kind != "break"}
            == {"bm_george"}
        )
    )
    until_complete(page)


@pytest.mark.parametrize("kind", ["m4b", "mp3", "srt", "vtt"])
def test_downloads_are_what_they_say(page: "Page", studio: Studio, lamp: str, kind: str, tmp_path: Path) -> None:
    if kind == "m4b":
        pytest.importorskip("av", reason="M4B needs PyAV")
    show(page, studio, lamp)
    page.click(".download-menu summary")
    with page.expect_download() as download:
        page.click(f"[data-kind={kind}]")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"{lamp}.{kind}"
    if kind in ("srt", "vtt"):
        assert "Mrs. Hale lit the lamp." in path.read_text().replace("\n", " ") or "Hale" in path.read_text()
        assert "-->" in path.read_text()
    else:
        shown = (
            subprocess.run(["file", "-b", str(path)], capture_output=True, text=True) if shutil.which("file") else None
        )
        assert path.stat().st_size > 20_000, shown


# The truth of the folder


def test_reload_in_the_middle_shows_what_is_there_and_goes_on(page: "Page", studio: Studio) -> None:
    page.fill("#text", LONG)
    page.fill("#title", "Reloaded")
    page.click("#narrate")
    page.wait_for_selector(".segment.made")
    page.reload()
    page.wait_for_selector(".segment.made")
    assert "Narrating" in page.inner_text(".state")
    before = made(page)
    assert 0 < before < 150
    until(lambda: made(page) > before)
    page.click(".stop")
    page.wait_for_selector(".narrate", state="visible")
    assert "Not complete" in page.inner_text(".state")
    stopped = studio.audio("reloaded")
    page.reload()
    page.click(".narrate")
    until(lambda: made(page) > len(stopped))
    page.click(".stop")
    page.wait_for_selector(".narrate", state="visible")
    after = studio.audio("reloaded")
    assert {name: after[name] for name in stopped} == stopped


def test_second_tab_shows_the_same(page: "Page", studio: Studio) -> None:
    project = studio.add(LONG, title="Two tabs")
    show_first = f"{studio.address}/?story={project}"
    page.goto(show_first)
    other = page.context.new_page()
    other.goto(show_first)
    page.click(".narrate")
    other.wait_for_selector(".segment.made")
    other.click(".stop")
    page.wait_for_selector(".narrate", state="visible")
    for tab in (page, other):
        until(lambda tab=tab: made(tab) == len(studio.audio(project)))  # type: ignore[misc]
    other.locator(".paragraph").first.hover()
    other.locator(".paragraph > .edit").first.click()
    other.fill(".editor textarea", "Another beginning.")
    other.click(".editor .primary")
    page.wait_for_selector("text=Another beginning.")
    other.click(".stop")
    other.wait_for_selector(".narrate", state="visible")


def test_killed_server_is_missed_and_found_again(browser: "Browser", tmp_path: Path) -> None:
    studio = Studio(tmp_path).start()
    try:
        with opened(browser, studio, may_fail=True) as page:
            page.fill("#text", LONG)
            page.click("#narrate")
            until(lambda: made(page) > 3)
            project = project_of(page)
            studio.kill()
            page.wait_for_selector("#offline", state="visible")
            assert "does not answer" in page.inner_text("#offline")
            recorded = Truth(studio.project(project)).entries()  # a WAV may have been written and not yet recorded
            before = {name: audio for name, audio in studio.audio(project).items() if name in recorded}
            studio.start()
            page.wait_for_selector("#offline", state="hidden")
            page.wait_for_selector(".narrate", state="visible")
            assert page.locator(".segment.made").count() == len(before)
            page.click(".narrate")
            until(lambda: made(page) > len(before))
            page.click(".stop")
            page.wait_for_selector(".narrate", state="visible")
            after = studio.audio(project)
            assert {name: after[name] for name in before} == before
    finally:
        studio.stop()


def test_narration_by_the_command_line_is_seen(page: "Page", studio: Studio, tmp_path: Path) -> None:
    story = tmp_path / "beside.txt"
    story.write_text(LONG)
    command = [
        sys.executable,
        "-m",
        "storyflow",
        "narrate",
        str(story),
        "--out",
        str(studio.root),
        "--model",
        "default",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            page.wait_for_selector(".stories >> text=beside")
            assert "being narrated" in page.locator(".stories a", has_text="beside").inner_text()
            page.click(".stories >> text=beside")
            page.wait_for_selector(".segment.made")
            assert "Another program is narrating" in page.inner_text(".state")
            assert page.locator(".narrate").is_hidden()
            assert page.locator(".stop").is_hidden()
            page.locator(".word").first.click()
            until(lambda: heard(page)["word"])
        finally:
            running.terminate()
    page.wait_for_selector("text=Another program is narrating", state="detached")
    assert page.locator(".paragraph > .edit").count() == 0  # the story is a file of the user


def test_story_that_is_narrated_elsewhere_waits(page: "Page", studio: Studio) -> None:
    from storyflow.narration.lock import alone_now_in

    project = studio.add()
    with alone_now_in(studio.project(project)):
        page.goto(f"{studio.address}/?story={project}")
        page.wait_for_selector("text=Another program is narrating")
        assert page.locator(".narrate").is_hidden()
    page.wait_for_selector(".narrate", state="visible")


# Files and hostile texts

_DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    for (const kind of ["dragenter", "dragover", "drop"]) {
        const options = { dataTransfer: data, bubbles: true, cancelable: true };
        document.querySelector(".drop").dispatchEvent(new DragEvent(kind, options));
    }
}"""


def test_dropped_file_is_narrated(page: "Page", studio: Studio) -> None:
    page.wait_for_selector(".preview")
    page.evaluate(_DROP, ["My dropped story.txt", "Once upon a time there was a file."])
    assert "My dropped story.txt" in page.inner_text(".chosen")
    assert page.locator("#text").is_hidden()
    page.click("#narrate")
    page.wait_for_selector("text=Once upon a time there was a file.")
    assert page.inner_text("h1") == "My dropped story"
    until_complete(page)


def test_chosen_file_is_narrated_and_what_is_left_out_is_said(page: "Page", studio: Studio, tmp_path: Path) -> None:
    book = tmp_path / "book.html"
    book.write_text("<title>A Page</title><nav>Menu</nav><p>Only this is read.</p><pre>code()</pre>")
    page.set_input_files("input[type=file]", book)
    page.click("#narrate")
    page.wait_for_selector("text=Only this is read.")
    assert page.inner_text("h1") == "A Page"
    until_complete(page)


def test_script_in_a_story_is_text(page: "Page", studio: Studio) -> None:
    evil = '<img src=x onerror="window.hacked=1;alert(1)"><script>window.hacked=2</script>'
    page.fill("#title", evil)
    page.fill("#text", f"{evil} Some words.\n\n{evil} &lt;b&gt; more “words”.")
    page.click("#narrate")
    page.wait_for_selector("h1")
    until_complete(page)
    assert page.inner_text("h1") == " ".join(evil.split())
    assert page.locator(".paragraph p").first.inner_text() == f"{evil} Some words."
    assert page.locator(".paragraph p").last.inner_text() == f"{evil} &lt;b&gt; more “words”."
    assert page.title().startswith("<img")
    page.locator(".paragraph > .edit").first.click(force=True)
    assert page.input_value(".editor textarea") == f"{evil} Some words."
    page.click(".cancel")
    page.click(".delete")
    assert evil in page.inner_text("dialog h2")
    page.click("dialog [value=no]")
    page.click(".back a")
    page.wait_for_selector(f".listed-title:text-is({json.dumps(' '.join(evil.split()))})")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x], main script").count() == 0


def test_file_of_100_mb_is_refused_before_it_is_sent(page: "Page", studio: Studio, tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    with big.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    page.set_input_files("input[type=file]", big)
    assert "105 MB" in page.inner_text(".new .problem")
    assert "64 MB" in page.inner_text(".new .problem")
    assert page.locator("#text").is_visible()


def test_what_is_wrong_is_said_where_it_is(browser: "Browser", studio: Studio, tmp_path: Path) -> None:
    with opened(browser, studio, may_fail=True) as page:  # the browser notes every refusal
        make_mistakes(page, studio, tmp_path)


def make_mistakes(page: "Page", studio: Studio, tmp_path: Path) -> None:
    page.wait_for_selector(".preview")
    page.click("#narrate")
    assert "no story yet" in page.inner_text(".new .problem")
    assert page.evaluate("document.activeElement.id") == "text"
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    page.set_input_files("input[type=file]", tmp_path / "x.pdf")
    page.click("#narrate")
    page.wait_for_selector("text=is a PDF, which is not supported")
    page.goto(f"{studio.address}/?story=nothing-here")
    page.wait_for_selector("text=no project 'nothing-here'")
    page.click("main a")
    page.wait_for_selector("#text")


# Doors


def test_key_is_asked_for_and_kept_for_the_tab(browser: "Browser", tmp_path: Path) -> None:
    studio = Studio(tmp_path, {"ENGINE_TOKEN": "the key"}).start()
    try:
        with opened(browser, studio, may_fail=True) as page:
            page.wait_for_selector("dialog[open]")
            page.fill("dialog input", "wrong")
            page.keyboard.press("Enter")
            page.wait_for_selector("text=This key is wrong.")
            page.fill("dialog input", "the key")
            page.keyboard.press("Enter")
            page.wait_for_selector(".preview")
            page.fill("#text", STORY)
            page.click("#narrate")
            until_complete(page)
            page.reload()
            page.wait_for_selector(".word")
            assert page.locator("dialog[open]").count() == 0
            page.locator(".word", has_text="harbour").click()
            until(lambda: heard(page)["word"] == "harbour")
            page.click(".download-menu summary")
            with page.expect_download() as download:
                page.click("[data-kind=vtt]")
            assert "harbour" in Path(download.value.path()).read_text()
            other = page.context.new_page()
            other.goto(studio.address)
            other.wait_for_selector("dialog[open]")
    finally:
        studio.stop()


def test_project_is_deleted_only_after_a_question(page: "Page", studio: Studio) -> None:
    project = studio.add(title="Doomed")
    page.goto(f"{studio.address}/?story={project}")
    page.wait_for_selector("h1:has-text('Doomed')")
    page.click(".delete")
    assert page.inner_text("dialog h2") == "Delete “Doomed”?"
    assert page.evaluate("document.activeElement.textContent") == "Keep it"
    page.keyboard.press("Escape")
    assert studio.project(project).is_dir()
    page.click(".delete")
    page.click("dialog [value=yes]")
    page.wait_for_selector("#text")
    assert not studio.project(project).exists()


# Everybody


def test_everything_is_done_with_keys(page: "Page", studio: Studio) -> None:
    page.wait_for_selector(".preview")

    def tab_to(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached with Tab")

    tab_to("#text")
    page.keyboard.insert_text("The first one is here.\n\nThe second one is here, and longer.\n\nThe third.")
    tab_to("#narrate")
    page.keyboard.press("Enter")
    until_complete(page)
    page.keyboard.press("Space")
    until(lambda: heard(page)["word"] and not heard(page)["is_paused"])
    page.keyboard.press("Space")
    until(lambda: heard(page)["is_paused"])
    page.keyboard.press("ArrowDown")
    until(lambda: heard(page)["segment"].startswith("the-second"))
    assert "second" in page.evaluate("document.activeElement.textContent")
    for word in ("The", "second"):
        page.keyboard.press("ArrowRight")
        until(lambda word=word: heard(page)["word"] == word)  # type: ignore[misc]
    page.keyboard.press("ArrowLeft")
    until(lambda: heard(page)["word"] == "The")
    page.keyboard.press("Enter")
    until(lambda: not heard(page)["is_paused"])
    page.keyboard.press("Space")
    tab_to(".edit")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('.editor textarea')")
    page.keyboard.press("Escape")
    page.wait_for_selector(".editor", state="detached")
    assert page.evaluate("document.activeElement.matches('.paragraph')")
    page.keyboard.press("ArrowUp")
    until(lambda: heard(page)["segment"].startswith("the-first"))


def test_progress_is_told_to_a_screen_reader(page: "Page", studio: Studio) -> None:
    project = studio.add(LONG, title="Told")
    page.goto(f"{studio.address}/?story={project}")
    page.wait_for_selector(".narrate", state="visible")
    page.evaluate("""() => {
        window.told = [];
        new MutationObserver(() => window.told.push(document.querySelector("#live").textContent))
            .observe(document.querySelector("#live"), { childList: true });
    }""")
    page.click(".narrate")
    until(lambda: made(page) > 20)
    page.click(".stop")
    page.wait_for_selector(".narrate", state="visible")
    told = page.evaluate("window.told")
    assert any(text.startswith("Narrating:") for text in told)
    assert told[-1].startswith("Not complete")
    assert len(told) < 8  # not every paragraph
    unnamed = """() => [...document.querySelectorAll("button, select, textarea, input, summary, [role=group]")]
        .filter((one) => one.checkVisibility())
        .filter((one) => !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim()))
        .map((one) => one.outerHTML)"""
    assert page.evaluate(unnamed) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_shows_everything_without_scrolling_aside(
    browser: "Browser", studio: Studio, lamp: str, scheme: Any
) -> None:
    with opened(browser, studio, viewport=PHONE, color_scheme=scheme, has_touch=True) as page:
        page.wait_for_selector(".preview")
        fits(page)
        show(page, studio, lamp)
        fits(page)
        page.locator(".word", has_text="harbour").tap()
        until(lambda: heard(page)["word"])
        page.locator("#edit").tap()
        fits(page)
        page.click(".cancel")
        for menu in (".voices-menu", ".download-menu"):
            page.click(f"{menu} summary")
            fits(page)
            page.keyboard.press("Escape")
        page.click(".delete")
        fits(page)


def fits(page: "Page") -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    outside = """() => [...document.querySelectorAll("main *, .player *")]
        .filter((one) => one.checkVisibility() && !one.closest(".unseen"))
        .filter((one) => one.getBoundingClientRect().width)
        .filter((one) => one.getBoundingClientRect().left < -16 || one.getBoundingClientRect().right > innerWidth + 16)
        .map((one) => one.outerHTML.slice(0, 100))"""
    assert page.evaluate(outside) == []


_CONTRAST = """() => {
    const parsed = (colour) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([red, green, blue]) => [red, green, blue].map((part) => part / 255)
        .map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [.2126, .7152, .0722][place], 0);
    const behind = (one) => {
        for (; one; one = one.parentElement) {
            const colour = parsed(getComputedStyle(one).backgroundColor);
            if (colour[3] > 230) return colour;
        }
        return [255, 255, 255];
    };
    return [...document.querySelectorAll("body *")]
        .filter((one) => one.checkVisibility({ opacityProperty: true }) && !one.matches(":disabled, option, optgroup"))
        .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((one) => {
            const [low, high] = [light(parsed(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => a - b);
            return [(high + .05) / (low + .05), one.outerHTML.slice(0, 80)];
        })
        .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(browser: "Browser", studio: Studio, lamp: str, scheme: Any) -> None:
    with opened(browser, studio, color_scheme=scheme, reduced_motion="reduce") as page:
        page.wait_for_selector(".preview")
        page.wait_for_selector(".stories li")
        assert page.evaluate(_CONTRAST) == []
        page.goto(f"{studio.address}/?story={studio.add(title='Not narrated')}")
        page.wait_for_selector(".narrate", state="visible")
        assert page.evaluate(_CONTRAST) == []
        show(page, studio, lamp)
        page.locator(".word", has_text="harbour").click()
        until(lambda: heard(page)["word"])
        page.keyboard.press("Space")
        page.click(".download-menu summary")
        assert page.evaluate(_CONTRAST) == []
