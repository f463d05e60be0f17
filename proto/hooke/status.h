// hooke::Error as a gRPC status and back, with error details: which field, and what is wrong.
#pragma once

#include <grpcpp/support/status.h>

#include <exception>
#include <optional>
#include <string>

#include "proto/hooke/error.h"

namespace hooke {

// A status with google.rpc.BadRequest details when the error names a field, and with
// google.rpc.ErrorInfo (domain "hooke", the reason) when `reason` is given, as "RUN_CANCELLED".
grpc::Status to_status(const Error& error, const std::string& reason = {});

// The exception that a handler let through: hooke::Error as above, anything else as INTERNAL.
grpc::Status to_status(const std::exception& error);

// The reverse. REQUIRES: !status.ok().
Error from_status(const grpc::Status& status);

// The reason of google.rpc.ErrorInfo; empty without.
std::string reason_of(const grpc::Status& status);

}  // namespace hooke
