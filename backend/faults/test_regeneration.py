"""One segment is generated again by many threads of many processes while others read it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core_engine.audio_utils import get_audio_duration
from core_engine.tts_wrapper import generate_audio
from faults.regenerator import TEXTS
from faults.support import run_module


@pytest.mark.parametrize(
    ("processes", "threads", "times"),
    [(2, 4, 8), pytest.param(4, 16, 200, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])],
)
def test_segment_regenerated_by_many_is_never_torn_or_mixed(
    tmp_path: Path, voice: None, processes: int, threads: int, times: int
) -> None:
    versions = set()
    for text in TEXTS:
        result = generate_audio(text, output_path=str(tmp_path / "alone.wav"))
        assert result["duration"] == pytest.approx(get_audio_duration(tmp_path / "alone.wav"), abs=1e-9)
        versions.add((tmp_path / "alone.wav").read_bytes())
    folder = tmp_path / "audio"
    folder.mkdir()
    target = folder / "segment.wav"
    target.write_bytes(min(versions))
    finished = threading.Event()

    def read() -> tuple[int, int]:
        reads = torn = 0
        while not finished.wait(0.0005):
            torn += target.read_bytes() not in versions
            reads += 1
        return reads, torn

    def regenerate(seed: int) -> int:
        arguments = (target, threads, times, seed)
        wrong: int = run_module("regenerator", *arguments, timeout_s=1100)["wrong"]
        return wrong

    with ThreadPoolExecutor(processes + 2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            wrong = sum(pool.map(regenerate, range(processes)))
        finally:
            finished.set()
    reads, torn = map(sum, zip(*(reader.result() for reader in readers), strict=True))
    print(f"{reads} reads, {torn} torn, {wrong} wrong results")
    assert reads > 100
    assert (torn, wrong) == (0, 0)
    assert target.read_bytes() in versions
    assert _temporary_files(folder) == []


def _temporary_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]
