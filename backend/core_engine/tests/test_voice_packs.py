"""The voices next to a model: which are found, which file wins, the row for a chunk, and loading published packs."""

import os

import numpy as np
from django.test import SimpleTestCase

from core_engine.kokoro.errors import VoicePackError
from core_engine.kokoro.voice.packs import find_voices, installed_voice, load_voice, style_row
from core_engine.kokoro.voice.voices import VOICES
from core_engine.tests.support import FolderTestCase, needs_real_voice, random_pack, real_voice


class StyleRowTests(SimpleTestCase):
    def test_row_is_the_number_of_tokens_and_always_exists(self) -> None:
        for rows, tokens, row in (
            (511, 0, 0),
            (511, 1, 1),
            (511, 510, 510),
            (510, 1, 0),
            (510, 510, 509),
            (510, 0, 0),
            (1, 300, 0),
        ):
            pack = random_pack(1, rows)
            vector = style_row(pack, tokens)
            self.assertEqual(vector.shape, (1, 256))
            np.testing.assert_array_equal(vector, pack[row])


class FindVoicesTests(FolderTestCase):
    def test_voices_are_found_next_to_the_model_and_in_the_voices_folder(self) -> None:
        np.savez(self.folder / "voices.npz", af_bella=random_pack(1))
        (self.folder / "voices").mkdir()
        (self.folder / "voices" / "bm_george.bin").write_bytes(random_pack(2, 510).tobytes())
        self.assertEqual(set(find_voices(self.folder)), {"af_bella", "bm_george"})

    def test_file_next_to_the_model_wins(self) -> None:
        beside, within = random_pack(1), random_pack(2)
        (self.folder / "voices").mkdir()
        np.savez(self.folder / "voices" / "a.npz", af_bella=within)
        np.savez(self.folder / "z.npz", af_bella=beside)
        np.testing.assert_array_equal(load_voice(find_voices(self.folder)["af_bella"], "af_bella"), beside)

    def test_pack_is_read_only_and_read_again_when_its_file_changes(self) -> None:
        path = self.folder / "voices.npz"
        for seed in (1, 2):
            np.savez(path, af_bella=random_pack(seed))
            os.utime(path, ns=(seed, seed))
            pack = load_voice(find_voices(self.folder)["af_bella"], "af_bella")
            np.testing.assert_array_equal(pack, random_pack(seed))
            self.assertFalse(pack.flags.writeable)

    def test_files_that_are_not_packs_are_skipped_with_a_warning(self) -> None:
        (self.folder / "voices.bin").write_bytes(b"Not found")
        with self.assertLogs("core_engine.kokoro.voice.packs", "WARNING"):
            self.assertEqual(find_voices(self.folder), {})

    def test_missing_folder_has_no_voices(self) -> None:
        self.assertEqual(find_voices(self.folder / "missing"), {})


class InstalledVoiceTests(SimpleTestCase):
    def test_installed_voice_is_returned(self) -> None:
        self.assertEqual(installed_voice("bf_emma", ["bf_emma"]), "bf_emma")

    def test_other_voice_falls_back_with_a_warning(self) -> None:
        with self.assertLogs("core_engine.kokoro.voice.packs", "WARNING") as logs:
            self.assertEqual(installed_voice("bf_emma", ["af_bella"]), "af_bella")
        self.assertIn("'bf_emma' is not installed, falling back to 'af_bella'", logs.output[0])

    def test_missing_default_is_an_error_that_lists_the_installed_voices(self) -> None:
        with self.assertRaisesRegex(VoicePackError, "Installed voices: am_adam"):
            installed_voice("bf_emma", ["am_adam"])


@needs_real_voice
class RealPackTests(FolderTestCase):
    def test_packs_of_v1_0_load_raw(self) -> None:
        real = real_voice().parent / "voices"
        voices = find_voices(real)
        self.assertLessEqual({voice.id for voice in VOICES}, set(voices))
        for name in ("af_bella", "bm_george"):
            pack = load_voice(voices[name], name)
            self.assertEqual(pack.shape, (510, 1, 256))
            self.assertEqual(pack.tobytes(), (real / f"{name}.bin").read_bytes())
