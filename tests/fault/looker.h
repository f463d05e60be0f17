// Looker: a person who looks at runs while workers write.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/query.grpc.pb.h"

namespace hooke::fault {

// Used from one thread.
class Looker {
 public:
  // `run`: resource name.
  Looker(std::shared_ptr<grpc::Channel> channel, std::string run);

  // Asks for the lists, a run's curves and its newest matrix, once.
  void look();
  // Whether every call has an answer; before anything is measured some are refused. Forgets them.
  bool sees_all();
  // Milliseconds of the calls since the last time that this was asked.
  std::vector<double> take_times_ms();

  int answers = 0;
  std::string wrong;  // the first answer that was

 private:
  template <class Call>
  void ask(const char* name, Call call);

  std::unique_ptr<v1::ExperimentService::Stub> runs_;
  std::unique_ptr<v1::QueryService::Stub> queries_;
  const std::string run_;
  std::vector<double> times_ms_;
};

}  // namespace hooke::fault
