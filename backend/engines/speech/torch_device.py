"""Choose PyTorch's device."""

from engines.contract.wire import Device


def torch_device() -> Device:
    """Return "cuda" if PyTorch can use a GPU, otherwise "cpu"; importing PyTorch takes seconds."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
