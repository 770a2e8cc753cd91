# Mark cracks in photographs: OpenVINO and the packaged weights, no TensorFlow, Prefect or DVC.
#   docker build -f docker/predict.Dockerfile -t crackflow-predict .
#   docker run --rm -v "$PWD/photos:/in:ro" -v "$PWD/out:/out" -u "$(id -u):$(id -g)" crackflow-predict \
#       predict /in --out /out/cracks --model packaged
ARG PYTHON=3.11-slim-bookworm
FROM python:${PYTHON} AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY crackflow crackflow
COPY tasks tasks
COPY pipelines pipelines
# the versions of the lock, of those packages alone that predicting needs
RUN python -m venv /opt/crackflow \
    && grep '^uv==' requirements.lock > uv.txt \
    && python -m pip install --no-cache-dir -r uv.txt \
    && uv pip install --no-cache --compile-bytecode --python /opt/crackflow/bin/python --constraint requirements.lock .

FROM python:${PYTHON}
COPY --from=build /opt/crackflow /opt/crackflow
# any user may run it (-u): HOME is for what libraries keep
ENV PATH=/opt/crackflow/bin:$PATH HOME=/tmp
RUN useradd --uid 10001 --no-create-home crackflow && mkdir /out && chown 10001 /out
USER 10001
WORKDIR /out
HEALTHCHECK --interval=5m --timeout=30s CMD ["crackflow", "predict", "--help"]
ENTRYPOINT ["crackflow"]
CMD ["predict", "--help"]
