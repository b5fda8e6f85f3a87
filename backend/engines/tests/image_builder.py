"""Engine images without a daemon and without a registry: buildah builds and runs them, on a base of Debian packages.

The base is Debian's own Python under the name that the Dockerfiles give (`python:3.11-slim`). It is made once, below
STORYFLOW_IMAGES or /var/tmp/storyflow-images, in about a minute.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

STORE = Path(os.environ.get("STORYFLOW_IMAGES") or "/var/tmp/storyflow-images")
TOOLS = ("buildah", "debootstrap")

_SUITE = "bookworm"  # of which python3 is 3.11
_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
_MIRROR = "http://deb.debian.org/debian"
_PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What this machine needs to reach a package index holds while an image is built, too.
_AS_HERE = ("/etc/ssl/certs", "/etc/pip.conf")
_ISOLATION = ("--isolation=chroot", "--network=host")  # what works within a container, too
_BUILDAH = ("buildah", "--storage-driver=vfs", "--root", str(STORE / "root"), "--runroot", str(STORE / "run"))


def missing_tool() -> str | None:
    """Return what keeps this machine from building images; None where it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "root"
    return next((tool for tool in TOOLS if not shutil.which(tool)), None)


def build(dockerfile: Path, context: Path, tag: str, contexts: Mapping[str, Path] = {}) -> None:
    """Build `tag` as `docker build -f dockerfile context` does; `contexts` are its named build contexts.

    Raises AssertionError with what was printed.
    """
    for base in re.findall(r"(?m)^FROM (\S+)", dockerfile.read_text(encoding="utf-8")):
        _make_base(f"docker.io/library/{base}")
    named = [f"--build-context={name}={folder}" for name, folder in contexts.items()]
    volumes = [f"--volume={place}:{place}:ro" for place in _AS_HERE if Path(place).exists()]
    _buildah("bud", "--pull-never", *_ISOLATION, *volumes, *named, "-f", dockerfile, "-t", _local(tag), context)


def remove(tag: str) -> None:
    """Remove an image."""
    _buildah("rmi", _local(tag))


@contextlib.contextmanager
def container(tag: str) -> Iterator[str]:
    """Yield the name of a container of the image `tag`, which is removed afterwards."""
    name = f"storyflow-{uuid.uuid4().hex}"
    _buildah("from", "--pull-never", "--name", name, _local(tag))
    try:
        yield name
    finally:
        _buildah("rm", name)


def command_in(name: str, words: Sequence[str], mounts: Mapping[str, object] = {}) -> list[str]:
    """Return the command that runs `words` in a container, with mounts (place in the container: place here)."""
    volumes = [f"--volume={here}:{place}" for place, here in mounts.items()]
    return [*_BUILDAH, "run", *_ISOLATION, *volumes, name, "--", *words]


@contextlib.contextmanager
def read_only(name: str, mounts: Mapping[str, object] = {}) -> Iterator[list[str]]:
    """Yield the beginning of a command in a container of which nothing but `mounts` and /tmp can be written.

    The user of the command is 1234, whom the image does not know.
    """
    root = _buildah("mount", name).strip()
    binds = [f"mount --bind '{here}' '{root}{place}'" for place, here in mounts.items()]
    steps = [
        f"mount --bind '{root}' '{root}'",
        f"mount -o remount,ro,bind '{root}'",
        *binds,
        f"mount -t tmpfs tmpfs '{root}/tmp'",
        f"mount -t proc proc '{root}/proc'",
        f"mount --bind /dev '{root}/dev'",
        f"exec chroot --userspec=1234:1234 '{root}' \"$@\"",
    ]
    try:
        yield ["unshare", "--mount", "sh", "-ec", "\n".join(steps), "sh"]
    finally:
        _buildah("umount", name)


def environment_of(tag: str) -> dict[str, str]:
    """Return the variables that an image sets."""
    found = json.loads(_buildah("inspect", "--type", "image", _local(tag)))["OCIv1"]["config"]
    return dict(line.split("=", 1) for line in found["Env"])


def _local(tag: str) -> str:
    return f"localhost/{tag}"


def _buildah(*arguments: object) -> str:
    command = [*_BUILDAH, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _make_base(name: str) -> None:
    if _buildah("images", "--quiet", "--filter", f"reference={name}").strip():
        return
    system = STORE / "system"
    if not (system / "made").exists():
        _install_debian(system)
        (system / "usr/bin/python").symlink_to("python3")
        for marker in (system / "usr/lib").glob("python3*/EXTERNALLY-MANAGED"):
            marker.unlink()  # as in the image of the same name, where pip installs for everybody
        (system / "made").touch()
    base = _buildah("from", "scratch").strip()
    _buildah("add", "--quiet", base, system, "/")
    _buildah("config", "--env", f"PATH={_PATHS}", base)
    _buildah("commit", "--quiet", "--rm", base, name)


def _install_debian(system: Path) -> None:
    # It mounts /proc within: in a namespace of its own, so that this is gone with it, however it ends.
    assert not _is_mounted_below(system)
    shutil.rmtree(system, ignore_errors=True)
    options = ["--variant=minbase", f"--include={_PACKAGES}"]
    command = ["unshare", "--mount", "debootstrap", *options, _SUITE, str(system), _MIRROR]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


def _is_mounted_below(folder: Path) -> bool:
    places = (line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())
    return any(place.startswith(f"{folder}/") for place in places)
