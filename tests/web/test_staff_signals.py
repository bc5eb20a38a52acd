"""What a salesperson's phone does beside showing something: it sounds, trembles, and keeps its screen on."""

from __future__ import annotations

from tests.waiting import wait_for
from tests.web.browsing import Visit

FELT = """() => {
  window.felt = []; window.heard = [];
  navigator.vibrate = (pattern) => felt.push(pattern);
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) {
    heard.push(this.frequency.value);
    start.call(this, at);
  };
}"""


def test_an_offer_is_felt_and_heard_on_a_phone_that_was_touched(shop, phone):
    page = phone.page
    page.evaluate(FELT)
    shop.show(129_000)
    page.get_by_role("button", name="I’ll go").wait_for()
    # It rings again every few seconds.
    first = "[felt.slice(0, 1), heard.slice(0, 2)]"
    wait_for(lambda: page.evaluate(first) == [[[250, 120, 250]], [880, 1175]])


AWAKE = """() => {
  window.held = 0;
  const turn = (hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    if (hidden) window.lock?.dispatchEvent(new Event("release"));  // as the browser does
    document.dispatchEvent(new Event("visibilitychange"));
  };
  window.away = () => { turn(true); turn(false); };
  const request = async () => { held += 1; return (window.lock = Object.assign(new EventTarget(), { release: async () => {} })); };
  Object.defineProperty(navigator, "wakeLock", { value: { request } });
}"""  # noqa: E501


def test_the_screen_stays_on_after_a_look_at_another_application(phone):
    page = phone.page
    page.evaluate(AWAKE)
    for times in (1, 2):
        page.evaluate("away()")
        wait_for(lambda times=times: page.evaluate("held") == times)


SLOWLY = """() => {
  window.locks = []; window.answers = [];
  const request = () => new Promise((give) => answers.push(() => {
    const lock = new EventTarget();
    lock.release = async () => {
      lock.dispatchEvent(new Event("release"));
      locks.splice(locks.indexOf(lock), 1);
    };
    locks.push(lock);
    give(lock);
  }));
  Object.defineProperty(navigator, "wakeLock", { value: { request } });
}"""


def be(page, state: str) -> None:
    page.locator("#states").get_by_role("button", name=state, exact=True).click()
    page.locator(f"#states button[aria-pressed=true]:has-text('{state}')").wait_for()


def test_the_screen_goes_off_for_who_is_not_free_by_the_time_that_the_browser_answers(shop, phone):
    page = phone.page
    be(page, "Break")
    page.evaluate(SLOWLY)
    be(page, "Free")
    shop.show(129_000)  # more news of one who is free
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("heading", name="Free").wait_for()
    assert page.evaluate("answers.length") == 1
    be(page, "Break")
    page.evaluate("answers[0]()")
    wait_for(lambda: page.evaluate("locks.length") == 0)
    be(page, "Free")
    wait_for(lambda: page.evaluate("answers.length") == 2)
    page.evaluate("answers[1]()")
    wait_for(lambda: page.evaluate("locks.length") == 1)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Who are you?").wait_for()
    wait_for(lambda: page.evaluate("locks.length") == 0)


MUTED = """
  window.sounds = [];
  const counts = ({ type, pointerType }) => ["click", "keydown", "mousedown", "touchend"].includes(type)
    || type === (pointerType === "mouse" ? "pointerdown" : "pointerup");
  window.AudioContext = class {
    state = "suspended";
    constructor() { sounds.push(this); }
    async resume() { if (window.event && counts(window.event)) this.state = "running"; }
  };
"""
"""Sound by the HTML standard's "activation triggering input event": the driver lifts Chromium's own rule."""


def test_one_tap_is_enough_for_a_phone_that_was_signed_in_before_to_sound(shop, chrome):
    """A finger counts once it leaves the glass, not as it touches it."""
    window = Visit(chrome, shop.url, "phone", has_touch=True)
    window.context.add_init_script(MUTED)
    page = window.go("staff")
    page.get_by_role("button", name="Jörg B.").tap()
    on_break = page.locator("#states").get_by_role("button", name="Break")
    on_break.wait_for()  # signed in
    page.reload()
    on_break.tap()
    page.locator("#states button[aria-pressed=true]:has-text('Break')").wait_for()
    assert page.evaluate("sounds.map((one) => one.state)") == ["running"]
    window.close()
