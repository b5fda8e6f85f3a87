"""The licence of XTTS-v2, and whether the user has agreed to it; nothing is downloaded before.

As a program, exits with an error that says what to do unless COQUI_TOS_AGREED is 1. Standard library only.
"""

import os
import sys
from collections.abc import Mapping

CONSENT = "COQUI_TOS_AGREED"  # the library's own name
REVISION = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"
LICENCE_URL = f"https://huggingface.co/coqui/XTTS-v2/blob/{REVISION}/LICENSE.txt"
HOW_TO_AGREE = (
    f"XTTS-v2 (1.9 GB) has the Coqui Public Model License, which does not allow commercial use of the model or of "
    f"its speech: {LICENCE_URL}. To agree and download it, set {CONSENT}=1"
)


def agreed(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the user has agreed to the licence of XTTS-v2."""
    return environment.get(CONSENT, "").strip() == "1"


if __name__ == "__main__":
    if not agreed():
        sys.exit(f"{HOW_TO_AGREE}; for an image: --build-arg {CONSENT}=1.")
