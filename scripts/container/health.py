"""The container's health check: asks /healthz whether frames flow and masking works; exit 0 or 1."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

DEFAULT = "http://127.0.0.1:9464/healthz"


def main() -> int:
    """Return 0 where /healthz says 200. MSH_HEALTH_URL names another address than the default one."""
    url = os.environ.get("MSH_HEALTH_URL", DEFAULT)
    try:
        with urllib.request.urlopen(url, timeout=4) as answer:  # noqa: S310  the address is the operator's
            return int(answer.status != 200)
    except urllib.error.HTTPError as error:
        print(error.read(500).decode("utf-8", "replace"))
    except OSError as error:
        print(f"{url}: {error}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
