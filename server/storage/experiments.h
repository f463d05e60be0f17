// Experiments and their tags: records and SQL. A Snapshot reads, a Transaction writes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

struct NewExperiment {
  std::string name;
  std::string submitter;
  Pairs tags;
  TimeUs create_us = 0;
};

struct Experiment {
  ExperimentId id;
  std::string name;
  std::string submitter;
  std::string note;
  bool archived = false;
  TimeUs create_us = 0;
  Pairs tags;
};

// Stores an experiment under its name, or under name-2, name-3, … when that is taken; says which.
Experiment insert_experiment(Transaction& transaction, const NewExperiment& experiment);

std::optional<Experiment> find_experiment(Snapshot& snapshot, ExperimentId id);
std::optional<Experiment> find_experiment(Snapshot& snapshot, std::string_view name);

std::int64_t count_experiments(Snapshot& snapshot);

// Each replaces what was there. Throw kNotFound.
void update_experiment_tags(Transaction& transaction, ExperimentId id, const Pairs& set,
                            const std::vector<std::string>& remove);
void update_experiment_note(Transaction& transaction, ExperimentId id, const std::string& note);
void archive_experiment(Transaction& transaction, ExperimentId id, bool archived);

}  // namespace hooke::storage
