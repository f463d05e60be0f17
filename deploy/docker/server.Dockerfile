# hooked and hooke alone, without LibTorch. From the checkout's root:
#   docker build -f deploy/docker/server.Dockerfile -t hooke/server .
FROM debian:12 AS build
WORKDIR /src
COPY deploy/packages.txt deploy/packages.txt
# What the server and the client need of the list: neither LibTorch nor what tests take.
RUN sed -n '/^# build/,/^# tests/p' deploy/packages.txt | sed 's/#.*//' | grep -v -e libtorch -e libopenblas > /packages \
 && apt-get update \
 && xargs -a /packages apt-get install -y --no-install-recommends nodejs npm \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release -DHOOKE_COMPONENTS="server;client" -DHOOKE_TESTS=OFF \
 && cmake --build --preset release --parallel "$(nproc)" \
 && cpack --config build/release/CPackConfig.cmake -B /packages.d

FROM debian:12-slim
COPY --from=build /packages.d/hooked_*.deb /packages.d/hooke_*.deb /tmp/
# A user id that volumes and secrets can be given to.
RUN useradd --system --uid 970 --user-group --home-dir /var/lib/hooke hooke \
 && apt-get update \
 && apt-get install -y --no-install-recommends /tmp/hooke_*.deb /tmp/hooked_*.deb \
 && rm -rf /var/lib/apt/lists/* /tmp/*.deb
USER hooke
VOLUME /var/lib/hooke
EXPOSE 7070 7071
# In a container the network in front of it is the operator's: hooked still asks for a certificate beyond loopback.
ENV HOOKED_DATA=/var/lib/hooke HOOKED_LISTEN=0.0.0.0:7070 HOOKED_HTTP=0.0.0.0:7071 \
    HOOKED_TLS_CERT=/run/secrets/hooke-tls-cert HOOKED_TLS_KEY=/run/secrets/hooke-tls-key HOOKED_LOG_FORMAT=json
HEALTHCHECK --interval=30s --timeout=5s \
  CMD ["hooke", "--server", "localhost:7070", "--ca", "/run/secrets/hooke-ca", "--token-file", "/var/lib/hooke/token", "server", "status"]
ENTRYPOINT ["hooked"]
