"""Which addresses a download may go to."""

from typing import Any

import pytest

from engines.downloading.policy import DownloadPolicy, UntrustedSourceError, shown

GITHUB = "https://github.com/owner/repository/releases/download/v1/model.onnx"


@pytest.mark.parametrize(
    "address",
    [
        GITHUB,
        "https://github.com:443/elsewhere",
        "https://GITHUB.com/elsewhere",
        "https://objects.githubusercontent.com/a?signature=b",
        "https://release-assets.githubusercontent.com/a",
    ],
)
def test_redirect_to_a_pinned_host_is_allowed(address: Any) -> None:
    DownloadPolicy().check(address, GITHUB)


@pytest.mark.parametrize(
    "address",
    [
        "http://github.com/a",
        "https://github.com:8443/a",
        "https://github.com:x/a",
        "https://github.com@evil.example/a",
        "https://github.com.evil.example/a",
        "https://evil.example/github.com",
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://[::1]/a",
        "https://169.254.169.254/latest/meta-data",
        "https://huggingface.co/a",
        "ftp://github.com/a",
        "file:///etc/passwd",
        "//github.com/a",
        "github.com",
        "",
    ],
)
def test_redirect_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(UntrustedSourceError):
        DownloadPolicy().check(address, GITHUB)


def test_store_of_one_host_is_not_that_of_another() -> None:
    with pytest.raises(UntrustedSourceError):
        DownloadPolicy().check("https://objects.githubusercontent.com/a", "https://huggingface.co/a")


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:9000/models", "https://models.lan", "http://[::1]:80"])
def test_mirror_alone_is_asked(mirror: str) -> None:
    policy = DownloadPolicy(mirror=mirror)
    address = policy.address_of("tone/voices/one.bin", GITHUB)
    assert address == f"{mirror}/tone/voices/one.bin"
    policy.check(address, address)
    assert policy.allows_private(address)
    assert not policy.allows_private(GITHUB)
    for other in (GITHUB, "http://127.0.0.1:9001/models", "http://localhost:9000/models"):
        with pytest.raises(UntrustedSourceError, match="mirror"):
            policy.check(other, address)


@pytest.mark.parametrize(
    "mirror", ["models.lan", "ftp://models.lan", "file:///models", "/models", "http://", "https:///x"]
)
def test_mirror_that_is_no_address_is_refused(mirror: str) -> None:
    with pytest.raises(ValueError, match="STORYFLOW_MODELS_URL"):
        DownloadPolicy.from_environment({"STORYFLOW_MODELS_URL": mirror})


@pytest.mark.parametrize("environment", [{}, {"STORYFLOW_MODELS_URL": ""}, {"STORYFLOW_MODELS_URL": "  "}], ids=str)
def test_no_mirror_is_the_default(environment: dict[str, Any]) -> None:
    assert DownloadPolicy.from_environment(environment).mirror is None


def test_shown_keeps_secrets_of_signed_addresses() -> None:
    assert shown("https://user:word@host.example/a/b?signature=secret#x") == "https://host.example/a/b"


def test_shown_has_the_port_so_that_a_mirror_can_be_told_from_another() -> None:
    assert shown("http://user:word@mirror.example:8080/base.pt") == "http://mirror.example:8080/base.pt"
    assert shown("http://[::1]:81/base.pt") == "http://[::1]:81/base.pt"
