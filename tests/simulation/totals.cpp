#include "tests/simulation/totals.h"

#include <ostream>

namespace hooke::simulation {
namespace {

struct Line {
  const char* words;
  std::int64_t Totals::*figure;
};

constexpr Line kLines[] = {
    {"seeds", &Totals::seeds},
    {"steps", &Totals::steps},
    {"runs, all of which ended with their whole curve", &Totals::runs},
    {"attempts", &Totals::attempts},
    {"attempts that resumed", &Totals::resumed},
    {"of these with records sent again", &Totals::resent},
    {"attempts that began the run again", &Totals::begun_again},
    {"attempts that were fenced", &Totals::fenced},
    {"kills of the server", &Totals::server_kills},
    {"power losses of the server", &Totals::server_power_losses},
    {"orderly stops of the server", &Totals::server_stops},
    {"kills of workers", &Totals::worker_kills},
    {"power losses of workers", &Totals::worker_power_losses},
    {"kills of trainers", &Totals::trainer_kills},
    {"orderly stops of workers", &Totals::stops},
    {"connections cut", &Totals::cuts},
    {"batches that arrived after the cut", &Totals::late_batches},
    {"calls lost", &Totals::calls_lost},
    {"calls repeated", &Totals::calls_repeated},
    {"fsyncs that failed", &Totals::failed_syncs},
    {"writes that failed", &Totals::failed_writes},
    {"writes on a full disk", &Totals::full_writes},
    {"sectors lost for want of a sync", &Totals::lost_writes},
    {"groups written by the server", &Totals::commits},
    {"records acknowledged", &Totals::acknowledged},
    {"points compared", &Totals::compared},
    {"lost", &Totals::lost},
    {"duplicated", &Totals::duplicated},
};

}  // namespace

Totals& Totals::operator+=(const Totals& other) {
  for (const Line& line : kLines) this->*line.figure += other.*line.figure;
  return *this;
}

std::ostream& operator<<(std::ostream& out, const Totals& totals) {
  for (const Line& line : kLines) {
    out.width(12);
    out << totals.*line.figure << "  " << line.words << '\n';
  }
  return out;
}

}  // namespace hooke::simulation
