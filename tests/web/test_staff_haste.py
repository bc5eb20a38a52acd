"""Impatient hands and bad Wi-Fi on the phone and on the manager's page, on the real desk and server."""

from __future__ import annotations

import re

import pytest

from tests.fakes.selling_page import PIN
from tests.waiting import wait_for
from tests.web.browsing import Visit

PATIENT = "AbortSignal.timeout = () => new AbortController().signal"
"""A request that a test holds back is not given up, however busy the machine is."""


HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def await_held(page, held: list) -> None:
    while not held:  # playwright hands them over when it is idle; the suite's own end bounds this
        page.wait_for_timeout(20)


def begin_amount(shop, phone):
    """Serve a customer to the end, and put the cursor into the field for the amount."""
    shop.show(129_000)
    phone.page.get_by_role("button", name="I’ll go").click()
    phone.page.get_by_role("button", name="Done").click()
    amount = phone.page.get_by_label("Amount sold")
    amount.click()
    return amount


def test_an_amount_that_is_being_typed_stays_while_the_customer_changes(shop, phone):
    page, amount = phone.page, begin_amount(shop, phone)
    amount.press_sequentially("45")
    shop.show(250_000)
    page.locator(".worth", has_text="€2,500").wait_for()
    assert amount.input_value() == "45"
    amount.press_sequentially("0")  # where the keyboard is
    assert amount.input_value() == "450"
    page.get_by_role("button", name="Sold").click()
    page.get_by_role("heading", name="Free").wait_for()


def test_an_amount_is_corrected_where_the_finger_put_the_cursor(shop, phone):
    page, amount = phone.page, begin_amount(shop, phone)
    amount.press_sequentially("190")
    amount.evaluate("(one) => one.setSelectionRange(1, 1)")
    shop.show(250_000)
    page.locator(".worth", has_text="€2,500").wait_for()
    page.keyboard.press("2")
    assert amount.input_value() == "1290"


def test_eight_windows_of_a_manager_all_hear_and_act(chrome, shop):
    """Over HTTP/1.1 they share six connections."""
    window = Visit(chrome, shop.url)
    for number in range(8):
        page = window.page if number == 0 else window.context.new_page()
        page.goto(f"{shop.url}/#/desk")
        page.locator(".desk-member").first.wait_for()
    page.get_by_label("State of Jörg B.").select_option("free")
    window.page.locator(".desk-member", has_text="Jörg B.").locator(".pill.good").wait_for()
    window.page.evaluate(HIDDEN, True)
    page.get_by_label("State of Jörg B.").select_option("break")
    page.locator(".desk-member", has_text="Jörg B.").locator(".pill.warn").wait_for()
    window.page.evaluate(HIDDEN, False)
    window.page.locator(".desk-member", has_text="Jörg B.").locator(".pill.warn").wait_for()
    window.close()


def test_of_twenty_tabs_of_a_phone_the_one_that_is_seen_hears_of_customers(shop, phone):
    """One is opened by each tap on a link; a tab that is not seen may ring, so one of those goes on, too."""
    tabs = [phone.page]
    for _ in range(19):
        tabs[-1].evaluate(HIDDEN, True)
        tabs.append(phone.context.new_page())
        tabs[-1].goto(f"{shop.url}/staff")
        tabs[-1].get_by_role("heading", name="Free").wait_for()
    shop.show(129_000)
    tabs[-1].get_by_role("heading", name="For you now").wait_for()
    tabs[-1].close()
    tabs[7].evaluate(HIDDEN, False)
    tabs[7].get_by_role("button", name="I’ll go").click()
    tabs[7].get_by_role("heading", name="Your customer").wait_for()


