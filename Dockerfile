# syntax=docker/dockerfile:1
# mapsight from wheels, as an unprivileged user:
#   docker build -t mapsight .
#   docker run --rm --network none -v "$PWD:/data" mapsight audit ortho.tif roads.gpkg --out audit
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/mapsight \
 && /opt/mapsight/bin/pip install --no-cache-dir --only-binary :all: \
      --extra-index-url https://download.pytorch.org/whl/cpu -c constraints.txt torch \
 && /opt/mapsight/bin/pip wheel --no-cache-dir --no-deps -w /wheels . \
 && /opt/mapsight/bin/pip install --no-cache-dir --only-binary :all: -c constraints.txt \
      "$(ls /wheels/*.whl)[web,gather,export]"

FROM python:3.12-slim
COPY --from=build /opt/mapsight /opt/mapsight
RUN useradd --create-home --uid 1000 mapper
ENV PATH=/opt/mapsight/bin:$PATH MPLBACKEND=agg
USER 1000
WORKDIR /data
ENTRYPOINT ["mapsight"]
CMD ["--help"]
