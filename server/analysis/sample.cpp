#include "server/analysis/sample.h"

namespace hooke::analysis {

Whitening::Whitening(const Sample& sample, double phi_)
    : phi(phi_), own(sample.size()), previous(sample.size()) {
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double q = i == 0 ? 0.0 : lagged(phi, sample.gap[i]);
    const double scale = 1 / std::sqrt(1 - q * q);
    own[i] = scale * sample.root_weight[i];
    previous[i] = i == 0 ? 0.0 : scale * q * sample.root_weight[i - 1];
    log_determinant -= 2 * std::log(own[i]);
  }
}

std::vector<double> Whitening::apply(std::span<const double> column) const {
  std::vector<double> out(column.size());
  if (column.empty()) return out;
  out[0] = own[0] * column[0];
  for (std::size_t i = 1; i < column.size(); ++i) out[i] = own[i] * column[i] - previous[i] * column[i - 1];
  return out;
}

}  // namespace hooke::analysis
