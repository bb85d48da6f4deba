# syntax=docker/dockerfile:1
# The image runs an installed wheel from an empty folder, never the source tree: the top-level packages have plain
# names, and a file of the same name in the working directory would stand in for them.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/chartside \
 && /opt/chartside/bin/pip install --require-hashes -r requirements/runtime.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY chartside chartside
COPY clinical clinical
COPY cds_hooks cds_hooks
COPY smart_app smart_app
COPY fhir_adapters fhir_adapters
COPY models models
COPY oversight oversight
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/chartside/bin/pip install --no-deps dist/chartside-*.whl

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/chartside /opt/chartside
RUN mkdir -p /srv/chartside /var/lib/chartside && chown 10001:10001 /var/lib/chartside
ENV PATH=/opt/chartside/bin:$PATH PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 \
    CHARTSIDE_HOST=0.0.0.0 CHARTSIDE_PORT=8100 CHARTSIDE_DATABASE_URL=sqlite:////var/lib/chartside/ledger.db
WORKDIR /srv/chartside
USER 10001:10001
VOLUME /var/lib/chartside
EXPOSE 8100
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:' + __import__('os').environ['CHARTSIDE_PORT'] + '/health', timeout=4)"]
CMD ["chartside", "serve"]
