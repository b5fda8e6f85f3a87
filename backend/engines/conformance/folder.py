"""Checks of an engine's files: engine.yaml, server.py, Dockerfile, .dockerignore, entrypoint."""

import ast
import fnmatch
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engines.conformance.checklist import Checklist, NotApplicableError, require
from engines.conformance.imports import modules_missing, sources_missing
from engines.contract.engine_config import ENGINE_YAML, EngineConfig, load_engine_config

ENTRYPOINT = "docker-entrypoint.sh"
ENTRYPOINT_S = 10
_FILES = ("server.py", ENGINE_YAML, "requirements.txt", "Dockerfile", "README.md")
_HEAVY = frozenset(
    {"torch", "transformers", "onnxruntime", "tensorflow", "whisper", "TTS", "librosa", "scipy", "soundfile"}
)


@dataclass(frozen=True)
class EngineFolder:
    """The folder of an engine."""

    path: Path

    @cached_property
    def config(self) -> EngineConfig:
        """Its engine.yaml; raises StartError if it is invalid."""
        return load_engine_config(self.path / ENGINE_YAML)

    @cached_property
    def context(self) -> Path:
        """The build context of the image: the nearest parent folder with a .dockerignore."""
        return next(
            (folder for folder in self.path.parents[:3] if (folder / ".dockerignore").is_file()), self.path.parent
        )

    @property
    def place(self) -> str:
        """The engine's folder relative to the build context, e.g. tts/debug-tts."""
        return self.path.relative_to(self.context).as_posix()

    @property
    def baked_in(self) -> bool:
        """Whether models/ has models to bake in."""
        models = self.path / "models"
        return models.is_dir() and any(not path.is_symlink() for path in models.iterdir())

    def instructions(self) -> list[str]:
        """Return the instructions of the Dockerfile, one line each, with single spaces."""
        text = re.sub(r"\\\s*\n", " ", (self.path / "Dockerfile").read_text(encoding="utf-8"))
        lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]

    def has_instruction(self, pattern: str) -> bool:
        """Return whether an instruction of the Dockerfile matches the regular expression `pattern`."""
        return any(re.search(pattern, line) for line in self.instructions())


checks: Checklist[EngineFolder] = Checklist()


@checks.add("The folder is complete", "Add the missing files; `storyflow engines new` shows each of them.")
def _files(engine: EngineFolder) -> None:
    missing = [name for name in _FILES if not (engine.path / name).is_file()]
    require(not missing, f"missing: {', '.join(missing)}")


@checks.add("engine.yaml passes both schemas", "Fix engine.yaml; own keys belong under models[*] or engine_config.")
def _schemas(engine: EngineFolder) -> None:
    require(engine.config, "")


@checks.add("engine.yaml names the engine after its folder", "Make `name` equal to the name of the folder.")
def _name(engine: EngineFolder) -> None:
    require(engine.config.name == engine.path.name, f"'{engine.config.name}' in the folder '{engine.path.name}'")


@checks.add("The client can start it as a process", "Add `installation` with python_version and venv_path: ./venv.")
def _installation(engine: EngineFolder) -> None:
    require(engine.config.installation, "no `installation` block")


@checks.add("Parameters are displayed", "Use float or int with min, max and step; words without '.' and ':' as label.")
def _parameters(engine: EngineFolder) -> None:
    for name, parameter in engine.config.parameters.items():
        require(parameter.type in ("float", "int"), f"'{name}' is of type {parameter.type}, which is not displayed")
        limits = (parameter.min, parameter.max, parameter.step)
        require(None not in limits, f"'{name}' lacks min, max or step")
        words = parameter.label + (parameter.description or "")
        require(not set(words) & set(".:"), f"the label or description of '{name}' has a '.' or ':'")


@checks.add(
    "server.py imports heavy libraries during the load", "Move the import into load_model: the server listens first."
)
def _imports(engine: EngineFolder) -> None:
    heavy = sorted(_imported_at_start(engine.path / "server.py") & _HEAVY)
    require(not heavy, f"imported at the start: {', '.join(heavy)}")


@checks.add("Dockerfile: copy baked-in models", "COPY <engine>/models/ ./models/")
def _copies_models(engine: EngineFolder) -> None:
    if not engine.baked_in:
        raise NotApplicableError("nothing is baked in")
    require(engine.has_instruction(r"^COPY (--\S+ )*\S*models/? (\./|/app/)models/?$"), "models/ is not copied")


@checks.add(
    "Dockerfile: copy every module that server.py imports",
    "COPY <engine>/*.py ./ for those next to server.py, and the shared folders that are used (speech/ …).",
)
def _copies_modules(engine: EngineFolder) -> None:
    missing = modules_missing(engine.path / "server.py", engine.context, engine.instructions())
    require(not missing, f"imported, but not copied: {', '.join(missing)}")


