# One image for all processes: web, worker, scheduler, and the commands. compose.yaml starts them.
FROM debian:trixie-slim
ARG EXTRAS=""
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json DATABASE_URL=sqlite:////data/starboard.db
# hadolint ignore=DL3008
RUN apt-get update -q && apt-get install -qy --no-install-recommends ca-certificates passwd python3-venv && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home starboard && install -d -o starboard -m 700 /data
WORKDIR /app
COPY requirements.txt ./
# hadolint ignore=SC2086
RUN python3 -m venv /opt/venv && pip install --no-cache-dir -r requirements.txt ${EXTRAS}
COPY . .
USER 10001
VOLUME /data
EXPOSE 8000
CMD ["sh", "-c", "exec env PROMETHEUS_MULTIPROC_DIR=\"${PROMETHEUS_MULTIPROC_DIR:-$(mktemp -d)}\" granian --interface wsgi --no-ws --factory --host \"${BIND:-0.0.0.0}\" --port \"${PORT:-8000}\" --workers \"${WEB_CONCURRENCY:-1}\" --blocking-threads 4 --log-config monitoring/logging.json --workers-kill-timeout 5 --respawn-failed-workers app:create_app"]
