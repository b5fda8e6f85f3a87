import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import espeakng_loader
from django.test import SimpleTestCase

from core_engine.kokoro.errors import UnsupportedLanguageError
from core_engine.kokoro.text.espeak import to_ipa

BACKEND = Path(__file__).resolve().parents[2]
WORDS = ["the tomato", "a schedule", "leisure", "nine hundred", "colour and labour", "a bath", "lieutenant"]
SPEAK = "from core_engine.kokoro.text.espeak import to_ipa; print(ascii(to_ipa(['hello world'], 'en-us')))"
FORK = """
import os, signal, threading
from core_engine.kokoro.text.espeak import to_ipa
words = ["the tomato", "a schedule"] * 50
expected = {language: to_ipa(words, language) for language in ("en-us", "en-gb")}
done = threading.Event()
def speak(language):
    while not done.is_set():
        assert to_ipa(words, language) == expected[language]
threads = [threading.Thread(target=speak, args=(language,)) for language in expected]
[thread.start() for thread in threads]
failures = 0
for number in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        good = all(to_ipa(words, language) == ipa for language, ipa in expected.items())
        os._exit(0 if good else 1)
    failures += os.waitpid(child, 0)[1] != 0
done.set()
[thread.join() for thread in threads]
print("failures", failures)
"""


def run_python(code: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter that looks for packages in `folders` first."""
    path = os.pathsep.join(str(folder) for folder in (*folders, BACKEND))
    command = [sys.executable, "-W", "ignore", "-c", code]
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


class ToIpaTests(SimpleTestCase):
    def test_to_ipa_of_a_batch_keeps_order_and_number(self) -> None:
        self.assertEqual(to_ipa(["hello world", "", "yes"], "en-us"), ["həlˈoʊ wˈɜːld ", "", "jˈɛs "])
        self.assertEqual(to_ipa([], "en-gb"), [])

    def test_to_ipa_accents_differ(self) -> None:
        self.assertEqual(to_ipa(["tomato"], "en-us"), ["təmˈeɪɾoʊ "])
        self.assertEqual(to_ipa(["tomato"], "en-gb"), ["təmˈɑːtəʊ "])

    def test_to_ipa_after_other_code_changed_the_voice_of_the_same_library(self) -> None:
        expected = to_ipa(["the water in the bath"], "en-us")
        library = ctypes.PyDLL(str(espeakng_loader.get_library_path()))
        self.assertEqual(library.espeak_SetVoiceByName(b"de"), 0)
        self.assertEqual(to_ipa(["the water in the bath"], "en-us"), expected)

    def test_to_ipa_other_language_is_refused(self) -> None:
        with self.assertRaisesRegex(UnsupportedLanguageError, "'ru'"):
            to_ipa(["a"], "ru")

    def test_to_ipa_control_characters_are_not_commands(self) -> None:
        self.assertEqual(to_ipa(["\x01300Shel\0lo wor\x1bld", "hello"], "en-us")[1], "həlˈoʊ ")
        self.assertEqual(to_ipa(["hi\x07there\0"], "en-us"), to_ipa(["hi there "], "en-us"))

    def test_to_ipa_many_threads_with_both_accents(self) -> None:
        expected = {language: to_ipa(WORDS, language) for language in ("en-us", "en-gb")}
        languages = ["en-us", "en-gb", "en-gb", "en-us"] * 100
        with ThreadPoolExecutor(16) as pool:
            results = list(pool.map(lambda language: to_ipa(WORDS, language), languages))
        for language, result in zip(languages, results, strict=True):
            self.assertEqual(result, expected[language])

    @unittest.skipUnless(hasattr(os, "fork"), "this system cannot fork")
    def test_to_ipa_after_a_fork_with_busy_threads(self) -> None:
        result = run_python(FORK)
        self.assertEqual((result.stdout.strip(), result.returncode), ("failures 0", 0), result.stderr)

    def test_to_ipa_leaves_no_temporary_copies(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            code = f"import tempfile; tempfile.tempdir = {folder!r}; {SPEAK}"
            self.assertEqual(run_python(code).returncode, 0)
            self.assertEqual(os.listdir(folder), [])

    def test_import_loads_nothing(self) -> None:
        code = "import sys, core_engine.kokoro.text.chunks\n"
        code += "print('espeakng_loader' in sys.modules, 'django' in sys.modules)"
        self.assertEqual(run_python(code).stdout.strip(), "False False")


class InstallationTests(SimpleTestCase):
    """espeak-ng missing, broken or in an unusual place."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def fake_loader(self, code: str) -> Path:
        (self.folder / "espeakng_loader.py").write_text(code, "utf-8")
        return self.folder

    def assert_refused(self, code: str, *words: str) -> None:
        speak = (
            "from core_engine.kokoro.text.espeak import to_ipa\nfrom core_engine.kokoro.errors import PhonemizerError\n"
        )
        speak += "for _ in range(2):\n  try: to_ipa(['a'], 'en-us')\n  except PhonemizerError as e: print(e)\n"
        result = run_python(speak, self.fake_loader(code))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("espeakng-loader"), 2, result.stdout)
        for word in words:
            self.assertIn(word, result.stdout)

    def test_package_missing(self) -> None:
        self.assert_refused("raise ImportError('no such thing')", "missing", "pip install")

    def test_library_missing(self) -> None:
        data = espeakng_loader.get_data_path()
        code = f"get_library_path = lambda: '/nowhere/lib.so'\nget_data_path = lambda: {data!r}"
        self.assert_refused(code, "/nowhere/lib.so", "could not be loaded")

    def test_data_folder_missing(self) -> None:
        library = espeakng_loader.get_library_path()
        code = f"get_library_path = lambda: {library!r}\nget_data_path = lambda: '/nowhere/data'"
        self.assert_refused(code, "/nowhere/data", "data folder")

    def test_data_folder_damaged(self) -> None:
        (self.folder / "data").mkdir()
        (self.folder / "data" / "phontab").write_bytes(b"")
        library = espeakng_loader.get_library_path()
        code = f"get_library_path = lambda: {library!r}\nget_data_path = lambda: {str(self.folder / 'data')!r}"
        self.assert_refused(code, "data folder")

    def test_data_folder_at_the_end_of_a_long_path(self) -> None:
        deep = self.folder / "/".join(["a-rather-long-folder-name"] * 10)
        shutil.copytree(Path(espeakng_loader.__file__).parent, deep / "espeakng_loader")
        result = run_python(SPEAK + "; import espeakng_loader; print(espeakng_loader.__file__)", deep)
        if sys.platform.startswith("linux"):
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(ascii("həlˈoʊ wˈɜːld "), result.stdout)
            self.assertIn("a-rather-long-folder-name", result.stdout)
        else:
            self.assertIn("shorter path", result.stderr)
