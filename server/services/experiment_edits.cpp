// What is noted of experiments and runs: tags, notes, whether they are archived; and deleting them.
#include "server/query/find.h"
#include "server/services/experiment_service.h"
#include "server/services/submit.h"
#include "server/storage/experiments.h"
#include "server/storage/runs.h"

namespace hooke::services {
namespace {

using storage::Transaction;

constexpr std::size_t kMostNoteBytes = 64 << 10;

// Runs `work(transaction, resource)` on the run or experiment as it is then.
template <class Work>
auto edit(storage::Writer& writer, const std::string& name, Work work) {
  return writer.run(
      [&](Transaction& transaction) { return work(transaction, query::lookup(transaction, name, "name")); });
}

storage::Pairs update_tags(Transaction& transaction, const query::Resource& resource,
                           const storage::Pairs& set, const std::vector<std::string>& remove) {
  storage::Pairs tags;
  if (const auto* run = std::get_if<storage::Run>(&resource)) {
    storage::update_run_tags(transaction, run->id, set, remove);
    tags = storage::find_run(transaction, run->id)->tags;
  } else {
    const auto id = std::get<storage::Experiment>(resource).id;
    storage::update_experiment_tags(transaction, id, set, remove);
    tags = storage::find_experiment(transaction, id)->tags;
  }
  if (tags.size() > kMostPairs)
    throw invalid(
        "set", "would make " + std::to_string(tags.size()) + " tags; at most " + std::to_string(kMostPairs));
  return tags;
}

v1::DeleteResponse answer_of(const scheduling::Deleted& deleted) {
  v1::DeleteResponse response;
  response.set_runs(static_cast<std::int32_t>(deleted.runs));
  response.set_points(deleted.points);
  response.set_bytes(deleted.bytes);
  return response;
}

}  // namespace

grpc::Status ExperimentService::UpdateTags(grpc::ServerContext* context, const v1::UpdateTagsRequest* request,
                                           v1::UpdateTagsResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/UpdateTags", [&](const access::Caller&) {
    check_pairs("set", request->set());
    if (request->remove_size() > kMostPairs)
      throw invalid("remove", std::to_string(request->remove_size()) + " keys are too many; at most " +
                                  std::to_string(kMostPairs));
    for (const std::string& key : request->remove())
      if (request->set().contains(key)) throw invalid("remove", "'" + key + "' is set, too; give it once");
    const storage::Pairs set(request->set().begin(), request->set().end());
    const std::vector<std::string> remove(request->remove().begin(), request->remove().end());
    const auto tags =
        edit(writer_, request->name(), [&](Transaction& transaction, const query::Resource& resource) {
          return update_tags(transaction, resource, set, remove);
        });
    response->mutable_tags()->insert(tags.begin(), tags.end());
  });
}

grpc::Status ExperimentService::UpdateNote(grpc::ServerContext* context, const v1::UpdateNoteRequest* request,
                                           v1::UpdateNoteResponse*) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/UpdateNote", [&](const access::Caller&) {
    if (request->note().size() > kMostNoteBytes)
      throw invalid("note", "has " + std::to_string(request->note().size()) + " bytes; at most " +
                                std::to_string(kMostNoteBytes));
    edit(writer_, request->name(), [&](Transaction& transaction, const query::Resource& resource) {
      if (const auto* run = std::get_if<storage::Run>(&resource))
        storage::update_run_note(transaction, run->id, request->note());
      else
        storage::update_experiment_note(transaction, std::get<storage::Experiment>(resource).id,
                                        request->note());
    });
  });
}

grpc::Status ExperimentService::Archive(grpc::ServerContext* context, const v1::ArchiveRequest* request,
                                        v1::ArchiveResponse*) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/Archive", [&](const access::Caller&) {
    edit(writer_, request->name(), [&](Transaction& transaction, const query::Resource& resource) {
      if (const auto* run = std::get_if<storage::Run>(&resource))
        storage::archive_run(transaction, run->id, !request->undo());
      else
        storage::archive_experiment(transaction, std::get<storage::Experiment>(resource).id,
                                    !request->undo());
    });
  });
}

grpc::Status ExperimentService::DeleteRun(grpc::ServerContext* context, const v1::DeleteRunRequest* request,
                                          v1::DeleteResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/DeleteRun", [&](const access::Caller&) {
    const auto run = [&] {
      auto snapshot = readers_.snapshot();
      return query::find_run(snapshot, request->name(), "name");
    }();
    const auto stop = [context] { return context->IsCancelled(); };
    *response = answer_of(request->validate_only() ? deletion_.plan(run) : deletion_.remove(run, stop));
  });
}

grpc::Status ExperimentService::DeleteExperiment(grpc::ServerContext* context,
                                                 const v1::DeleteExperimentRequest* request,
                                                 v1::DeleteResponse* response) {
  return gate_.run(
      *context, "/hooke.v1.ExperimentService/DeleteExperiment", [&](const access::Caller& caller) {
        const auto experiment = [&] {
          auto snapshot = readers_.snapshot();
          return query::find_experiment(snapshot, request->name(), "name");
        }();
        const auto stop = [context] { return context->IsCancelled(); };
        *response = answer_of(request->validate_only() ? deletion_.plan(experiment)
                                                       : deletion_.remove(experiment, caller.owner, stop));
      });
}

}  // namespace hooke::services
