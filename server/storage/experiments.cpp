#include "server/storage/experiments.h"

#include "server/storage/limits.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

Pairs tags_of(Snapshot& snapshot, ExperimentId id) {
  Pairs tags;
  Statement rows(snapshot, "SELECT key, value FROM experiment_tags WHERE experiment_id = ?", id);
  while (rows.step()) tags.emplace(rows.text(0), rows.text(1));
  return tags;
}

// Columns: id, name, submitter, note, archived, create_us. Tags are read afterwards.
Experiment read_experiment(Statement& row) {
  Experiment experiment;
  experiment.id = {row.integer(0)};
  experiment.name = row.text(1);
  experiment.submitter = row.text(2);
  experiment.note = row.text(3);
  experiment.archived = row.boolean(4);
  experiment.create_us = row.integer(5);
  return experiment;
}

std::optional<Experiment> read_one(Snapshot& snapshot, Statement&& row) {
  if (!row.step()) return std::nullopt;
  Experiment experiment = read_experiment(row);
  experiment.tags = tags_of(snapshot, experiment.id);
  return experiment;
}

// A name that no experiment has: `wanted`, or the first free of wanted-2, wanted-3, ….
std::string free_name(Transaction& transaction, const std::string& wanted) {
  std::string name = wanted;
  for (int number = 2; number <= kMaxNameNumber; ++number) {
    Statement row(transaction, "SELECT 1 FROM experiments WHERE name = ?", name);
    if (!row.step()) return name;
    name = wanted + "-" + std::to_string(number);
  }
  throw Error(Code::kAlreadyExists, wanted + " and all its numbers are taken; give another name", "name");
}

void require(bool found) {
  if (!found) throw Error(Code::kNotFound, "there is no such experiment");
}

}  // namespace

Experiment insert_experiment(Transaction& transaction, const NewExperiment& wanted) {
  Experiment experiment;
  experiment.name = free_name(transaction, wanted.name);
  experiment.submitter = wanted.submitter;
  experiment.create_us = wanted.create_us;
  experiment.tags = wanted.tags;
  Statement row(transaction,
                "INSERT INTO experiments (name, submitter, create_us) VALUES (?, ?, ?) RETURNING id",
                experiment.name, experiment.submitter, experiment.create_us);
  row.step();
  experiment.id = {row.integer(0)};
  update_experiment_tags(transaction, experiment.id, wanted.tags, {});
  return experiment;
}

std::optional<Experiment> find_experiment(Snapshot& snapshot, ExperimentId id) {
  return read_one(snapshot, Statement(snapshot,
                                      "SELECT id, name, submitter, note, archived, create_us "
                                      "FROM experiments WHERE id = ?",
                                      id));
}

std::optional<Experiment> find_experiment(Snapshot& snapshot, std::string_view name) {
  return read_one(snapshot, Statement(snapshot,
                                      "SELECT id, name, submitter, note, archived, create_us "
                                      "FROM experiments WHERE name = ?",
                                      name));
}

std::int64_t count_experiments(Snapshot& snapshot) {
  Statement row(snapshot, "SELECT count(*) FROM experiments");
  row.step();
  return row.integer(0);
}

void update_experiment_tags(Transaction& transaction, ExperimentId id, const Pairs& set,
                            const std::vector<std::string>& remove) {
  require(find_experiment(transaction, id).has_value());
  for (const auto& key : remove)
    Statement(transaction, "DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?", id, key).run();
  for (const auto& [key, value] : set)
    Statement(transaction, "REPLACE INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)", id,
              key, value)
        .run();
}

void update_experiment_note(Transaction& transaction, ExperimentId id, const std::string& note) {
  require(Statement(transaction, "UPDATE experiments SET note = ? WHERE id = ?", note, id).run() > 0);
}

void archive_experiment(Transaction& transaction, ExperimentId id, bool archived) {
  require(Statement(transaction, "UPDATE experiments SET archived = ? WHERE id = ?", archived, id).run() > 0);
}

}  // namespace hooke::storage
