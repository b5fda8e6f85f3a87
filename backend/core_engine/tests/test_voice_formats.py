"""Voice packs are detected by content, not by name."""

import json
import pickle

import numpy as np

from core_engine.kokoro.errors import VoicePackError
from core_engine.kokoro.voice.formats import format_of
from core_engine.kokoro.voice.packs import find_voices, load_voice, style_row
from core_engine.tests.support import FolderTestCase, random_pack


class FormatTests(FolderTestCase):
    def test_every_format_is_detected_by_content(self) -> None:
        pack = random_pack(1)
        np.savez(self.folder / "a.npz", af_bella=pack)
        contents = {
            "npz": (self.folder / "a.npz").read_bytes(),
            "raw": pack.tobytes(),
            "json": json.dumps({"af_bella": pack.astype(float).tolist()}).encode(),
        }
        for content in contents.values():
            for suffix in (".bin", ".npz", ".json"):
                path = self.folder / f"af_bella{suffix}"
                path.write_bytes(content)
                np.testing.assert_array_equal(format_of(path).read("af_bella"), pack)

    def test_raw_voices_of_v0_19_in_a_row(self) -> None:
        packs = [random_pack(seed) for seed in range(11)]
        (self.folder / "voices.bin").write_bytes(b"".join(pack.tobytes() for pack in packs))
        voices = find_voices(self.folder)
        self.assertEqual(len(voices), 11)
        np.testing.assert_array_equal(load_voice(voices["bm_lewis"], "bm_lewis"), packs[10])

    def test_raw_pack_may_begin_with_any_byte(self) -> None:
        for first in (0x80, 0x7B, 0x20, 0x50):
            path = self.folder / "af_bella.bin"
            path.write_bytes(bytes([first]) + random_pack(1, 510).tobytes()[1:])
            self.assertEqual(format_of(path).read("af_bella").shape, (510, 1, 256))

    def test_pickle_is_refused(self) -> None:
        path = self.folder / "af_bella.pt"
        path.write_bytes(pickle.dumps({"a": 1}))
        with self.assertRaisesRegex(VoicePackError, "never loaded"):
            format_of(path)

    def test_row_is_bounded_by_the_pack(self) -> None:
        for rows, count, row in (
            (511, 510, 510),
            (511, 1, 1),
            (510, 510, 509),
            (510, 1, 0),
            (1, 300, 0),
            (511, 999, 510),
        ):
            pack = random_pack(1, rows)
            np.testing.assert_array_equal(style_row(pack, count), pack[row])
