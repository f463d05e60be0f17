#include "server/services/offline.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cctype>

#include "proto/hooke/run_config.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::services {
namespace {

constexpr const char* kConfigField = "offline.config_json";

// In lower case.
std::string checked_uuid(std::string uuid) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  std::transform(uuid.begin(), uuid.end(), uuid.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool formed =
      std::equal(uuid.begin(), uuid.end(), kForm.begin(), kForm.end(), [](char c, char wanted) {
        return wanted == 'x' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c == wanted;
      });
  if (!formed)
    throw invalid("offline.uuid",
                  "'" + uuid.substr(0, 64) + "' is not a UUID, as 0f8fad5b-d9cb-469f-a165-70867728950e");
  return uuid;
}

v1::RunConfig checked_config(const std::string& json) {
  if (json.empty()) throw invalid(kConfigField, "is missing");
  try {
    return complete(parse_config(json, "the configuration"));
  } catch (const Error& error) {
    throw Error(error.code(), describe(error), kConfigField);
  }
}

void check_experiment(v1::RunConfig config, const std::string& experiment) {
  if (experiment.empty()) return;
  config.set_name(experiment);
  try {
    complete(std::move(config));
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), "offline.experiment");
  }
}

// Compared as messages: a stored text may lack a default that this version has.
void check_same(const v1::RunConfig& given, const std::string& stored) {
  std::string differences;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&differences);
  if (differencer.Compare(complete(parse_config(stored, "the run")), given)) return;
  throw Error(Code::kFailedPrecondition,
              "the run of this UUID has another configuration (" +
                  differences.substr(0, differences.find('\n')) + ")",
              kConfigField);
}

}  // namespace

scheduling::SegmentRequest plan_segment(const v1::LeaseRequest& request, const std::string& caller) {
  const v1::OfflineSegment& offline = request.offline();
  if (request.request_id().empty()) throw invalid("request_id", "is missing");
  if (offline.segment() < 1)
    throw invalid("offline.segment", std::to_string(offline.segment()) + " is not allowed; at least 1");
  const v1::RunConfig config = checked_config(offline.config_json());
  check_experiment(config, offline.experiment());

  scheduling::SegmentRequest plan;
  plan.uuid = checked_uuid(offline.uuid());
  plan.segment = offline.segment();
  plan.worker = request.worker();
  plan.submitted = request.run();
  plan.experiment = offline.experiment();
  plan.new_name = config.name();
  plan.run = {canonical_json(config), config.training().seed(), {}};
  plan.submitter = caller;
  plan.check_config = [config](const std::string& stored) { check_same(config, stored); };
  return plan;
}

}  // namespace hooke::services
