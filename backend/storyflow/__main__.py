"""`python -m storyflow`, where the console script is not on the path."""

from storyflow.cli import main

main(prog_name="storyflow")
