"""Build a full-size Kokoro with random weights: it sounds like noise, and costs what the real one costs.

    python build.py FOLDER

writes kokoro-v0_19.onnx (81.8 million parameters, some 325 MB) and voices.npz into FOLDER. The architecture comes from
the package `kokoro`, its sizes from the config.json in the package `kokoro-onnx`; no weights are downloaded.
"""

import importlib
import importlib.util
import json
import sys
import tempfile
import types
import warnings
from pathlib import Path

import numpy as np
import torch

SEED = 19
DURATION_BIAS = -2.9
"""Of the duration projection: with random weights around it a token then lasts some 2.5 to 3 frames, like real ones."""
VOICE_NAMES = ("af_bella", "af_sarah", "af_nicole", "am_adam", "am_michael", "bf_emma", "bm_george")


def _network() -> type:
    """Return the class of the network, without the text side that the package's __init__ would import."""
    package = types.ModuleType("kokoro")
    package.__path__ = list(importlib.util.find_spec("kokoro").submodule_search_locations)
    sys.modules["kokoro"] = package
    return importlib.import_module("kokoro.model").KModel


class Exported(torch.nn.Module):
    """The model under the names of the v0.19 export: tokens, style, speed → audio."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor, style: torch.Tensor, speed: torch.Tensor) -> torch.Tensor:
        """Return the audio alone."""
        return self.model.forward_with_tokens(tokens, style, speed)[0]


def config() -> dict:
    """Return the sizes of the published model."""
    spec = importlib.util.find_spec("kokoro_onnx")
    return json.loads((Path(spec.submodule_search_locations[0]) / "config.json").read_text())


def random_model() -> torch.nn.Module:
    """Return the network with seeded random weights."""
    torch.manual_seed(SEED)
    with tempfile.NamedTemporaryFile(suffix=".pth") as nothing:
        torch.save({}, nothing.name)
        model = _network()(repo_id="random", config=config(), model=nothing.name, disable_complex=True)
    torch.nn.init.constant_(model.predictor.duration_proj.linear_layer.bias, DURATION_BIAS)
    return model.eval()


def export(model: torch.nn.Module, path: Path) -> None:
    """Write the network as ONNX."""
    arguments = (torch.tensor([[0, *range(40, 90), 0]]), torch.randn(1, 256) * 0.3, torch.tensor([1.0]))
    torch.onnx.export(
        Exported(model),
        arguments,
        str(path),
        input_names=["tokens", "style", "speed"],
        output_names=["audio"],
        dynamic_axes={"tokens": {1: "tokens"}, "audio": {0: "samples"}},
        opset_version=17,
        dynamo=False,
    )


def main(folder: Path) -> None:
    """Write model and voices."""
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "kokoro-v0_19.onnx.building"
    export(random_model(), temporary)
    random = np.random.default_rng(SEED)
    packs = {voice: random.normal(0, 0.3, (511, 1, 256)).astype(np.float32) for voice in VOICE_NAMES}
    np.savez(folder / "voices.npz", **packs)
    temporary.rename(folder / "kokoro-v0_19.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
