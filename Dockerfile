FROM python:3.12-slim

# For an NVIDIA GPU: --build-arg REQUIREMENTS=requirements-cuda.txt; for PostgreSQL: requirements-postgres.txt; for several
# machines on one database and one store of pictures: "requirements-postgres.txt requirements-s3.txt"
ARG REQUIREMENTS=requirements.txt
# Libraries that keep something between their runs keep it in /tmp, all that is writable beside the data (compose.yaml).
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /srv/leukolens
# LightGBM's wheel brings no OpenMP; a security fix of it should come by itself, so it is not pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt requirements-cuda.txt requirements-postgres.txt requirements-s3.txt requirements-ray.txt ./
RUN for file in $REQUIREMENTS; do pip install --require-hashes -r "$file" || exit 1; done

COPY app app
COPY smear smear
COPY models models
COPY templates templates
COPY static static
COPY wsgi.py LICENSE ./

# The database, the images and the secret key: mount a volume here.
RUN useradd --no-log-init --uid 10001 --home-dir /srv/leukolens --shell /usr/sbin/nologin leukolens \
    && mkdir /data && chown leukolens:leukolens /data && chmod 700 /data
ENV LEUKOLENS_INSTANCE_DIR=/data \
    LEUKOLENS_HOST=0.0.0.0
VOLUME /data
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('LEUKOLENS_PORT', '8000') + '/health/ready', timeout=4)"]
CMD ["sh", "-c", "flask --app wsgi init && exec flask --app wsgi serve"]
