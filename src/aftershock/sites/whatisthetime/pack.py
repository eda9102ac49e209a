"""Writes `user-data.sh` from the files of `app`, so that what is launched can be read in one file.

python -m aftershock.sites.whatisthetime.pack
"""

from pathlib import Path

HERE = Path(__file__).parent
USER_DATA = HERE / "user-data.sh"
TEMPLATE = """\
#!/bin/sh
# WhatIsTheTime.com on a fresh Debian 12 instance: the service below, under systemd.  Python is in Debian's cloud image,
# so nothing is downloaded.  Made from app/ by pack.py; change it there.
set -eu

install -d /opt/whatisthetime

cat >/opt/whatisthetime/whatisthetime.py <<'END-OF-FILE'
{program}END-OF-FILE

cat >/etc/systemd/system/whatisthetime.service <<'END-OF-FILE'
{unit}END-OF-FILE

systemctl daemon-reload
systemctl enable --now whatisthetime.service
"""


def user_data() -> str:
    app = HERE / "app"
    program, unit = ((app / name).read_text() for name in ("whatisthetime.py", "whatisthetime.service"))
    return TEMPLATE.format(program=program, unit=unit)


if __name__ == "__main__":
    USER_DATA.write_text(user_data())
    USER_DATA.chmod(0o755)
