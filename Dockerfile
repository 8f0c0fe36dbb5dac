# Torchlight in a container. CPU by default; for a GPU:
#   docker build --build-arg BASE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
# With --build-arg WARM=first (or all) the stories are trained while the image is built, and the first visitor waits for nothing.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG WARM=none

RUN apt-get update \
 && apt-get install -y --no-install-recommends tini python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 torchlight \
 && mkdir /data && chown torchlight /data

WORKDIR /app
COPY requirements.txt ./
RUN python3 -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" -r requirements.txt
COPY app.py pyproject.toml README.md ./
COPY .streamlit ./.streamlit
COPY models ./models
COPY state ./state
COPY pages ./pages

USER torchlight
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 TORCHLIGHT_HOME=/data/torchlight TORCHLIGHT_DRAIN=1 TORCHLIGHT_PUBLIC=1
RUN if [ "${WARM}" = first ]; then python -m state warm; elif [ "${WARM}" = all ]; then python -m state warm --all; fi
VOLUME /data
EXPOSE 8501
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s \
  CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"
# tini hands SIGTERM on; the server then has every run write a checkpoint (TORCHLIGHT_DRAIN) and leaves.
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.headless", "true", "--server.address", "0.0.0.0", "--server.port", "8501"]
