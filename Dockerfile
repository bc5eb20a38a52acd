# syntax=docker/dockerfile:1
# The box with an NVIDIA GPU on x86: docker build -t make-sales-happen . (other versions: --build-arg DEEPSTREAM=9.1)
# 7.1 and 8.0 cannot blur: opaque boxes cover faces there, whatever privacy.faces.method says.
ARG DEEPSTREAM=9.2

FROM nvcr.io/nvidia/deepstream:${DEEPSTREAM}-samples-multiarch AS base
COPY scripts/container/system /opt/msh/scripts/container/
RUN /opt/msh/scripts/container/system

FROM base AS wheels
ARG DEEPSTREAM
COPY scripts/container/wheels scripts/container/reader /opt/msh/scripts/container/
COPY probes/nvds/*.c probes/nvds/*.h /opt/msh/probes/nvds/
COPY requirements/deepstream.txt requirements/cpu.txt /opt/msh/requirements/
RUN /opt/msh/scripts/container/wheels "$DEEPSTREAM" /wheels

FROM base
ARG DEEPSTREAM
COPY scripts/container/install /opt/msh/scripts/container/
COPY scripts/setup /opt/msh/scripts/
COPY requirements/deepstream.txt requirements/cpu.txt requirements/models.txt requirements/messengers.txt requirements/parquet.txt requirements/traces.txt /opt/msh/requirements/
RUN --mount=from=wheels,source=/wheels,target=/wheels /opt/msh/scripts/container/install "$DEEPSTREAM" /wheels
COPY . /opt/msh
# Python and system packages, models: a CycloneDX list of what is in this image.
RUN /opt/msh/scripts/sbom environment /opt/msh/sbom.cdx.json
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="make-sales-happen" \
    org.opencontainers.image.description="Tells a shop's staff whom to serve next, on an NVIDIA GPU" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.vendor="the make-sales-happen maintainers" \
    io.make-sales-happen.sbom="/opt/msh/sbom.cdx.json" \
    org.opencontainers.image.base.name="nvcr.io/nvidia/deepstream:${DEEPSTREAM}-samples-multiarch" \
    org.opencontainers.image.created=$CREATED \
    org.opencontainers.image.revision=$REVISION
ENV MSH_REVISION=$REVISION \
    MSH_ENGINES=/var/lib/msh/engines \
    STATE_DIRECTORY=/var/lib/msh \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=all
USER 10001
WORKDIR /var/lib/msh
VOLUME /var/lib/msh
# Missing engines are built before the cameras open, which takes minutes; `msh models build` does it beforehand.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15m --retries=4 \
    CMD ["/opt/venv/bin/python", "/opt/msh/scripts/container/health.py"]
ENTRYPOINT ["/usr/local/bin/msh"]
CMD ["run", "/etc/msh/store.yaml"]
