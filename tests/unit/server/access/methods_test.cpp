#include "server/access/methods.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>

#include "hooke/v1/access.pb.h"
#include "hooke/v1/admin.pb.h"
#include "hooke/v1/experiment.pb.h"
#include "hooke/v1/query.pb.h"
#include "hooke/v1/worker.pb.h"

namespace hooke::access {
namespace {

using storage::Role;

// Every method of every service file that the server serves.
std::set<std::string> methods_of_descriptors() {
  std::set<std::string> names;
  for (const auto* file : {v1::WhoAmIRequest::descriptor()->file(), v1::BackupRequest::descriptor()->file(),
                           v1::GetRunRequest::descriptor()->file(), v1::TailRequest::descriptor()->file(),
                           v1::LeaseRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m)
        names.insert("/" + service->full_name() + "/" + service->method(m)->name());
    }
  }
  return names;
}

TEST(Methods, EveryMethodOfTheContractIsInTheTable) {
  const auto all = methods_of_descriptors();
  EXPECT_GE(all.size(), 30u);
  for (const std::string& name : all) {
    const Method* method = find_method(name);
    ASSERT_NE(method, nullptr) << name << " is missing in server/access/methods.cpp";
    EXPECT_TRUE(method->role) << name << " is open without a token";
  }
}

TEST(Methods, TheTableHasNothingElseButHealthAndReflection) {
  const auto all = methods_of_descriptors();
  std::set<std::string> others;
  for (const Method& method : methods())
    if (!all.contains(std::string(method.name))) others.insert(std::string(method.name));
  EXPECT_THAT(others, testing::UnorderedElementsAre(
                          "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                          "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"));
}

TEST(Methods, OnlyHealthIsOpen) {
  for (const Method& method : methods())
    EXPECT_EQ(!method.role.has_value(), method.name.starts_with("/grpc.health.v1.Health/")) << method.name;
}

TEST(Methods, WhoeverIsLetInMayAskWhoHeIsAndNothingElse) {
  for (const Method& method : methods()) {
    EXPECT_EQ(method.any_role, method.name == "/hooke.v1.AccessService/WhoAmI") << method.name;
    if (!method.role) continue;
    EXPECT_EQ(allows(method, Role::kWorker), method.any_role || *method.role == Role::kWorker) << method.name;
  }
}

TEST(Methods, RolesIncludeWhatTheyShould) {
  for (const Role needed : {Role::kRead, Role::kWorker, Role::kSubmit, Role::kAdmin}) {
    EXPECT_TRUE(includes(Role::kAdmin, needed));
    EXPECT_TRUE(includes(needed, needed));
    EXPECT_EQ(includes(Role::kRead, needed), needed == Role::kRead);
    EXPECT_EQ(includes(Role::kWorker, needed), needed == Role::kWorker);
    EXPECT_EQ(includes(Role::kSubmit, needed), needed == Role::kSubmit || needed == Role::kRead);
  }
}

}  // namespace
}  // namespace hooke::access
