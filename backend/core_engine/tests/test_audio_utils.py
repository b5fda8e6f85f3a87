"""Normalisation, duration, validation and saving, with synthetic arrays and real files, without a model."""

import os
import wave

import numpy as np
import soundfile as sf
from django.test import SimpleTestCase

from core_engine.audio_utils import (
    encode_wav,
    get_audio_duration,
    normalize_audio,
    save_audio_wav,
    validate_audio_file,
)
from core_engine.tests.support import FolderTestCase

TARGET = 10 ** (-1.0 / 20)
RATE = 24_000


def noise(samples: int = RATE) -> np.ndarray:
    return np.random.default_rng(7).normal(0, 0.1, samples).astype(np.float32)


class NormalizeAudioTests(SimpleTestCase):
    def test_normalize_scales_the_peak_to_minus_one_db(self) -> None:
        normalized = normalize_audio(np.array([0.5, -0.5], dtype=np.float32))
        self.assertAlmostEqual(float(np.max(np.abs(normalized))), 0.8913, places=4)

    def test_normalize_accepts_another_target(self) -> None:
        normalized = normalize_audio(np.array([0.5, -0.25], dtype=np.float32), target_db=-6.0)
        self.assertAlmostEqual(float(np.max(np.abs(normalized))), 10 ** (-6 / 20), places=6)

    def test_normalize_leaves_silence_silent(self) -> None:
        np.testing.assert_array_equal(normalize_audio(np.zeros(100, dtype=np.float32)), np.zeros(100))

    def test_normalize_accepts_an_empty_array(self) -> None:
        self.assertEqual(normalize_audio(np.zeros(0, dtype=np.float32)).shape, (0,))

    def test_normalize_barely_changes_normalized_audio(self) -> None:
        once = normalize_audio(noise())
        np.testing.assert_allclose(normalize_audio(once), once, rtol=1e-6)

    def test_normalize_raises_very_quiet_audio_even_at_the_edge_of_float32(self) -> None:
        for peak in (1e-6, 1e-30, 1e-44):
            quiet = np.array([peak, -peak / 2], dtype=np.float32)
            self.assertAlmostEqual(float(np.max(np.abs(normalize_audio(quiet)))), TARGET, places=5)

    def test_normalize_lowers_clipping_audio(self) -> None:
        self.assertAlmostEqual(float(np.max(np.abs(normalize_audio(noise() * 100)))), TARGET, places=5)

    def test_normalize_keeps_the_dtype(self) -> None:
        for dtype in (np.float32, np.float64):
            self.assertEqual(normalize_audio(noise().astype(dtype)).dtype, dtype)

    def test_normalize_returns_a_new_array_and_never_changes_its_input(self) -> None:
        for audio in (noise(), np.zeros(10, dtype=np.float32), normalize_audio(noise())):
            before = audio.copy()
            normalized = normalize_audio(audio)
            normalized[:] = 9.0
            np.testing.assert_array_equal(audio, before)

    def test_normalize_accepts_a_read_only_input(self) -> None:
        audio = noise()
        audio.flags.writeable = False
        self.assertTrue(normalize_audio(audio).flags.writeable)

    def test_normalize_refuses_audio_that_is_not_floating_point(self) -> None:
        for audio in (np.array([5, -7], dtype=np.int16), [1, 2]):
            with self.assertRaisesRegex(TypeError, "float32"):
                normalize_audio(audio)  # type: ignore[arg-type]

    def test_normalize_scales_all_channels_alike(self) -> None:
        stereo = np.stack([noise(), noise() * 0.5], axis=1)
        normalized = normalize_audio(stereo)
        self.assertEqual(normalized.shape, stereo.shape)
        np.testing.assert_allclose(normalized[:, 1], normalized[:, 0] * 0.5, rtol=1e-5)


