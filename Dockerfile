# stem-cli on a CPU. Not built by us so far: the machines this was made on have no container engine.
#
#   docker build -t stem-cli .
#   docker run --rm -v "$PWD:/music" stem-cli separate song.mp3
#
# The cache and the database live in /data; give it a volume to keep them: -v stem-data:/data
#
# With an NVIDIA GPU (from the release that brings Demucs on): start from
# nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04 with python3 and python3-venv from apt, install "stem-cli[demucs]"
# without the constraint on torch, and run with --gpus all.
FROM python:3.11-slim

COPY pyproject.toml README.md LICENSE /src/
COPY configs /src/configs
COPY stem_cli /src/stem_cli
RUN pip install --no-cache-dir --constraint /src/configs/constraints.txt /src && rm -rf /src

ENV STEM_DATA_DIR=/data STEM_CACHE_DIR=/data/cache
VOLUME /data
WORKDIR /music
ENTRYPOINT ["stem"]
CMD ["--help"]