@pytest.mark.parametrize("step", ["I’ll go", "Done", "Just looking"])
@pytest.mark.parametrize("by", ["key", "finger"])
def test_a_button_that_is_pressed_while_the_customer_changes_is_pressed(shop, phone, step, by):
    page = phone.page
    shop.show(129_000)
    steps = ["I’ll go", "Done", "Just looking"]
    for before in steps[: steps.index(step)]:
        page.get_by_role("button", name=before).click()
    button = page.get_by_role("button", name=step)
    button.wait_for()
    if by == "key":
        button.focus()
    else:
        button.hover()
        page.mouse.down()
    shop.show(250_000)
    page.locator(".worth", has_text="€2,500").wait_for()
    page.keyboard.press("Enter") if by == "key" else page.mouse.up()
    after = {"I’ll go": "Your customer", "Done": "Your customer", "Just looking": "Free"}[step]
    page.get_by_role("heading", name=after).wait_for()
    button.wait_for(state="detached")


def test_a_keyboard_goes_on_where_the_step_before_ended(shop, phone):
    page = phone.page
    shop.show(129_000)
    for name in ("I’ll go", "Done"):
        page.get_by_role("button", name=name).focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=name).wait_for(state="detached")
        wait_for(lambda: page.evaluate("document.activeElement?.closest('.card') !== null"))


def test_a_box_that_counts_offers_from_the_beginning_again_is_answered(shop, phone):
    page = phone.page
    shop.show(129_000)
    before = next(iter(shop.desk.board.desk.of("Anna"))).number
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("heading", name="Free").wait_for()
    shop.stop()
    (shop.folder / "sales.db").unlink()
    shop.start()
    page.get_by_role("button", name="Anna").click()
    page.get_by_label("PIN").fill(PIN)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#states").get_by_role("button", name="Free").click()
    page.locator("#states button[aria-pressed=true]:has-text('Free')").wait_for()
    shop.show(129_000)
    assert next(iter(shop.desk.board.desk.of("Anna"))).number == before
    page.get_by_role("button", name="I’ll go").click()
    page.get_by_role("heading", name="Your customer").wait_for()


def test_a_second_tap_signs_no_second_phone_in(chrome, shop):
    window, held = Visit(chrome, shop.url, "phone"), []
    page = window.go("staff")
    page.evaluate(PATIENT)
    page.route(re.compile("/api/staff/session"), lambda route: [held.append(route)])
    page.get_by_role("button", name="Anna").click()
    page.get_by_label("PIN").fill(PIN)
    enter = page.get_by_role("button", name="Sign in")
    enter.click()
    enter.click()
    await_held(page, held)
    page.wait_for_timeout(500)
    assert len(held) == 1
    held[0].continue_()
    page.locator("#states").wait_for()
    assert shop.desk.phones.count("Anna") == 1
    window.close()


@pytest.mark.parametrize("answer", ["I’ll go", "Not now"])
def test_a_second_tap_on_a_slow_line_sends_nothing_and_says_nothing(shop, phone, answer):
    page, held = phone.page, []
    page.evaluate(PATIENT)
    page.route(re.compile("/api/staff/offers/"), lambda route: [held.append(route)])
    shop.show(129_000)
    button = page.get_by_role("button", name=answer)
    button.click()
    await_held(page, held)
    page.wait_for_timeout(1500)  # long enough for what is drawn twice a second
    button.evaluate("(one) => one.click()")
    page.get_by_role("button", name="Not now").evaluate("(one) => one.click()")
    assert len(held) == 1
    held[0].continue_()
    page.get_by_role("heading", name="Your customer" if answer == "I’ll go" else "Free").wait_for()
    assert len(held) == 1
    assert page.locator(".toast").count() == 0


COVERED = """() => [...document.querySelectorAll("#main button, #states button, #leave")].filter((one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  return [0.3, 0.5, 0.7].some((part) => !one.contains(document.elementFromPoint(left + part * width, top + part * height)));
}).map((one) => one.textContent)"""  # noqa: E501
"""What of the buttons lies under something else."""


def test_an_answer_that_the_line_lost_is_said_and_can_be_given_again(shop, phone):
    page = phone.page
    page.route(re.compile("/api/staff/offers/"), lambda route: route.abort())
    shop.show(129_000)
    page.get_by_role("button", name="I’ll go").click()
    page.locator(".toast").wait_for()
    assert page.evaluate(COVERED) == []
    page.unroute_all()
    page.get_by_role("button", name="I’ll go").click()
    page.get_by_role("heading", name="Your customer").wait_for()
    assert next(iter(shop.desk.board.desk.of("Anna"))).accepted


