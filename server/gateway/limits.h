// Every limit of the gateway, in one place.
#pragma once

#include <chrono>
#include <cstddef>

#include "proto/hooke/channel.h"

namespace hooke::gateway {

struct Limits {
  // Connections that are open; one more is told so and closed.
  std::size_t connections = 1000;
  // Unary calls and streams that are being served, each with room of their own: streams that are open
  // for hours leave the calls' places alone.
  std::size_t calls = 64;
  std::size_t streams = 180;
  // Bodies above small_body_bytes that are being read at a time.
  std::size_t large_bodies = 16;
  std::size_t small_body_bytes = 64 << 10;
  std::size_t head_bytes = 16 << 10;
  // Of a message, compressed or not, in either encoding.
  std::size_t message_bytes = kMaxRequestBytes;

  // Each is the time for the whole, however the bytes trickle.
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds idle{75'000};  // between two requests
  std::chrono::milliseconds head{10'000};
  std::chrono::milliseconds body{30'000};   // of a unary call; of each piece of a stream
  std::chrono::milliseconds write{30'000};  // of an answer, or of one message of a stream
  // A unary call without a deadline of its own.
  std::chrono::milliseconds call{600'000};
  // Each call that /metrics is made of.
  std::chrono::milliseconds metrics{10'000};
  // How often callers are looked after who may have gone.
  std::chrono::milliseconds watch{500};
};

}  // namespace hooke::gateway
