"""The pages say what the code does: these tests fail when one of them drifts."""

import re
from pathlib import Path
from typing import Any

import click
import pytest

from core_engine.kokoro.voice.voices import VOICES
from storyflow.commands.exits import Exit
from storyflow.commands.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "models" / "README.md"])
TEXT = "\n".join(page.read_text() for page in PAGES)


def test_make_targets_in_the_pages_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for line in re.findall(r"\bmake ((?:[a-z-]+ ?)+)", _code(TEXT)) for word in line.split()}
    assert named
    assert named <= targets


def test_commands_in_the_pages_exist() -> None:
    named = set(re.findall(r"storyflow ([a-z]+)\b", _code(TEXT)))
    assert named
    assert named <= set(COMMANDS)


def test_every_command_and_option_is_in_the_page_of_the_command_line() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    commands = {name: main.get_command(click.Context(main), name) or main for name in COMMANDS}
    groups = {name: group for name, group in commands.items() if isinstance(group, click.Group)}
    inner = {f"{group} {name}": made for group in groups for name, made in groups[group].commands.items()}
    for name, command in {**commands, **inner}.items():
        assert f"storyflow {name}" in page
        for option in (option for parameter in command.params for option in parameter.opts if option.startswith("--")):
            assert option in page, f"{name} {option}"


def test_exit_codes_in_the_page_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)] == [int(code) for code in Exit]


def test_voices_in_the_readme_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (American|British) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    described = [(row[0], row[1].removesuffix(" (the default)").lower(), row[2]) for row in rows]
    assert described == [(voice.id, voice.description.lower(), voice.accent) for voice in VOICES]


def test_environment_variables_in_the_pages_are_read_by_the_code() -> None:
    backend = ROOT / "backend"
    readers = [
        *backend.glob("storyflow_backend/*.py"),
        backend / "core_engine" / "places.py",
        backend / "storyflow" / "commands" / "log.py",
        backend / "storyflow" / "commands" / "serve.py",
        backend / "storyflow" / "hosting" / "opening.py",
        backend / "storyflow" / "serving" / "listener.py",
        backend / "core_engine" / "kokoro" / "model" / "graph_cache.py",
        backend / "engines" / "downloading" / "policy.py",
        backend / "listening" / "equipment.py",
    ]
    code = "\n".join(path.read_text() for path in readers)
    for variable in re.findall(r"`((?:STORYFLOW_[A-Z_]+|MEDIA_ROOT|SECRET_KEY|DEBUG|ALLOWED_HOSTS))`", TEXT):
        assert variable in code, variable


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Any) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


def test_files_of_the_tour_exist() -> None:
    tour = (ROOT / "CONTRIBUTING.md").read_text()
    kokoro = ROOT / "backend" / "core_engine" / "kokoro"
    named = set(re.findall(r"`(\w+\.py)`", "\n".join(re.findall(r"^\| (`.+?) \|", tour, re.MULTILINE))))
    assert named == {path.name for path in kokoro.rglob("*.py")} - {"__init__.py"}
    for place in re.findall(r"^\| `([a-z_/]+/)` \|", tour, re.MULTILINE):
        assert (ROOT / place).is_dir(), place


def _code(text: str) -> str:
    return "\n".join(
        [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    )
