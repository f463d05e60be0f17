#include "worker/trainer/resumption.h"

#include <ostream>

#include "proto/hooke/error.h"

namespace hooke::trainer {
namespace {

// Throws hooke::Error (kDataLoss) unless every record after `first` up to `last` can be read.
spool::Position find_records(const std::filesystem::path& spool, std::uint64_t first, std::uint64_t last) {
  spool::Reader reader(spool);
  if (!reader.skip_to(first)) {
    throw Error(Code::kDataLoss,
                spool.string() + " has no longer what follows record " + std::to_string(first),
                "--resend-after");
  }
  const spool::Position after = reader.position();
  if (!reader.skip_to(last)) {
    throw Error(Code::kDataLoss, spool.string() + " ends before record " + std::to_string(last),
                "--resend-after");
  }
  return after;
}

}  // namespace

std::optional<Resumption> read_first(const std::vector<std::filesystem::path>& files, const ServerHas& server,
                                     std::ostream& log) {
  for (const auto& file : files) {
    try {
      Resumption resumption{file, read_checkpoint(file), {}};
      if (server.record) {
        const auto spool = file.parent_path() / spool::kFileName;
        const auto after = find_records(spool, *server.record, resumption.checkpoint.record);
        resumption.resend = {spool, after, server.step};
      }
      return resumption;
    } catch (const Error& error) {
      log << "hooke-trainer: " << describe(error) << std::endl;
    }
  }
  return std::nullopt;
}

}  // namespace hooke::trainer
