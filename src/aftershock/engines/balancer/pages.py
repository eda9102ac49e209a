"""The small pages that a balancer answers with when it answers by itself."""

from http import HTTPStatus

# What web servers of nginx's family say, where it differs from RFC 9110's words.
_TITLES = {
    301: "Moved Permanently",
    302: "Found",
    405: "Not Allowed",
    408: "Request Time-out",
    463: "",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def reason(status: int) -> str:
    return _TITLES[status] if status in _TITLES else HTTPStatus(status).phrase


def page(title: str) -> str:
    """The page under a title such as `503 Service Temporarily Unavailable`."""
    lines = (
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "</body>",
        "</html>",
    )
    return "".join(f"{line}\r\n" for line in lines)


def of(status: int) -> str:
    return page(f"{status} {reason(status)}".strip())
