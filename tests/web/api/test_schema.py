"""schemathesis against web/openapi.yaml: no answer that the file does not describe, and never a 500."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from engines.paths import ROOT
from tests.fakes.selling_page import SellingPage
from tests.fakes.served_page import TOKEN
from web.access import guard

STREAMS = (
    "/api/events",
    "/api/staff/events",
    "/api/desk/events",
    "/api/cameras/{camera}/video.mjpg",
    "/api/cameras/{camera}/video.mp4",
)
# 4.30, that of Python 3.10, does not know it.
schemathesis.serializer.alias("image/jpeg", "application/octet-stream")
LISTED = schemathesis.pytest.from_fixture("schema").exclude(path=list(STREAMS))


@pytest.fixture(scope="module")
def schema():
    """Read only by the worker that runs the test: each operation's strategies are dear."""
    return schemathesis.openapi.from_path(ROOT / "web" / "openapi.yaml")


@pytest.fixture(autouse=True)
def _name_of_the_test(request):
    """Give schemathesis 4 the attribute that pytest 9 no longer has."""
    request.node._nodeid = request.node.nodeid


@LISTED.auth()
class Bearer:
    def get(self, _case, _context):
        return TOKEN

    def set(self, case, token, _context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "BURST", 1_000_000)
        patch.setattr(guard, "WRONG_BURST", 1_000_000)
        shop = SellingPage(tmp_path_factory.mktemp("page"), token=TOKEN)
        shop.show(129_000, 5_000)
        shop.page.healthy = True
        yield shop.page
        shop.stop()


@pytest.fixture(scope="module")
def client():
    """One connection for 1,800 requests; proxies of the environment are not asked for each."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def asked_without():
    """Operations that were asked without a token: each is, once."""
    return set()


@LISTED.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_is_as_described(page, client, asked_without, case):
    if case.path == "/api/cameras/{camera}/picture.jpg" and case.path_parameters.get("camera") == "entrance":
        case.path_parameters["camera"] = "nowhere"  # it would wait two seconds for a picture
    # A polygon that crosses itself, a picture without a mark, days out of order: refused, by no schema.
    beyond = case.path.endswith(("/areas/check", "/brands/pictures", "/api/insights", "/api/insights/cells"))
    left_out = [positive_data_acceptance] if beyond else []
    if case.operation.label in asked_without:
        left_out.append(ignored_auth)
    answer = case.call_and_validate(
        base_url=page.url, session=client, excluded_checks=left_out or None, timeout=120
    )
    if answer.status_code < 300:  # only then it is asked without
        asked_without.add(case.operation.label)
