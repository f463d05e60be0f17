#include "server/access/methods.h"

#include <algorithm>
#include <array>

namespace hooke::access {
namespace {

using storage::Role;

constexpr Method kMethods[] = {
    {"/hooke.v1.ExperimentService/CheckConfig", Role::kRead},
    {"/hooke.v1.ExperimentService/SubmitExperiment", Role::kSubmit},
    {"/hooke.v1.ExperimentService/GetExperiment", Role::kRead},
    {"/hooke.v1.ExperimentService/ListExperiments", Role::kRead},
    {"/hooke.v1.ExperimentService/GetRun", Role::kRead},
    {"/hooke.v1.ExperimentService/ListRuns", Role::kRead},
    {"/hooke.v1.ExperimentService/Lookup", Role::kRead},
    {"/hooke.v1.ExperimentService/CancelRun", Role::kSubmit},
    {"/hooke.v1.ExperimentService/RetryRun", Role::kSubmit},
    {"/hooke.v1.ExperimentService/ExtendRun", Role::kSubmit},
    {"/hooke.v1.ExperimentService/UpdateTags", Role::kSubmit},
    {"/hooke.v1.ExperimentService/UpdateNote", Role::kSubmit},
    {"/hooke.v1.ExperimentService/Archive", Role::kSubmit},
    {"/hooke.v1.ExperimentService/DeleteRun", Role::kSubmit},
    {"/hooke.v1.ExperimentService/DeleteExperiment", Role::kSubmit},
    {"/hooke.v1.ExperimentService/WatchRuns", Role::kRead},
    {"/hooke.v1.ExperimentService/ImportSeries", Role::kSubmit},
    {"/hooke.v1.ExperimentService/ListWorkers", Role::kRead},
    {"/hooke.v1.ExperimentService/UpdateSlurmJobs", Role::kSubmit},
    {"/hooke.v1.WorkerService/Lease", Role::kWorker},
    {"/hooke.v1.WorkerService/Heartbeat", Role::kWorker},
    {"/hooke.v1.WorkerService/Stream", Role::kWorker},
    {"/hooke.v1.WorkerService/Finish", Role::kWorker},
    {"/hooke.v1.QueryService/ListSeries", Role::kRead},
    {"/hooke.v1.QueryService/GetSeries", Role::kRead},
    {"/hooke.v1.QueryService/GetInfluence", Role::kRead},
    {"/hooke.v1.QueryService/GetInfluenceDifference", Role::kRead},
    {"/hooke.v1.QueryService/GetUpdateSizes", Role::kRead},
    {"/hooke.v1.QueryService/GetPairs", Role::kRead},
    {"/hooke.v1.QueryService/GetPhases", Role::kRead},
    {"/hooke.v1.QueryService/CompareRuns", Role::kRead},
    {"/hooke.v1.QueryService/Tail", Role::kRead},
    {"/hooke.v1.QueryService/ExportRun", Role::kRead},
    {"/hooke.v1.AdminService/GetStatistics", Role::kRead},
    {"/hooke.v1.AdminService/Backup", Role::kAdmin},
    {"/hooke.v1.AdminService/CollectGarbage", Role::kAdmin},
    {"/hooke.v1.AdminService/Verify", Role::kAdmin},
    {"/hooke.v1.AdminService/ReadRecords", Role::kAdmin},
    {"/hooke.v1.AccessService/CreateToken", Role::kAdmin},
    {"/hooke.v1.AccessService/ListTokens", Role::kAdmin},
    {"/hooke.v1.AccessService/RevokeToken", Role::kAdmin},
    {"/hooke.v1.AccessService/WhoAmI", Role::kRead, /*any_role=*/true},
    {"/grpc.health.v1.Health/Check", std::nullopt},
    {"/grpc.health.v1.Health/Watch", std::nullopt},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role::kRead},
};

}  // namespace

std::span<const Method> methods() {
  return kMethods;
}

const Method* find_method(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const Method& m) { return m.name == name; });
  return found == std::end(kMethods) ? nullptr : found;
}

const char* name_of(Role role) {
  switch (role) {
    case Role::kRead:
      return "read";
    case Role::kWorker:
      return "worker";
    case Role::kSubmit:
      return "submit";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::optional<Role> role_of(std::string_view name) {
  for (const Role role : {Role::kRead, Role::kWorker, Role::kSubmit, Role::kAdmin})
    if (name == name_of(role)) return role;
  return std::nullopt;
}

bool includes(storage::Role has, storage::Role needed) {
  return has == Role::kAdmin || has == needed || (has == Role::kSubmit && needed == Role::kRead);
}

bool allows(const Method& method, storage::Role has) {
  return method.any_role || includes(has, *method.role);
}

}  // namespace hooke::access
