"""Forms as browsers send them, read as they come (RFC 7578): fields, and then one file of any size."""

import re
from email.message import Message

from .errors import invalid_argument, refuse

MOST_HEAD_BYTES = 20 * 1024  # S3 user guide: "The form data and boundaries (excluding the contents of the file)"
_END_OF_HEADERS = b"\r\n\r\n"


def boundary_of(content_type: str) -> bytes:
    """
    Raises:
        AwsError: it has none
    """
    message = Message()
    message["Content-Type"] = content_type
    found = message.get_param("boundary")
    if not isinstance(found, str) or not re.fullmatch(r"[\x20-\x7e]{0,69}[\x21-\x7e]", found):
        raise malformed()
    return found.encode()


def malformed() -> Exception:
    return refuse("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")


class Head:
    """What comes before the contents of the file."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._waiting = b"\r\n"  # so that the first delimiter is like the others
        self._part: dict[str, str] | None = None  # the one whose contents come; None before its headers are whole
        self._begun = False
        self._read = 0
        self.fields: dict[str, str] = {}  # by names in lower case
        self.filename = ""

    def feed(self, data: bytes) -> bytes | None:
        """The first bytes of the file; None as long as they are still to come.

        Raises:
            AwsError: it is no such form, has no file, or too much before that
        """
        self._read += len(data)
        self._waiting += data
        while True:
            if self._part is not None and self._part["name"] == "file":
                self.filename = re.split(r"[/\\]", self._part.get("filename", ""))[-1]
                if self._read - len(self._waiting) > MOST_HEAD_BYTES:
                    raise _too_long()
                return self._waiting
            if not self._step():
                if len(self._waiting) > MOST_HEAD_BYTES or self._read > MOST_HEAD_BYTES:
                    raise _too_long()
                return None

    def _step(self) -> bool:
        """Read on by one delimiter, or the headers of one part; False where not enough has come."""
        if self._part is None and self._begun:
            headers, end, rest = self._waiting.partition(_END_OF_HEADERS)
            if not end:
                return False
            self._part, self._waiting = _disposition(headers), rest
            return True
        at = self._waiting.find(self._delimiter)
        if at < 0 or len(self._waiting) < at + len(self._delimiter) + 2:
            return False
        content, self._waiting = self._waiting[:at], self._waiting[at + len(self._delimiter) :]
        if self._part is not None:
            self._put(self._part["name"].lower(), content)
        if self._waiting.startswith(b"--"):
            message = "POST requires exactly one file upload per request."
            raise refuse("IncorrectNumberOfFilesInPostRequest", message)
        if not self._waiting.startswith(b"\r\n"):
            raise malformed()
        self._waiting, self._part, self._begun = self._waiting[2:], None, True
        return True

    def _put(self, name: str, content: bytes) -> None:
        try:
            value = content.decode()
        except UnicodeDecodeError:
            raise invalid_argument("The form must be UTF-8 encoded.", name, "") from None
        # S3 user guide: "multiple fields with the same name ... must be separated by commas"
        self.fields[name] = f"{self.fields[name]},{value}" if name in self.fields else value


def _too_long() -> Exception:
    message = "Your POST request fields preceding the upload file were too large."
    return refuse("MaxPostPreDataLengthExceeded", message)


def _disposition(headers: bytes) -> dict[str, str]:
    message = Message()
    for line in headers.decode(errors="replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() == "content-disposition":
            message["Content-Disposition"] = value.strip()
    found = {each: message.get_param(each, header="Content-Disposition") for each in ("name", "filename")}
    texts = {each: value for each, value in found.items() if isinstance(value, str)}
    if "name" not in texts:
        raise malformed()
    return texts


class Contents:
    """The bytes of the file, which end at the next delimiter; what comes behind that is nothing to S3."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._waiting = b""
        self.ended = False

    def feed(self, data: bytes | memoryview) -> bytes:
        """What of the file is certain now."""
        if self.ended:
            return b""
        self._waiting += bytes(data)
        at = self._waiting.find(self._delimiter)
        self.ended = at >= 0
        sure = at if self.ended else max(0, len(self._waiting) - len(self._delimiter) + 1)
        found, self._waiting = self._waiting[:sure], b"" if self.ended else self._waiting[sure:]
        return found
