# The speech server on port 8880, and every command. From the root of the project:
#   docker build -t storyflow .
#   docker run -p 127.0.0.1:8880:8880 -e STORYFLOW_LOCAL=1 -v storyflow:/data storyflow
#   docker run -v storyflow:/data storyflow models pull kokoro-v1.0-int8
FROM python:3.11-slim

WORKDIR /app

# The packages first: they change less often than the software. Django is for the pages of others, not for this server.
COPY backend/requirements.txt backend/requirements-audiobook.txt ./
COPY backend/engines/requirements.txt ./engines/
RUN sed -i '/^Django/d' requirements.txt && \
    pip install --no-cache-dir -r requirements.txt -r requirements-audiobook.txt -r engines/requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY backend/ ./backend/
RUN pip install --no-cache-dir --no-deps . && rm -r /app/*

# All that is written, by whatever user the container runs as: models, narrations, and the engine's own folder
RUN mkdir -p /data && chmod 1777 /data
ENV HOME=/data \
    XDG_DATA_HOME=/data \
    XDG_CONFIG_HOME=/data \
    MEDIA_ROOT=/data/media \
    STORYFLOW_MODELS_DIR=/data/models \
    STORYFLOW_CACHE_DIR=/data/cache \
    PORT=8880
WORKDIR /data
USER 1000:1000

EXPOSE 8880
HEALTHCHECK --interval=30s --timeout=10s --start-period=300s CMD ["python", "-m", "engines.scripts.healthcheck"]

ENTRYPOINT ["storyflow"]
CMD ["serve", "--host", "0.0.0.0"]
