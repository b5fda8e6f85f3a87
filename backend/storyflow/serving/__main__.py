"""Serve in the folder of the kokoro engine: `python -m storyflow.serving`."""

from storyflow.serving.server import NarrationServer

if __name__ == "__main__":
    NarrationServer.main()
