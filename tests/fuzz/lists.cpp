// The language of filters, orders and page tokens, on a database with a few runs: what parses is also
// understood by SQLite, and pages follow each other.
#include "server/query/lists.h"

#include "proto/hooke/run_config.h"
#include "server/storage/experiments.h"
#include "server/storage/runs.h"
#include "tests/fuzz/target.h"
#include "tests/unit/server/storage/temp_database.h"

using namespace hooke;

namespace {

constexpr TimeUs kNow = 1'700'000'000'000'000;

// Two experiments of two runs each.
struct House {
  House() : server(folder.path()) {
    server.write([](storage::Transaction& transaction) {
      for (const char* name : {"mnist", "cifar-2"}) {
        const auto experiment = storage::insert_experiment(transaction, {name, "ada", {{"team", "a"}}, kNow});
        for (int seed = 0; seed < 2; ++seed) {
          storage::NewRun run;
          run.run_id = std::string(name) + std::to_string(seed);
          run.experiment = experiment.id;
          run.config_json =
              R"({"name": "x", "training": {"lr": 0.1, "seed": 1}, "measures": ["kl", "loss"]})";
          run.submitter = "ada";
          run.create_us = kNow + seed;
          storage::insert_run(transaction, run);
        }
      }
    });
  }
  fuzz::Folder folder;
  hooke::tests::Server server;
};

template <class List, class Request>
void read_pages(const List& list, Request request) {
  for (int page = 0; page < 8; ++page) {
    const auto answer = list(request);
    if (answer.next_page_token().empty()) return;
    request.set_page_token(answer.next_page_token());
  }
  fuzz::check(false, "four runs have more than eight pages");
}

}  // namespace

// Zero bytes end the filter, the order, the parent; the rest is a page token. Without one all pages are read.
void fuzz::one_input(Input input) {
  static House house;
  const std::uint8_t choice = input.byte();
  const std::string filter(input.until('\0')), order(input.until('\0')), parent(input.until('\0'));
  fuzz::allowed({Code::kInvalidArgument, Code::kNotFound}, [&] {
    house.server.read([&](storage::Snapshot& snapshot) {
      const auto fill = [&](auto request) {
        request.set_filter(filter);
        request.set_order_by(order);
        request.set_page_size(choice >> 1);
        request.set_page_token(std::string(input.rest()));
        return request;
      };
      if (choice & 1)
        return read_pages(
            [&](const auto& request) { return query::list_experiments(snapshot, request, kNow); },
            fill(v1::ListExperimentsRequest()));
      auto request = fill(v1::ListRunsRequest());
      request.set_parent(parent.empty() ? "experiments/-" : parent);
      read_pages([&](const auto& one) { return query::list_runs(snapshot, one, kNow); }, request);
    });
  });
}
