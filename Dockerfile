# Attune as a server: `docker build -t attune . && docker run -p 7860:7860 -e ATTUNE_AUTH=me:password attune`
FROM python:3.12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends flite libflite1 libportaudio2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 attune

WORKDIR /app
# A cluster needs more: `web,voices,postgres,scale` (deploy/compose).
ARG EXTRAS=web,voices
COPY --chown=attune . .
# The CPU build of torch; leave the index out for the build with CUDA.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
    -c constraints.txt 'torch>=2.13,<2.14' -e ".[$EXTRAS]"

USER attune
# What the default model and voice are made of lies in the image: a container needs no network.
RUN python app.py doctor --fetch && python app.py reply --text Hello. --out /tmp/hello
ENV OMP_WAIT_POLICY=PASSIVE PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --start-period=60s \
    CMD python -c "import socket; socket.create_connection(('127.0.0.1', 7860), 5).close()"
# Stops with SIGTERM: answers under way are let finish first.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "app.py", "web", "--host", "0.0.0.0", "--port", "7860"]
CMD ["--hosts", "localhost"]
