#include "worker/trainer/progress.h"

#include <cmath>
#include <cstdio>
#include <ostream>

namespace hooke::trainer {
namespace {

constexpr auto kReportPeriod = std::chrono::seconds(3);
constexpr auto kMeasuringPeriod = std::chrono::seconds(10);  // without any other line

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// "1:02:03"
std::string clock_text(double seconds) {
  const auto all = static_cast<long long>(std::llround(seconds));
  char text[40];
  std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", all / 3600, all / 60 % 60, all % 60);
  return text;
}

}  // namespace

void Progress::start(const training::Facts& facts, const std::vector<training::MatrixSeries>&) {
  started_ = Clock::now();
  first_step_ = facts.resume_step.value_or(-1) + 1;
  total_steps_ = facts.total_steps;
  out_ << total_steps_ << " steps, " << facts.parameters << " parameters, " << facts.training_threads
       << " training and " << facts.measuring_threads << " measuring threads, " << facts.device;
  if (facts.resume_step) out_ << "; resumed after step " << *facts.resume_step;
  out_ << std::endl;
}

void Progress::scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  const Clock::time_point now = Clock::now();
  if (step + 1 != total_steps_ && now - reported_ < kReportPeriod) return;
  reported_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = static_cast<double>(step + 1 - first_step_) / seconds;
  out_ << "step " << step << " of " << total_steps_ << ", " << rounded(rate) << " steps/s, "
       << clock_text(static_cast<double>(total_steps_ - step - 1) / rate) << " left";
  for (const auto& [key, value] : values) out_ << ", " << key << " " << rounded(value);
  out_ << std::endl;
}

void Progress::measuring(std::int64_t step, double share) {
  const Clock::time_point now = Clock::now();
  if (now - reported_ < kMeasuringPeriod) return;
  reported_ = now;
  out_ << "measuring after step " << step << " of " << total_steps_ << ": " << std::lround(100 * share)
       << " %" << std::endl;
}

void Progress::done() {
  out_ << "done in " << clock_text(std::chrono::duration<double>(Clock::now() - started_).count())
       << std::endl;
}

}  // namespace hooke::trainer
