# hooke-worker and hooke-trainer for NVIDIA GPUs, the trainer with a LibTorch that has CUDA. From the checkout's root:
#   docker build -f deploy/docker/worker.Dockerfile -t hooke/worker .
# CUDA and LIBTORCH belong together; others: --build-arg CUDA=… --build-arg LIBTORCH=…
ARG CUDA=12.6.3

FROM nvidia/cuda:${CUDA}-cudnn-devel-ubuntu24.04 AS build
ARG LIBTORCH=https://download.pytorch.org/libtorch/cu126/libtorch-cxx11-abi-shared-with-deps-2.6.0%2Bcu126.zip
WORKDIR /src
COPY deploy/packages.txt deploy/packages.txt
# Ubuntu's packages have Debian's names.
RUN sed -n '/^# build/,/^# tests/p' deploy/packages.txt | sed 's/#.*//' | grep -v libtorch > /packages \
 && apt-get update \
 && xargs -a /packages apt-get install -y --no-install-recommends curl ca-certificates unzip \
 && rm -rf /var/lib/apt/lists/*
RUN curl -fsSL -o /libtorch.zip "${LIBTORCH}" && unzip -q /libtorch.zip -d /opt && rm /libtorch.zip
COPY . .
RUN cmake --preset release -DHOOKE_COMPONENTS="trainer;client" -DHOOKE_TESTS=OFF \
      -DCMAKE_PREFIX_PATH=/opt/libtorch -DCMAKE_INSTALL_RPATH=/opt/libtorch/lib \
 && cmake --build --preset release --parallel "$(nproc)" \
 && cpack --config build/release/CPackConfig.cmake -B /packages.d -D CPACK_COMPONENTS_ALL="hooke;hooke-worker" \
 && cmake --install build/release --prefix /out --component hooke-trainer

# What is in base comes along with LibTorch's archive: cuBLAS, cuDNN and the like.
FROM nvidia/cuda:${CUDA}-base-ubuntu24.04
COPY --from=build /packages.d /packages.d
# A user id that volumes and secrets can be given to.
RUN useradd --system --uid 971 --user-group --home-dir /var/lib/hooke-worker hooke-worker \
 && apt-get update \
 && apt-get install -y --no-install-recommends /packages.d/*.deb libgomp1 zlib1g \
 && rm -rf /var/lib/apt/lists/* /packages.d
COPY --from=build /opt/libtorch/lib /opt/libtorch/lib
COPY --from=build /out/bin/hooke-trainer /usr/bin/hooke-trainer
USER hooke-worker
VOLUME /var/lib/hooke-worker
ENV HOOKE_WORKER_SPOOL=/var/lib/hooke-worker/spool HOOKE_WORKER_DATA_ROOT=/var/lib/hooke-worker/data
# Ends with a checkpoint on SIGTERM, docker stop's signal: give it time, as in docker stop --time 90.
ENTRYPOINT ["hooke-worker"]