@checks.add("Dockerfile: copy only existing files", "Fix the path, or name the build context: COPY --from=engines …")
def _copies_what_is_there(engine: EngineFolder) -> None:
    missing = sources_missing(engine.context, engine.instructions())
    require(not missing, f"not in '{engine.context}': {', '.join(missing)}")


@checks.add("Dockerfile: copy entrypoint script", f"COPY scripts/{ENTRYPOINT} ./")
def _copies_entrypoint(engine: EngineFolder) -> None:
    require(engine.has_instruction(rf"^COPY .*scripts/{ENTRYPOINT}"), "the entrypoint is not copied")


@checks.add("Dockerfile: make entrypoint executable", f"RUN chmod +x /app/{ENTRYPOINT}, or COPY --chmod=755")
def _executable_entrypoint(engine: EngineFolder) -> None:
    made = engine.has_instruction(rf"^RUN .*chmod (\+x|a\+rx|0?755) .*{ENTRYPOINT}")
    require(made or engine.has_instruction(rf"^COPY .*--chmod=0?755.*{ENTRYPOINT}"), "it might not be executable")


@checks.add("Dockerfile: create standard directories", "RUN mkdir -p /app/models /app/external_models /app/samples")
def _directories(engine: EngineFolder) -> None:
    runs = (line for line in engine.instructions() if line.startswith("RUN"))
    made = " ".join(names for line in runs for names in re.findall(r"mkdir -p ([^&|;]+)", line))
    missing = [name for name in ("models", "external_models", "samples") if not re.search(rf"(/app/|\s){name}\b", made)]
    require(not missing, f"not created: {', '.join(missing)}")


@checks.add("Dockerfile: set entrypoint", f'ENTRYPOINT ["/app/{ENTRYPOINT}"]')
def _entrypoint(engine: EngineFolder) -> None:
    require(
        engine.has_instruction(rf'^ENTRYPOINT \[ ?"/app/{ENTRYPOINT}"'), "the entrypoint is not set, or runs in a shell"
    )


@checks.add("Dockerfile: PORT and 0.0.0.0", "CMD runs server.py with --port ${PORT:-8766} --host 0.0.0.0")
def _command(engine: EngineFolder) -> None:
    command = next((line for line in engine.instructions() if line.startswith("CMD")), "no CMD")
    require("PORT" in command and "--host 0.0.0.0" in command.replace('", "', " "), command)


@checks.add("Dockerfile: HEALTHCHECK", "HEALTHCHECK that fails unless /health answers 200")
def _healthcheck(engine: EngineFolder) -> None:
    require(engine.has_instruction(r"^HEALTHCHECK .*/?health"), "no HEALTHCHECK of /health")


@checks.add(".dockerignore: exception for baked-in models", "Add !<engine>/models/ after **/models/")
def _dockerignore(engine: EngineFolder) -> None:
    if not engine.baked_in:
        raise NotApplicableError("nothing is baked in")
    path = engine.context / ".dockerignore"
    require(path.is_file(), f"'{engine.context}' has no .dockerignore")
    patterns = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    require("**/models/" in patterns, "**/models/ is not excluded: every image would contain every model")
    later = patterns[patterns.index("**/models/") :]
    wanted = f"{engine.place}/models"
    found = any(fnmatch.fnmatch(wanted, line[1:].strip("/")) for line in later if line.startswith("!"))
    require(found, f"!{wanted}/ is missing after **/models/")


@checks.add(
    "The entrypoint links and keeps models, then becomes the server", "Use scripts/docker-entrypoint.sh as it is."
)
def _entrypoint_works(engine: EngineFolder) -> None:
    script = engine.context / "scripts" / ENTRYPOINT
    if not script.is_file():
        raise NotApplicableError(f"'{engine.context}' has no scripts/{ENTRYPOINT}")
    if os.name == "nt":
        raise NotApplicableError("needs a shell")
    require(os.access(script, os.X_OK), f"'{script}' is not executable")
    with tempfile.TemporaryDirectory() as root:
        _try_entrypoint(script, Path(root))


def _try_entrypoint(script: Path, root: Path) -> None:
    for path in ("models/baked/file", "external_models/baked/file", "external_models/mounted/file"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    environment = {**os.environ, "ENTRYPOINT_ROOT": str(root)}
    command = [str(script), "sh", "-c", "echo pid=$$"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        printed, _ = process.communicate(timeout=ENTRYPOINT_S)
    require(process.returncode == 0, f"exit code {process.returncode}")
    require((root / "models/mounted").is_symlink(), "a mounted model was not linked")
    require(not (root / "models/baked").is_symlink(), "a baked-in model was replaced")
    require(f"pid={process.pid}" in printed, 'the server is another process: end with exec "$@"')


def _imported_at_start(path: Path) -> set[str]:
    """Return the top-level packages that the module at `path` imports outside functions and TYPE_CHECKING."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found
