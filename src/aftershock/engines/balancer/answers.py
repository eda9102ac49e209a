"""Answers that the balancer makes itself, and the files of a configuration, as its words."""

import hashlib

from aftershock.engines.balancer import pages

FILES = "/run/haproxy/files"  # in the node; below it a directory per content
OWN = "Server 'awselb/2.0'"


class Files:
    """Files that the configuration names, each under a name that says its content."""

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self.all: dict[str, str] = {}

    def add(self, text: str, suffix: str) -> str:
        # Salted: a certificate's file name must not betray whether two nodes have the same one.
        name = hashlib.sha256(f"{self._salt}\0{text}".encode("utf-8", "replace")).hexdigest()[:24]
        path = f"{FILES}/{name}.{suffix}"
        self.all[path] = text
        return path


def whole(status: int) -> str:
    """An answer with its head."""
    body = pages.of(status)
    return (
        f"HTTP/1.1 {status} {pages.reason(status)}\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )


def page(status: int, files: Files) -> str:
    """What belongs to `http-request return status ...` for the page of a status."""
    return f"content-type text/html file {files.add(pages.of(status), 'html')} hdr {OWN}"


def word(text: str) -> str:
    """A page that was made here as one word, in which HAProxy fills something in."""
    # The line ends stand between double quotes, where the configuration knows \r and \n.
    return '"' + text.replace("\r\n", "\\r\\n") + '"'


def title(status: int) -> str:
    return f"{status} {pages.reason(status)}"
