// What the tests of storage, scheduling and ingest share: a database in a folder of its own, with tiny
// verbs. Real files, real fsyncs; time is a number that the test sets.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/storage/changes.h"
#include "server/storage/database.h"
#include "server/storage/experiments.h"
#include "server/storage/readers.h"
#include "server/storage/runs.h"
#include "server/storage/writer.h"
#include "tests/temp_folder.h"

namespace hooke::tests {

// Database, Writer and Readers on one folder.
struct Server {
  explicit Server(const std::filesystem::path& folder, storage::WriterOptions options = {})
      : database({folder, {}}),
        writer(database, changes, with_readers(std::move(options))),
        readers(database) {}

  template <class Work>
  auto write(Work work) {
    return writer.run(std::move(work));
  }
  template <class Work>
  auto read(Work work) {
    auto snapshot = readers.snapshot();
    return work(snapshot);
  }

  storage::WriterOptions with_readers(storage::WriterOptions options) {
    options.without_readers = [this](const std::function<void()>& work) { readers.while_closed(work); };
    return options;
  }

  storage::Changes changes;
  storage::Database database;
  storage::Writer writer;
  storage::Readers readers;
};

// The code of the hooke::Error that `work` throws; fails when there is none.
inline Code code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return Code::kUnknown;
}

inline storage::Experiment add_experiment(storage::Transaction& transaction, const std::string& name) {
  return storage::insert_experiment(transaction, {name, "ada", {}, 1000});
}

inline RunId add_run(storage::Transaction& transaction, ExperimentId experiment, const std::string& run_id) {
  storage::NewRun run;
  run.run_id = run_id;
  run.experiment = experiment;
  run.config_json = "{}";
  run.submitter = "ada";
  run.create_us = 1000;
  return storage::insert_run(transaction, run);
}

}  // namespace hooke::tests
