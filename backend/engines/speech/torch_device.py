"""Where PyTorch computes."""

from engines.contract.wire import Device


def torch_device() -> Device:
    """Return "cuda" where PyTorch can use a GPU; importing it takes seconds."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
