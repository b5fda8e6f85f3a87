"""The folders of models and audio: one rule for the command line, Django and the engines."""

import os
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from django.conf import settings
from django.test import override_settings

from core_engine import places
from core_engine.kokoro import installation
from core_engine.model_loader import KokoroModelLoader
from core_engine.tests.support import FolderTestCase, LoaderTestCase

VARIABLES = ("STORYFLOW_MODELS_DIR", "MEDIA_ROOT", "XDG_DATA_HOME")
SOURCE = Path(places.__file__).resolve().parents[2]


class PlacesTestCase(FolderTestCase):
    """A test without the environment variables, in its own working folder."""

    def setUp(self) -> None:
        super().setUp()
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        environment = mock.patch.dict(os.environ, kept, clear=True)
        environment.start()
        self.addCleanup(environment.stop)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.folder)

    def installed(self) -> Any:
        """Return a patch that makes this code look installed by pip."""
        return mock.patch.object(places, "project_root", return_value=None)


class ModelsTests(PlacesTestCase):
    def test_environment_wins_over_everything(self) -> None:
        os.environ["STORYFLOW_MODELS_DIR"] = "mine"
        self.assertEqual(places.models_dir(), self.folder / "mine")
        self.assertEqual(places.models_dir(base_dir=self.folder / "backend"), self.folder / "mine")

    def test_source_tree_uses_its_models_folder_from_any_working_folder(self) -> None:
        self.assertEqual(places.models_dir(), SOURCE / "models")

    def test_installed_uses_the_users_data_folder(self) -> None:
        with self.installed(), mock.patch.object(places, "data_dir", return_value=self.folder / "data"):
            self.assertEqual(places.models_dir(), self.folder / "data" / "models")
            self.assertEqual(places.models_dir(base_dir=self.folder / "backend"), self.folder / "data" / "models")

    def test_installed_uses_the_models_of_the_django_project_if_any(self) -> None:
        (self.folder / "models").mkdir()
        with self.installed():
            self.assertEqual(places.models_dir(base_dir=self.folder / "backend"), self.folder / "models")

    def test_data_folder_of_the_user_is_not_in_the_python_installation(self) -> None:
        self.assertNotIn("site-packages", str(places.data_dir()))
        self.assertIn("storyflow", str(places.data_dir()))

    def test_django_uses_the_same_function(self) -> None:
        os.environ["STORYFLOW_MODELS_DIR"] = str(self.folder)
        with override_settings(STORYFLOW_TTS_MODEL="kokoro-v0_19", STORYFLOW_MODELS_DIR=None):
            self.assertEqual(KokoroModelLoader._resolve_model_path(), str(self.folder / "kokoro-v0_19.onnx"))
            del settings.STORYFLOW_MODELS_DIR
            del settings.BASE_DIR
            self.assertEqual(KokoroModelLoader._resolve_model_path(), str(self.folder / "kokoro-v0_19.onnx"))


class MissingModelTests(LoaderTestCase):
    def test_missing_built_in_voice_does_not_mention_a_kokoro_release(self) -> None:
        with override_settings(STORYFLOW_TTS_MODEL="default"), mock.patch("os.path.exists", return_value=False):
            with self.assertRaises(FileNotFoundError) as caught:
                KokoroModelLoader.get_session()
            self.assertIn("built-in voice is missing", str(caught.exception))
            self.assertNotIn("release", str(caught.exception))

    def test_missing_kokoro_names_its_release(self) -> None:
        with override_settings(STORYFLOW_TTS_MODEL="kokoro-v0_19", STORYFLOW_MODELS_DIR=self.folder):
            self.assertRaisesRegex(FileNotFoundError, "official Kokoro release", KokoroModelLoader.get_session)


class MediaTests(PlacesTestCase):
    def test_environment_wins(self) -> None:
        os.environ["MEDIA_ROOT"] = "audio"
        self.assertEqual(places.media_root(), self.folder / "audio")

    def test_working_folder_otherwise(self) -> None:
        self.assertEqual(places.media_root(), self.folder / "media")


class AdviceTests(FolderTestCase):
    @unittest.skipUnless((SOURCE / "pyproject.toml").is_file(), "this code is a copy in another project")
    def test_checkout_is_reinstalled_with_the_extra(self) -> None:
        self.assertIn(f'pip install -e "{SOURCE}[engines]"', installation.install_command("engines"))

    def test_wheel_is_named_while_it_exists(self) -> None:
        wheel = self.folder / "storyflow voice.whl"
        wheel.write_bytes(b"")
        self.assertIn(f'install "{wheel}[engines]"', self.advice(f'{{"url": "{wheel.as_uri()}"}}'))

    def test_packages_are_named_if_nothing_else_is_known(self) -> None:
        for note in (None, '{"url": "file:///gone/away.whl"}', '{"url": "https://example.com/a.whl"}', "not JSON"):
            advice = self.advice(note)
            self.assertIn('"fastapi>=', advice)
            self.assertNotIn("storyflow-voice", advice)

    def test_environment_without_pip_gets_the_uv_command(self) -> None:
        with mock.patch("core_engine.kokoro.installation.importlib.util.find_spec", return_value=None):
            self.assertTrue(installation.install_command("engines").startswith("uv pip install --python "))

    def test_requirements_are_those_of_the_metadata_without_the_files(self) -> None:
        listed = installation.requirements_of("dictionary")
        with mock.patch.object(installation, "_BACKEND", self.folder):
            self.assertEqual(
                sorted(name.split(">")[0] for name in installation.requirements_of("dictionary")),
                sorted(name.split(">")[0] for name in listed),
            )

    def advice(self, note: Any) -> Any:
        """Return the install command for an installation with the PEP 610 record `note`."""
        distribution = mock.Mock(read_text=lambda name: note, requires=['fastapi>=0.110; extra == "engines"'])
        with (
            mock.patch.object(installation, "project_root", return_value=None),
            mock.patch("importlib.metadata.distribution", return_value=distribution),
        ):
            return installation.install_command("engines")