def test_a_list_that_a_manager_has_opened_stays_while_the_shop_goes_on(shop, manager):
    screen = manager.go("#/desk")
    shop.show(129_000)
    shop.page.client().post("/api/desk/state", json={"name": "Anna", "state": "free"})
    send = screen.get_by_label("Send …")
    state = screen.get_by_label("State of Jörg B.")
    send.wait_for()  # hidden while the page knows of nobody free; what is hidden takes no focus
    for field in (state, send):
        field.evaluate("(one) => { one.dataset.opened = 'yes'; one.focus(); }")
    shop.show(150_000, 90_000)
    screen.get_by_text("€1,500").first.wait_for()
    screen.get_by_text("€900").first.wait_for()
    assert state.get_attribute("data-opened") == "yes"
    assert send.first.get_attribute("data-opened") == "yes"
    assert send.first.evaluate("(one) => one === document.activeElement")
    state.select_option("free")
    screen.locator(".desk-member", has_text="Jörg B.").locator(".pill", has_text="Free").wait_for()


def test_an_opened_list_stays_where_its_customer_comes_to_stand_above_others(shop, manager):
    screen = manager.go("#/desk")
    shop.show(150_000, 90_000, 60_000)
    shop.page.client().post("/api/desk/state", json={"name": "Anna", "state": "free"})
    rows = screen.locator(".desk-row", has=screen.get_by_label("Send …"))
    send = screen.get_by_label("Send …")
    send.nth(2).wait_for()
    send.nth(2).evaluate("(one) => { one.dataset.opened = 'yes'; one.focus(); }")
    shop.show(150_000, 90_000, 200_000)
    rows.nth(0).get_by_text("€2,000").wait_for()
    assert [row.split("\n")[0] for row in rows.all_inner_texts()] == ["€2,000", "€1,500", "€900"]
    assert send.first.get_attribute("data-opened") == "yes"
    assert send.first.evaluate("(one) => one === document.activeElement")


def test_keys_send_nobody_before_the_manager_has_chosen(shop, manager):
    screen, sent = manager.go("#/desk"), []
    for name in ("Anna", "Jörg B."):
        shop.page.client().post("/api/desk/state", json={"name": name, "state": "free"})
    shop.show(129_000)
    send = screen.get_by_label("Send …")
    send.locator("option", has_text="Jörg B.").wait_for(state="attached")
    screen.on("request", lambda asked: sent.append(asked.post_data_json["name"]) if asked.post_data else None)
    send.focus()
    for key in ("ArrowDown", "ArrowDown", "j", "Enter"):
        screen.keyboard.press(key)
    screen.get_by_text("Jörg B. attends").wait_for()
    assert sent == ["Jörg B."]


def test_a_state_that_could_not_be_set_is_not_shown(shop, manager):
    screen = manager.go("#/desk")
    state = screen.get_by_label("State of Jörg B.")
    state.wait_for()
    screen.route(re.compile("/api/desk/state"), lambda route: route.abort())
    state.select_option("free")
    screen.locator(".toast").wait_for()
    assert state.input_value() == "off"
    screen.unroute_all()
    state.select_option("free")
    screen.locator(".desk-member", has_text="Jörg B.").locator(".pill", has_text="Free").wait_for()
    assert state.input_value() == "free"


def without_cookie(window, place: str):
    """A page that stays open while its cookie runs out, as after twelve hours."""
    asked: list[str] = []
    window.page.on("response", lambda answer: asked.append(answer.url))
    page = window.go(place)
    while sum(url.endswith("/api/session") for url in asked) < 2:  # the second as the events begin
        page.wait_for_timeout(20)
    window.context.clear_cookies()
    return page


def test_a_page_whose_cookie_has_run_out_still_acts(shop, manager):
    page = without_cookie(manager, "#/desk")
    page.get_by_label("State of Jörg B.").select_option("free")
    page.locator(".desk-member", has_text="Jörg B.").locator(".pill", has_text="Free").wait_for()
    assert page.locator(".toast").count() == 0


