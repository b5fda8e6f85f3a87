"""How long does a part of a chapter take beside pykokoro and sherpa-onnx, on the same model?"""

import sys
from subprocess import CalledProcessError

from answers import Ratio
from chapter import beside

PEERS = ("pykokoro", "sherpa-onnx")


def measure(full: bool = False) -> list[Ratio]:
    """Narrate 1,000 characters once each in turn; a peer that cannot is left out, and why is said."""
    ratios = []
    for name in PEERS:
        try:
            ratios += beside(name, 1_000, rounds=2 if full else 1)
        except CalledProcessError as error:
            sys.stderr.write(f"{name} is left out: {error.output.strip().splitlines()[-1]}\n")
    return ratios
