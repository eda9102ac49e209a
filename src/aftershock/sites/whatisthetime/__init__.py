"""WhatIsTheTime.com, the stateless site: `app` is what runs on the instance, `user-data.sh` puts it there."""
