"""An OpenTelemetry collector on a free port, over real HTTP: reads what is posted as OTLP's schema says."""

from __future__ import annotations

from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.fakes.http_server import LocalServer, QuietHandler


@dataclass
class OtlpReceiver:
    """Used with `with`. refusing: answers 403 while it is set. keys: the header x-key of each request."""

    received: list[ExportTraceServiceRequest] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    refusing: bool = False

    def __enter__(self) -> OtlpReceiver:
        fake = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                good = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
                if good and not fake.refusing:
                    fake.keys.append(self.headers["x-key"])
                    fake.received.append(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if good and not fake.refusing else 403)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self._server = LocalServer(Handler).start()
        return self

    @property
    def url(self) -> str:
        """Where it takes traces."""
        return f"{self._server.url}/v1/traces"

    def __exit__(self, *_: object) -> None:
        self._server.stop()
