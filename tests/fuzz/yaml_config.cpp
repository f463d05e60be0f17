// Configurations as users write them: YAML to a RunConfig. What is valid survives its canonical form, and the
// trainer, which has a parser of its own, takes it.
#include "proto/hooke/yaml_config.h"

#include <google/protobuf/util/message_differencer.h>

#include "proto/hooke/run_config.h"
#include "tests/fuzz/target.h"
#include "worker/training/config.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  const std::string text(input.until('\0'));
  fuzz::allowed({Code::kInvalidArgument, Code::kUnimplemented}, [&] {
    v1::RunConfig config = parse_config(text, "fuzz.yaml");
    const std::string path(input.until('\0')), value(input.rest());
    if (!path.empty()) set_field(config, path, value);
    const v1::RunConfig whole = complete(config);
    const std::string json = canonical_json(whole);
    fuzz::check(google::protobuf::util::MessageDifferencer::Equals(parse_config(json, "canonical"), whole),
                "a configuration is not what its canonical form says");
    fuzz::check(canonical_json(complete(whole)) == json, "completing twice is not completing once");
    // A worker may refuse what this build cannot do, but it must understand it.
    fuzz::allowed({Code::kUnimplemented}, [&] { training::parse_config(json); });
  });
}
