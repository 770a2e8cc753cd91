# Rebuild a checkout that is mounted at /work: all stages, `crackflow serve`, a Prefect worker.
#   docker build -f docker/train.Dockerfile -t crackflow-train .
#   docker run --rm -v "$PWD:/work" -u "$(id -u):$(id -g)" crackflow-train rebuild
ARG PYTHON=3.11-slim-bookworm
FROM python:${PYTHON} AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/crackflow \
    && grep '^uv==' requirements.lock > uv.txt \
    && python -m pip install --no-cache-dir -r uv.txt \
    && uv pip install --no-cache --compile-bytecode --python /opt/crackflow/bin/python -r requirements.lock

FROM python:${PYTHON}
# the version is Debian's of the image's release; git makes work trees and asks for commits
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/crackflow /opt/crackflow
COPY docker/crackflow /opt/crackflow/bin/crackflow
# the checkout's own modules, of whatever commit; a checkout of another user is trusted wherever it was mounted
ENV PATH=/opt/crackflow/bin:$PATH HOME=/tmp PYTHONPATH=/work
RUN git config --system --add safe.directory '*' && chmod 755 /opt/crackflow/bin/crackflow && useradd --uid 10001 --no-create-home crackflow
USER 10001
WORKDIR /work
HEALTHCHECK --interval=5m --timeout=60s CMD ["crackflow", "check"]
ENTRYPOINT ["crackflow"]
CMD ["rebuild"]
