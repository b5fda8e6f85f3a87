"""The conformance check: it passes what conforms and finds what does not."""

import shutil
from pathlib import Path

import pytest

import engines
from engines.conformance.folder import EngineFolder, checks
from engines.conformance.run import check_engine
from engines.templates import EngineExistsError, make_engine

ENGINES = Path(engines.__file__).parent


def failed(results) -> dict[str, str]:
    return {result.check: f"{result.found} {result.remedy}" for result in results if result.outcome == "failed"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what images are built from."""
    root = tmp_path / "engines"
    shutil.copytree(ENGINES / "tts" / "debug-tts", root / "tts" / "debug-tts", ignore=shutil.ignore_patterns("venv"))
    shutil.copytree(ENGINES / "scripts", root / "scripts")
    shutil.copy(ENGINES / ".dockerignore", root)
    return root


@pytest.mark.parametrize("name", ["debug-tts", "kokoro"])
def test_engine_of_the_project_conforms(name) -> None:
    if name == "kokoro":
        pytest.importorskip("onnxruntime")
    assert failed(check_engine(ENGINES / "tts" / name)) == {}


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in ENGINES.glob("*/*/engine.yaml")), ids=lambda f: f.name
)
def test_files_of_every_engine_of_the_project_conform(folder) -> None:
    assert failed(checks.run(EngineFolder(folder))) == {}


@pytest.mark.parametrize(("kind", "folder"), [("tts", "tts"), ("stt", "stt"), ("audio", "audio_analysis")])
def test_new_engine_conforms_as_it_is(tmp_path, kind, folder) -> None:
    made = make_engine(kind, "my-engine", tmp_path / folder)
    assert failed(check_engine(made)) == {}


@pytest.mark.parametrize("name", ["My-Engine", "1st", "a/b", "..", "", "a_b", "x" * 65])
def test_new_engine_with_a_name_that_no_client_takes_is_refused(tmp_path, name) -> None:
    with pytest.raises(ValueError, match="no name for an engine"):
        make_engine("tts", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_new_engine_never_overwrites(tmp_path) -> None:
    make_engine("tts", "mine", tmp_path)
    with pytest.raises(EngineExistsError, match="exists already"):
        make_engine("tts", "mine", tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [
        ("tts/debug-tts/README.md", None, None, "The folder is complete"),
        ("tts/debug-tts/engine.yaml", "schema_version: 2", "schema_version: 1", "engine.yaml passes both schemas"),
        ("tts/debug-tts/engine.yaml", "name: debug-tts", "name: x", "engine.yaml names the engine after its folder"),
        ("tts/debug-tts/engine.yaml", "installation:", "engine_config:", "The client can start it as a process"),
        ("tts/debug-tts/engine.yaml", "    step: 0.1\n", "", "Parameters can be drawn"),
        ("tts/debug-tts/engine.yaml", "label: Speed", "label: 'Speed: fast'", "Parameters can be drawn"),
        ("tts/debug-tts/server.py", "import json", "import torch", "server.py imports heavy libraries inside the load"),
        ("tts/debug-tts/Dockerfile", "COPY tts/debug-tts/models/ ./models/", "", "Dockerfile: copy baked-in models"),
        ("tts/debug-tts/Dockerfile", "COPY scripts/docker-entrypoint.sh ./", "", "Dockerfile: copy entrypoint script"),
        ("tts/debug-tts/Dockerfile", "RUN chmod +x", "RUN ls", "Dockerfile: make entrypoint executable"),
        ("tts/debug-tts/Dockerfile", "/app/external_models", "", "Dockerfile: create standard directories"),
        ("tts/debug-tts/Dockerfile", "/app/samples && chmod", "&& chmod", "Dockerfile: create standard directories"),
        ("tts/debug-tts/Dockerfile", "ENTRYPOINT", "LABEL x=", "Dockerfile: set entrypoint"),
        ("tts/debug-tts/Dockerfile", "--host 0.0.0.0", "", "Dockerfile: PORT and 0.0.0.0"),
        ("tts/debug-tts/Dockerfile", "HEALTHCHECK", "LABEL y=", "Dockerfile: HEALTHCHECK"),
        (".dockerignore", "!tts/debug-tts/models/\n", "", ".dockerignore: exception for baked-in models"),
        (".dockerignore", "**/models/", "", ".dockerignore: exception for baked-in models"),
        (
            "scripts/docker-entrypoint.sh", 'exec "$@"', '"$@"',
            "The entrypoint links, keeps what is baked in, and becomes the server",
        ),
        (
            "scripts/docker-entrypoint.sh", "    link_all", "    :",
            "The entrypoint links, keeps what is baked in, and becomes the server",
        ),
    ],
)  # fmt: skip
def test_check_finds_what_is_wrong_with_the_folder(tree, file, old, new, check) -> None:
    path = tree / file
    if old is None:
        path.unlink()
    else:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    assert check in failed(checks.run(EngineFolder(tree / "tts" / "debug-tts")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return pcm16_wav(", "return b'RIFF' + pcm16_wav(", "/generate: 16-bit PCM mono WAV of one rate"),
        (
            "listed = super().get_available_models()",
            "return [ModelInfo(name=p.name, display_name='') for p in sorted(self.models_dir.iterdir())]",
            "/models lists only what can be loaded",
        ),
        ("DebugTTSServer.main()", "raise SystemExit(7)", "The server starts"),
        (
            "DebugTTSServer.main()",
            "print('Xyzzy plugh'); DebugTTSServer.main()",
            "Logs lines of the standard form, never the text at INFO",
        ),
        (
            "    def load_model(self",
            "    def get_available_models(self): return [ModelInfo(name=n, display_name=n) for n in 'za']\n\n"
            "    def load_model(self",
            "/models: the default first, the others sorted",
        ),
    ],
)
def test_check_finds_what_is_wrong_with_the_server(tree, old, new, expected) -> None:
    path = tree / "tts" / "debug-tts" / "server.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    found = failed(check_engine(tree / "tts" / "debug-tts"))
    assert expected in found
    assert found[expected].strip()
