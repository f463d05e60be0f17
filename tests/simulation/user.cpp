#include "tests/simulation/user.h"

#include "server/storage/runs.h"

namespace hooke::simulation {

void User::start() {
  submits_.emplace(submit_runs());
  submits_->start();
  looks_.emplace(look_after_runs());
  looks_->start();
}

std::string User::waits_for() const {
  std::string names = submitting_ ? "a submit" : "";
  for (const std::string& run : waiting_) names += (names.empty() ? "" : ", ") + run;
  return names;
}

scheduling::SubmitRequest User::new_request() {
  const Plan plan{world_.random.between(1, 30) * world_.random.between(1, 8), world_.random.between(1, 4),
                  world_.random.between(1, 10)};
  scheduling::SubmitRequest request;
  request.request_id = std::to_string(world_.random.next());
  request.name = "experiment";
  request.submitter = "ada";
  request.max_attempts = 1'000'000;
  const auto runs = 1 + world_.random.below(2);
  for (std::uint64_t i = 0; i < runs; ++i) request.runs.push_back({plan.json(), 0, {}});
  return request;
}

// There is always something to do in a storm.
Task<> User::submit_runs() {
  while (world_.is_stormy()) {
    if (waiting_.size() < 3) {
      submitting_ = true;
      const auto request = new_request();
      while (submitting_) {
        try {
          auto call =
              network_.call<std::vector<std::string>>(process_, link_is_down_, [request](Server& server) {
                std::vector<std::string> names;
                for (const auto& run : server.queue.submit(request).runs) names.push_back(run.run_id);
                return names;
              });
          const auto submitted = co_await call;
          for (const std::string& run : submitted) {
            model_.exists(run, Plan::from(request.runs[0].config_json));
            runs_.insert(run);
            waiting_.insert(run);
          }
          submitting_ = false;
        } catch (const Error&) {  // the same again
        }
        co_await process_.pause(kSecond / 2);
      }
    }
    co_await process_.pause(kSecond);
  }
}

Task<> User::look_after_runs() {
  while (true) {
    const auto waiting = waiting_;
    for (const std::string& run : waiting) {
      co_await process_.pause(kSecond / 2);
      co_await look_after(run);
    }
    co_await process_.pause(kSecond);
  }
}

Task<> User::look_after(const std::string& run) {
  const bool wants_to_cancel = world_.is_stormy() && world_.random.one_in(60);
  try {
    auto ask =
        network_.call<storage::RunState>(process_, link_is_down_, [run, wants_to_cancel](Server& server) {
          if (wants_to_cancel) return server.queue.cancel(run, "ada").state;
          auto snapshot = server.readers.snapshot();
          return storage::find_run(snapshot, run)->state;
        });
    const auto state = co_await ask;
    if (state == storage::RunState::kSucceeded) waiting_.erase(run);
    if (state == storage::RunState::kSucceeded || !storage::is_final(state)) co_return;
    co_await process_.pause(world_.random.between(0, 5 * kSecond));
    auto call = network_.call<storage::RunState>(
        process_, link_is_down_, [run](Server& server) { return server.queue.retry(run, "ada").state; });
    co_await call;
  } catch (const Error&) {  // another time
  }
}

}  // namespace hooke::simulation
