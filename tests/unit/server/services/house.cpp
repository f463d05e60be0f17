#include "tests/unit/server/services/house.h"

#include <fstream>

#include "proto/hooke/run_config.h"

namespace hooke::services {
namespace {

template <class T>
void append(std::string& bytes, const std::vector<T>& values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

Context::Context(const std::string& token, std::chrono::seconds deadline) {
  set_deadline(std::chrono::system_clock::now() + deadline);
  if (!token.empty()) AddMetadata("authorization", "Bearer " + token);
}

House::House(bool auth, AppOptions options) {
  std::string name = testing::TempDir() + "hooke-house-XXXXXX";
  folder_ = ::mkdtemp(name.data());
  options.listen = "127.0.0.1:0";
  options.http = "127.0.0.1:0";
  options.data = folder_;
  options.no_auth = !auth;
  app_ = std::make_unique<App>(options);
  channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(app_->grpc_port()),
                                 grpc::InsecureChannelCredentials());
  experiments = v1::ExperimentService::NewStub(channel_);
  workers = v1::WorkerService::NewStub(channel_);
  queries = v1::QueryService::NewStub(channel_);
  admin = v1::AdminService::NewStub(channel_);
  access = v1::AccessService::NewStub(channel_);
}

House::~House() {
  app_.reset();
  std::filesystem::remove_all(folder_);
}

std::string House::token() const {
  std::string token;
  std::ifstream(folder_ / "token") >> token;
  return token;
}

v1::RunConfig House::config() {
  v1::RunConfig config;
  config.mutable_data()->set_set(v1::DATA_SET_FASHION_MNIST);
  config.mutable_model()->set_type(v1::MODEL_TYPE_LINEAR);
  config.add_measures(v1::MEASURE_KL);
  config.add_measures(v1::MEASURE_LOSS);
  return config;
}

std::vector<std::string> House::submit(int seeds, const std::string& name) {
  static int number = 0;
  v1::SubmitExperimentRequest request;
  request.set_request_id("submit-" + std::to_string(++number));
  *request.mutable_config() = config();
  request.set_experiment_id(name);
  for (int seed = 0; seed < seeds; ++seed) request.add_seeds(seed);
  v1::SubmitExperimentResponse response;
  Context context;
  const auto status = experiments->SubmitExperiment(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  std::vector<std::string> ids;
  for (const auto& run : response.runs()) ids.push_back(run.run_id());
  return ids;
}

v1::LeaseGrant House::lease(const std::string& run) {
  static int number = 0;
  v1::LeaseRequest request;
  request.set_request_id("lease-" + std::to_string(++number));
  request.set_worker("worker");
  request.set_run(run);
  v1::LeaseResponse response;
  Context context;
  const auto status = workers->Lease(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.has_grant());
  return response.grant();
}

grpc::Status House::lease_segment(const std::string& uuid, int segment, v1::LeaseGrant& grant,
                                  const std::function<void(v1::LeaseRequest&)>& edit) {
  v1::LeaseRequest request;
  request.set_request_id("segment");
  request.set_worker("laptop");
  request.mutable_offline()->set_uuid(uuid);
  request.mutable_offline()->set_segment(segment);
  request.mutable_offline()->set_config_json(canonical_json(complete(config())));
  if (edit) edit(request);
  v1::LeaseResponse response;
  Context context;
  const auto status = workers->Lease(&context, request, &response);
  grant = response.grant();
  return status;
}

v1::Run House::run(const std::string& id) {
  v1::GetRunRequest request;
  request.set_name("experiments/-/runs/" + id);
  v1::Run run;
  Context context;
  const auto status = experiments->GetRun(&context, request, &run);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return run;
}

WorkerEnd::WorkerEnd(House& house, const v1::LeaseGrant& grant) : house_(house) {
  attempt_.set_run(grant.run());
  attempt_.set_attempt(grant.attempt());
  attempt_.set_token(grant.token());
  stream_ = house.workers->Stream(&context_);
  v1::StreamRequest open;
  *open.mutable_open() = attempt_;
  stream_->Write(open);
  v1::StreamResponse response;
  EXPECT_TRUE(stream_->Read(&response));
  last_ = response.committed_record();
}

v1::Record& WorkerEnd::add() {
  auto& record = *batch_.add_records();
  record.set_number(last_ + static_cast<std::uint64_t>(batch_.records_size()));
  return record;
}

WorkerEnd& WorkerEnd::start(std::int64_t total_steps, std::optional<std::int64_t> resume_step) {
  auto& start = *add().mutable_attempt_start();
  start.set_total_steps(total_steps);
  if (resume_step) start.set_resume_step(*resume_step);
  return *this;
}

WorkerEnd& WorkerEnd::start_segment(const std::string& uuid, int segment,
                                    std::uint64_t predecessor_last_record,
                                    std::optional<std::int64_t> resume_step) {
  start(10, resume_step);
  auto& offline =
      *batch_.mutable_records(batch_.records_size() - 1)->mutable_attempt_start()->mutable_offline();
  offline.set_uuid(uuid);
  offline.set_segment(segment);
  offline.set_predecessor_last_record(predecessor_last_record);
  return *this;
}

WorkerEnd& WorkerEnd::declare(const std::string& key, const std::vector<std::string>& classes,
                              std::int64_t eligible) {
  auto& series = *add().mutable_series_declaration();
  series.set_key(key);
  series.set_kind(v1::SERIES_KIND_MATRIX);
  series.mutable_class_names()->Add(classes.begin(), classes.end());
  for (std::size_t i = 0; i < classes.size() * classes.size(); ++i) series.add_eligible(eligible);
  series.set_description("test");
  return *this;
}

WorkerEnd& WorkerEnd::scalar(const std::string& key, std::int64_t step, double value) {
  auto& scalars = *add().mutable_scalars();
  scalars.set_step(step);
  scalars.set_time_us(1'700'000'000'000'000 + step);
  scalars.add_key(key);
  scalars.add_value(value);
  return *this;
}

WorkerEnd& WorkerEnd::matrix(const std::string& key, std::int64_t step, const std::vector<float>& means) {
  auto& matrix = *add().mutable_matrix();
  matrix.set_step(step);
  matrix.set_time_us(1'700'000'000'000'000 + step);
  matrix.set_key(key);
  std::vector<float> ratios = means;
  for (float& ratio : ratios) ratio *= 10;
  append(*matrix.mutable_planes(), means);
  append(*matrix.mutable_planes(), std::vector<float>(means.size(), 0.5F));
  append(*matrix.mutable_planes(), ratios);
  append(*matrix.mutable_planes(), std::vector<std::uint32_t>(2 * means.size(), 0));
  return *this;
}

WorkerEnd& WorkerEnd::declare_pairs(const std::string& key, const std::vector<std::string>& classes,
                                    int per_class) {
  declare(key, classes, static_cast<std::int64_t>(per_class) * per_class);
  auto& declaration = *batch_.mutable_records(batch_.records_size() - 1)->mutable_series_declaration();
  declaration.set_kind(v1::SERIES_KIND_PAIRS);
  declaration.set_per_class(per_class);
  pair_probes_ = classes.size() * static_cast<std::size_t>(per_class);
  return *this;
}

WorkerEnd& WorkerEnd::pairs(const std::string& key, std::int64_t step, int first,
                            const std::vector<float>& rows) {
  const std::vector<float> below(pair_probes_, 2);
  auto& point = *add().mutable_pairs();
  point.set_key(key);
  point.set_step(step);
  point.set_first_row(first);
  point.set_numerators(rows.data(), rows.size() * sizeof(float));
  point.set_denominators(below.data(), below.size() * sizeof(float));
  return *this;
}

WorkerEnd& WorkerEnd::probes(const std::vector<std::vector<std::int64_t>>& indices) {
  auto& provenance = *add().mutable_provenance();
  for (std::size_t c = 0; c < indices.size(); ++c) {
    auto& set = *provenance.add_probes();
    set.set_class_name(std::string(1, static_cast<char>('a' + c)));
    set.mutable_dataset_index()->Add(indices[c].begin(), indices[c].end());
  }
  return *this;
}

WorkerEnd& WorkerEnd::barrier(std::int64_t step) {
  add().mutable_barrier()->set_step(step);
  return *this;
}

WorkerEnd& WorkerEnd::succeed() {
  add().mutable_end()->set_state(v1::RUN_STATE_SUCCEEDED);
  return *this;
}

WorkerEnd& WorkerEnd::fail(const std::string& why) {
  auto& end = *add().mutable_end();
  end.set_state(v1::RUN_STATE_FAILED);
  end.mutable_reason()->set_kind(v1::REASON_KIND_EXCEPTION);
  end.mutable_reason()->set_message(why);
  return *this;
}

bool WorkerEnd::commit() {
  const std::uint64_t wanted = last_ + static_cast<std::uint64_t>(batch_.records_size());
  v1::StreamRequest request;
  request.mutable_batch()->Swap(&batch_);
  batch_.Clear();
  if (!stream_->Write(request)) return false;
  v1::StreamResponse response;
  while (last_ < wanted) {
    if (!stream_->Read(&response)) return false;
    last_ = response.committed_record();
  }
  return true;
}

grpc::Status WorkerEnd::close() {
  stream_->WritesDone();
  v1::StreamResponse response;
  while (stream_->Read(&response)) continue;
  return stream_->Finish();
}

grpc::Status WorkerEnd::finish(v1::Outcome outcome) {
  v1::FinishRequest request;
  *request.mutable_attempt() = attempt_;
  request.set_outcome(outcome);
  request.set_last_record(last_);
  v1::FinishResponse response;
  Context context;
  return house_.workers->Finish(&context, request, &response);
}

}  // namespace hooke::services
