"""Which tests hold the cases of the field study: `pytest -k case_09` runs those of case 9."""

from __future__ import annotations

from typing import Final

_FIELD: Final = "scripts/test_field_cases.py"
_REACH: Final = "scripts/doctor/test_reach.py"

CASES: Final[dict[int, tuple[str, ...]]] = {
    1: (f"{_FIELD}::test_prices_check", "pricing/test_money.py::test_parse_says_how_to_mend"),
    3: (f"{_FIELD}::test_check", "pipelines/settings/test_no_secret_leaks.py::test_no_slip_shows_a_secret"),
    5: ("pipelines/cameras/test_video_track.py::test_one_track_is_taken_whoever_asks_first",),
    6: ("pipelines/cameras/test_preflight.py::test_the_first_answer_names_the_cause",),
    7: ("pipelines/cpu/test_source_faults.py::test_a_refusal_at_any_step_has_a_cause_and_the_cameras_words",),
    8: ("pipelines/cpu/test_gst.py::test_every_thread_finds_every_element_whoever_comes_first",),
    9: ("pipelines/offline/test_reader.py::test_a_video_that_begins_late_is_read_at_once",),
    10: (
        "pipelines/cpu/test_images.py::test_the_name_decides_nothing",
        "engines/test_file_type.py::test_a_file_is_what_its_first_bytes_say",
    ),
    11: ("pipelines/offline/test_reader.py::test_an_animation_is_a_video_with_its_own_times",),
    12: ("pipelines/offline/test_reader.py::test_pixels_are_made_square",),
    13: (
        "scripts/test_msh.py::test_names_from_outside_steer_no_terminal",
        "scripts/test_msh.py::test_bytes_that_are_no_text_and_control_characters_are_written_as_escapes",
    ),
    15: (f"{_FIELD}::test_prices_check",),
    17: (
        f"{_FIELD}::test_prices_check",
        "pricing/catalogue/test_rows_xlsx.py::test_a_workbook_is_read_whatever_its_name",
    ),
    19: (f"{_FIELD}::test_prices_lookup",),
    21: (
        "pipelines/settings/test_no_secret_leaks.py::test_a_secret_files_byte_order_mark_is_no_part_of_the_secret",
    ),
    22: (f"{_REACH}::test_what_a_broker_cannot_do_is_said",),
    23: (f"{_REACH}::test_a_topic_that_may_not_be_published_is_told",),
    24: (
        f"{_REACH}::test_a_broker_for_mqtt_3_1_1_is_spoken_to",
        f"{_REACH}::test_a_port_that_closes_without_an_answer_is_told",
    ),
    25: (
        "web/access/test_proxy.py::test_a_proxy_that_replaces_host_works_by_name_and_says_what_is_missing_else",
        "web/access/test_proxy.py::test_below_a_path",
    ),
    27: (f"{_FIELD}::test_check",),
    28: (
        "pipelines/cpu/test_file_source.py::test_a_turned_camera_gives_upright_pictures",
        "scripts/commands/test_annotate.py::test_a_turned_picture_is_told_how_to_turn_it",
        "scripts/commands/test_annotate.py::test_pictures_get_items_totals_or_the_words_of_the_original_page",
        "pipelines/cpu/test_turned.py::test_the_face_of_who_lies_is_masked",
        "pipelines/cpu/test_turned.py::test_how_a_picture_must_be_turned_for_people_to_stand_upright",
    ),
    30: ("pipelines/test_logs.py::test_the_filter_leaves_the_products_own_advice_whole",),
    31: (
        "pipelines/cameras/test_preflight.py::test_the_first_answer_names_the_cause",
        "pipelines/cameras/test_trial.py::test_frames_that_hold_no_picture_are_not_taken_for_silence",
    ),
    32: ("scripts/test_msh.py::test_a_user_without_a_home_folder_gets_one_line",),
}
"""By number: path below tests/ and name of each test."""


def cases_of(path: str, name: str) -> list[str]:
    """Return the keywords of a test, such as `case_09`; path: below tests/."""
    return [f"case_{number:02}" for number, tests in CASES.items() if f"{path}::{name}" in tests]
