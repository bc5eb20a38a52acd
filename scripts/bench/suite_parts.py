"""What `msh bench all` runs: each bench, how it is called, and how often."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchPart:
    """One part of the suite. arguments: how its bench is called; `--json` is added. about: what it measures.

    live: it works at the cameras' own pace, so where other programs have the machine it measures those.
    once: not repeated, as it repeats inside, gives the same figures each time or takes long. bench: its
    bench's name where the part has another one.
    """

    name: str
    about: str
    arguments: tuple[str, ...] = ()
    live: bool = False
    once: bool = False
    bench: str = ""


def parts(*, rival: str | None, quick: bool) -> tuple[BenchPart, ...]:
    """Return the suite. rival: a Python with rivals/requirements.txt installed; quick: less of each."""
    seconds, people = ("5", "100") if quick else ("10", "1000")
    against = ("--rival", rival) if rival else ()
    # The governor leaves nothing out for 10 s, of many cameras for 40 s, then lowers the rates step by step.
    settled = ("--settle", "4", "--seconds", seconds) if quick else ("--settle", "40", "--seconds", "30")
    late = ("--settle", "3", "--seconds", seconds) if quick else ("--settle", "70", "--seconds", "20")
    slow = ("--fps", "2", "--camera-fps", "2", *late)
    suite = (
        BenchPart(
            "pipeline",
            "each step of a frame; the first two are the bound",
            ("--rounds", "1", "--frames", "40" if quick else "60"),
        ),
        BenchPart(
            "detector",
            "each network alone, one thread, by runtime and arithmetic; another order is unlike, too",
            ("--rounds", "2" if quick else "5", *against),
            once=True,
        ),
        BenchPart(
            "cameras",
            "whole stores of live cameras, 10 frames a second each",
            ("--cameras", "1", *(() if quick else ("2", "4")), "--seconds", seconds, *against),
            live=True,
        ),
        BenchPart(
            "watched-cameras",
            "the same later, while each camera is watched on the page: frames shown beside frames analysed",
            ("--watch", "--cameras", "1", *(() if quick else ("2", "4")), *settled),
            live=True,
            once=True,
            bench="cameras",
        ),
        BenchPart(
            "many-cameras",
            "whole stores of live cameras, 2 frames a second each, once it is settled what is left out",
            ("--cameras", "1", *(() if quick else ("8",)), "16", *slow),
            live=True,
            once=True,
            bench="cameras",
        ),
        BenchPart(
            "file-cameras",
            "whole stores of video files, 10 frames a second each",
            ("--files", "--cameras", "1", *(() if quick else ("4",)), "--seconds", seconds),
            live=True,
            once=True,
            bench="cameras",
        ),
        BenchPart("startup", "a warm start", ("--repeats", "1"), live=True),
        BenchPart(
            "annotate",
            "masking alone, two films of the demo, and the faces left open",
            ("--rounds", "1" if quick else "3", "--frames", "4" if quick else "8", *against),
            once=True,
        ),
        BenchPart(
            "looks",
            "what looks cost the video path, and CPU time of one look",
            ("--seconds", seconds, "--most", "10" if quick else "40"),
        ),
        BenchPart(
            "brands",
            "how well marks are recognised, unseen in training; the product's own routes only",
            ("--no-baselines", "--sample", "5" if quick else "20", "--people", "5" if quick else "30"),
            once=True,
        ),
        BenchPart("prices", "votes, beliefs and prices", ("--people", people)),
        BenchPart("probe", "our code in the DeepStream graph", ("--rounds", "3" if quick else "15")),
    )
    detr = BenchPart(
        "detr",
        "the same live camera through three DETRs, whole frames",
        ("--slow-rival", "--cameras", "1", "--seconds", "5", *against),
        live=True,
        once=True,
        bench="cameras",
    )
    return suite if rival is None else (*suite, detr)
