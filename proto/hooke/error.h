// The one exception type of Hooke.
//
// An Error is thrown where the problem is seen and caught at an edge: once per RPC, per command,
// per run. There it is logged once and mapped once, to a gRPC status or an exit code.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace hooke {

// The canonical codes, with gRPC's numbers.
enum class Code {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

class Error : public std::runtime_error {
 public:
  // `message` says what is wrong and what to do; `field` names the offending field, as in
  // "training.lr", or is empty.
  Error(Code code, const std::string& message, std::string field = {})
      : std::runtime_error(message), code_(code), field_(std::move(field)) {}

  Code code() const { return code_; }
  const std::string& field() const { return field_; }

 private:
  Code code_;
  std::string field_;
};

// The value of a field is not allowed; `message` names the value and what is allowed.
inline Error invalid(std::string field, const std::string& message) {
  return Error(Code::kInvalidArgument, message, std::move(field));
}

// "training.lr: -1 is not allowed", or the message alone where there is no field.
inline std::string describe(const Error& error) {
  return error.field().empty() ? error.what() : error.field() + ": " + error.what();
}

}  // namespace hooke
