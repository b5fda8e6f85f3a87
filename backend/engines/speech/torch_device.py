"""Where PyTorch computes."""

from typing import Literal


def torch_device() -> Literal["cuda", "cpu"]:
    """Return "cuda" where PyTorch can use a GPU; importing it takes seconds."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
