# syntax=docker/dockerfile:1
# EchoTune for x86-64-v3: every processor since about 2015. For a v4 image beside it:
#   docker build --build-arg CPU=x86-64-v4 \
#     --build-arg CPU_FEATURES="+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl" .
# Never built on the machine where it was written: docs/adr/0028 says what is proved instead.

FROM docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS builder
ARG CPU=x86-64-v3
ARG CPU_FEATURES=+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt
ARG SOURCE_DATE_EPOCH=1767225600
ENV NUMBA_CPU_NAME=$CPU NUMBA_CPU_FEATURES=$CPU_FEATURES
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
COPY requirements/build.lock requirements/run.lock requirements/
# Wheels only: what has to be compiled would be another program each time, and needs a compiler.
RUN pip install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary=:all: \
    -r requirements/build.lock -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY service service
RUN pip install --no-cache-dir --no-compile --no-deps --no-build-isolation .
# Numba compiles anew what has another time than when it was compiled, and a layer keeps whole
# seconds: so all get one. Python's own files then must not look at times either.
RUN find /opt/venv -name '*.py' -exec touch --date "@$SOURCE_DATE_EPOCH" {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv \
    && python -m service.cli.image_kernels /opt/echotune

FROM docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ARG CPU=x86-64-v3
ARG CPU_FEATURES=+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt
LABEL org.opencontainers.image.title="EchoTune" \
    org.opencontainers.image.description="Music recommendations: events in, personal and explained tracks out." \
    org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=$CPU \
    NUMBA_CPU_FEATURES=$CPU_FEATURES \
    ECHOTUNE_KERNELS_DIR=/opt/echotune \
    ECHOTUNE_DATA_DIR=/data \
    ECHOTUNE_HOST=0.0.0.0 \
    ECHOTUNE_PORT=8000
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /opt/echotune /opt/echotune
# Fails the build when a kernel that came along would be compiled all the same.
RUN python -m service.cli.image_kernels /opt/echotune \
    && install --directory --owner=10001 --group=10001 --mode=0750 /data
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
# Of roles that answer requests; a cluster asks for itself and lets this one be.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
# Exec form: SIGTERM reaches the server, which stops its workers and waits for them: no init needed.
ENTRYPOINT ["echotune"]
CMD ["serve", "--no-demo"]
