"""Every Prometheus metric of the product, in one registry, with bounded labels only."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from prometheus_client import (
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase

from probes.events.messages import MessageKind
from probes.report_metrics import report_series
from probes.store_registry import StoreRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


STAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
LATENCY_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
"""0.25 s is what watched cameras shall keep: without a bound there, nobody can see whether they do."""
VALUE_BUCKETS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
DWELL_BUCKETS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """The metrics as prometheus_client objects, which are thread-safe: `metrics.frames_received.labels(...)`.

    Labels are configured names or members of closed enums: never a track id, URL, price or error text.
    camera_states: all values that `set_camera_state` may be given.
    """

    def __init__(self, camera_states: Sequence[str]) -> None:
        # They would be samples to all who read metrics here; web.created adds them to OpenMetrics.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client left it unannotated
        self.registry = registry = StoreRegistry()
        self._camera_states = tuple(camera_states)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"msh_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"msh_{name}", what, labels, registry=registry)

        def histogram(name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"msh_{name}", what, labels, buckets=buckets, registry=registry)

        self.build_info = gauge(
            "build_info", "Always 1; its labels say it.", "version", "revision", "platform"
        )
        self.engines_missing = gauge("engines_missing", "TensorRT engines to build before cameras open.")
        self.gpu_unused = gauge("gpu_unused", "1 while the CPU works although there is an NVIDIA GPU.")
        self.camera_up = gauge("camera_up", "1 while frames are fresh.", "camera")
        self.camera_state = gauge("camera_state", "1 for the state the camera is in.", "camera", "state")
        self.camera_last_frame = gauge(
            "camera_last_frame_timestamp_seconds", "When the newest frame was captured.", "camera"
        )
        self.camera_turned = gauge(
            "camera_turned_degrees",
            "By how much to turn the picture clockwise for people to stand upright; 0 as far as is known."
            " On DeepStream 90 means 90 or 270.",
            "camera",
        )
        self._add_frames(counter)
        self.camera_connects = counter(
            "camera_connects_total", "Attempts to connect to the camera.", "camera", "result"
        )
        self.stage_duration = histogram(
            "stage_duration_seconds", "Time that one stage of a frame took.", STAGE_BUCKETS, "stage"
        )
        self.frame_latency = histogram(
            "frame_latency_seconds", "From capture to publication.", LATENCY_BUCKETS, "camera"
        )
        self.frames_between_latency = histogram(
            "frames_between_latency_seconds",
            "From capture to publication, of frames not analysed: they wait for the next one that is.",
            LATENCY_BUCKETS,
            "camera",
        )
        self.queue_depth = gauge("queue_depth", "What waits in a queue.", "queue")
        self.detections = counter("detections_total", "Detections by kind.", "camera", "kind")
        self._add_people(counter, gauge)
        self.tracks = counter("tracks_total", "Confirmed tracks that ended, and why.", "camera", "outcome")
        self.faces_redacted = counter(
            "faces_redacted_total", "Masked regions, by why they are masked.", "camera", "by"
        )
        self.redaction_failures = counter(
            "redaction_failures_total", "Frames withheld because masking was not certain.", "camera"
        )
        self.frames_everybody_masked = counter(
            "frames_everybody_masked_total", "Redacted frames in which every person was masked.", "camera"
        )
        self.redaction_self_check = gauge(
            "redaction_self_check",
            "1 while the known face of a built-in picture was masked at the last check.",
        )
        self._add_looks(counter)
        self.items_confirmed = counter("items_confirmed_total", "Items confirmed by votes.", "camera", "type")
        self.price_lookups = counter("price_lookups_total", "Questions to the price sources.", "result")
        self.person_value = histogram(
            "person_value_currency_units",
            "Final total of a customer, store currency.",
            VALUE_BUCKETS,
            "camera",
        )
        self.dwell = histogram(
            "dwell_seconds", "Length of customers' finished stays.", DWELL_BUCKETS, "camera", "zone"
        )
        self.notifications = counter(
            "notifications_total", "Notifications due: sent or suppressed.", "rule", "result"
        )
        self.sale_events = counter("sale_events_total", "Steps of offers to salespeople.", "kind")
        self.sale_waited = histogram(
            "sale_waited_seconds", "From a customer's arrival to being attended.", DWELL_BUCKETS
        )
        self.sale_unattended = gauge(
            "sale_unattended_value_currency_units", "Worth of customers whom nobody attends, store currency."
        )
        self.staff = gauge("staff", "Salespeople by state.", "state")
        self._add_deliveries(counter)
        self.mqtt_connected = gauge(
            "mqtt_connected", "1 while the broker accepts messages; not there without outputs.mqtt."
        )
        self.mqtt_messages = counter(
            "mqtt_messages_total", "What became of messages to the broker.", "kind", "result"
        )
        for kind in MessageKind:
            for result in ("acked", "dropped", "rejected", "expired"):
                self.mqtt_messages.labels(kind.value, result)
        self.mqtt_spool_messages = gauge("mqtt_spool_messages", "Messages not yet acknowledged.")
        self.mqtt_spool_bytes = gauge("mqtt_spool_bytes", "Size of the messages not yet acknowledged.")
        self._add_box(gauge, counter)
        self.report_series = report_series(counter)
        """They rise only by counts that may be given out."""
        self.restream_clients = gauge("restream_clients", "Viewers of the annotated stream.", "camera")
        self.model_loaded = gauge("model_loaded", "1 for each model in use.", "model", "precision")

    def _add_frames(self, counter: Callable[..., Counter]) -> None:
        self.frames_received = counter(
            "frames_received_total", "Frames that came from the camera, but for undecoded ones.", "camera"
        )
        self.frames_processed = counter("frames_processed_total", "Frames analysed and redacted.", "camera")
        self.frames_between = counter(
            "frames_between_total",
            "Frames not analysed, but shown with the masks of the analysed ones around them.",
            "camera",
            "reason",
        )
        self.frames_dropped = counter("frames_dropped_total", "Frames not used.", "camera", "reason")

    def _add_people(self, counter: Callable[..., Counter], gauge: Callable[..., Gauge]) -> None:
        self.tracks_active = gauge("tracks_active", "Confirmed persons in view.", "camera")
        self.persons_detected = counter(
            "persons_detected_total",
            "Persons found for sure, and whether their track was seen before.",
            "camera",
            "followed",
        )
        self.people_held = gauge(
            "people_held",
            "Persons in view when the camera was suspended or lost, not ended.",
            "camera",
            "reason",
        )
        self.people_returned = counter(
            "people_returned_total", "Held persons: found or not_found.", "camera", "reason", "result"
        )

    def _add_deliveries(self, counter: Callable[..., Counter]) -> None:
        """Add the metrics of what is sent to people and to a collector."""
        self.messenger_messages = counter(
            "messenger_messages_total", "What became of messages to messengers.", "messenger", "result"
        )
        self.masked_pictures = counter(
            "masked_pictures_total",
            "What became of pictures for messengers and the broker, on DeepStream.",
            "camera",
            "result",
        )
        self.traced_frames = counter(
            "traced_frames_total", "What became of frames that were traced.", "result"
        )

    def _add_looks(self, counter: Callable[..., Counter]) -> None:
        """Add the metrics of looks and descriptions."""
        self.looks = counter(
            "looks_total", "Crops given to a recogniser: marks, none, failed or dropped.", "result"
        )
        self.looks_owed = counter(
            "looks_owed_total",
            "Whether persons in view for 10 s had 6 looks or an item; without one again every 1.7 s.",
            "result",
        )
        self.look_failures = counter("look_failures_total", "Looks that a route failed at.", "route")
        self.crops_sent = counter("crops_sent_total", "Redacted crops that left for a description.")
        self.descriptions = counter("descriptions_total", "What became of crops to describe.", "result")

    def _add_box(self, gauge: Callable[..., Gauge], counter: Callable[..., Counter]) -> None:
        """Add the metrics of the box itself: disk, files, load, clock."""
        self.mqtt_commands_refused = counter(
            "mqtt_commands_refused_total", "MQTT commands that were not answered.", "reason"
        )
        for reason in ("retained", "long", "busy"):
            self.mqtt_commands_refused.labels(reason)
        self.state_writable = gauge(
            "state_folder_writable", "1 while what must outlive a restart can be written."
        )
        self.store_file_ok = gauge("store_file_ok", "1 while the store file, as it lies there now, is right.")
        self.price_list_ok = gauge(
            "price_list_ok", "1 while the price list, as it lies there now, is right, or there is none."
        )
        self.gallery_ok = gauge(
            "gallery_ok", "1 while the folder of brands is right and could be read, or there is none."
        )
        self.reloads = counter("reloads_total", "Times the store file was read again.", "result")
        self.reload_duration = gauge(
            "reload_duration_seconds", "How long the last change of the store file took to take up."
        )
        self.restart_needed = gauge(
            "restart_needed_keys", "Keys of the store file whose new values wait for a restart."
        )
        self.degrade_step = gauge(
            "degrade_step", "What overload leaves out: 0 nothing, 1 frames, 2 looks as well, 3 cameras."
        )
        self.frame_share = gauge("frame_share", "Least share of a camera's frame rate that is analysed.")
        self.decode_part = gauge(
            "decode_part", "Part of each group of pictures that is decoded; 0: key frames."
        )
        self.camera_sub_stream = gauge(
            "camera_sub_stream", "1 while overload has the camera's sub-stream analysed.", "camera"
        )
        self.camera_sub_stream_refused = gauge(
            "camera_sub_stream_refused",
            "1 where the camera's sub-stream has another shape than its main stream, and is not analysed.",
            "camera",
        )
        self.camera_picture_withheld = gauge(
            "camera_picture_withheld",
            "1 while the picture of a camera that surely hangs turned goes to nobody; on DeepStream.",
            "camera",
        )
        self.camera_suspended = gauge("camera_suspended", "1 while overload suspends the camera.", "camera")
        self.output_disk_free = gauge(
            "output_disk_free_bytes", "Free space where recordings and snapshots go.", "output"
        )
        self.output_disk_full = gauge(
            "output_disk_full",
            "1 while less than min_free_mb is free there and nothing of the output is left to delete.",
            "output",
        )
        self.output_overdue = gauge(
            "output_overdue_seconds",
            "How much longer ago than meant a file was last written.",
            "output",
        )
        self.output_files_deleted = counter(
            "output_files_deleted_total",
            "Recordings and snapshots deleted by age or for a full disk.",
            "output",
            "reason",
        )
        self.housekeeping_failures = counter(
            "housekeeping_failures_total", "Steps of the housekeeping that failed.", "step"
        )
        self.access_log_entries = counter("access_log_entries_total", "Entries of the access log.", "result")
        for result in ("written", "dropped"):
            self.access_log_entries.labels(result)
        self.clock_steps = counter("clock_steps_total", "Times the machine's clock was set.", "direction")
        for direction in ("forward", "back"):
            self.clock_steps.labels(direction)

    def count_owed_looks(self, met: bool) -> None:
        """Count a check of the looks that a person is owed."""
        self.looks_owed.labels("met" if met else "missed").inc()

    def without_broker(self) -> None:
        """Show no connection: the store names no broker, and 0 would say that it is lost."""
        with contextlib.suppress(KeyError):
            self.registry.unregister(self.mqtt_connected)

    def set_cameras(self, cameras: Iterable[str]) -> None:
        """Show series of these cameras only; of one that is new, only what is counted from now on."""
        before, now = self.registry.cameras, frozenset(cameras)
        for camera in () if before is None else now - before:
            self.forget_camera(camera)
        self.registry.cameras = now

    def forget_camera(self, camera: str) -> None:
        """Drop all series of a camera that the store has no more."""
        for metric in vars(self).values():
            if isinstance(metric, MetricWrapperBase):
                with contextlib.suppress(ValueError):  # those without such a label
                    metric.remove_by_labels({"camera": camera})

    def calm_camera(self, camera: str) -> None:
        """Remove the picture warnings of a camera that is turned off."""
        for metric in (
            self.camera_turned,
            self.camera_picture_withheld,
            self.camera_sub_stream,
            self.camera_sub_stream_refused,
        ):
            metric.remove_by_labels({"camera": camera})

    def set_camera_state(self, camera: str, state: str, *, up: bool) -> None:
        """Set the state set of one camera: 1 for `state`, 0 for each other.

        Raises:
            ValueError: the state is none of those given at construction.

        """
        if state not in self._camera_states:
            raise ValueError(f"unknown camera state {state!r}")
        for other in self._camera_states:
            self.camera_state.labels(camera, other).set(other == state)
        self.camera_up.labels(camera).set(up)
        # A counter that first shows with 1 has, to Prometheus, not increased: these begin at 0.
        for counter in (
            self.frames_received,
            self.frames_processed,
            self.frames_everybody_masked,
            self.redaction_failures,
        ):
            counter.labels(camera)
