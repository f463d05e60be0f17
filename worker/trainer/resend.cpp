#include "worker/trainer/resend.h"

#include <nlohmann/json.hpp>

#include "proto/hooke/error.h"

namespace hooke::trainer {
namespace {

Error ends_before(const std::filesystem::path& spool, std::uint64_t record) {
  return Error(Code::kDataLoss, spool.string() + " ends before record " + std::to_string(record),
               "--resend-after");
}

}  // namespace

Resend find_resend(const std::filesystem::path& spool, std::uint64_t first, std::uint64_t last,
                   std::optional<std::int64_t> server_step, spool::Files& files) {
  spool::Reader reader(spool, files);
  if (!reader.skip_to(first)) {
    throw Error(Code::kDataLoss,
                spool.string() + " has no longer what follows record " + std::to_string(first),
                "--resend-after");
  }
  const spool::Position after = reader.position();
  if (!reader.skip_to(last)) throw ends_before(spool, last);
  return {spool, after, last, server_step};
}

std::uint64_t resend(const Resend& old, const Append& append, spool::Files& files) {
  std::uint64_t barrier = 0;
  spool::Reader reader(old.spool, files);
  reader.go_to(old.after);
  while (reader.position().number < old.last) {
    const auto record = reader.next();
    if (!record) throw ends_before(old.spool, old.last);
    const bool is_json = record->kind == spool::Kind::kJson;
    const bool is_barrier = is_json && nlohmann::json::parse(record->payload).contains("barrier");
    if (is_json && !is_barrier) continue;
    const std::uint64_t number = append(record->kind, record->payload);
    if (is_barrier) barrier = number;
  }
  return barrier;
}

}  // namespace hooke::trainer
