"""httpx on plain HTTP, without the list of certificate authorities: each client would read it, for 50 ms."""

from __future__ import annotations

from functools import partial

import httpx

Response = httpx.Response
Client = partial(httpx.Client, verify=False, timeout=120)
get = partial(httpx.get, verify=False, timeout=120)
post = partial(httpx.post, verify=False, timeout=120)
