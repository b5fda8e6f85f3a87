"""Sessions: providers, a single warning when CUDA cannot start, and session options."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import onnxruntime as ort
from django.test import SimpleTestCase

import core_engine
from core_engine.kokoro.model.cores import allowed_cores
from core_engine.kokoro.model.runtime import CPU, CUDA, open_session, session_options


class ReportsTests(SimpleTestCase):
    def test_runtime_is_told_before_its_import_to_report_nothing_to_its_maker(self) -> None:
        code = (
            "import os, sys, core_engine; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules); "
            "import core_engine.kokoro.model.runtime; print('onnxruntime' in sys.modules)"
        )
        kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
        backend = Path(core_engine.__file__).parents[1]
        done = subprocess.run([sys.executable, "-c", code], cwd=backend, env=kept, capture_output=True, text=True)
        self.assertEqual(done.stdout.split(), ["1", "False", "True"], done.stderr)


class OpenSessionTests(SimpleTestCase):
    def opened(self, available: Any, *sessions: Any) -> tuple[Any, ...]:
        with (
            patch.object(ort, "get_available_providers", return_value=available),
            patch.object(ort, "InferenceSession", side_effect=sessions) as opened,
        ):
            session = open_session("no-such-model.onnx")
        return session, [call.kwargs.get("providers") for call in opened.call_args_list]

    def session(self, *providers: Any) -> Any:
        session = MagicMock()
        session.get_providers.return_value = list(providers)
        return session

    def test_cuda_is_chosen_if_the_runtime_offers_it(self) -> None:
        with self.assertNoLogs("core_engine.kokoro.model.runtime"):
            self.assertEqual(self.opened([CUDA, CPU], self.session(CUDA, CPU))[1], [[CUDA, CPU]])

    def test_runtime_without_cuda_chooses_by_itself(self) -> None:
        self.assertEqual(self.opened([CPU], self.session(CPU))[1], [None])

    def test_cuda_that_raises_falls_back_with_one_warning(self) -> None:
        cpu = self.session(CPU)
        with self.assertLogs("core_engine.kokoro.model.runtime", "WARNING") as logs:
            session, providers = self.opened([CUDA, CPU], RuntimeError("no driver"), cpu)
        self.assertIs(session, cpu)
        self.assertEqual(providers, [[CUDA, CPU], [CPU]])
        self.assertEqual(len(logs.output), 1)
        self.assertIn("no driver", logs.output[0])

    def test_cuda_that_silently_fails_gives_one_warning(self) -> None:
        with self.assertLogs("core_engine.kokoro.model.runtime", "WARNING") as logs:
            self.opened([CUDA, CPU], self.session(CPU))
        self.assertEqual(len(logs.output), 1)

    def test_options_follow_the_cores_and_keep_memory_flat(self) -> None:
        options = session_options()
        self.assertEqual((options.intra_op_num_threads, options.inter_op_num_threads), (allowed_cores(), 1))
        self.assertFalse(options.enable_mem_pattern)
