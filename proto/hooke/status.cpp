#include "proto/hooke/status.h"

#include "google/rpc/details.pb.h"

namespace hooke {
namespace {

constexpr const char* kDomain = "hooke";

std::optional<google::rpc::Status> details_of(const grpc::Status& status) {
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) return std::nullopt;
  return details;
}

}  // namespace

grpc::Status to_status(const Error& error, const std::string& reason) {
  const std::string message = describe(error);
  const auto code = static_cast<grpc::StatusCode>(error.code());
  if (error.field().empty() && reason.empty()) return {code, message};
  google::rpc::Status details;
  details.set_code(static_cast<int>(code));
  details.set_message(message);
  if (!error.field().empty()) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(error.field());
    violation->set_description(error.what());
    details.add_details()->PackFrom(bad);
  }
  if (!reason.empty()) {
    google::rpc::ErrorInfo info;
    info.set_reason(reason);
    info.set_domain(kDomain);
    details.add_details()->PackFrom(info);
  }
  return {code, message, details.SerializeAsString()};
}

grpc::Status to_status(const std::exception& error) {
  if (const auto* own = dynamic_cast<const Error*>(&error)) return to_status(*own);
  return {grpc::StatusCode::INTERNAL, error.what()};
}

Error from_status(const grpc::Status& status) {
  const auto code = static_cast<Code>(status.error_code());
  if (const auto details = details_of(status)) {
    for (const auto& detail : details->details()) {
      google::rpc::BadRequest bad;
      if (detail.UnpackTo(&bad) && bad.field_violations_size() > 0)
        return Error(code, bad.field_violations(0).description(), bad.field_violations(0).field());
    }
  }
  return Error(code, status.error_message());
}

std::string reason_of(const grpc::Status& status) {
  if (const auto details = details_of(status)) {
    for (const auto& detail : details->details()) {
      google::rpc::ErrorInfo info;
      if (detail.UnpackTo(&info)) return info.reason();
    }
  }
  return {};
}

}  // namespace hooke
