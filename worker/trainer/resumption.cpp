#include "worker/trainer/resumption.h"

#include <ostream>

#include "proto/hooke/error.h"

namespace hooke::trainer {
std::optional<Resumption> read_first(const std::vector<std::filesystem::path>& files, const ServerHas& server,
                                     std::ostream& log) {
  for (const auto& file : files) {
    try {
      Resumption resumption{file, read_checkpoint(file), {}};
      if (server.record) {
        const auto spool = file.parent_path() / spool::kFileName;
        resumption.resend = find_resend(spool, *server.record, resumption.checkpoint.record, server.step);
      }
      return resumption;
    } catch (const Error& error) {
      log << "hooke-trainer: " << describe(error) << std::endl;
    }
  }
  return std::nullopt;
}

}  // namespace hooke::trainer
