#include "tests/fault/looker.h"

#include <chrono>
#include <utility>

namespace hooke::fault {

Looker::Looker(std::shared_ptr<grpc::Channel> channel, std::string run)
    : runs_(v1::ExperimentService::NewStub(channel)),
      queries_(v1::QueryService::NewStub(channel)),
      run_(std::move(run)) {}

template <class Call>
void Looker::ask(const char* name, Call call) {
  using Clock = std::chrono::steady_clock;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto begun = Clock::now();
  const grpc::Status status = call(&context);
  times_ms_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
  ++answers;
  if (!status.ok() && wrong.empty()) wrong = std::string(name) + ": " + status.error_message();
}

void Looker::look() {
  ask("ListRuns", [&](grpc::ClientContext* context) {
    v1::ListRunsRequest request;
    request.set_parent("experiments/-");
    v1::ListRunsResponse response;
    return runs_->ListRuns(context, request, &response);
  });
  ask("ListSeries", [&](grpc::ClientContext* context) {
    v1::ListSeriesRequest request;
    request.set_run(run_);
    v1::ListSeriesResponse response;
    return queries_->ListSeries(context, request, &response);
  });
  v1::GetSeriesRequest request;
  request.set_run(run_);
  request.add_keys("train/loss");
  request.add_keys("train/accuracy");
  request.set_points(1000);
  v1::GetSeriesResponse response;
  ask("GetSeries",
      [&](grpc::ClientContext* context) { return queries_->GetSeries(context, request, &response); });
  // Each record holds a value of both.
  if (wrong.empty() &&
      (response.columns_size() != 2 || response.columns(0).count() != response.columns(1).count()))
    wrong = "GetSeries showed half of a transaction";
  ask("GetInfluence", [&](grpc::ClientContext* context) {
    v1::GetInfluenceRequest influence;
    influence.set_parent(run_);
    influence.set_measure("kl");
    v1::GetInfluenceResponse answer;
    return queries_->GetInfluence(context, influence, &answer);
  });
}

bool Looker::sees_all() {
  look();
  answers = 0;
  times_ms_.clear();
  return std::exchange(wrong, "").empty();
}

std::vector<double> Looker::take_times_ms() {
  return std::exchange(times_ms_, {});
}

}  // namespace hooke::fault
