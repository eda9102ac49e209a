"""One DNS question over TCP: `python -m aftershock.doors.names SERVER PORT NAME TYPE`.

Runs inside the region, where the resolver is; the machine that hosts it need not have dig.
"""

import sys

import dns.exception
import dns.message
import dns.query
import dns.rcode

TIMEOUT_S = 5.0


def main(arguments: list[str]) -> int:
    server, port, name, kind = arguments
    try:
        answer = dns.query.tcp(dns.message.make_query(name, kind), server, timeout=TIMEOUT_S, port=int(port))
    except (OSError, EOFError, dns.exception.DNSException) as error:
        print(f"dig: {name} {kind}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    for records in answer.answer:
        print(records.to_text())
    if not answer.answer:
        print(f"dig: {name} {kind}: {dns.rcode.to_text(answer.rcode())}, no records", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