class AudioDurationTests(FolderTestCase):
    def test_duration_is_that_of_the_file(self) -> None:
        path = self.folder / "a.wav"
        sf.write(path, noise(RATE * 3 // 2), RATE)
        self.assertAlmostEqual(get_audio_duration(str(path)), 1.5, places=6)

    def test_duration_of_a_missing_file_raises_file_not_found(self) -> None:
        with self.assertRaises(FileNotFoundError):
            get_audio_duration(str(self.folder / "missing.wav"))

    def test_duration_of_a_file_that_is_not_audio_raises_runtime_error(self) -> None:
        path = self.folder / "a.wav"
        path.write_bytes(b"not audio")
        with self.assertRaises(RuntimeError):
            get_audio_duration(str(path))


class ValidateAudioFileTests(FolderTestCase):
    def test_validate_accepts_a_wav(self) -> None:
        path = self.folder / "a.wav"
        sf.write(path, noise(), RATE)
        self.assertIs(validate_audio_file(str(path)), True)

    def test_validate_refuses_missing_corrupt_and_empty_files(self) -> None:
        (self.folder / "text.wav").write_bytes(b"RIFF and then nothing")
        (self.folder / "empty.wav").write_bytes(b"")
        (self.folder / "silent.wav").write_bytes(encode_wav(np.zeros(0, dtype=np.float32), RATE))
        for name in ("missing.wav", "text.wav", "empty.wav", "silent.wav", "."):
            self.assertIs(validate_audio_file(str(self.folder / name)), False, name)

    def test_validate_never_raises(self) -> None:
        for value in ("\0", "x" * 5000, 7, None):
            self.assertIs(validate_audio_file(value), False)  # type: ignore[arg-type]


class SaveAudioWavTests(FolderTestCase):
    def test_save_creates_the_file_and_returns_the_path(self) -> None:
        path = str(self.folder / "a.wav")
        self.assertEqual(save_audio_wav(noise(), path, RATE), path)
        self.assertTrue(validate_audio_file(path))

    def test_save_creates_missing_folders(self) -> None:
        path = self.folder / "projects" / "p" / "audio" / "a.wav"
        save_audio_wav(noise(), str(path), RATE)
        self.assertTrue(path.is_file())

    def test_save_accepts_a_bare_file_name(self) -> None:
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        save_audio_wav(noise(), "bare.wav", RATE)
        self.assertTrue((self.folder / "bare.wav").is_file())

    def test_save_replaces_an_existing_file(self) -> None:
        path = str(self.folder / "a.wav")
        save_audio_wav(noise(RATE), path, RATE)
        save_audio_wav(noise(RATE * 2), path, RATE)
        self.assertAlmostEqual(get_audio_duration(path), 2.0)

    def test_save_writes_16_bit_mono_that_the_wave_module_reads(self) -> None:
        path = str(self.folder / "a.wav")
        save_audio_wav(noise(), path, RATE)
        with wave.open(path) as wav:
            self.assertEqual((wav.getsampwidth(), wav.getnchannels(), wav.getframerate()), (2, 1, RATE))

    def test_save_keeps_the_channels(self) -> None:
        path = str(self.folder / "a.wav")
        save_audio_wav(np.stack([noise(), noise()], axis=1), path, RATE)
        self.assertEqual(sf.info(path).channels, 2)

    def test_save_of_samples_that_are_not_finite_keeps_the_old_file(self) -> None:
        path = self.folder / "a.wav"
        save_audio_wav(noise(), str(path), RATE)
        before = path.read_bytes()
        for bad in (np.nan, np.inf):
            with self.assertRaises(ValueError):
                save_audio_wav(np.array([0.0, bad], dtype=np.float32), str(path), RATE)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(os.listdir(self.folder), ["a.wav"])

    def test_save_accepts_half_precision(self) -> None:
        path = str(self.folder / "a.wav")
        save_audio_wav(noise().astype(np.float16), path, RATE)
        self.assertAlmostEqual(get_audio_duration(path), 1.0)

    def test_save_onto_a_folder_is_refused(self) -> None:
        with self.assertRaisesRegex(OSError, "it is a folder"):
            save_audio_wav(noise(), str(self.folder), RATE)

    def test_float_is_an_option(self) -> None:
        path = self.folder / "a.wav"
        path.write_bytes(encode_wav(noise(), RATE, subtype="FLOAT"))
        self.assertEqual(sf.info(path).subtype, "FLOAT")
        np.testing.assert_array_equal(sf.read(path, dtype="float32")[0], noise())
