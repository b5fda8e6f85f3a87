"""Find and load the voices in a folder, and measure the cost.

Usage: pack_reader FOLDER; prints CPU seconds, the growth of peak memory and the outcome for each voice as JSON.
"""

import json
import logging
import resource
import sys
import time
from pathlib import Path

from core_engine.kokoro.errors import VoicePackError
from core_engine.kokoro.voice.packs import find_voices, load_voice


def main(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    outcomes = {}
    for name, file in find_voices(folder).items():
        try:
            outcomes[name] = str(load_voice(file, name).shape)
        except VoicePackError as error:
            outcomes[name] = f"refused: {error}"
    seconds = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(json.dumps({"seconds": seconds, "grown": grown, "outcomes": outcomes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
