"""What a changed store file means: tables of edits, and a plan that leads from old settings to new ones."""

from __future__ import annotations

import copy

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reload.plan import (
    LiveSupport,
    Part,
    changed_fields,
    differing,
    merged,
    plan_changes,
    reconnects,
)
from pipelines.settings import load_settings
from tests.pipelines.reload.edits import put_in

BASE = {
    "version": 1,
    "store": {"id": "shop-1", "name": "Shop", "timezone": "UTC", "currency": "EUR"},
    "cameras": {
        "door": {"source": "rtsp://10.0.0.11/a", "zones": {"till": {"polygon": [[0, 0], [1, 0], [1, 1]]}}},
        "back": {"source": "rtsp://10.0.0.12/a"},
    },
    "brands": {"only": []},
}
MASK = {"street": {"polygon": [[0, 0], [0.5, 0], [0.5, 0.5]]}}
RULE = {"name": "vip", "when": {"total_at_least": 5}}
STAFF = {"people": {"anna": {}}}
ON_GPU = frozenset({"source", "credentials", "zones", "masks", "enabled", "name"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "prices.csv").write_text("brand,type,price\nnike,shoes,90\n")
    return folder


def settings(folder, *edits):
    """Return the settings of the base file with `(path, value)` put in; None takes the key out."""
    content = copy.deepcopy(BASE)
    for path, value in edits:
        put_in(content, path, value)
    # An edit of a camera that an earlier one took away brings nothing back.
    content["cameras"] = {name: camera for name, camera in content["cameras"].items() if "source" in camera}
    file = folder / "store.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return load_settings(file, env={})


EDITS = [
    ("cameras/door/zones", None, "cameras.door", Part.CAMERA),
    ("cameras/door/masks", MASK, "cameras.door", Part.CAMERA),
    ("cameras/door/source", "rtsp://10.0.0.13/b", "cameras.door", Part.CAMERA),
    ("cameras/door/enabled", False, "cameras.door", Part.CAMERA),
    ("cameras/door", None, "cameras.door", Part.CAMERA),
    ("cameras/side", {"source": "rtsp://10.0.0.14/a"}, "cameras.side", Part.CAMERA),
    ("notify", [RULE], "notify", Part.FLOOR),
    ("floor", {"found_again_s": 3}, "floor", Part.FLOOR),
    ("prices/confirm", {"min_votes": 2}, "prices.confirm", Part.FLOOR),
    ("prices/unknown", "omit", "prices.unknown", Part.FLOOR),
    ("prices/catalogue", "prices.csv", "prices.catalogue", Part.PRICE_LIST),
    ("prices/format", {"decimal": ","}, "prices.format", Part.PRICE_LIST),
    ("prices/live", {"key": "k"}, "prices.live", Part.LIVE_PRICES),
    ("prices/cache", {"fresh_h": 1}, "prices.cache", Part.LIVE_PRICES),
    ("brands", {"only": [], "staff": ["acme"]}, "brands", Part.BRANDS),
    ("outputs/messengers", {"phones": {"url": "json://10.0.0.9/x"}}, "outputs.messengers", Part.MESSENGERS),
    ("privacy", {"faces": {"method": "solid"}}, "privacy.faces", Part.FACES),
    ("platform", {"max_cameras": 4}, "platform.max_cameras", Part.NOTHING),
    ("platform", {"threads": 1}, "platform.threads", Part.RESTART),
    ("staff", STAFF, "staff", Part.RESTART),
    ("outputs", {"rtsp": {}}, "outputs.rtsp", Part.RESTART),
    ("outputs", {"metrics": {}}, "outputs.metrics", Part.RESTART),
    ("store/name", "Other", "store", Part.RESTART),
    ("models", {"face": {"name": "centerface", "min_confidence": 0.1}}, "models", Part.RESTART),
]


@pytest.mark.parametrize(("path", "value", "key", "part"), EDITS)
def test_each_key_is_obeyed_by_its_part(folder, path, value, key, part):
    plan = plan_changes(settings(folder), settings(folder, (path, value)))
    assert [(change.key, change.part) for change in plan.changes] == [(key, part)]
    assert (plan.live, plan.restart) == (((), (key,)) if part is Part.RESTART else ((key,), ()))


def test_a_default_reaches_each_camera_that_says_nothing_else(folder):
    new = settings(folder, ("defaults", {"fps": 5}), ("cameras/back/fps", 10))
    plan = plan_changes(settings(folder), new)
    assert [(c.key, c.part) for c in plan.changes] == [
        ("defaults", Part.NOTHING),
        ("cameras.door", Part.CAMERA),
    ]


def test_a_restart_is_what_the_platform_cannot_do(folder):
    old = settings(folder)
    support = LiveSupport(built=old.enabled_cameras(), fields=ON_GPU, faces=False)
    new = settings(
        folder,
        ("cameras/door/source", "rtsp://10.0.0.13/b"),
        ("cameras/back/rotate", 180),
        ("cameras/side", {"source": "rtsp://10.0.0.14/a"}),
        ("privacy", {"faces": {"hold_ms": 2000}}),
        ("outputs", {"rtsp": {}}),
    )
    plan = plan_changes(old, new, support)
    assert plan.live == ("cameras.door",)
    assert plan.restart == ("privacy.faces", "cameras.back", "cameras.side", "outputs.rtsp")
    assert plan_changes(old, new, LiveSupport(outputs=frozenset({"rtsp"}))).restart == ()


def test_a_camera_that_came_back_is_compared_with_what_the_graph_was_built_for(folder):
    built = settings(folder)
    support = LiveSupport(built=built.enabled_cameras(), fields=ON_GPU)
    off = settings(folder, ("cameras/door/enabled", False))
    on = settings(folder, ("cameras/door/enabled", True))
    turned = settings(folder, ("cameras/door/rotate", 180))
    assert plan_changes(built, off, support).restart == ()
    assert plan_changes(off, on, support).restart == ()
    assert plan_changes(off, turned, support).restart == ("cameras.door",)


def test_amounts_wait_for_the_currency_that_they_are_meant_in(folder):
    new = settings(folder, ("store/currency", "JPY"), ("notify", [RULE]), ("cameras/door/name", "Tür"))
    plan = plan_changes(settings(folder), new)
    assert plan.restart == ("store", "notify")
    assert plan.live == ("cameras.door",)


def test_brands_come_with_a_restart_where_nothing_reads_any(folder):
    none = settings(folder, ("brands", None))
    assert plan_changes(none, settings(folder)).restart == ("brands",)


def test_only_the_connection_reconnects(folder):
    door = settings(folder).cameras["door"]
    for key, value in {"zones": {}, "masks": {}, "min_person_px": 200, "name": "Tür"}.items():
        assert not reconnects(door, door.model_copy(update={key: value}))
    for key, value in {"source": "rtsp://x/y", "fps": 3.0, "rotate": 90, "transport": "udp"}.items():
        other = door.model_copy(update={key: value})
        assert reconnects(door, other)
        assert changed_fields(door, other) == {key}


def plain(found):
    return found.model_dump()


@hypothesis.settings(max_examples=30, deadline=None)
@given(
    before=st.lists(st.sampled_from(EDITS), max_size=5),
    after=st.lists(st.sampled_from(EDITS), max_size=5),
    data=st.data(),
)
def test_applying_a_plan_to_the_old_settings_gives_the_new(folder, before, after, data):
    old, new = (settings(folder, *((path, value) for path, value, *_ in edits)) for edits in (before, after))
    plan = plan_changes(old, new)
    in_force = merged(old, new, plan.live)
    assert set(differing(in_force, new)) == set(plan.restart)
    assert set(differing(old, in_force)) == set(plan.live)
    assert plain(merged(in_force, new, plan.restart)) == plain(new)
    some = data.draw(st.sets(st.sampled_from(plan.live or ("",))))
    assert set(differing(merged(old, new, some), new)) == {c.key for c in plan.changes} - some
    assert merged(old, new, (c.key for c in plan.changes)) is new
    assert plan_changes(new, new).changes == ()
