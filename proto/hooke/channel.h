// What server and clients must agree on about their connections. Standard library only.
#pragma once

namespace hooke {

// Both sides ping a quiet connection this often, and give up without an answer after the timeout.
// A server refuses clients that ping more often than its minimum, which is five minutes unless told.
inline constexpr int kKeepaliveTimeMs = 30'000;
inline constexpr int kKeepaliveTimeoutMs = 10'000;
inline constexpr int kMinPingIntervalMs = 10'000;

// Messages are kept below gRPC's default limit of 4 MiB, so that any client can read them; the
// server takes a little more, since a worker's 4 MiB of records come in an envelope.
inline constexpr int kMaxMessageBytes = 4 << 20;
inline constexpr int kMaxRequestBytes = kMaxMessageBytes + (64 << 10);

// Metadata keys. A token travels as "authorization: Bearer TOKEN"; every call of a client of ours and every
// answer begins with the caller's and the server's version.
inline constexpr const char* kAuthorizationKey = "authorization";
inline constexpr const char* kBearer = "Bearer ";
inline constexpr const char* kVersionKey = "hooke-version";
// Whom the gateway calls for, "127.0.0.1:50412". For the log alone, and heeded from the gateway alone.
inline constexpr const char* kCallerKey = "hooke-caller";

}  // namespace hooke
