"""A file that encoders in C write to: errors and interrupts in their callbacks are kept, and raised afterwards."""

from io import FileIO


class Sink:
    """Passes on what an encoder writes, until something fails."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._error: BaseException | None = None

    def write(self, data: bytes) -> int:
        """Write everything, or nothing more after the first failure."""
        if self._error is not None:
            return 0
        try:
            rest = memoryview(data).cast("B")
            while rest:
                rest = rest[self._file.write(rest) :]
        except BaseException as error:
            self._error = error
            return 0
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Read what was written; encoders complete their headers at the end."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()

    def check(self) -> None:
        """Raise what went wrong while writing."""
        if self._error is not None:
            raise self._error