def test_a_page_whose_cookie_has_run_out_follows_an_upload_to_its_end(shop, manager):
    page = without_cookie(manager, "#/try")
    picture = {"name": "shop.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff"}
    page.locator("#file").set_input_files(picture)
    page.locator(".job .pill", has_text="Done").wait_for()


def test_pictures_chosen_together_are_all_taken_over_a_slow_line(shop, manager):
    page = manager.go("#/try")
    line = manager.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    line.send("Network.emulateNetworkConditions", slow)
    picture = b"\xff\xd8\xff" + bytes(120_000)
    files = [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": picture} for n in range(7)]
    answers: list[int] = []
    page.on("response", lambda one: answers.append(one.status) if "/api/jobs?" in one.url else None)
    page.locator("#file").set_input_files(files)
    while len(answers) < len(files):
        page.wait_for_timeout(20)
    assert answers == [201] * len(files)
    assert page.locator(".toast").all_inner_texts() == []
    assert page.locator(".job").count() == len(files)


def test_a_picture_that_waits_to_be_sent_is_never_sent_once_it_is_taken_back(shop, manager):
    page, held = manager.go("#/try"), []
    page.route("**/api/jobs?name=*", lambda route: held.append(route))  # noqa: PLW0108 it wants a function
    files = [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff"} for n in range(3)]
    page.locator("#file").set_input_files(files)
    page.get_by_role("button", name="Cancel: 1.jpg").click()
    page.get_by_text("Deleted: 1.jpg").wait_for()
    for number in range(2):
        while len(held) <= number:  # playwright hands it over when it is idle
            page.wait_for_timeout(20)
        held[number].continue_()
    page.locator(".job", has_text="2.jpg").locator(".pill", has_text="Done").wait_for()
    assert [one.request.url.rpartition("=")[2] for one in held] == ["0.jpg", "2.jpg"]


GONE = {"status": 404, "json": {"error": {"code": "not_found", "message": "no staff here"}}}


@pytest.mark.parametrize(
    ("answer", "said"), [(None, "Not connected"), (GONE, "No staff")], ids=["bad_line", "no_staff"]
)
@pytest.mark.parametrize("by", ["sign_out", "restart"])
def test_a_phone_that_is_signed_out_and_hears_nothing_more_asks_again(shop, phone, by, answer, said):
    page = phone.page
    shop.show(129_000)
    page.get_by_role("button", name="I’ll go").wait_for()
    asked = re.compile(r"/api/staff(/events)?$")
    page.route(asked, lambda route: route.fulfill(**answer) if answer else route.abort())
    if by == "sign_out":
        shop.page.client().post("/api/desk/sign-out", json={"name": "Anna"})
    else:
        shop.stop()
        shop.start()
    if (by, answer) == ("restart", None):  # what was offered stays, without its buttons
        page.locator("#lost").wait_for()
        assert page.get_by_role("button", name="I’ll go").is_disabled()
    else:
        page.get_by_role("heading", name=said).wait_for()
        assert page.locator("#states").is_hidden()
    page.unroute(asked)
    if by == "sign_out":
        page.get_by_role("heading", name="Who are you?").wait_for()
    else:
        page.get_by_role("button", name="I’ll go").and_(page.locator(":enabled")).wait_for()


@pytest.mark.parametrize("place", ["staff", "#/desk"])
def test_a_stream_that_falls_silent_is_asked_for_again(chrome, shop, place):
    """As after a power cut of the box: nothing tells the browser that nobody is there any more."""
    window, held = Visit(chrome, shop.url, "phone"), []
    events = re.compile("/api/(staff/)?events")
    window.page.route(events, lambda route: route.continue_() if held else held.append(route))
    page = window.go(place)
    if place == "staff":
        page.get_by_role("button", name="Jörg B.").click()
        page.locator("#states").get_by_role("button", name="Free").wait_for()
        wait_for(lambda: page.evaluate("true") and held)
        shop.page.client().post("/api/desk/state", json={"name": "Jörg B.", "state": "break"})
        page.locator("#states button[aria-pressed=true]:has-text('Break')").wait_for()
    else:
        page.get_by_label("State of Jörg B.").wait_for()
    assert held
    window.close()
